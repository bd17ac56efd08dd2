"""Rehydration: what deduplication took out of a corpus comes back as weight, by how often a document was found.

The table of FineWeb-2 (Penedo et al. 2025), found by training on clusters of each size: a text that was found a few times
is better than one that was found once, and one that is everywhere is a notice or an advertisement.

    documents in the cluster   1   2   3-4   5-99   100-999   1000 and more
    weight                     1   2    3      5       8            1
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError

Integers = npt.NDArray[np.int64]

MOST = 1000  # of a weight: as many priorities are computed for a document


@dataclasses.dataclass(frozen=True, slots=True)
class Rehydration:
    """Weights by cluster size: from ``sizes[i]`` documents on, up to the next of ``sizes``, it is ``weights[i]``; else 1."""

    sizes: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()

    @property
    def most(self) -> int:
        """The largest weight."""
        return max(self.weights, default=1)

    def weigh(self, cluster_size: Integers) -> Integers:
        """The weight of each document: how often it is in a whole epoch."""
        steps = np.array([1, *self.weights], np.int64)
        return steps[np.searchsorted(np.array(self.sizes, np.int64), cluster_size, side="right")]


def parse(table: Sequence[Any]) -> Rehydration:
    """The weights that ``mix.rehydrate`` says, as rows [size, weight] by rising size. Raises ConfigError."""
    rows = [tuple(row) if isinstance(row, Sequence) and not isinstance(row, str) else (row,) for row in table]
    for row in rows:
        if len(row) != 2 or any(isinstance(n, bool) or not isinstance(n, int) for n in row) or not 1 <= row[1] <= MOST:
            raise ConfigError(f"mix.rehydrate: {list(row)} is no row of it; write [documents in a cluster, weight], such as "
                              f"[5, 5], with a weight from 1 to {MOST}")
    sizes = [row[0] for row in rows]
    if sizes != sorted({*sizes}) or (sizes and sizes[0] < 1):
        raise ConfigError(f"mix.rehydrate: the sizes {sizes} must rise, from 1 on")
    return Rehydration(tuple(sizes), tuple(row[1] for row in rows))


def copies_of(weight: Integers) -> tuple[Integers, Integers]:
    """Each document ``weight`` times: its row, and the number of the copy, from 0."""
    rows = np.repeat(np.arange(len(weight)), weight)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(weight) - weight, weight)
