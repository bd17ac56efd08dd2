import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.embed import rarity
from corpusmill.operators.domain.latent import directions, one_thread, plane, weigh


def sparse(dense):
    """Offsets, columns and values of a matrix of counts."""
    rows, columns = np.nonzero(dense)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return offsets, columns.astype(np.int32), dense[rows, columns].astype(np.int32)


COUNTS = st.lists(st.lists(st.sampled_from([0, 0, 1, 2, 9]), min_size=6, max_size=6), min_size=1, max_size=8)


@given(counts=COUNTS)
def test_weights_are_tf_idf_of_length_one(counts):
    dense = np.array(counts)
    idf = rarity(len(dense), (dense > 0).sum(0))
    assert np.allclose(idf, [math.log((1 + len(dense)) / (1 + n)) + 1 for n in (dense > 0).sum(0)])
    found = weigh(*sparse(dense), np.arange(6, dtype=np.int32), idf)
    for d, row in enumerate(counts):
        expected = {j: (1 + math.log(n)) * idf[j] for j, n in enumerate(row) if n}
        length = math.sqrt(sum(w * w for w in expected.values()))
        here = slice(found.offsets[d], found.offsets[d + 1])
        given = dict(zip(found.columns[here].tolist(), found.weights[here].tolist(), strict=True))
        assert given.keys() == expected.keys()
        assert all(math.isclose(given[j], expected[j] / length, rel_tol=1e-5) for j in given)


def test_buckets_without_a_row_are_left_out():
    dense = np.array([[1, 1, 0], [0, 2, 1]])
    found = weigh(*sparse(dense), np.array([-1, 0, 1], np.int32), np.float32([1, 1]))
    assert found.offsets.tolist() == [0, 1, 3]
    assert found.columns.tolist() == [0, 0, 1]
    assert found.weights[0] == 1


def planted(seed, n=120, width=60):
    """Counts in which five groups of words stand out, with a gap between the values."""
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.2, (n, width))
    for group in range(5):
        dense[group * 20:(group + 1) * 20, group * 8:(group + 1) * 8] += rng.poisson(3, (20, 8))
    return dense


def as_dense(matrix):
    full = np.zeros((len(matrix.offsets) - 1, matrix.width))
    full[np.repeat(np.arange(len(full)), np.diff(matrix.offsets)), matrix.columns] = matrix.weights
    return full


def test_directions_are_the_right_singular_vectors_but_the_first():
    dense = planted(1)
    matrix = weigh(*sparse(dense), np.arange(60, dtype=np.int32), np.ones(60, np.float32))
    found = directions(matrix, 4, seed=0)
    expected = np.linalg.svd(as_dense(matrix))[2][1:5].T
    assert found.shape == (60, 4)
    assert np.allclose(found, expected * np.sign((found * expected).sum(0)), atol=0.02)
    assert (np.take_along_axis(found, np.abs(found).argmax(0)[None], 0) > 0).all()


@settings(max_examples=10)
@given(n=st.integers(2, 6), dimensions=st.integers(1, 40))
def test_small_samples_have_fewer_directions(n, dimensions):
    dense = planted(2)[:n]
    matrix = weigh(*sparse(dense), np.arange(60, dtype=np.int32), np.ones(60, np.float32))
    found = directions(matrix, dimensions, seed=0)
    assert found.shape == (60, min(dimensions, n - 1))
    assert np.isfinite(found).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), k=st.integers(1, 9))
def test_a_map_keeps_the_two_largest_differences(seed, k):
    points = (np.random.default_rng(seed).standard_normal((k, 5)) * [9, 4, 0.1, 0.1, 0.1]).astype(np.float32)
    found = plane(points)
    values = np.linalg.svd(points - points.mean(0), compute_uv=False)[:2]
    assert found.shape == (k, 2)
    assert np.allclose(np.linalg.norm(found, axis=0)[:len(values)], values, atol=1e-3)
    assert np.allclose(found.mean(0), 0, atol=1e-4)


def test_torch_has_its_threads_back_afterwards():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
