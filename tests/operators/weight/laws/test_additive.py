import lawful
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.additive import LOWEST_SHARE, Additive, AdditiveFit
from corpusmill.operators.weight.runs import Points

FLOOR = np.array([1.5, 2.2])
COEFFICIENTS = np.array([[0.8, 0.2, 0.4], [0.05, 0.6, 0.3]])
EXPONENTS = np.array([[0.3, 0.5, 0.9], [0.4, 0.2, 0.6]])


def planted(mix):
    """A loop, as plain as the equation."""
    return np.array([[FLOOR[i] + 1 / sum(COEFFICIENTS[i, j] * row[j] ** EXPONENTS[i, j] for j in range(3)) for i in range(2)]
                     for row in mix])


def test_planted_parameters_are_found():
    mix = lawful.sparse(80, 3)
    fitted = lawful.holds(Additive(), mix, planted(mix))
    np.testing.assert_allclose(fitted.floor, FLOOR, rtol=0.03)
    np.testing.assert_allclose(fitted.exponents, EXPONENTS, rtol=0.2)
    fresh = lawful.mixtures(50, 3, 8)
    np.testing.assert_allclose(fitted.predict(Points(fresh)), planted(fresh), rtol=3e-3)
    exact = Additive(tie=1e-9, shrink=1e-9).fit(Points(mix), planted(mix))
    np.testing.assert_allclose(exact.coefficients, COEFFICIENTS, rtol=1e-3)
    np.testing.assert_allclose(exact.exponents, EXPONENTS, rtol=1e-3)


def test_it_predicts_as_the_equation_says():
    mix = lawful.sparse(10, 3)
    np.testing.assert_allclose(AdditiveFit(FLOOR, COEFFICIENTS, EXPONENTS).predict(Points(mix)), planted(mix), rtol=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_gradient_is_that_of_the_prediction(seed):
    chance = np.random.default_rng(seed)
    fitted = AdditiveFit(chance.uniform(1, 3, 2), chance.uniform(0.01, 2, (2, 4)), chance.uniform(0.05, 2, (2, 4)))
    mix = 0.9 * lawful.mixtures(3, 4, seed) + 0.025
    np.testing.assert_allclose(fitted.gradient(Points(mix)), lawful.slopes(fitted, mix), rtol=1e-5, atol=1e-8)


def test_the_slope_at_a_share_of_zero_is_steep_and_finite():
    fitted = AdditiveFit(FLOOR, COEFFICIENTS, EXPONENTS)
    at, near = (fitted.gradient(Points(np.array([[share, 0.5, 0.5 - share]])))[0, 0, 0] for share in (0, LOWEST_SHARE))
    assert at == pytest.approx(near, rel=0.1)
    assert at < -10


def test_few_runs_of_many_domains_still_beat_their_mean():
    """24 runs for 2 × 12 + 1 parameters per target: the ties decide the rest."""
    chance = np.random.default_rng(3)
    truth = AdditiveFit(np.array([2.0]), chance.uniform(0.05, 0.5, (1, 12)), chance.uniform(0.3, 0.6, (1, 12)))
    mix, fresh = lawful.mixtures(24, 12, 5, 0.3), lawful.mixtures(100, 12, 6, 0.3)
    losses, wanted = truth.predict(Points(mix)), truth.predict(Points(fresh))
    away = np.abs(Additive().fit(Points(mix), losses).predict(Points(fresh)) - wanted).mean()
    assert away < 0.35 * np.abs(losses.mean() - wanted).mean()


def test_hyperparameters_are_checked():
    for key in ("huber", "tie", "shrink"):
        with pytest.raises(ConfigError, match=rf"law\.{key}=-1: give a number above 0"):
            Additive(**{key: -1})
