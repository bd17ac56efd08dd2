import lawful
import numpy as np
import pytest

from corpusmill.operators.weight.laws.linear import Linear
from corpusmill.operators.weight.runs import Points

SLOPES = np.array([[2.0, 3.0, 4.0], [5.0, 1.0, 2.5]])


def test_planted_slopes_are_found_and_are_the_gradient():
    mix = lawful.mixtures(12, 3)
    fitted = lawful.holds(Linear(), mix, mix @ SLOPES.T)
    np.testing.assert_allclose(fitted.slopes, SLOPES, rtol=1e-9)
    np.testing.assert_allclose(fitted.gradient(Points(mix)), lawful.slopes(fitted, mix), atol=1e-6)


def test_fewer_runs_than_domains_are_met_by_the_shortest_solution():
    mix = np.eye(3)[:2]
    fitted = Linear().fit(Points(mix), mix @ SLOPES.T)
    assert fitted.slopes[0] == pytest.approx([2, 3, 0])
