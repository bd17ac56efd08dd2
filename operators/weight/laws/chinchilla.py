"""The additive law with terms of scale: L = E + 1/Σ_j C_j r_j^γ_j + A/N^a + B/D^b (Shukor et al. 2025, arXiv 2507.09404; scale
as Hoffmann et al. 2022). The best mixture is the same at every scale: only the level moves.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.additive import AdditiveFit
from corpusmill.operators.weight.laws.additive import terms as mixed
from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.laws.scaling import Scale, power
from corpusmill.operators.weight.runs import Doubles, Points

STARTS = ((0.5, 0.3, 0.2), (0.5, 0.6, 0.4), (0.8, 0.3, 0.2))  # E as a part of the lowest loss, γ, a = b
TYPICAL = 0.35  # a and b, which few sizes do not tell
SCALED = 4  # parameters of scale


@dataclasses.dataclass(frozen=True)
class Chinchilla:
    """Fitted in logarithms of losses and of parameters by Huber's loss, as the additive law; ties as there.

    ``tie`` also draws a and b to 0.35, and ``shrink`` A and B to a tenth of a nat at the median size.
    """

    huber: float = 0.01  # relative error from which a run counts linearly
    tie: float = 3e-3
    shrink: float = 3e-4
    name: ClassVar[str] = "chinchilla"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({"parameters", "tokens"})

    def __post_init__(self) -> None:
        positive(self, "huber", "tie", "shrink")

    def fit(self, points: Points, losses: Doubles) -> "ChinchillaFit":
        """From at least 4 rows of two sizes or more."""
        points, losses = checked(points, losses, 4, self.name)
        scale, m, t = Scale.of(points, self.name), points.mix.shape[1], losses.shape[1]
        logs, sizes = np.log(np.maximum(points.mix, 1e-300)), scale.logs(points, self.name)

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            return _logarithm(theta, logs, sizes)

        starts = np.concatenate([_start(losses, m, *start) for start in STARTS])
        theta, value = minimise(model, starts, np.tile(np.log(losses.T), (len(STARTS), 1)), self._objective(m))
        best = best_of(len(STARTS), theta, value).reshape(t, -1)
        form = AdditiveFit(np.exp(best[:, 0]), np.exp(best[:, 1:m + 1]), np.exp(best[:, m + 1:2 * m + 1]))
        return ChinchillaFit(form, np.exp(best[:, -SCALED:]), scale)

    def restore(self, parameters: Mapping[str, Any]) -> "ChinchillaFit":
        """From ``ChinchillaFit.parameters``."""
        arrays = read(parameters, self.name, floor=1, coefficients=2, exponents=2, scaled=2, scale=1)
        return ChinchillaFit(AdditiveFit(*arrays[:3]), arrays[3], Scale.restored(arrays[4]))

    def _objective(self, m: int) -> Objective:
        size = 2 * m + 1 + SCALED
        penalty, centre = np.zeros((size, size)), np.zeros(size)
        penalty[1:m + 1, 1:m + 1] = self.shrink * np.eye(m)
        penalty[m + 1:2 * m + 1, m + 1:2 * m + 1] = self.tie * (np.eye(m) - 1 / m + 0.01 * np.eye(m))
        penalty[-SCALED:, -SCALED:] = np.diag([self.shrink, self.tie] * 2)
        centre[1:m + 1], centre[m + 1:2 * m + 1] = -1.0, np.log(0.4)
        centre[-SCALED:] = np.log([0.1, TYPICAL] * 2)
        return Objective(self.huber, penalty, centre)


@dataclasses.dataclass(frozen=True, slots=True)
class ChinchillaFit:
    """E, C, γ and the terms of scale of every target."""

    form: AdditiveFit
    scaled: Doubles  # (t, 4): A, a, B, b on ``scale``
    scale: Scale

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        n, d = self.scale.logs(points, Chinchilla.name)
        a, steep_a, b, steep_b = self.scaled.T
        return np.asarray(self.form.predict(points) + a * np.exp(-np.outer(n, steep_a)) + b * np.exp(-np.outer(d, steep_b)))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return self.form.gradient(points)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return self.form.parameters() | {"scaled": self.scaled.tolist(), "scale": self.scale.numbers}


def _start(losses: Doubles, m: int, part: float, exponent: float, steep: float) -> Doubles:
    theta = np.empty((losses.shape[1], 2 * m + 1 + SCALED))
    lowest, mean = losses.min(0), losses.mean(0)
    theta[:, 0] = np.log(part * lowest)
    theta[:, 1:m + 1] = -np.log(0.5 * (mean - part * lowest))[:, None]
    theta[:, m + 1:2 * m + 1] = np.log(exponent)
    theta[:, [-4, -2]] = np.log(0.25 * (mean - part * lowest))[:, None]
    theta[:, [-3, -1]] = np.log(steep)
    return theta


def _logarithm(theta: Doubles, logs: Doubles, sizes: tuple[Doubles, Doubles]) -> tuple[Doubles, Doubles]:
    """log L (b, n) and its derivatives (b, n, p)."""
    m = logs.shape[1]
    floor = np.exp(theta[:, 0])[:, None]
    rest, slopes = mixed(theta[:, 1:m + 1], theta[:, m + 1:2 * m + 1], logs)
    a, a_slope = power(theta[:, -4], theta[:, -3], sizes[0])
    b, b_slope = power(theta[:, -2], theta[:, -1], sizes[1])
    loss = floor + rest + a + b
    scaled = np.stack([a, a_slope, b, b_slope], 2)
    parts = np.concatenate([np.broadcast_to(floor, loss.shape)[..., None], slopes, scaled], 2)
    return np.log(loss), parts / loss[..., None]
