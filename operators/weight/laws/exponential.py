"""The exponential law, L = c + k·exp(Σ_j t_j r_j), of Data Mixing Laws (Ye et al. 2024, arXiv 2403.16952).

k goes into t, as shares sum to 1. The form cannot rise steeply where the share of a target's own domain goes to zero, so it
suits designs whose shares all stay above 1-2 %.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.runs import Doubles, Points

STARTS = (0.3, 0.7, 0.9, 0.98)  # c as a part of the lowest loss


@dataclasses.dataclass(frozen=True)
class Exponential:
    """Fitted in the logarithm of losses by Huber's loss, from four values of c; t starts as the least squares of log(L - c).

    ``shrink`` draws c to half of the lowest loss and t to what gives every domain the mean loss: a unit of logarithm away
    counts as much as one run with a relative error of √shrink.
    """

    huber: float = 0.02  # relative error from which a run counts linearly
    shrink: float = 1e-6
    name: ClassVar[str] = "exponential"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        positive(self, "huber", "shrink")

    def fit(self, points: Points, losses: Doubles) -> "ExponentialFit":
        """From at least 2 runs."""
        points, losses = checked(points, losses, 2, self.name)
        mix, m = points.mix, points.mix.shape[1]

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            c, rise = np.exp(theta[:, :1]), np.exp(np.minimum(theta[:, 1:] @ mix.T, 50))
            return np.log(c + rise), np.concatenate([(c / (c + rise))[..., None], (rise / (c + rise))[..., None] * mix], 2)

        floors = np.concatenate([part * losses.min(0) for part in STARTS])
        above = np.log(np.tile(losses.T, (len(STARTS), 1)) - floors[:, None])
        starts = np.concatenate([np.log(floors)[:, None], np.linalg.lstsq(mix, above.T, rcond=None)[0].T], 1)
        centre = np.concatenate([[np.log(0.5 * losses.min())], np.full(m, np.log(losses.mean() - 0.5 * losses.min()))])
        objective = Objective(self.huber, self.shrink * np.eye(m + 1), centre)
        theta, value = minimise(model, starts, np.tile(np.log(losses.T), (len(STARTS), 1)), objective)
        best = best_of(len(STARTS), theta, value)
        return ExponentialFit(np.exp(best[:, 0]), best[:, 1:])

    def restore(self, parameters: Mapping[str, Any]) -> "ExponentialFit":
        """From ``ExponentialFit.parameters``."""
        return ExponentialFit(*read(parameters, self.name, floor=1, slopes=2))


@dataclasses.dataclass(frozen=True, slots=True)
class ExponentialFit:
    """c and t of every target."""

    floor: Doubles  # (t,), nats per token
    slopes: Doubles  # (t, m)

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.asarray(self.floor + np.exp(points.mix @ self.slopes.T))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return np.asarray(np.exp(points.mix @ self.slopes.T)[..., None] * self.slopes)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"floor": self.floor.tolist(), "slopes": self.slopes.tolist()}
