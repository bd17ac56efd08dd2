import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight import repetition


@pytest.mark.parametrize(("epochs", "effective"), [(4, 3.726), (16, 10.58), (40, 15.17)])
def test_repeated_tokens_are_worth_what_the_paper_says(epochs, effective):
    assert float(repetition.effective_tokens(epochs * 1e9, 1e9)) / 1e9 == pytest.approx(effective, abs=5e-3)


def test_the_worth_of_a_token_by_epochs():
    table = {1: 1, 2: .984, 3: .958, 4: .931, 5: .904, 8: .828, 10: .781, 16: .661, 20: .596, 40: .379}
    assert np.round(repetition.worth(list(table)), 3).tolist() == list(table.values())


@pytest.mark.parametrize(("parameters", "tokens", "loss"), [(6.34e9, 242e9, 2.225644), (8.67e9, 178e9, 2.226963)])
def test_losses_of_models_on_25_billion_unique_tokens(parameters, tokens, loss):
    assert repetition.loss(parameters, tokens, 25e9) == pytest.approx(loss, abs=5e-7)


def test_without_repeats_and_excess_it_is_the_law_of_fresh_tokens():
    assert repetition.loss(1e9, 1e11, 1e11) == pytest.approx(
        math.exp(0.6254804) + math.exp(6.255414) / 1e9**0.3526596 + math.exp(7.3049974) / 1e11**0.3526596, rel=1e-12)


@given(st.floats(1, 1e4), st.floats(0.5, 60))
def test_the_slope_is_that_of_effective_tokens(unique, epochs):
    tokens, width = unique * epochs, unique * 1e-6
    rise = repetition.effective_tokens(tokens + width, unique) - repetition.effective_tokens(tokens - width, unique)
    if abs(epochs - 1) > 1e-4:
        assert float(repetition.slope(tokens, unique)) == pytest.approx(float(rise) / (2 * width), abs=1e-5)


def test_nothing_comes_of_a_domain_without_tokens():
    assert repetition.effective_tokens([0.0, 5.0], [0.0, 0.0]).tolist() == [0, 0]
    assert repetition.slope([1.0], [0.0]).tolist() == [0]


def test_when_a_repeat_is_worth_a_half():
    epochs = repetition.epochs_worth(0.5)
    assert epochs == pytest.approx(11.666, abs=1e-3)
    assert float(repetition.slope(epochs, 1.0)) == pytest.approx(0.5)
    with pytest.raises(DataError, match="above 0"):
        repetition.epochs_worth(0)
    with pytest.raises(DataError, match="above 0"):
        repetition.loss(1e9, 0, 1)
