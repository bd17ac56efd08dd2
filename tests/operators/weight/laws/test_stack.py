import lawful
import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.additive import Additive, AdditiveFit
from corpusmill.operators.weight.laws.stack import Stack
from corpusmill.operators.weight.runs import Points

FAST = Stack(parts=3, rate=0.1, most_trees=60, least_in_leaf=5)
FORM = AdditiveFit(np.array([2.0, 1.0]), np.array([[0.8, 0.2, 0.4], [0.05, 0.6, 0.3]]), np.full((2, 3), 0.4))


def losses(mix):
    """An additive law with a step that it cannot have."""
    return FORM.predict(Points(mix)) + 0.2 * (mix[:, :1] > 0.3)


def test_trees_take_what_the_form_leaves():
    mix, fresh = lawful.mixtures(200, 3), lawful.mixtures(200, 3, 8)
    fitted = lawful.holds(FAST, mix, losses(mix))
    away, alone = (np.abs(one.predict(Points(fresh)) - losses(fresh)).mean()
                   for one in (fitted, Additive().fit(Points(mix), losses(mix))))
    assert away < 0.5 * alone


def test_its_slope_is_the_sum_of_both():
    mix = lawful.mixtures(60, 3)
    fitted = FAST.fit(Points(mix), losses(mix))
    at = Points(mix[:4])
    assert (fitted.gradient(at) == fitted.form.gradient(at) + fitted.trees.gradient(at)).all()


def test_settings_are_checked_before_anything_is_fitted():
    with pytest.raises(ConfigError, match=r"law\.tie=0"):
        Stack(tie=0)
    with pytest.raises(ConfigError, match=r"law\.leaves is 1"):
        Stack(leaves=1)
