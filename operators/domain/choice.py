"""How many domains: silhouette and stability of each number, and the words of its smallest domain.

A number whose smallest domain is too small is out. Among the others both measures are scaled from 0, the worst of them, to 1,
the best; the largest mean is taken, and of equal ones the smallest number. Neither measure is enough alone: silhouettes rise
with the number (and R&B finds that they explain 5 to 90 % of the loss, by data set), and few clusters are stable by
themselves. Mean ranks would not do: where one measure rises and the other falls, all are equal.

    n points · D dimensions · k clusters
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.domain.embed import Codes, Floats, nearest
from corpusmill.operators.errors import DataError

SPLITS = 3  # into halves, over which stability is a mean
TILE = 1 << 14
Cluster = Callable[[Floats, int], Floats]  # points (n, D) and k to centroids (k, D)


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """What speaks for one number of domains."""

    k: int
    silhouette: float  # simplified: by distances to centroids; from -1 to 1
    stability: float  # mean adjusted Rand index of the clusterings of two halves; 1 is perfect, 0 is chance
    least_words: int  # of the smallest domain, over all documents
    score: float | None = None  # mean of both, scaled among those that are large enough; None for others
    chosen: bool = False

    def told(self) -> dict[str, Any]:
        """For cards and reports."""
        rounded = {name: round(getattr(self, name), 4) for name in ("silhouette", "stability")}
        return dataclasses.asdict(self) | rounded


def tried(points: Floats, words: npt.NDArray[np.float64], k: int, cluster: Cluster, seed: int) -> tuple[Tried, Floats]:
    """The measures of one number, and its centroids; ``words`` (n) is what each point stands for."""
    centroids = cluster(points, k)
    codes, _ = nearest(points, centroids)
    least = np.bincount(codes, words, minlength=len(centroids)).min()
    return Tried(k, silhouette(points, centroids), stability(points, k, cluster, seed), int(least)), centroids


def judged(measures: Sequence[Tried], min_words: int) -> list[Tried]:
    """With scores, and the one that is chosen. Raises DataError where the smallest domain of each has too few words."""
    fit = [one for one in measures if one.least_words >= min_words]
    if not fit:
        told = ", ".join(f"{one.k}: {one.least_words:,}" for one in measures)
        raise DataError(f"regroup.min_words={min_words:,}: the smallest domain has fewer words at every k ({told}): give a "
                        "smaller k or fewer words")
    scores = (_scaled([one.silhouette for one in fit]) + _scaled([one.stability for one in fit])) / 2
    by_k = {one.k: round(float(score), 4) for one, score in zip(fit, scores, strict=True)}
    best = min(by_k, key=lambda k: (-by_k[k], k))
    return [dataclasses.replace(one, score=by_k.get(one.k), chosen=one.k == best) for one in measures]


def silhouette(points: Floats, centroids: Floats) -> float:
    """Mean of (b - a) / max(a, b), with a the distance to a point's centroid and b that to the next (Hruschka et al. 2004).

    The exact silhouette takes distances between all pairs of points. 0 where there is one cluster.
    """
    if len(centroids) < 2:
        return 0.0
    total = 0.0
    for first in range(0, len(points), TILE):
        tile = points[first:first + TILE].astype(np.float64)
        squares = (tile ** 2).sum(1, keepdims=True) + (centroids.astype(np.float64) ** 2).sum(1) - 2 * tile @ centroids.T
        near = np.sqrt(np.maximum(np.partition(squares, 1, axis=1)[:, :2], 0))
        total += float(np.divide(near[:, 1] - near[:, 0], near[:, 1], where=near[:, 1] > 0, out=np.zeros(len(tile))).sum())
    return total / max(1, len(points))


def stability(points: Floats, k: int, cluster: Cluster, seed: int) -> float:
    """Whether other documents give the same domains: mean agreement of what both halves of the points make of all of them."""
    found = []
    for split in range(SPLITS):
        order = np.random.default_rng([seed, split]).permutation(len(points))
        halves = (np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2:]))
        found.append(rand_index(*(nearest(points, cluster(points[half], k))[0] for half in halves)))
    return float(np.mean(found))


def rand_index(a: Codes, b: Codes) -> float:
    """Adjusted Rand index of two labellings of the same points (Hubert and Arabie 1985); codes from 0 on."""
    width = int(b.max(initial=0)) + 1
    table = np.bincount(a.astype(np.int64) * width + b).astype(np.float64)
    both, rows, columns = (_pairs(x).sum() for x in (table, np.bincount(a), np.bincount(b)))
    expected, most = rows * columns / max(1.0, float(_pairs(np.array(len(a))))), (rows + columns) / 2
    return float((both - expected) / (most - expected)) if most != expected else 1.0


def _pairs(n: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = n * (n - 1.0) / 2
    return found


def _scaled(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """From 0, the least, to 1, the largest; all 1 where they are equal."""
    given = np.asarray(values, np.float64)
    span = given.max() - given.min()
    return (given - given.min()) / span if span > 0 else np.ones(len(given))
