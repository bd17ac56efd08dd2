import numpy as np
import pytest
import torch

from corpusmill.operators.domain import lloyd
from corpusmill.operators.domain.lloyd import cluster


def blobs(seed, k=6, each=40, dimensions=8):
    """Points around k centres far from one another, and their centres."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((k, dimensions)) * 10
    points = np.repeat(centres, each, 0) + rng.standard_normal((k * each, dimensions)) * 0.1
    return points.astype(np.float32), centres


def inertia(points, centroids):
    return ((points[:, None] - centroids) ** 2).sum(2).min(1).sum()


@pytest.mark.parametrize("seed", range(3))
def test_blobs_are_found(seed):
    points, centres = blobs(seed)
    found = cluster(points, 6, starts=2, seed=seed)
    gaps = np.linalg.norm(found[:, None] - centres, axis=2)
    assert sorted(gaps.argmin(1).tolist()) == list(range(6))
    assert gaps.min(1).max() < 0.2


def test_every_centroid_is_the_mean_of_its_points():
    points = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)
    found = cluster(points, 7, starts=1, seed=0)
    codes = ((points[:, None] - found) ** 2).sum(2).argmin(1)
    means = np.array([points[codes == c].mean(0) for c in range(7)])
    assert np.allclose(found, means, atol=1e-4)


def test_more_starts_are_never_worse():
    points = np.random.default_rng(4).standard_normal((200, 3)).astype(np.float32)
    sums = [inertia(points, cluster(points, 8, starts, seed=0)) for starts in (1, 3, 9)]
    assert sums == sorted(sums, reverse=True)


def test_an_empty_cluster_moves_to_the_point_farthest_from_its_centroid():
    points, _ = blobs(5, k=3)
    lost = torch.from_numpy(np.concatenate([points[:1], points[40:41], np.full((1, 8), 1e3, np.float32)]))
    found, _ = lloyd.lloyd(torch.from_numpy(points), lost)
    assert len(set(((points[:, None] - found.numpy()) ** 2).sum(2).argmin(1))) == 3
    assert inertia(points, found.numpy()) < 40


def test_there_are_no_more_clusters_than_distinct_points():
    points = np.repeat(np.eye(3, dtype=np.float32), 5, 0)
    assert cluster(points, 10, starts=2, seed=0).shape == (3, 3)


def test_tiles_do_not_change_what_is_found(monkeypatch):
    points = np.random.default_rng(7).standard_normal((500, 5)).astype(np.float32)
    whole = cluster(points, 4, starts=2, seed=0)
    monkeypatch.setattr(lloyd, "TILE", 64)
    assert np.allclose(cluster(points, 4, starts=2, seed=0), whole, atol=1e-4)


def test_the_same_points_give_the_same_bits():
    points, _ = blobs(8)
    assert cluster(points, 6, 3, seed=2).tobytes() == cluster(points, 6, 3, seed=2).tobytes()
