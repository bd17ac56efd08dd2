import lawful
import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.exponential import Exponential
from corpusmill.operators.weight.laws.implicit import Implicit
from corpusmill.operators.weight.runs import Points

SLOPES = np.array([[[0.2, -2.5, 0.1], [-3.0, 0.4, -0.5]]])


def blended(mix):
    """One validation set that is a blend of two domains, by a loop."""
    return np.array([[1.4 + sum(np.exp(sum(SLOPES[0, k, j] * row[j] for j in range(3))) for k in range(2))] for row in mix])


def test_it_holds():
    mix = lawful.mixtures(40, 3)
    lawful.holds(Implicit(domains=2, draws=3), mix, blended(mix))


def test_a_blend_of_two_domains_is_found_where_one_exponential_is_not():
    mix, fresh = lawful.mixtures(60, 3), lawful.mixtures(50, 3, 8)
    error = {law.name: np.abs(law.fit(Points(mix), blended(mix)).predict(Points(fresh)) / blended(fresh) - 1).mean()
             for law in (Implicit(domains=2), Exponential())}
    assert error["implicit"] < 0.003 < error["exponential"] / 3


def test_its_gradient_is_that_of_the_prediction():
    mix = lawful.mixtures(20, 3)
    fitted = Implicit(domains=3).fit(Points(mix), blended(mix))
    np.testing.assert_allclose(fitted.gradient(Points(mix[:4])), lawful.slopes(fitted, mix[:4]), rtol=1e-5, atol=1e-7)


def test_settings_that_mean_nothing():
    with pytest.raises(ConfigError, match=r"law\.domains"):
        Implicit(domains=0)
