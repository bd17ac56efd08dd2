"""k-means: greedy k-means++ seeds, Lloyd's iterations, the best of several starts. In torch, one thread, fixed tiles.

    n points · D dimensions · k clusters
"""

import math

import numpy as np
import torch

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.latent import one_thread

TILE = 1 << 14  # points whose distances are held at once
ITERATIONS = 100


def cluster(points: Floats, k: int, starts: int, seed: int) -> Floats:
    """Centroids of the start with the smallest sum of squared distances, the first among equals; shape (at most k, D).

    The same points in the same order give the same bits on one image. There are fewer than ``k`` centroids only where
    there are fewer distinct points.
    """
    with one_thread():
        data = torch.from_numpy(points)
        best, least = data[:0], math.inf
        for start in range(starts):
            generator = torch.Generator().manual_seed((seed << 16) + start)
            centroids, inertia = lloyd(data, seeds(data, k, generator))
            if inertia < least:
                best, least = centroids, inertia
        return np.ascontiguousarray(best.numpy())


def seeds(data: torch.Tensor, k: int, generator: torch.Generator) -> torch.Tensor:
    """k points by greedy k-means++: of a few drawn in proportion to the squared distance, the one that helps most."""
    trials = 2 + int(math.log(k))
    first = torch.randint(len(data), (1,), generator=generator)
    chosen, distance = data[first], _distances(data, data[first])[:, 0]
    while len(chosen) < k and float(distance.sum()) > 0:
        drawn = _drawn(distance, trials, generator)
        after = torch.minimum(_distances(data, data[drawn]), distance[:, None])
        helps = int(after.sum(0).argmin())
        chosen, distance = torch.cat([chosen, data[drawn[helps]][None]]), after[:, helps]
    return chosen


def _drawn(weights: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Places drawn in proportion to their weight, with replacement; torch.multinomial refuses more than 2 ** 24 places."""
    ends = weights.double().cumsum(0)
    drawn = torch.searchsorted(ends, torch.rand(count, generator=generator, dtype=torch.float64) * ends[-1], right=True)
    return drawn.clamp(max=len(weights) - 1)


def lloyd(data: torch.Tensor, centroids: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Iterate until no point moves, or 100 times; the centroids, and the sum of squared distances before the last step."""
    before = torch.full((len(data),), -1)
    inertia = math.inf
    for _ in range(ITERATIONS):
        codes, distance = _assigned(data, centroids)
        inertia = float(distance.double().sum())
        if torch.equal(codes, before):
            break
        centroids, before = _means(data, codes, distance, len(centroids)), codes
    return centroids, inertia


def _assigned(data: torch.Tensor, centroids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    found = [_distances(tile, centroids).min(1) for tile in _tiles(data)]
    return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])


def _tiles(data: torch.Tensor) -> list[torch.Tensor]:
    return [data[first:first + TILE] for first in range(0, len(data), TILE)]


def _distances(data: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """Squared, never below 0; shape (n, k)."""
    squares = (data * data).sum(1, keepdim=True) + (centroids * centroids).sum(1)
    return (squares - 2 * data @ centroids.T).clamp(min=0)


def _means(data: torch.Tensor, codes: torch.Tensor, distance: torch.Tensor, k: int) -> torch.Tensor:
    """The mean of each cluster; an empty one moves to the point that lies farthest from its centroid."""
    sums = torch.zeros(k, data.shape[1], dtype=torch.float64)
    for tile, part in zip(_tiles(data), _tiles(codes), strict=True):
        sums += (torch.nn.functional.one_hot(part, k).to(data.dtype).T @ tile).double()
    sizes = torch.bincount(codes, minlength=k)
    means = (sums / sizes.clamp(min=1)[:, None]).to(data.dtype)
    empty = (sizes == 0).nonzero()[:, 0]
    means[empty] = data[distance.argsort(descending=True, stable=True)[: len(empty)]]
    return means
