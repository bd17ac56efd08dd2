import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.choice import Tried, judged, rand_index, silhouette, stability, tried
from corpusmill.operators.domain.clusters import Clusters
from corpusmill.operators.errors import DataError

CLUSTER = Clusters(finer=4, power=1.0, starts=2, seed=0)


def blobs(k, each=60, dimensions=6, spread=0.1):
    rng = np.random.default_rng(k)
    centres = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0][:k]
    return (np.repeat(centres, each, 0) + rng.standard_normal((k * each, dimensions)) * spread).astype(np.float32)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=25))
def test_the_rand_index_counts_pairs(rows):
    a, b = (np.int32(column) for column in zip(*rows, strict=True))
    together = np.array([(a[i] == a[j], b[i] == b[j]) for i, j in itertools.combinations(range(len(a)), 2)])
    both, expected = together.all(1).sum(), together[:, 0].sum() * together[:, 1].sum() / len(together)
    most = together.sum() / 2
    found = rand_index(a, b)
    assert np.isclose(found, (both - expected) / (most - expected)) if not np.isclose(most, expected) else found == 1


def test_the_silhouette_is_that_of_distances_to_centroids():
    points, centroids = np.float32([[0, 0], [1, 0], [5, 0]]), np.float32([[0, 0], [4, 0], [9, 9]])
    assert np.isclose(silhouette(points, centroids), np.mean([1, (3 - 1) / 3, (5 - 1) / 5]))
    assert silhouette(points, centroids[:1]) == 0


def test_the_number_of_planted_clusters_is_chosen():
    points = blobs(4)
    found = judged([tried(points, np.ones(len(points)), k, CLUSTER, 0)[0] for k in (2, 4, 6)], 0)
    assert [one.k for one in found if one.chosen] == [4]
    assert found[1].stability > 0.99
    assert found[1].least_words == 60


def test_noise_is_not_stable():
    points = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)
    assert stability(points, 6, CLUSTER, 0) < 0.5 < stability(blobs(6), 6, CLUSTER, 0)


def test_a_number_in_between_is_best_where_one_measure_rises_and_the_other_falls():
    """Those of the shared corpus; it has 14 sources."""
    found = judged([Tried(7, 0.2279, 0.9986, 9), Tried(14, 0.2979, 0.989, 9), Tried(20, 0.3205, 0.9413, 9),
                    Tried(40, 0.358, 0.8938, 9)], 0)
    assert [one.k for one in found if one.chosen] == [14]
    assert [one.score for one in found] == [0.5, 0.7232, 0.5825, 0.5]


def test_a_number_with_too_small_a_domain_is_out_and_ties_go_to_the_smaller():
    given_ = [Tried(10, 0.2, 0.9, 500), Tried(20, 0.3, 0.8, 400), Tried(40, 0.9, 0.95, 20)]
    found = judged(given_, 100)
    assert [(one.score, one.chosen) for one in found] == [(0.5, True), (0.5, False), (None, False)]
    assert [one.chosen for one in judged(given_, 0)] == [False, False, True]
    with pytest.raises(DataError, match=r"regroup\.min_words=1,000: .*10: 500, 20: 400, 40: 20"):
        judged(given_, 1000)
