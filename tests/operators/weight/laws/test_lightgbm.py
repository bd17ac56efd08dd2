import lawful
import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.lightgbm import WIDTH, LightGBM
from corpusmill.operators.weight.runs import Points

FAST = LightGBM(rate=0.1, most_trees=60, least_in_leaf=5)


def stepped(mix):
    return np.stack([2 + (mix[:, 0] > 0.3), 3 - 0.5 * mix[:, 1]], 1)


def test_a_step_is_found_that_no_smooth_form_has():
    mix, fresh = lawful.mixtures(150, 3), lawful.mixtures(200, 3, 8)
    fitted = lawful.holds(FAST, mix, stepped(mix))
    far = np.abs(fresh[:, 0] - 0.3) > 0.03
    away = np.abs(fitted.predict(Points(fresh)) - stepped(fresh))[far]
    assert away[:, 0].max() < 0.1
    assert away[:, 1].mean() < 0.02


def test_the_slope_is_that_of_the_prediction_averaged_over_a_width():
    mix = lawful.mixtures(150, 3)
    fitted = FAST.fit(Points(mix), stepped(mix))
    at = lawful.mixtures(3, 3, 8)
    offsets = np.linspace(-WIDTH, WIDTH, 40001)
    for domain in range(3):
        moved = np.repeat(at[:1], len(offsets), 0)
        moved[:, domain] += offsets
        along = fitted.predict(Points(moved))
        # d/dx of the mean of f over x ± w is what f gains from one end to the other, over 2 w: sum the gains one by one.
        gained = np.diff(along, axis=0).sum(0) / (2 * WIDTH)
        np.testing.assert_allclose(fitted.gradient(Points(at[:1]))[0, :, domain], gained, atol=1e-9)


def test_trees_are_counted_by_folds_inside_the_runs():
    """On noise alone hardly any tree is worth it; on a clear form many are."""
    mix, chance = lawful.mixtures(120, 3), np.random.default_rng(2)
    law = LightGBM(rate=0.1, most_trees=60, least_in_leaf=5)
    noise, clear = 3 + chance.normal(0, 0.1, 120), 3 - mix[:, 1]
    fitted = law.fit(Points(mix), np.stack([noise, clear], 1))
    trees = [one.num_trees() for one in fitted._boosters]
    assert trees[0] <= 10 < 30 < trees[1]


def test_what_cannot_be_fitted_is_said():
    mix = lawful.mixtures(12, 3)
    with pytest.raises(DataError, match="at least 3 different mixtures, there are 1"):
        FAST.fit(Points(np.repeat(mix[:1], 12, 0)), stepped(mix))
    with pytest.raises(ConfigError, match=r"law\.most_trees is 0"):
        LightGBM(most_trees=0)
    with pytest.raises(ConfigError, match="3 domains, not 2"):
        FAST.fit(Points(mix), stepped(mix)).predict(Points(mix[:, :2]))
