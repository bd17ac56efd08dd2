"""One source alone, and all but one."""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.space import Space, unlike
from corpusmill.operators.weight.runs import Doubles


@dataclasses.dataclass(frozen=True)
class Corners:
    """Each domain at ``share_of_one``, or at its cap, the others in their natural ratios: m runs."""

    share_of_one: float = 1.0
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.share_of_one <= 1:
            raise ConfigError(f"design share_of_one={self.share_of_one}: give a share above 0, at most 1")

    def size(self, domains: int, /) -> int:
        """One of each."""
        return domains

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(≤ n, m)."""
        m = len(space)
        others = _without(space) if self.share_of_one < 1 else np.zeros((m, m))
        mixes = self.share_of_one * np.eye(m) + (1 - self.share_of_one) * others
        return unlike(space.project(mixes), np.empty((0, m)))[:runs]


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """The natural mixture without one of the domains, or with as little of it as its floor allows: m runs."""

    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def size(self, domains: int, /) -> int:
        """One of each."""
        return domains

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(≤ n, m)."""
        return unlike(space.project(_without(space)), np.empty((0, len(space))))[:runs]


def _without(space: Space) -> Doubles:
    """The natural mixture without each domain in turn, (m, m); the others evenly where it was all there was."""
    left = np.tile(space.natural, (len(space), 1))
    np.fill_diagonal(left, 0)
    empty = left.sum(1) <= 0
    left[empty] = 1 - np.eye(len(space))[empty]
    return np.asarray(left / left.sum(1, keepdims=True))
