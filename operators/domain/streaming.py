"""k-means over points that do not fit in memory: exact Lloyd as a loop of Fits, and mini-batches.

Sums are of integers, each coordinate in units of 2^-30, so that they are the same for any cut of the points, order of the
parts and number of workers. On the processor a point's centroid is found by the kernel that later applies the model.

    n points · D dimensions · k clusters
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.domain.embed import Codes, Floats, nearest
from corpusmill.operators.errors import DataError
from corpusmill.operators.text.buffers import Integers

UNIT = float(1 << 30)
LARGEST = 4.0  # a coordinate: 2^31 points of it still fit in 64 bits
FAR = 64  # points kept as places for empty clusters: at most so many move in one round
Ids = npt.NDArray[np.bytes_]  # 16 bytes each


@dataclasses.dataclass(frozen=True, slots=True)
class Sums:
    """What some points tell of the next centroids."""

    sums: Integers  # (k, D) in units of 2^-30
    counts: Integers  # (k,)
    inertia: int  # squared distances, in units of 2^-30
    far: tuple[tuple[int, bytes, bytes], ...] = ()  # of the farthest points: minus the distance, the id, the float32 values

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.sums + other.sums, self.counts + other.counts, self.inertia + other.inertia,
                    _farthest((*self.far, *other.far)))


@dataclasses.dataclass(frozen=True)
class Round:
    """A Fit of one round: points are summed at their nearest centroid (k, D)."""

    centroids: Floats
    device: str = "cpu"

    def partial(self, ids: Ids, points: Floats) -> Sums:
        """Of some points (n, D) with their ids (n). Raises DataError for a coordinate beyond ± 4, or none."""
        if not (np.abs(points) <= LARGEST).all():
            raise DataError(f"a point has a coordinate beyond ± {LARGEST:g}, or not a number: points are of length 1")
        codes, squares = self._nearest(points)
        fixed = np.rint(points.astype(np.float64) * UNIT).astype(np.int64)
        distances = np.rint(squares.astype(np.float64) * UNIT).astype(np.int64)
        counts = np.bincount(codes, minlength=len(self.centroids))
        order = np.argsort(codes, kind="stable")
        sums = np.zeros(self.centroids.shape, np.int64)
        starts = np.searchsorted(codes[order], np.flatnonzero(counts))
        if len(points):
            sums[counts > 0] = np.add.reduceat(fixed[order], starts)
        order = np.lexsort((ids, -distances))
        last = order[np.diff(distances[order], prepend=-1) != 0][:FAR]
        far = [(-int(distances[i]), bytes(ids[i]).ljust(16, b"\0"), points[i].tobytes()) for i in last.tolist()]
        return Sums(sums, counts, int(distances.sum()), _farthest(far))

    def merge(self, a: Sums, b: Sums) -> Sums:
        """Sums of both."""
        return a + b

    def finish(self, state: Sums) -> Floats:
        """The means; a cluster without a point moves to the farthest point that is left."""
        means = (state.sums / np.maximum(1, state.counts)[:, None] / UNIT).astype(np.float32)
        means[state.counts == 0] = self.centroids[state.counts == 0]
        for code, (_, _, values) in zip(np.flatnonzero(state.counts == 0), state.far, strict=False):
            means[code] = np.frombuffer(values, np.float32)
        return means

    def _nearest(self, points: Floats) -> tuple[Codes, Floats]:
        if self.device == "cpu":
            return nearest(points, self.centroids)
        import torch

        from corpusmill.operators.domain.lloyd import assigned

        codes, squares = assigned(torch.from_numpy(points).to(self.device), self._there)
        return codes.cpu().numpy().astype(np.int32), squares.cpu().numpy()

    @functools.cached_property
    def _there(self) -> Any:
        import torch

        return torch.from_numpy(self.centroids).to(self.device)


@dataclasses.dataclass(frozen=True, slots=True)
class Batches:
    """Mini-batch k-means (Sculley 2010): each batch moves a centroid by its share of all the points that it has seen."""

    centroids: Floats
    seen: Integers  # (k,) points so far

    @classmethod
    def begin(cls, centroids: Floats, seen: int = 0) -> "Batches":
        """Before the first batch, of centroids that stand for so many points each."""
        return cls(centroids, np.full(len(centroids), seen, np.int64))

    def step(self, state: Sums) -> "Batches":
        """After a batch, which ``Round(self.centroids)`` summed; what got no point ever moves to a far one."""
        seen = self.seen + state.counts
        weight = (state.counts / np.maximum(1, seen))[:, None]
        means = Round(self.centroids).finish(state).astype(np.float64)
        moved = ((1 - weight) * self.centroids + weight * means).astype(np.float32)
        moved[seen == 0] = means[seen == 0]
        return Batches(moved, seen)


def iterate(centroids: Floats, pass_over: Callable[[Round], Sums], rounds: int,
            device: str = "cpu") -> tuple[Floats, list[int]]:
    """Exact Lloyd: rounds until the sum of squared distances falls by less than one in 10^5, or so many.

    ``pass_over`` sums all points. Gives the centroids, and the sum of squares of each round, in units of 2^-30.
    """
    told: list[int] = []
    for _ in range(rounds):
        one = Round(centroids, device)
        state = pass_over(one)
        told.append(state.inertia)
        centroids = one.finish(state)
        if len(told) > 1 and 0 <= (told[-2] - told[-1]) * 100_000 < told[-2] and (state.counts > 0).all():
            break
    return centroids, told


def _farthest(points: Iterable[tuple[int, bytes, bytes]]) -> tuple[tuple[int, bytes, bytes], ...]:
    """One of each distance, the farthest first: of equal ones that of the lowest id."""
    found: dict[int, tuple[int, bytes, bytes]] = {}
    for one in sorted(points):
        found.setdefault(one[0], one)
    return tuple(found.values())[:FAR]
