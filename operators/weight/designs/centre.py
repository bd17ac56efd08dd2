"""One mixture again and again: runs that differ in nothing but their seed tell the noise of a loss."""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.designs.space import Space
from corpusmill.operators.weight.runs import Doubles

LIMIT = 100_000  # runs


@dataclasses.dataclass(frozen=True)
class Centre:
    """``count`` runs of the natural or the uniform mixture, each with a seed of its own; 2 or more tell the noise."""

    at: str = "natural"
    count: int = 4
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.at not in ("natural", "uniform"):
            raise ConfigError(f"design at={self.at!r}: it is natural or uniform")
        whole("design count", self.count, 1, LIMIT)

    def size(self, domains: int, /) -> int:
        """``count``."""
        return self.count

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(n, m), all rows the same."""
        mix = space.natural if self.at == "natural" else np.full(len(space), 1 / len(space))
        return np.repeat(space.project(mix[None]), runs, axis=0)
