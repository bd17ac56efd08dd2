"""Vertices, blends and the centroid: Scheffé's designs for mixtures (1958, 1963)."""

import dataclasses
import itertools
import math
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.designs.space import Space, unlike
from corpusmill.operators.weight.runs import Doubles

LIMIT = 100_000  # points


@dataclasses.dataclass(frozen=True)
class Centroids:
    """The simplex-centroid design: even blends of up to ``order`` domains, and of all: vertices and centroid at order 1."""

    order: int = 1
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole("design order", self.order, 1, LIMIT)

    def size(self, domains: int, /) -> int:
        """Blends of each order, and the centroid."""
        order = min(self.order, domains)
        return sum(math.comb(domains, k) for k in range(1, order + 1)) + (order < domains)

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(≤ n, m)."""
        _check(self.size(len(space)), "order")
        blends = [c for k in range(1, min(self.order, len(space)) + 1) for c in itertools.combinations(range(len(space)), k)]
        blends += [tuple(range(len(space)))]
        mixes = np.zeros((len(blends), len(space)))
        for row, blend in enumerate(blends):
            mixes[row, list(blend)] = 1 / len(blend)
        return _first(space, mixes, runs)


@dataclasses.dataclass(frozen=True)
class Lattice:
    """The simplex lattice: all mixtures whose shares are multiples of 1 / ``degree``."""

    degree: int = 2
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole("design degree", self.degree, 1, LIMIT)

    def size(self, domains: int, /) -> int:
        """C(m + degree − 1, degree)."""
        return math.comb(domains + self.degree - 1, self.degree)

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(≤ n, m)."""
        _check(self.size(len(space)), "degree")
        drawn = list(itertools.combinations_with_replacement(range(len(space)), self.degree))
        mixes = np.zeros((len(drawn), len(space)))
        for row, parts in enumerate(drawn):
            np.add.at(mixes[row], list(parts), 1 / self.degree)
        return _first(space, mixes, runs)


def _check(size: int, name: str) -> None:
    if size > LIMIT:
        raise ConfigError(f"design {name}: that makes {size:,} mixtures; more than {LIMIT:,} are refused")


def _first(space: Space, mixes: Doubles, runs: int) -> Doubles:
    return unlike(space.project(mixes), np.empty((0, len(space))))[:runs]
