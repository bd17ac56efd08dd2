"""k-means in memory: Lloyd's iterations from greedy seeds, the best of several starts, on a processor or a GPU.

On a processor torch runs on one thread, in tiles of fixed size: the same points in the same order give the same bits on one
image. ``streaming`` iterates over points that do not fit.

    n points · D dimensions · k clusters
"""

import math

import numpy as np
import torch

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.latent import one_thread
from corpusmill.operators.domain.seeding import distances, seeds

TILE = 1 << 14  # points whose distances are held at once
ITERATIONS = 100


def cluster(points: Floats, k: int, starts: int, seed: int, device: str = "cpu") -> Floats:
    """Centroids of the start with the smallest sum of squared distances, the first among equals; shape (at most k, D).

    There are fewer than ``k`` centroids only where there are fewer distinct points.
    """
    with one_thread():
        data = torch.from_numpy(points).to(device)
        best, least = data[:0], math.inf
        for start in range(starts):
            generator = torch.Generator().manual_seed((seed << 16) + start)
            centroids, inertia = lloyd(data, seeds(data, k, generator))
            if inertia < least:
                best, least = centroids, inertia
        return np.ascontiguousarray(best.cpu().numpy())


def lloyd(data: torch.Tensor, centroids: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Iterate until no point moves, or 100 times; the centroids, and the sum of squared distances before the last step."""
    before = torch.full((len(data),), -1, device=data.device)
    inertia = math.inf
    for _ in range(ITERATIONS):
        codes, distance = assigned(data, centroids)
        inertia = float(distance.double().sum())
        if torch.equal(codes, before):
            break
        centroids, before = _means(data, codes, distance, len(centroids)), codes
    return centroids, inertia


def assigned(data: torch.Tensor, centroids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest centroid of each point, and the squared distance to it."""
    found = [distances(tile, centroids).min(1) for tile in _tiles(data)]
    return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])


def _tiles(data: torch.Tensor) -> list[torch.Tensor]:
    return [data[first:first + TILE] for first in range(0, len(data), TILE)]


def _means(data: torch.Tensor, codes: torch.Tensor, distance: torch.Tensor, k: int) -> torch.Tensor:
    """The mean of each cluster; an empty one moves to the point that lies farthest from its centroid."""
    sums = torch.zeros(k, data.shape[1], dtype=torch.float64, device=data.device)
    for tile, part in zip(_tiles(data), _tiles(codes), strict=True):
        sums += (torch.nn.functional.one_hot(part, k).to(data.dtype).T @ tile).double()
    sizes = torch.bincount(codes, minlength=k)
    means = (sums / sizes.clamp(min=1)[:, None]).to(data.dtype)
    empty = (sizes == 0).nonzero()[:, 0]
    means[empty] = data[distance.argsort(descending=True, stable=True)[: len(empty)]]
    return means
