import lawful
import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.exponential import Exponential
from corpusmill.operators.weight.runs import Points

FLOOR, SLOPES = np.array([1.5, 2.2]), np.array([[0.2, -1.3, 0.9], [-0.5, 1.1, 0.3]])


def planted(mix):
    return FLOOR + np.exp(mix @ SLOPES.T)


def test_planted_parameters_are_found():
    mix = lawful.sparse(60, 3)
    fitted = lawful.holds(Exponential(), mix, planted(mix))
    np.testing.assert_allclose(fitted.floor, FLOOR, rtol=0.1)
    fresh = lawful.mixtures(50, 3, 8)
    np.testing.assert_allclose(fitted.predict(Points(fresh)), planted(fresh), rtol=1e-3)
    np.testing.assert_allclose(fitted.gradient(Points(fresh)), lawful.slopes(fitted, fresh), rtol=1e-5, atol=1e-7)


def test_one_run_far_off_does_not_matter_much():
    """Huber's loss: a diverged run of four times the loss moves others by less than 1 %, where squares move them by 17 %."""
    mix = lawful.mixtures(60, 3)
    losses = planted(mix)
    losses[7] *= 4
    fresh = lawful.mixtures(50, 3, 8)
    away = [np.abs(law.fit(Points(mix), losses).predict(Points(fresh)) / planted(fresh) - 1).max()
            for law in (Exponential(), Exponential(huber=100))]
    assert away[0] < 0.01 < away[1]


def test_hyperparameters_are_checked():
    with pytest.raises(ConfigError, match=r"law\.huber=0: give a number above 0"):
        Exponential(huber=0)
