import numpy as np
import pytest

from corpusmill.operators.domain.choice import rand_index
from corpusmill.operators.domain.clusters import Clusters, largest_first
from corpusmill.operators.domain.embed import nearest


def uneven(seed):
    """One domain of many points, and eleven small ones; all are as wide as they are far from one another."""
    rng = np.random.default_rng(seed)
    sizes = [2000, *[60] * 11]
    labels = np.repeat(np.arange(12), sizes)
    points = np.eye(12)[labels] + rng.standard_normal((len(labels), 12)) * 0.13
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("seed", range(4))
def test_small_domains_are_found_beside_a_large_one(seed):
    points, labels = uneven(seed)
    codes, _ = nearest(points, Clusters(6, 0.8, 1, seed)(points, 12))
    assert rand_index(labels, codes) > 0.99
    assert len({int(np.bincount(codes[labels == domain]).argmax()) for domain in range(12)}) == 12


def test_the_largest_comes_first():
    points, _ = uneven(0)
    sizes = np.bincount(nearest(points, Clusters(4, 1.0, 1, 0)(points, 6))[0])
    assert sizes.tolist() == sorted(sizes, reverse=True)
    far = np.eye(12, dtype=np.float32)[[3, 0]]
    assert largest_first(points, far).tolist() == far[::-1].tolist()


def test_as_many_as_there_are_distinct_points():
    points = np.repeat(np.eye(3, dtype=np.float32), 5, 0)
    assert Clusters(6, 1.0, 1, 0)(points, 10).shape == (3, 3)
