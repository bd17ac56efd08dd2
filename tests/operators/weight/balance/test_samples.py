import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.samples import LinUpper

losses = st.lists(st.floats(0.01, 12), min_size=1, max_size=64).map(np.array)


@given(losses, st.floats(0.1, 5))
def test_weights_sum_to_the_batch_grow_with_the_loss_and_are_capped(values, temperature):
    weights = LinUpper(temperature=temperature, burn_in=0).weights(values, 0)
    assert weights.sum() == pytest.approx(len(values))
    assert (np.diff(weights[np.argsort(values)]) >= -1e-12).all()
    assert weights.max() / weights.min() <= math.exp(1 / temperature) * (1 + 1e-9)


@given(losses, st.integers(0, 99))
def test_the_first_steps_are_even(values, step):
    assert LinUpper(burn_in=100).weights(values, step).tolist() == [1.0] * len(values)


def test_by_hand_what_is_learned_already_loses_weight():
    """Losses 1, 2, 3, 5 are h = -1, -.5, 0, 1 and f = 0, .5, 1, 1."""
    found = LinUpper(burn_in=0, temperature=0.5).weights(np.array([1.0, 2.0, 3.0, 5.0]), 0)
    power = np.exp([0.0, 1.0, 2.0, 2.0])
    assert found == pytest.approx(4 * power / power.sum())


@pytest.mark.parametrize(("make", "said"), [
    (lambda: LinUpper(delta=0), r"samples\.delta"), (lambda: LinUpper(temperature=0), r"samples\.temperature"),
    (lambda: LinUpper(burn_in=-1), r"samples\.burn_in must be a whole number from 0, got -1"),
])
def test_constants_that_mean_nothing_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
