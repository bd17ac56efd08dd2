"""What is minimised: predicted losses of a mixture, weighed over targets or the worst of them, and how far it is from natural.

    n mixtures · m domains · t targets

    weighted   Σ_t s_t L_t(p)                  + λ KL(p ‖ natural)
    worst      max_t (L_t(p) - baseline_t)     + λ KL(p ‖ natural), over targets with s_t > 0
"""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np

from corpusmill.operators.weight.runs import Doubles

SMALLEST = 1e-12  # a share is taken for at least this in logarithms


class Objective(Protocol):
    """A smooth part and pieces of which the largest is added; all by mixtures (m,)."""

    def value(self, mix: Doubles) -> Doubles:
        """Of mixtures (n, m), (n,)."""

    def smooth(self, mix: Doubles) -> tuple[float, Doubles]:
        """The smooth part and its gradient (m,)."""

    def pieces(self, mix: Doubles) -> tuple[Doubles, Doubles] | None:
        """The pieces (k,) and their gradients (k, m); None where all is smooth."""


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Losses that a law predicts. ``losses`` maps mixtures (n, m) to (n, t), ``slopes`` to (n, t, m)."""

    losses: Callable[[Doubles], Doubles]
    slopes: Callable[[Doubles], Doubles]
    weights: Doubles  # (t,): s, sums to 1
    natural: Doubles  # (m,)
    baseline: Doubles | None = None  # (t,): the worst case is meant where it is given
    kl: float = 0.0  # λ

    def value(self, mix: Doubles) -> Doubles:
        """With the divergence, (n,)."""
        loss = self.loss(self.losses(mix))
        return loss + self.kl * self.divergence(mix) if self.kl else loss  # 0 × infinity is no number

    def loss(self, losses: Doubles) -> Doubles:
        """Of losses (n, t), however they came about, without the divergence: (n,)."""
        if self.baseline is None:
            return np.asarray(losses @ self.weights)
        return np.asarray((losses - self.baseline)[:, self.weights > 0].max(1))

    def divergence(self, mix: Doubles) -> Doubles:
        """KL(p ‖ natural) in nats, (n,); infinite where p has what natural lacks."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(np.maximum(mix, SMALLEST)) - np.log(self.natural)
            return np.asarray(np.where(mix > 0, mix * ratio, 0.0).sum(1))

    def smooth(self, mix: Doubles) -> tuple[float, Doubles]:
        """The weighted losses and the divergence."""
        value, slope = 0.0, np.zeros_like(mix)
        if self.kl:
            value, there = self.kl * float(self.divergence(mix[None])[0]), self.natural > 0
            slope[there] = self.kl * (np.log(np.maximum(mix, SMALLEST)[there]) - np.log(self.natural[there]) + 1)
        if self.baseline is None:
            value += float((self.losses(mix[None]) @ self.weights)[0])
            slope += self.weights @ self.slopes(mix[None])[0]
        return value, slope

    def pieces(self, mix: Doubles) -> tuple[Doubles, Doubles] | None:
        """Of the worst case: what each target loses against its baseline."""
        if self.baseline is None:
            return None
        counted = self.weights > 0
        return (self.losses(mix[None])[0] - self.baseline)[counted], self.slopes(mix[None])[0][counted]


@dataclasses.dataclass(frozen=True)
class Near:
    """½ ‖p - target‖²: its minimum is the nearest mixture that is allowed."""

    target: Doubles  # (m,)

    def value(self, mix: Doubles) -> Doubles:
        """(n,)."""
        return np.asarray(0.5 * ((mix - self.target) ** 2).sum(1))

    def smooth(self, mix: Doubles) -> tuple[float, Doubles]:
        """With its gradient."""
        return float(self.value(mix[None])[0]), mix - self.target

    def pieces(self, mix: Doubles) -> None:
        """None."""


@dataclasses.dataclass(frozen=True)
class Quadratic:
    """½ pᵀ Q p + cᵀ p, with Q positive semidefinite."""

    curvature: Doubles  # (m, m): Q
    linear: Doubles  # (m,): c

    def value(self, mix: Doubles) -> Doubles:
        """(n,)."""
        return np.asarray(0.5 * ((mix @ self.curvature) * mix).sum(1) + mix @ self.linear)

    def smooth(self, mix: Doubles) -> tuple[float, Doubles]:
        """With its gradient."""
        return float(self.value(mix[None])[0]), self.curvature @ mix + self.linear

    def pieces(self, mix: Doubles) -> None:
        """None."""
