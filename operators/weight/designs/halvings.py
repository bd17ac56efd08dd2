"""Caps, their halves, quarters, …, and nothing: the design of Data Mixing Laws (Ye et al. 2024, arXiv 2403.16952)."""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.designs.space import ROUNDING, Space
from corpusmill.operators.weight.runs import Doubles

BATCH = 4096
MOST_BATCHES = 64
LIMIT = 100_000  # candidates for a run, and groups


@dataclasses.dataclass(frozen=True)
class Halvings:
    """n mixtures whose shares are 0, or the domain's cap (rounded down to ``grid``) halved any number of times, to ``grid``.

    The domain with the largest cap takes what the others leave. Of ``candidates`` · n mixtures ``groups`` random groups of n
    are looked at and the best is kept. The paper trains all candidates and keeps the group that laws fit best; before anything
    is trained, best is the group that determines a linear law best: the largest determinant of its second moments.
    """

    grid: float = 1 / 16
    candidates: int = 2
    groups: int = 100
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.grid <= 0.5:
            raise ConfigError(f"design grid={self.grid}: give a share above 0, at most 0.5")
        whole("design candidates", self.candidates, 1, LIMIT)
        whole("design groups", self.groups, 1, LIMIT)

    def size(self, domains: int, /) -> None:
        """As many as are asked for."""

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(n, m)."""
        rng = np.random.default_rng(seed)
        found = np.empty((0, len(space)))
        for _ in range(MOST_BATCHES):
            found = np.concatenate([found, self._some(space, rng)])
            found = found[np.sort(np.unique(np.round(found, 9), axis=0, return_index=True)[1])]
            if len(found) >= self.candidates * runs:
                break
        found = found[: self.candidates * runs]
        groups = [np.sort(rng.permutation(len(found))[:runs]) for _ in range(self.groups if len(found) > runs else 1)]
        worth = [np.linalg.slogdet(found[g].T @ found[g] + ROUNDING * np.eye(len(space)))[1] for g in groups]
        return found[groups[int(np.argmax(worth))]]

    def _some(self, space: Space, rng: np.random.Generator) -> Doubles:
        """Mixtures of one batch that are within the bounds: a level of every domain but the last, drawn in a random order."""
        rest = int(np.argmax(space.high))
        levels = [np.array(self._levels(cap)) for cap in space.high]
        mixes = np.zeros((BATCH, len(space)))
        order = rng.permuted(np.tile(np.delete(np.arange(len(space)), rest), (BATCH, 1)), axis=1)
        left = np.ones(BATCH)
        for turn in range(order.shape[1]):
            for domain in np.unique(order[:, turn]):
                rows = np.flatnonzero(order[:, turn] == domain)
                fits = (levels[domain][None, :] <= left[rows, None] + ROUNDING).sum(1)
                mixes[rows, domain] = levels[domain][(rng.random(len(rows)) * fits).astype(np.intp)]
                left[rows] -= mixes[rows, domain]
        mixes[:, rest] = np.maximum(left, 0)
        return mixes[((mixes >= space.low - ROUNDING) & (mixes <= space.high + ROUNDING)).all(1)]

    def _levels(self, cap: float) -> list[float]:
        """0, …, a quarter, a half, and the whole of the cap; ascending."""
        found, level = [], np.floor(cap / self.grid + ROUNDING) * self.grid
        while level >= self.grid - ROUNDING:
            found.append(float(level))
            level /= 2
        return [0.0, *found[::-1]]
