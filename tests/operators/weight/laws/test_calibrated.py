import numpy as np
import pytest
import scaled

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.calibrated import Calibrated, left_out, line
from corpusmill.operators.weight.runs import Points


def runs(anchors, noise=0.002):
    """Sixty mixtures of small models, some of which were also run large."""
    points, _ = scaled.runs(60, 0, (1e6, 1e8), (1e9,))
    rows = (points.parameters == 1e6) | (np.arange(len(points)) < 60 + anchors)
    points = points.take(rows)
    exact = scaled.losses(points.mix, points.parameters, points.tokens)
    return points, exact * np.exp(np.random.default_rng(2).normal(0, noise, exact.shape))


def large(n=40):
    mix = np.random.default_rng(9).dirichlet(np.ones(3), n)
    points = Points(mix, np.full(n, 1e8), np.full(n, 1e9))
    return points, scaled.losses(mix, points.parameters, points.tokens)


def test_it_holds():
    scaled.holds(Calibrated(), *runs(8))


def test_a_few_large_runs_move_the_law_to_their_level():
    far, wanted = large()
    errors = {n: np.abs(Calibrated().fit(*runs(n)).predict(far) / wanted - 1).mean() for n in (1, 8)}
    points, observed = runs(1)
    small = points.parameters == 1e6
    alone = np.abs(Additive().fit(Points(points.mix[small]), observed[small]).predict(far) / wanted - 1).mean()
    assert errors[8] < 0.03
    assert errors[8] < errors[1] < alone / 2


def test_small_models_are_asked_of_the_small_law():
    points, observed = runs(8)
    fitted, small = Calibrated().fit(points, observed), points.parameters == 1e6
    base = Additive().fit(Points(points.mix[small]), observed[small])
    assert (fitted.predict(points.take(small)) == base.predict(points.take(small))).all()
    assert (fitted.predict(Points(points.mix[:3])) < base.predict(points.take(np.arange(3)))).all()


def test_the_line_is_least_squares_and_a_single_anchor_only_moves_the_level():
    x = np.array([[1.0], [2.0], [4.0]])
    level, factor = line(x, 3 + 0.5 * x, 1e-9)
    assert (level.item(), factor.item()) == (pytest.approx(3), pytest.approx(0.5))
    assert line(x[:1], x[:1] + 2, 1.0)[1].item() == pytest.approx(1)
    assert 0.5 < line(x, 3 + 0.5 * x, 1.0)[1].item() < 1


def test_each_anchor_is_left_out_in_turn():
    small = np.linspace(2, 3, 8)[:, None]
    large = 1 + 0.5 * small + np.random.default_rng(3).normal(0, 0.02, (8, 1))
    assert left_out(small, 1 + 0.5 * small, 1e-6).item() < 1e-6
    errors = []
    for i in range(8):
        slope, level = np.polyfit(np.delete(small, i), np.delete(large, i), 1)
        errors.append(abs(level + slope * small[i, 0] - large[i, 0]) / large[i, 0])
    assert left_out(small, large, 1e-9).item() == pytest.approx(np.mean(errors), rel=1e-4)
    assert np.isnan(Calibrated().fit(*runs(1)).left_out).all()


def test_one_size_cannot_be_moved():
    points, observed = scaled.runs(sizes=(1e6,))
    with pytest.raises(DataError, match="needs runs of two sizes, but all have n_params=1000000"):
        Calibrated().fit(points, observed)
    with pytest.raises(ConfigError, match="stands on a law of shares alone"):
        Calibrated(base="chinchilla")
