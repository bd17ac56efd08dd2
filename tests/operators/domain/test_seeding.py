import numpy as np
import pytest
import torch

from corpusmill.operators.domain.seeding import distances, seeds


def drawn(points, k, seed=1):
    return seeds(torch.from_numpy(points), k, torch.Generator().manual_seed(seed)).numpy()


def test_seeds_are_points_and_differ():
    points = np.random.default_rng(6).standard_normal((240, 8)).astype(np.float32)
    found = drawn(points, 6)
    assert len(np.unique(found, axis=0)) == 6
    assert all((points == one).all(1).any() for one in found)


@pytest.mark.parametrize("seed", range(5))
def test_each_of_a_few_far_groups_gets_a_seed(seed):
    centres = np.eye(5, dtype=np.float32) * 100
    points = np.repeat(centres, [500, 3, 3, 3, 3], 0) + np.random.default_rng(0).random((512, 5), np.float32)
    near = distances(torch.from_numpy(drawn(points, 5, seed)), torch.from_numpy(centres)).argmin(1)
    assert sorted(near.tolist()) == list(range(5))


def test_there_are_no_more_seeds_than_distinct_points():
    assert len(drawn(np.repeat(np.eye(3, dtype=np.float32), 4, 0), 9)) == 3


@pytest.mark.parametrize("copies", [1, 3])
def test_rounded_distances_give_no_point_twice(copies):
    """Of a point to itself they may be above 0: |a|² + |a|² - 2 a·a is a difference of sums that were rounded."""
    points = np.random.default_rng(3).standard_normal((97, 96)).astype(np.float32)
    points = np.repeat(points / np.linalg.norm(points, axis=1, keepdims=True), copies, 0)
    assert float(distances(torch.from_numpy(points), torch.from_numpy(points)).diagonal().max()) > 0
    found = drawn(points, 2000)
    assert len(np.unique(found, axis=0)) == len(found) == 97


def test_distances_are_squared_and_never_below_zero():
    points = torch.from_numpy(np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32))
    plain = ((points[:, None].double() - points[:7].double()) ** 2).sum(2)
    assert torch.allclose(distances(points, points[:7]).double(), plain, atol=1e-4)
    assert float(distances(points, points).min()) >= 0
