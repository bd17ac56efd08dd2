import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, ward

from corpusmill.operators.domain.merging import merged

VALUES = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 9)), min_size=1, max_size=14)


def plain(means, mass, k, power):
    """The same, pair by pair."""
    parts = [(np.float64(mean), float(n)) for mean, n in zip(means, mass, strict=True) if n]
    while len(parts) > k:
        cost = {}
        for i in range(len(parts)):
            for j in range(i + 1, len(parts)):
                a, b = parts[i][1] ** power, parts[j][1] ** power
                cost[i, j] = a * b / (a + b) * ((parts[i][0] - parts[j][0]) ** 2).sum()
        i, j = min(cost, key=cost.get)
        (a, m), (b, n) = parts[i], parts[j]
        parts[i] = ((m * a + n * b) / (m + n), m + n)
        del parts[j]
    return np.array([mean for mean, _ in parts])


@given(VALUES, st.integers(1, 6), st.sampled_from([0.5, 1.0]))
def test_the_cheapest_pair_is_merged_until_k_are_left(rows, k, power):
    rng = np.random.default_rng(len(rows))
    means = np.float32([row[:2] for row in rows]) + rng.standard_normal((len(rows), 2)).astype(np.float32)  # no ties
    mass = np.array([row[2] for row in rows])
    if mass.any():
        assert np.allclose(merged(means, mass, k, power), plain(means, mass, k, power), atol=1e-5)


def test_single_points_are_merged_as_by_wards_method_elsewhere():
    points = np.random.default_rng(1).standard_normal((60, 3)).astype(np.float32)
    codes = fcluster(ward(points), 7, "maxclust")
    theirs = sorted(points[codes == c].mean(0).tolist() for c in np.unique(codes))
    assert np.allclose(sorted(merged(points, np.ones(60, int), 7).tolist()), theirs, atol=1e-5)


@pytest.mark.parametrize(("power", "kept"), [(1.0, False), (0.2, True)])
def test_a_small_power_keeps_a_small_cluster_apart(power, kept):
    """Two halves of a large cluster are nearer to each other than a small one is to them."""
    means, mass = np.float32([[0, 0], [3, 0], [0, 4]]), np.array([1000, 1000, 10])
    found = merged(means, mass, 2, power)
    assert ([0, 4] in found.tolist()) is kept


def test_nothing_is_left_of_nothing():
    assert merged(np.zeros((2, 3), np.float32), np.zeros(2, int), 1).shape == (0, 3)
