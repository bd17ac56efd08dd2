"""Least squares for laws: many problems of one form at once, damped Gauss-Newton steps, robust, the same result every time.

    b problems (targets × starts) · n runs · p parameters

Laws are fitted in log loss, so that residuals are relative errors whatever the size of a target's loss.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.runs import Doubles, Points

Model = Callable[[Doubles], tuple[Doubles, Doubles]]  # (b, p) → predictions (b, n), their derivatives (b, n, p)
CALM = 6  # steps in a row that gain nothing, after which a problem is solved
LONGEST = 2.0  # of a step in any parameter: they are logarithms


@dataclasses.dataclass(frozen=True, slots=True)
class Objective:
    """What is minimised: Σ Huber(prediction - observed) + ½ (θ - centre)ᵀ penalty (θ - centre)."""

    huber: float  # residuals beyond it count linearly; at most about that matter as squares
    penalty: Doubles  # (p, p), positive semidefinite
    centre: Doubles  # (p,)

    def value(self, residuals: Doubles, theta: Doubles) -> Doubles:
        """Of each problem, (b,)."""
        size, away = np.abs(residuals), theta - self.centre
        kept = np.where(size <= self.huber, 0.5 * size**2, self.huber * (size - 0.5 * self.huber))
        return np.asarray(kept.sum(1) + 0.5 * ((away @ self.penalty) * away).sum(1))


def ordered(points: Points, losses: Doubles) -> tuple[Points, Doubles]:
    """The runs in an order of their own, so that sums are rounded the same whatever the order of the table."""
    rows = order(points, losses)
    return points.take(rows), losses[rows]


def order(points: Points, losses: Doubles) -> npt.NDArray[np.intp]:
    """That order, as places."""
    sizes = [part for part in (points.parameters, points.tokens) if part is not None]
    return np.asarray(np.lexsort([*losses.T, *sizes, *points.mix.T]))


def checked(points: Points, losses: Doubles, least: int, law: str) -> tuple[Points, Doubles]:
    """The runs in order. Raises DataError where they are fewer than ``least``, or a loss is not above 0."""
    if len(points) < least:
        raise DataError(f"law {law} cannot be fitted on {len(points)} runs: give at least {least}")
    if not (np.isfinite(losses).all() and (losses > 0).all()):
        raise DataError(f"law {law} is fitted on losses above 0, of which {int((~(losses > 0)).sum())} are not")
    return ordered(points, losses)


def minimise(model: Model, starts: Doubles, observed: Doubles, objective: Objective, steps: int = 200,
             gain: float = 1e-10) -> tuple[Doubles, Doubles]:
    """Parameters (b, p) and the objective's values (b,) where each problem's steps end.

    ``model`` is asked for all problems at once. A step is taken where it lowers the objective, and damped more where not; a
    problem ends when steps gain less than ``gain`` of its value.
    """
    theta, damping = starts.copy(), np.full(len(starts), 1e-2)
    predicted, slope = model(theta)
    residuals = predicted - observed
    value = objective.value(residuals, theta)
    calm = np.zeros(len(starts), np.int64)
    for _ in range(steps):
        step = _step(slope, residuals, theta, objective, damping)
        tried = theta + np.where(calm[:, None] < CALM, step, 0.0)
        predicted, steeper = model(tried)
        reached = objective.value(predicted - observed, tried)
        better = reached < value
        calm = np.where(better & (value - reached > gain * value), 0, calm + 1)
        theta[better], value[better] = tried[better], reached[better]
        residuals[better], slope[better] = (predicted - observed)[better], steeper[better]
        damping = np.where(better, damping / 3, damping * 4).clip(1e-9, 1e9)
        if (calm >= CALM).all():
            break
    return theta, value


def _step(slope: Doubles, residuals: Doubles, theta: Doubles, objective: Objective, damping: Doubles) -> Doubles:
    """Of iteratively reweighted Gauss-Newton, (b, p)."""
    weighted = slope / np.maximum(1, np.abs(residuals) / objective.huber)[..., None]
    turned = np.swapaxes(weighted, 1, 2)
    curvature = turned @ slope + objective.penalty
    downhill = (turned @ residuals[..., None])[..., 0] + (theta - objective.centre) @ objective.penalty
    diagonal = np.maximum(np.einsum("bpp->bp", curvature), 1e-10)
    curvature = curvature + (damping[:, None] * diagonal)[:, :, None] * np.eye(theta.shape[1])
    return np.clip(-np.linalg.solve(curvature, downhill[..., None])[..., 0], -LONGEST, LONGEST)


def best_of(starts: int, theta: Doubles, value: Doubles) -> Doubles:
    """Of problems that were begun from several starts (starts × t of them, start by start), the lowest end of each, (t, p)."""
    ends = value.reshape(starts, -1)
    return np.asarray(theta.reshape(starts, ends.shape[1], -1)[ends.argmin(0), np.arange(ends.shape[1])])


def read(parameters: Mapping[str, Any], law: str, **dimensions: int) -> list[Doubles]:
    """The arrays of those names, each of so many dimensions. Raises DataError where one is not there, or is none."""
    found = []
    for name, dimension in dimensions.items():
        try:
            array = np.array(parameters[name], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"no parameters of law {law}: {name} is missing or not of numbers") from error
        if array.ndim != dimension:
            raise DataError(f"no parameters of law {law}: {name} has {array.ndim} dimensions, not {dimension}")
        found.append(array)
    return found


def positive(law: object, *names: str) -> None:
    """Raise ConfigError unless these hyperparameters are numbers above 0."""
    for name in names:
        value = getattr(law, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise ConfigError(f"law.{name}={value!r}: give a number above 0")


def folds(keys: Sequence[bytes], parts: int, seed: int = 0) -> npt.NDArray[np.intp]:
    """A fold for each key, 0 to parts - 1: by hash, equal keys together, and folds of equally many distinct keys."""
    def rank(key: bytes) -> bytes:
        return hashlib.blake2b(key, digest_size=16, salt=seed.to_bytes(8, "little")).digest()

    places = {key: place % parts for place, key in enumerate(sorted(set(keys), key=rank))}
    return np.array([places[key] for key in keys], np.intp)


def mixtures(points: Points) -> list[bytes]:
    """A key of each run that is the same for equal mixtures."""
    return [row.tobytes() for row in points.mix.round(9) + 0.0]  # no -0.0, which equals 0.0 in other bytes
