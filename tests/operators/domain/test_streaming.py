import functools
import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.lloyd import lloyd
from corpusmill.operators.domain.streaming import FAR, Batches, Round, iterate
from corpusmill.operators.errors import DataError


def points_of(n, seed=0, dimensions=8):
    found = np.random.default_rng(seed).standard_normal((n, dimensions)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def ids_of(n):
    return np.array([hashlib.blake2b(str(i).encode(), digest_size=16).digest() for i in range(n)], "S16")


POINTS, IDS = points_of(400), ids_of(400)


def told(state):
    return state.sums.tobytes(), state.counts.tobytes(), state.inertia, state.far


@settings(max_examples=20)
@given(data=st.data(), copies=st.integers(1, 200))
def test_neither_cuts_nor_orders_change_a_bit(data, copies):
    """Also where many points are the same, and clusters are empty."""
    points = POINTS.copy()
    points[:copies] = points[0]
    fit = Round(np.concatenate([POINTS[:5], np.full((2, 8), 3, np.float32)]))
    whole = fit.partial(IDS, points)
    order = np.array(data.draw(st.permutations(range(len(points)))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(points)), max_size=4)))
    parts = [fit.partial(IDS[at], points[at]) for at in np.split(order, cuts)]
    left = parts[0]
    for part in data.draw(st.permutations(parts[1:])):
        left = fit.merge(left, part) if data.draw(st.booleans()) else fit.merge(part, left)
    assert told(left) == told(whole)
    assert fit.finish(left).tobytes() == fit.finish(whole).tobytes()


def test_a_round_is_one_of_lloyds():
    start = POINTS[:6]
    fit = Round(start)
    state = fit.partial(IDS, POINTS)
    squares = ((POINTS[:, None].astype(float) - start) ** 2).sum(2)
    codes = squares.argmin(1)
    assert state.counts.tolist() == np.bincount(codes, minlength=6).tolist()
    assert np.isclose(state.inertia / 2**30, squares.min(1).sum(), rtol=1e-6)
    assert np.allclose(fit.finish(state), [POINTS[codes == c].mean(0) for c in range(6)], atol=1e-6)


def passed_over(parts):
    return lambda fit: functools.reduce(fit.merge, (fit.partial(IDS[at], POINTS[at]) for at in parts))


def test_rounds_end_where_those_in_memory_do():
    parts = np.array_split(np.arange(400), 7)
    found, inertia = iterate(POINTS[:6], passed_over(parts), 100)
    theirs, least = lloyd(torch.from_numpy(POINTS), torch.from_numpy(POINTS[:6]))
    assert np.allclose(found, theirs.numpy(), atol=1e-3)
    assert inertia == sorted(inertia, reverse=True)
    assert inertia[-1] / 2**30 <= least * 1.0001
    assert len(inertia) < 100


def test_an_empty_cluster_moves_to_the_farthest_point():
    start = np.concatenate([POINTS[:2], np.full((1, 8), 3, np.float32)])
    fit = Round(start)
    found = fit.finish(fit.partial(IDS, POINTS))
    squares = ((POINTS[:, None] - start) ** 2).sum(2).min(1)
    assert (found[2] == POINTS[squares.argmax()]).all()
    rescued, _ = iterate(start, passed_over([np.arange(400)]), 20)
    assert Round(rescued).partial(IDS, POINTS).counts.min() > 0


def test_more_empty_clusters_than_far_points_stay_for_the_next_round():
    start = np.full((FAR + 9, 8), 3, np.float32) + np.arange(FAR + 9, dtype=np.float32)[:, None] / 1e3
    found = Round(start).finish(Round(start).partial(IDS, POINTS))
    assert (found[-5:] == start[-5:]).all()


def test_mini_batches_come_near_what_all_points_give():
    start = POINTS[:6]
    state = Batches.begin(start)
    for at in np.array_split(np.random.default_rng(0).permutation(400), 10):
        state = state.step(Round(state.centroids).partial(IDS[at], POINTS[at]))
    assert state.seen.sum() == 400
    before, after = (Round(c).partial(IDS, POINTS).inertia for c in (start, state.centroids))
    best = iterate(start, passed_over([np.arange(400)]), 100)[1][-1]
    assert after < before
    assert after < best * 1.05


def test_a_batch_moves_a_centroid_by_its_share_of_all_that_it_saw():
    first, second = np.float32([[1, 0]] * 3), np.float32([[0, 1]])
    state = Batches.begin(np.float32([[0.5, 0.5]]))
    for batch in (first, second):
        state = state.step(Round(state.centroids).partial(ids_of(len(batch)), batch))
    assert np.allclose(state.centroids, [[0.75, 0.25]])
    begun = Batches.begin(np.float32([[0.5, 0.5]]), 3)
    assert np.allclose(begun.step(Round(begun.centroids).partial(ids_of(1), second)).centroids, [[0.375, 0.625]])


def test_what_is_no_point_is_refused():
    for wrong in (np.nan, 5.0):
        with pytest.raises(DataError, match="coordinate beyond"):
            Round(POINTS[:2]).partial(IDS[:1], np.full((1, 8), wrong, np.float32))


@pytest.mark.parametrize("device", ["cpu:0", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU"))])
def test_torch_finds_what_the_kernel_does(device):
    kernel, by_torch = (Round(POINTS[:6], where).partial(IDS, POINTS) for where in ("cpu", device))
    assert (kernel.counts == by_torch.counts).all()
    assert (kernel.sums == by_torch.sums).all()
    assert abs(kernel.inertia - by_torch.inertia) < 1e-5 * kernel.inertia
