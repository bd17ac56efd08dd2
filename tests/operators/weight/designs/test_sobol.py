import numpy as np
import pytest

from corpusmill.operators.weight.designs.sobol import Sobol
from corpusmill.operators.weight.designs.space import space_of


def test_points_are_even_on_the_simplex():
    """Of a uniform simplex P(share > x) = (1 − x)^(m − 1); the points are nearer to that than chance would be."""
    space = space_of(dict.fromkeys("abcde", 1))
    mixes = Sobol().draw(space, 1024, 7)
    for x in (0.1, 0.2, 0.5):
        assert (mixes > x).mean(0) == pytest.approx(np.full(5, (1 - x) ** 4), abs=0.012)
    assert mixes.min(0).max() < 0.002


def test_points_fill_the_simplex_better_than_draws_do():
    space = space_of(dict.fromkeys("abc", 1))
    rng = np.random.default_rng(0)
    probes = rng.dirichlet(np.ones(3), 4000)

    def gap(mixes):
        return np.abs(probes[:, None] - mixes[None]).sum(2).min(1).max()

    drawn = np.mean([gap(rng.dirichlet(np.ones(3), 64)) for _ in range(8)])
    assert np.mean([gap(Sobol().draw(space, 64, seed)) for seed in range(8)]) < 0.9 * drawn


def test_more_points_begin_with_fewer():
    space = space_of({"a": 1, "b": 2, "c": 3})
    assert Sobol().draw(space, 5, 2).tolist() == Sobol().draw(space, 40, 2)[:5].tolist()
    assert Sobol().draw(space, 5, 2).tolist() != Sobol().draw(space, 5, 3).tolist()


def test_points_are_within_the_bounds():
    space = space_of({"a": 1, "b": 2, "c": 3}, low=0.1, high=0.6)
    mixes = Sobol().draw(space, 100, 0)
    assert ((mixes >= 0.1) & (mixes <= 0.6)).all()
