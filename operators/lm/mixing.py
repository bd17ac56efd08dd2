"""Streams of several domains, and the order in which a run draws from them.

    S steps · B sequences a step · T + 1 tokens of a sequence · m domains

The sequences of a domain have one order that all runs share: two runs that both learn 1 MB of a domain learn the same megabyte,
so that their losses differ by their mixtures and not by their luck.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from corpusmill.operators.errors import DataError
from corpusmill.operators.lm.gpt import Shape
from corpusmill.operators.lm.tokens import Tokens
from corpusmill.operators.lm.training import Learner, Plan, windows

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def apportioned(shares: Doubles, total: int) -> Places:
    """Whole numbers that sum to ``total``, nearest to shares · total: largest remainders, the first among equals; (m,)."""
    exact = shares / shares.sum() * total
    found: Places = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - found), kind="stable")
    found[order[: total - found.sum()]] += 1
    return found


def spread(counts: Places) -> Places:
    """Every domain as often as its count, as evenly as can be: the k-th of n stands at (k + ½) / n; (Σ counts,)."""
    domains = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(domains)) - np.repeat(np.cumsum(counts) - counts, counts)
    order: Places = np.argsort((within + 0.5) / counts[domains], kind="stable")
    spread_out: Places = domains[order]
    return spread_out


@dataclasses.dataclass
class Streams:
    """Sequences of m domains, each in its own fixed order, begun again in another order when it has been seen whole.

    ``position`` (m,) is how many sequences of each were taken; it is all the state there is. Raises DataError, with the name,
    where a domain is shorter than a sequence.
    """

    tokens: Mapping[str, Tokens]
    context: int
    seed: int = 0

    def __post_init__(self) -> None:
        self.names = tuple(sorted(self.tokens))
        self.position = np.zeros(len(self.names), np.int64)
        self._starts: list[Places] = []
        for name in self.names:
            try:
                self._starts.append(windows(len(self.tokens[name]), self.context, 1, 1, self._seed(name)).ravel())
            except DataError as error:
                raise DataError(f"domain {name!r}: {error}") from error

    def take(self, domains: Sequence[int] | Places) -> torch.Tensor:
        """The next sequence of each domain named, by its place; (B, T + 1)."""
        rows = [self._next(int(domain)) for domain in domains]
        return torch.from_numpy(np.stack(rows).astype(np.int64))

    def epochs(self) -> Doubles:
        """How often each domain was seen, (m,)."""
        sizes = np.array([len(self.tokens[name]) for name in self.names], np.float64)
        found: Doubles = self.position * self.context / sizes
        return found

    def _seed(self, name: str) -> int:
        """Of the domain's order, by its name: another domain beside it changes nothing."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()[:8], "little")

    def _next(self, place: int) -> Tokens:
        name = self.names[place]
        at, tokens = int(self.position[place]), self.tokens[name]
        if at >= len(self._starts[place]):
            self._starts[place] = windows(len(tokens), self.context, 1, 2 * at + 1, self._seed(name)).ravel()
        self.position[place] += 1
        start = int(self._starts[place][at])
        return tokens[start : start + self.context + 1]


class MixtureTrainer(Learner):
    """A learner of a fixed mixture: each domain's sequences, exact to one, spread evenly over the run."""

    def __init__(self, shape: Shape, plan: Plan, streams: Streams, shares: Mapping[str, float]) -> None:
        """``shares`` by name; a domain that is not named gets nothing."""
        super().__init__(shape, plan)
        asked = np.array([shares.get(name, 0.0) for name in streams.names])
        self.streams = streams
        self._order = spread(apportioned(asked, self.total * plan.batch)).reshape(self.total, plan.batch)

    @property
    def shares(self) -> Doubles:
        """Of the sequences that were learned from so far; (m,)."""
        found: Doubles = self.streams.position / max(1, self.streams.position.sum())
        return found

    def advance(self) -> float:
        """One step; the loss before it, as ``learn``."""
        return self.learn(self.streams.take(self._order[self.step]))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same shape, plan, streams and shares."""
        super().restore(state)
        self.streams.position[:] = np.bincount(self._order[: self.step].ravel(), minlength=len(self.streams.names))
