import lawful
import numpy as np

from corpusmill.operators.weight.laws.loglinear import LogLinear
from corpusmill.operators.weight.runs import Points

SLOPES = np.array([[0.2, 1.3, 0.4], [1.5, 0.1, 0.9]])


def test_planted_slopes_are_found():
    mix = lawful.sparse(20, 3)
    fitted = lawful.holds(LogLinear(), mix, np.exp(mix @ SLOPES.T))
    np.testing.assert_allclose(fitted.slopes, SLOPES, rtol=1e-9)
    inner = lawful.mixtures(5, 3, 4)
    np.testing.assert_allclose(fitted.gradient(Points(inner)), lawful.slopes(fitted, inner), rtol=1e-6)
