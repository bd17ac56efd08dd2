"""What a rule of a dynamic mixture is: what training told → new proportions.

    m domains · K steps of a round · k probes

A run begins with given proportions. Each round but the first begins with an update, one with probes also the first.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.shares import check_known

Doubles = npt.NDArray[np.float64]
Memory = Mapping[str, Doubles]  # what a rule remembers; empty before its first update

GRAM, ALIGNMENT, REFERENCE, VALIDATION = "gram", "alignment", "reference", "validation"  # what a rule may need
SUM_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What training told since the last update. What no rule needs is not measured, and is None."""

    drawn: Doubles  # (m,): the proportions by which the round was drawn
    evaluation: Doubles  # (m,): shares of what counts in the end, p_eval
    counts: Doubles  # (m,): sequences that were drawn
    losses: Doubles  # (m,): mean training losses of these, NaN where there are none
    round: int = 1  # rounds done
    gram: Doubles | None = None  # (m, m): products of the domains' mean gradients
    alignment: Doubles | None = None  # (m,): products of these with the gradient of held-out text drawn by p_eval
    excess: Doubles | None = None  # (m,): mean of max(loss - reference loss, 0) over tokens, NaN where none were drawn
    validation: Doubles | None = None  # (m,): losses of held-out text, now
    drops: Doubles | None = None  # (k, m): how far each probe lowered these


@dataclasses.dataclass(frozen=True, slots=True)
class Probes:
    """Short runs from which a rule learns how domains bear on each other."""

    mixtures: Doubles  # (k, m)
    steps: int  # of each
    kept: bool  # whether they are part of the training; else the model is put back after each


class Rule(Protocol):
    """A frozen dataclass whose fields are its constants."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def needs(self) -> frozenset[str]:
        """Of ``Seen``: GRAM, ALIGNMENT, REFERENCE, VALIDATION."""

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """What to try before the update, after so many rounds."""

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Proportions of the next round, (m,), and what to remember."""


def softmax(values: Doubles) -> Doubles:
    """Over the last axis."""
    powers = np.exp(values - values.max(-1, keepdims=True))
    found: Doubles = powers / powers.sum(-1, keepdims=True)
    return found


def multiplied(shares: Doubles, exponents: Doubles) -> Doubles:
    """Shares times exp(exponents), scaled to sum to 1: a step of exponentiated gradient. A share of 0 stays 0."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(shares) + exponents)


def floored(shares: Doubles, floor: float) -> Doubles:
    """The nearest shares, in Kullback-Leibler divergence, none of which is below ``floor``: the others keep their ratios.

    Shares that are all above come back as they are. Raises ConfigError where so many floors exceed 1.
    """
    if not 0 <= floor * len(shares) <= 1:
        raise ConfigError(f"rounds.floor={floor} for {len(shares)} domains: give a share from 0 to {1 / len(shares):.4g}")
    low = np.zeros(len(shares), bool)
    found = shares
    while (found < floor).any():
        low |= found < floor
        free = 1 - floor * low.sum()
        others = shares[~low].sum()
        found = np.where(low, floor, shares * (free / others if others > 0 else 0.0))
    return found


def settled(wanted: Doubles, before: Doubles, floor: float = 0.0, smoothing: float = 0.0) -> Doubles:
    """What is drawn by: the wanted shares, averaged with those before (``smoothing`` is the weight of these), over a floor."""
    return floored(smoothing * before + (1 - smoothing) * wanted, floor)


def evaluation_shares(given: Mapping[str, float], domains: Sequence[str], where: str = "rounds.evaluation") -> Doubles:
    """p_eval over the domains that are trained on, (m,); what is not named counts nothing.

    Raises ConfigError where it names none of them, or one that there is not: a domain of which no gradient comes in has none
    to be weighed by, and a p_eval without any would make the proportions NaN.
    """
    if not set(given) & set(domains):
        raise ConfigError(f"{where} names {', '.join(sorted(given)) or 'no domain'}, and none of these is trained on; there is "
                          f"{', '.join(sorted(domains))}: evaluation and training must share domains")
    check_known(given, domains, where)
    shares = np.array([float(given.get(name, 0.0)) for name in domains])
    if not np.isfinite(shares).all() or (shares < 0).any() or abs(shares.sum() - 1) > SUM_TOLERANCE:
        raise ConfigError(f"{where}={dict(sorted(given.items()))}: give shares from 0 that sum to 1")
    found: Doubles = shares / shares.sum()
    return found
