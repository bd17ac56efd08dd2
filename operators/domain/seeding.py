"""Where k-means begins: greedy k-means++ (Arthur and Vassilvitskii 2007).

    n points · D dimensions · k clusters
"""

import math

import torch


def seeds(data: torch.Tensor, k: int, generator: torch.Generator) -> torch.Tensor:
    """k points by greedy k-means++: of a few drawn in proportion to the squared distance, the one that helps most.

    Fewer where there are fewer distinct points, so never more than points; what equals a seed is never drawn again, though its
    rounded distance may stay above 0. ``generator`` is the processor's on any device, so that the draws are the same.
    """
    trials = 2 + int(math.log(k))
    first = torch.randint(len(data), (1,), generator=generator).to(data.device)
    chosen, distance = data[first], _left(data, data[first], distances(data, data[first])[:, 0])
    while len(chosen) < min(k, len(data)) and float(distance.sum()) > 0:
        drawn = _drawn(distance, trials, generator)
        after = torch.minimum(distances(data, data[drawn]), distance[:, None])
        helps = int(after.sum(0).argmin())
        seed = data[drawn[helps]][None]
        chosen, distance = torch.cat([chosen, seed]), _left(data, seed, after[:, helps])
    return chosen


def _left(data: torch.Tensor, seed: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    """The distances, 0 where a point is the seed (1, D) itself."""
    return distance.masked_fill((data == seed).all(1), 0)


def distances(data: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """Squared, never below 0; shape (n, k)."""
    squares = (data * data).sum(1, keepdim=True) + (centroids * centroids).sum(1)
    return (squares - 2 * data @ centroids.T).clamp(min=0)


def _drawn(weights: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Places drawn in proportion to their weight, with replacement; torch.multinomial refuses more than 2 ** 24 places.

    Summed on the processor: on a GPU running sums may differ from run to run.
    """
    ends = weights.cpu().double().cumsum(0)
    drawn = torch.searchsorted(ends, torch.rand(count, generator=generator, dtype=torch.float64) * ends[-1], right=True)
    return drawn.clamp(max=len(weights) - 1).to(weights.device)
