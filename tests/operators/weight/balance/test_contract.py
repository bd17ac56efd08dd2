import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import evaluation_shares, floored, multiplied, settled

shares = st.lists(st.floats(1e-6, 1), min_size=2, max_size=9).map(lambda values: np.array(values) / sum(values))


@given(shares, st.floats(0, 1))
def test_a_floor_raises_what_is_below_and_keeps_the_ratios_of_the_rest(before, part):
    floor = part / len(before)
    found = floored(before, floor)
    assert found.sum() == pytest.approx(1)
    assert found.min() >= floor - 1e-12
    above = found > floor + 1e-12
    if above.any():
        assert found[above] / before[above] == pytest.approx(np.full(above.sum(), (found[above] / before[above])[0]))
        assert (found[above] <= before[above] + 1e-12).all()
    assert (before < floor).any() or found.tolist() == before.tolist()


def test_floors_that_exceed_the_whole_are_refused():
    with pytest.raises(ConfigError, match=r"rounds\.floor=0\.4 for 3 domains: give a share from 0 to 0\.3333"):
        floored(np.full(3, 1 / 3), 0.4)


@given(shares)
def test_smoothing_lies_between_the_old_and_the_wanted(wanted):
    before = np.full(len(wanted), 1 / len(wanted))
    assert settled(wanted, before).tolist() == wanted.tolist()
    assert settled(wanted, before, smoothing=0.25) == pytest.approx(0.25 * before + 0.75 * wanted)


@given(shares, st.lists(st.floats(-300, 300), min_size=9, max_size=9))
def test_a_step_of_exponentiated_gradient(before, exponents):
    exponents = np.array(exponents[: len(before)])
    found = multiplied(before, exponents)
    assert found.sum() == pytest.approx(1)
    top = (np.log(before) + exponents).argmax()
    assert np.log(found[top] / before[top]) - np.log(found[0] / before[0] if found[0] else 1) == pytest.approx(
        exponents[top] - exponents[0] if found[0] else np.log(found[top] / before[top]), abs=1e-6)


def test_nothing_is_raised_from_no_share():
    assert multiplied(np.array([0.0, 0.5, 0.5]), np.array([9.0, 0.0, 0.0])).tolist() == [0.0, 0.5, 0.5]


def test_evaluation_and_training_must_share_domains():
    assert evaluation_shares({"b": 0.25, "a": 0.75}, ["a", "b", "c"]).tolist() == [0.75, 0.25, 0]
    with pytest.raises(ConfigError, match="names maths, physics, and none of these is trained on; there is code, prose"):
        evaluation_shares({"physics": 0.5, "maths": 0.5}, ["code", "prose"])
    with pytest.raises(ConfigError, match="did you mean 'prose'"):
        evaluation_shares({"code": 0.5, "pros": 0.5}, ["code", "prose"])
    with pytest.raises(ConfigError, match="sum to 1"):
        evaluation_shares({"code": 0.5, "prose": 0.6}, ["code", "prose"])
