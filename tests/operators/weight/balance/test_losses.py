import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import Seen
from corpusmill.operators.weight.balance.losses import ODM, DoReMi, Fixed, exploration

EVEN = np.full(2, 0.5)


def seen(drawn=EVEN, **more):
    told = {"counts": np.array([10.0, 10.0]), "losses": np.array([2.0, 4.0])} | more
    return Seen(np.array(drawn), EVEN, **told)


def test_fixed_proportions_stay():
    found, _ = Fixed().update(seen([0.3, 0.7]), {})
    assert found.tolist() == [0.3, 0.7]


def test_doremi_raises_what_lags_behind_its_reference():
    found, memory = DoReMi(uniform=0.0).update(seen(excess=np.array([0.0, math.log(3)])), {})
    assert found == pytest.approx([0.25, 0.75])
    found, _ = DoReMi(uniform=0.2).update(seen(excess=np.array([math.log(3), math.nan])), memory)
    assert found == pytest.approx([0.8 * 0.5 + 0.1, 0.8 * 0.5 + 0.1])


def test_odm_is_exp3_by_hand():
    """Round 1 of two domains: ε_1 = 1/2, so uniform whatever the reward; round 2: ε_2 = √(ln 2 / 4), exponent ε_1 R."""
    found, memory = ODM().update(seen(), {})
    assert found == pytest.approx([0.5, 0.5])
    assert memory["rewards"] == pytest.approx([0.2, 0.4])
    found, memory = ODM().update(seen([0.25, 0.75], counts=np.array([10.0, 10.0]), round=2), memory)
    rewards = [0.2 + 2 * 0.2, 0.4 + 0.4 * 0.5 / 0.75]
    eps = [0.5, math.sqrt(math.log(2) / 4)]
    power = [math.exp(eps[0] * r) for r in rewards]
    assert memory["rewards"] == pytest.approx(rewards)
    assert found == pytest.approx([(1 - 2 * eps[1]) * p / sum(power) + eps[1] for p in power])


def test_a_domain_that_was_not_drawn_earns_nothing():
    told = seen([1.0, 0.0], counts=np.array([20.0, 0.0]), losses=np.array([2.0, math.nan]), round=9)
    found, memory = ODM(smoothing=0.5).update(told, {"rewards": np.array([1.0, 1.0])})
    assert memory["rewards"] == pytest.approx([0.5 + 0.5 * 0.2, 0.5])
    assert found.sum() == pytest.approx(1)


@given(st.integers(2, 20), st.integers(0, 10_000))
def test_exploration_falls_and_leaves_shares_for_all(m, t):
    assert 0 < exploration(m, t + 1) <= exploration(m, t) <= 1 / m


@pytest.mark.parametrize(("make", "said"), [
    (lambda: DoReMi(uniform=1.5), r"balance\.uniform"), (lambda: ODM(scale=0), r"balance\.scale"),
    (lambda: DoReMi(rate=math.nan), r"balance\.rate"), (lambda: ODM(smoothing=-0.1), r"balance\.smoothing"),
])
def test_constants_that_mean_nothing_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
