"""The joint law: what size buys depends on the mixture (Shukor et al. 2025, arXiv 2507.09404).

L = E + 1/Σ_j C_j r_j^γ_j + A(r)/N^a + B(r)/D^b with A(r) = (Σ_j A_j r_j)^g, B(r) = (Σ_j B_j r_j)^h: the best mixture moves with
parameters and tokens.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.additive import AdditiveFit, terms
from corpusmill.operators.weight.laws.chinchilla import STARTS, TYPICAL
from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.laws.scaling import Scale
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class Joint:
    """Fitted as ``Chinchilla``. ``shrink`` draws A_j and B_j of the domains to each other, ``tie`` a and b to 0.35, g and h to
    1: where the runs do not tell domains apart, it is the chinchilla law.
    """

    huber: float = 0.01  # relative error from which a run counts linearly
    tie: float = 3e-3
    shrink: float = 3e-4
    name: ClassVar[str] = "joint"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({"parameters", "tokens"})

    def __post_init__(self) -> None:
        positive(self, "huber", "tie", "shrink")

    def fit(self, points: Points, losses: Doubles) -> "JointFit":
        """From at least 4 rows of two sizes or more."""
        points, losses = checked(points, losses, 4, self.name)
        scale, m, t = Scale.of(points, self.name), points.mix.shape[1], losses.shape[1]
        logs, sizes = np.log(np.maximum(points.mix, 1e-300)), scale.logs(points, self.name)

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            return _logarithm(theta, points.mix, logs, sizes)

        starts = np.concatenate([_start(losses, m, *start) for start in STARTS])
        theta, value = minimise(model, starts, np.tile(np.log(losses.T), (len(STARTS), 1)), self._objective(m))
        best = np.exp(best_of(len(STARTS), theta, value)).reshape(t, -1)
        form = AdditiveFit(best[:, 0], best[:, 1:m + 1], best[:, m + 1:2 * m + 1])
        return JointFit(form, best[:, 2 * m + 1:3 * m + 3], best[:, 3 * m + 3:], scale)

    def restore(self, parameters: Mapping[str, Any]) -> "JointFit":
        """From ``JointFit.parameters``."""
        arrays = read(parameters, self.name, floor=1, coefficients=2, exponents=2, by_parameters=2, by_tokens=2, scale=1)
        return JointFit(AdditiveFit(*arrays[:3]), arrays[3], arrays[4], Scale.restored(arrays[5]))

    def _objective(self, m: int) -> Objective:
        size = 4 * m + 5
        penalty, centre = np.zeros((size, size)), np.zeros(size)
        even = np.eye(m) - 1 / m + 0.01 * np.eye(m)
        penalty[1:m + 1, 1:m + 1] = self.shrink * np.eye(m)
        penalty[m + 1:2 * m + 1, m + 1:2 * m + 1] = self.tie * even
        centre[1:m + 1], centre[m + 1:2 * m + 1] = -1.0, np.log(0.4)
        for first in (2 * m + 1, 3 * m + 3):
            penalty[first:first + m, first:first + m] = self.shrink * even
            penalty[first + m:first + m + 2, first + m:first + m + 2] = self.tie * np.eye(2)
            centre[first:first + m], centre[first + m:first + m + 2] = np.log(0.1), [0.0, np.log(TYPICAL)]
        return Objective(self.huber, penalty, centre)


@dataclasses.dataclass(frozen=True, slots=True)
class JointFit:
    """E, C, γ, and what size buys, of every target."""

    form: AdditiveFit
    by_parameters: Doubles  # (t, m + 2): A of each domain, g, a on ``scale``
    by_tokens: Doubles  # (t, m + 2): B, h, b
    scale: Scale

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        n, d = self.scale.logs(points, Joint.name)
        return np.asarray(self.form.predict(points) + _bought(self.by_parameters, points.mix, n)[0]
                          + _bought(self.by_tokens, points.mix, d)[0])

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        n, d = self.scale.logs(points, Joint.name)
        return np.asarray(self.form.gradient(points) + _bought(self.by_parameters, points.mix, n)[1]
                          + _bought(self.by_tokens, points.mix, d)[1])

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return self.form.parameters() | {"by_parameters": self.by_parameters.tolist(), "by_tokens": self.by_tokens.tolist(),
                                         "scale": self.scale.numbers}


def _bought(parameters: Doubles, mix: Doubles, logs: Doubles) -> tuple[Doubles, Doubles]:
    """(Σ A_j r_j)^g / size^a (n, t) and its gradient by shares (n, t, m)."""
    coefficients, bend, steep = parameters[:, :-2], parameters[:, -2], parameters[:, -1]
    blend = mix @ coefficients.T
    term = blend**bend * np.exp(-np.outer(logs, steep))
    return np.asarray(term), np.asarray((term * bend / blend)[..., None] * coefficients)


def _start(losses: Doubles, m: int, part: float, exponent: float, steep: float) -> Doubles:
    theta = np.empty((losses.shape[1], 4 * m + 5))
    lowest, mean = losses.min(0), losses.mean(0)
    theta[:, 0] = np.log(part * lowest)
    theta[:, 1:m + 1] = -np.log(0.5 * (mean - part * lowest))[:, None]
    theta[:, m + 1:2 * m + 1] = np.log(exponent)
    for first in (2 * m + 1, 3 * m + 3):
        theta[:, first:first + m] = np.log(0.25 * (mean - part * lowest))[:, None]
        theta[:, first + m], theta[:, first + m + 1] = 0.0, np.log(steep)
    return theta


def _logarithm(theta: Doubles, mix: Doubles, logs: Doubles, sizes: tuple[Doubles, Doubles]) -> tuple[Doubles, Doubles]:
    """log L (b, n) and its derivatives (b, n, p)."""
    m = logs.shape[1]
    floor = np.exp(theta[:, 0])[:, None]
    rest, slopes = terms(theta[:, 1:m + 1], theta[:, m + 1:2 * m + 1], logs)
    one, by_one = _blended(theta[:, 2 * m + 1:3 * m + 3], mix, sizes[0])
    other, by_other = _blended(theta[:, 3 * m + 3:], mix, sizes[1])
    loss = floor + rest + one + other
    parts = np.concatenate([np.broadcast_to(floor, loss.shape)[..., None], slopes, by_one, by_other], 2)
    return np.log(loss), parts / loss[..., None]


def _blended(theta: Doubles, mix: Doubles, logs: Doubles) -> tuple[Doubles, Doubles]:
    """The term (b, n) and its derivatives by log A, log g and log a (b, n, m + 2)."""
    each = np.exp(theta[:, None, :-2]) * mix
    blend, bend, steep = each.sum(2), np.exp(theta[:, -2])[:, None], np.exp(theta[:, -1])[:, None]
    rise, fall = bend * np.log(blend), -steep * logs
    term = np.exp(rise + fall)
    by_domain = (term * bend / blend)[..., None] * each
    return term, np.concatenate([by_domain, (term * rise)[..., None], (term * fall)[..., None]], 2)
