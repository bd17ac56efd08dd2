import lawful
import numpy as np

from corpusmill.operators.weight.laws.constant import Constant
from corpusmill.operators.weight.runs import Points


def test_it_is_the_mean_everywhere():
    mix, losses = lawful.mixtures(9, 3), np.random.default_rng(0).uniform(2, 4, (9, 2))
    fitted = lawful.holds(Constant(), mix, losses)
    np.testing.assert_allclose(fitted.predict(Points(mix[:2])), [losses.mean(0)] * 2)
    assert not fitted.gradient(Points(mix)).any()
