"""Rules that learn by trying: short runs on one domain each tell how it lowers the held-out losses of all.

    m domains · k = m · sweeps probes · A (m, m)
"""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import VALIDATION, Doubles, Memory, Probes, Seen, multiplied, softmax
from corpusmill.operators.weight.shares import check_positive, check_share


@dataclasses.dataclass(frozen=True)
class Aioli:
    """Aioli (arXiv 2411.05735): p_j ← p_j exp(η Σ_i A_ij) / Z, A learned anew in every round.

    A round begins with ``sweeps`` passes over the domains: ``steps`` steps drawn by a smoothed one-hot mixture (``one_hot``
    for the domain, the rest shared by the others), which are part of the training. A_i solves P A_i = the mean drops of
    loss i, P being these mixtures; shifted to begin at 0 and scaled to sum to 1. With ``smoothing``, A is a moving average
    and p is exp(η Σ_i A_ij) / Z, without the former p.
    """

    rate: float = 0.2  # η; .1 to .5 in the paper
    steps: int = 4  # of a probe
    sweeps: int = 4  # passes over the domains in each round; 4 to 6 in the paper
    one_hot: float = 0.75  # share of the domain that a probe is of
    smoothing: float = 0.0  # weight of the former A
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({VALIDATION})

    def __post_init__(self) -> None:
        check_positive(self.rate, "balance.rate")
        check_share(self.smoothing, "balance.smoothing")
        check_count(self.steps, "balance.steps")
        check_count(self.sweeps, "balance.sweeps")
        if not 0 < self.one_hot <= 1:
            raise ConfigError(f"balance.one_hot={self.one_hot}: give a share above 0, and up to 1")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """In every round. Raises ConfigError where ``one_hot`` leaves all mixtures equal."""
        return Probes(np.tile(self._mixtures(domains), (self.sweeps, 1)), self.steps, kept=True)

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers p, and with smoothing A."""
        assert seen.drops is not None, "it needs probes"
        m = len(seen.drawn)
        drops = seen.drops.reshape(self.sweeps, m, m).mean(0)  # of each mixture, on each loss
        a = np.linalg.solve(self._mixtures(m), drops).T  # A_ij: of domain j, on loss i
        a = a - min(a.min(), 0.0)
        a = a / a.sum() if a.sum() > 0 else a
        if not self.smoothing:
            weights = multiplied(memory.get("weights", seen.drawn), self.rate * a.sum(0))
            return weights, {"weights": weights}
        a = self.smoothing * memory["a"] + (1 - self.smoothing) * a if "a" in memory else a
        return softmax(self.rate * a.sum(0)), {"a": a}

    def _mixtures(self, domains: int) -> Doubles:
        if domains < 2 or abs(self.one_hot - 1 / domains) < 1e-9:
            raise ConfigError(f"balance.one_hot={self.one_hot} for {domains} domains: its mixtures are all the same; give "
                              "another share, and at least two domains")
        rest = (1 - self.one_hot) / (domains - 1)
        found: Doubles = np.full((domains, domains), rest) + (self.one_hot - rest) * np.eye(domains)
        return found


@dataclasses.dataclass(frozen=True)
class SkillIt:
    """Skill-It (arXiv 2307.14430): p_i ∝ exp(η Σ_{τ in window} Σ_j A_ij L_j(τ)), L_j being held-out losses.

    A_ij is by how much of itself loss j falls when the first model learns domain i alone for ``steps`` steps, 0 where it does
    not: m runs before the first round, each put back.
    """

    rate: float = 0.2  # η
    steps: int = 50  # of each run on one domain
    window: int = 3  # rounds that count
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({VALIDATION})

    def __post_init__(self) -> None:
        check_positive(self.rate, "balance.rate")
        check_count(self.steps, "balance.steps")
        check_count(self.window, "balance.window")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """Before the first round only."""
        return None if done else Probes(np.eye(domains), self.steps, kept=False)

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers A and the losses of the window."""
        assert seen.validation is not None, "it needs held-out losses"
        if "a" in memory:
            a, losses = memory["a"], np.vstack([memory["losses"], seen.validation])[-self.window:]
        else:
            assert seen.drops is not None, "it needs a run on each domain"
            a, losses = np.maximum(seen.drops / seen.validation, 0), seen.validation[None]
        return softmax(self.rate * (a @ losses.sum(0))), {"a": a, "losses": losses}


def check_count(value: object, key: str) -> None:
    """Raise ConfigError unless ``value`` is a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{key} must be a whole number from 1, got {value!r}")
