import numpy as np
import pytest

from corpusmill.operators.weight.runs import Points
from corpusmill.operators.weight.solve.objective import Near, Predicted, Quadratic
from tests.support.mixing import additive, grid

NATURAL = np.array([0.1, 0.3, 0.6])
MIX = np.array([0.2, 0.5, 0.3])


def predicted(**settings):
    fitted = additive()
    return Predicted(lambda mix: fitted.predict(Points(mix)), lambda mix: fitted.gradient(Points(mix)), np.array([0.25, 0.75]),
                     NATURAL, **settings)


def slope(function, mix, width=1e-6):
    return np.array([(function(mix + move) - function(mix - move)) / (2 * width) for move in width * np.eye(len(mix))])


@pytest.mark.parametrize("objective", [predicted(), predicted(kl=0.7), Near(NATURAL), Quadratic(np.diag([1.0, 2, 3]), NATURAL)])
def test_slopes_are_those_of_the_value(objective):
    value, gradient = objective.smooth(MIX)
    assert value == pytest.approx(float(objective.value(MIX[None])[0]))
    np.testing.assert_allclose(gradient, slope(lambda mix: objective.smooth(mix)[0], MIX), rtol=1e-6)
    assert objective.pieces(MIX) is None


def test_the_worst_case_is_the_largest_of_its_pieces():
    objective = predicted(baseline=np.array([2.0, 3.0]), kl=0.2)
    heights, slopes = objective.pieces(MIX)
    assert objective.value(MIX[None])[0] == pytest.approx(objective.smooth(MIX)[0] + heights.max())
    for piece in range(2):
        np.testing.assert_allclose(slopes[piece], slope(lambda mix, k=piece: objective.pieces(mix)[0][k], MIX), rtol=1e-6)


def test_a_target_of_no_weight_is_no_worst_case():
    fitted = additive()
    objective = Predicted(lambda mix: fitted.predict(Points(mix)), lambda mix: fitted.gradient(Points(mix)), np.array([1.0, 0]),
                          NATURAL, baseline=np.array([0.0, -100]))
    assert objective.loss(fitted.predict(Points(MIX[None])))[0] == fitted.predict(Points(MIX[None]))[0, 0]
    assert len(objective.pieces(MIX)[0]) == 1


def test_the_divergence_is_kullback_and_leiblers():
    mixes = grid(3, 4)
    expected = [sum(p * np.log(p / q) for p, q in zip(mix, NATURAL, strict=True) if p > 0) for mix in mixes]
    np.testing.assert_allclose(predicted().divergence(mixes), expected, atol=1e-12)
    assert predicted().divergence(NATURAL[None])[0] == pytest.approx(0, abs=1e-15)
