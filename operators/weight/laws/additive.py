"""The additive power law, L = E + 1/Σ_j C_j r_j^γ_j (Shukor et al. 2025, arXiv 2507.09404): every domain helps, each with an
exponent of its own, and a share that falls to zero costs steeply but finitely.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.runs import Doubles, Points

STARTS = ((0.6, 0.3), (0.9, 0.6))  # E as a part of the lowest loss, γ
LOWEST_SHARE = 1e-6  # a slope is taken there where a share is less: at 0 it would be infinite
TINY = 1e-300


@dataclasses.dataclass(frozen=True)
class Additive:
    """Fitted in logarithms of losses and of parameters, by Huber's loss.

    ``tie`` draws a target's exponents to their mean and ``shrink`` its coefficients to 1/e: a unit of logarithm away counts as
    much as one run with a relative error of √tie, √shrink, so they matter where runs are few or a domain has no effect.
    """

    huber: float = 0.01  # relative error from which a run counts linearly
    tie: float = 3e-3
    shrink: float = 3e-4
    name: ClassVar[str] = "additive"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        positive(self, "huber", "tie", "shrink")

    def fit(self, points: Points, losses: Doubles) -> "AdditiveFit":
        """From at least 2 runs; with fewer than parameters (1 + 2m) the ties decide what the runs do not."""
        points, losses = checked(points, losses, 2, self.name)
        m = points.mix.shape[1]
        logs = np.log(np.maximum(points.mix, TINY))

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            return _logarithm(theta, logs)

        starts = np.concatenate([_start(losses, m, *start) for start in STARTS])
        theta, value = minimise(model, starts, np.tile(np.log(losses.T), (len(STARTS), 1)), self._objective(m))
        best = best_of(len(STARTS), theta, value)
        return AdditiveFit(np.exp(best[:, 0]), np.exp(best[:, 1:m + 1]), np.exp(best[:, m + 1:]))

    def restore(self, parameters: Mapping[str, Any]) -> "AdditiveFit":
        """From ``AdditiveFit.parameters``."""
        return AdditiveFit(*read(parameters, self.name, floor=1, coefficients=2, exponents=2))

    def _objective(self, m: int) -> Objective:
        penalty, centre = np.zeros((2 * m + 1, 2 * m + 1)), np.zeros(2 * m + 1)
        penalty[1:m + 1, 1:m + 1] = self.shrink * np.eye(m)
        penalty[m + 1:, m + 1:] = self.tie * (np.eye(m) - 1 / m + 0.01 * np.eye(m))
        centre[1:m + 1], centre[m + 1:] = -1.0, np.log(0.4)
        return Objective(self.huber, penalty, centre)


@dataclasses.dataclass(frozen=True, slots=True)
class AdditiveFit:
    """E, C and γ of every target."""

    floor: Doubles  # (t,), nats per token
    coefficients: Doubles  # (t, m)
    exponents: Doubles  # (t, m)

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.asarray(self.floor + 1 / self._terms(points.mix).sum(2))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m); that of a share below LOWEST_SHARE is the one there."""
        total = self._terms(points.mix).sum(2, keepdims=True)
        mix = np.maximum(points.mix, LOWEST_SHARE)
        return np.asarray(-self._terms(mix) * self.exponents / mix[:, None, :] / total**2)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"floor": self.floor.tolist(), "coefficients": self.coefficients.tolist(), "exponents": self.exponents.tolist()}

    def _terms(self, mix: Doubles) -> Doubles:
        return np.asarray(self.coefficients * np.exp(self.exponents * np.log(np.maximum(mix, TINY))[:, None, :]))


def _start(losses: Doubles, m: int, part: float, exponent: float) -> Doubles:
    lowest, mean = losses.min(0), losses.mean(0)
    theta = np.empty((losses.shape[1], 2 * m + 1))
    theta[:, 0] = np.log(part * lowest)
    theta[:, 1:m + 1] = -np.log(mean - part * lowest)[:, None]
    theta[:, m + 1:] = np.log(exponent)
    return theta


def _logarithm(theta: Doubles, logs: Doubles) -> tuple[Doubles, Doubles]:
    """log L (b, n) and its derivatives by log E, log C and log γ (b, n, p); logs (n, m) of shares."""
    m = logs.shape[1]
    floor = np.exp(theta[:, 0])[:, None]
    rest, slopes = terms(theta[:, 1:m + 1], theta[:, m + 1:], logs)
    loss = floor + rest
    return np.log(loss), np.concatenate([np.broadcast_to(floor, loss.shape)[..., None], slopes], 2) / loss[..., None]


def terms(log_c: Doubles, log_exponents: Doubles, logs: Doubles) -> tuple[Doubles, Doubles]:
    """1/Σ C r^γ (b, n) and its derivatives by log C and log γ (b, n, 2m)."""
    powers = np.exp(log_exponents)[:, None, :] * logs
    each = np.exp(log_c[:, None, :] + powers)
    total = each.sum(2)
    by_term = each * (-1 / total**2)[..., None]
    return 1 / total, np.concatenate([by_term, by_term * powers], 2)
