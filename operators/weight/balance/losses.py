"""Rules that follow losses: of a reference model's, or of the run itself.

    m domains
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np

from corpusmill.operators.weight.balance.contract import REFERENCE, Doubles, Memory, Probes, Seen, multiplied, softmax
from corpusmill.operators.weight.shares import check_positive, check_share


@dataclasses.dataclass(frozen=True)
class Fixed:
    """The proportions that the run began with: what the other rules are measured against."""

    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """The same."""
        return seen.drawn, memory


@dataclasses.dataclass(frozen=True)
class DoReMi:
    """DoReMi (arXiv 2305.10429): α'_i = α_i exp(η λ_i), α = (1 - c) α' / Σ α' + c u.

    λ_i is the mean over the tokens of a domain of max(l_θ - l_ref, 0), u is uniform. The paper weighs losses by α and draws
    uniformly; here α is what is drawn by, once a round. A domain that was not drawn is neither raised nor lowered. Take the
    time-average (``rounds.take=average``), as the paper does.
    """

    rate: float = 1.0  # η
    uniform: float = 1e-3  # c
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({REFERENCE})

    def __post_init__(self) -> None:
        check_positive(self.rate, "balance.rate")
        check_share(self.uniform, "balance.uniform")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers α."""
        assert seen.excess is not None, "it needs a reference model"
        raised = multiplied(memory.get("weights", seen.drawn), self.rate * np.nan_to_num(seen.excess, nan=0.0))
        weights = (1 - self.uniform) * raised + self.uniform / len(raised)
        return weights, {"weights": weights}


@dataclasses.dataclass(frozen=True)
class ODM:
    """Online data mixing (arXiv 2312.02406): the bandit EXP3, whose reward is the training loss.

    R_i ← s R_i + (1 - s) r_i, with r_i = (n_i / n) / p_i · loss_i / ``scale``: the loss of the n_i of n sequences that were
    drawn of a domain, weighted by importance. p_i = (1 - m ε_t) exp(ε_{t-1} R_i) / Σ exp(ε_{t-1} R) + ε_t, where
    ε_t = min(1/m, √(ln m / (m t))) explores ever less: the first m ln m rounds are uniform, so rounds are to be short.
    Without smoothing, R_i is the sum of all r_i, as in EXP3.
    """

    smoothing: float = 0.0  # s; 0 sums up
    scale: float = 10.0  # nats that are a reward of 1
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_share(self.smoothing, "balance.smoothing")
        check_positive(self.scale, "balance.scale")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers R."""
        m = len(seen.drawn)
        importance = np.divide(seen.counts / seen.counts.sum(), seen.drawn, out=np.zeros(m), where=seen.drawn > 0)
        reward = importance * np.nan_to_num(seen.losses, nan=0.0) / self.scale
        before, s = memory.get("rewards", np.zeros(m)), self.smoothing
        rewards = s * before + (1 - s) * reward if s else before + reward
        now = exploration(m, seen.round)
        found = (1 - m * now) * softmax(exploration(m, seen.round - 1) * rewards) + now
        return found, {"rewards": rewards}


def exploration(domains: int, t: int) -> float:
    """ε_t: 1/m at first, √(ln m / (m t)) once that is less."""
    return min(1 / domains, math.sqrt(math.log(domains) / (domains * t))) if t else 1 / domains
