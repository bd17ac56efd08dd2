import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.lattice import Centroids, Lattice
from corpusmill.operators.weight.designs.space import space_of

SPACE = space_of({"a": 3, "b": 2, "c": 1})


def test_vertices_and_centroid():
    assert Centroids().draw(SPACE, 9, 0).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    assert Centroids().size(3) == 4


def test_the_whole_simplex_centroid_design_has_two_to_the_m_less_one_points():
    for m in (2, 3, 5):
        space = space_of({f"d{i}": 1 for i in range(m)})
        assert len(Centroids(order=m).draw(space, 1000, 0)) == Centroids(order=m).size(m) == 2**m - 1


def test_the_lattice_holds_all_multiples():
    mixes = Lattice(degree=3).draw(SPACE, 99, 0)
    assert len(mixes) == Lattice(3).size(3) == 10
    assert np.allclose(mixes * 3, np.round(mixes * 3))
    assert len(np.unique(np.round(mixes, 9), axis=0)) == 10


def test_points_that_bounds_make_the_same_are_run_once():
    tight = space_of({"a": 1, "b": 1, "c": 1}, low=1 / 3)
    assert Centroids().draw(tight, 9, 0) == pytest.approx(np.full((1, 3), 1 / 3))


def test_too_many_points_are_refused():
    wide = space_of({f"d{i}": 1 for i in range(40)})
    with pytest.raises(ConfigError, match="order"):
        Centroids(order=8).draw(wide, 1, 0)
    with pytest.raises(ConfigError, match="degree"):
        Lattice(degree=9).draw(wide, 1, 0)


@pytest.mark.parametrize("wrong", [0, 2.5, "2", None])
def test_orders_and_degrees_are_whole(wrong):
    with pytest.raises(ConfigError, match="design order"):
        Centroids(wrong)
    with pytest.raises(ConfigError, match="design degree"):
        Lattice(wrong)
