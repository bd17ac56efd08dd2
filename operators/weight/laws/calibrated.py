"""A law of many small runs, moved to where a few large ones lie: L_large = a + b · L_small, for every target.

Mixtures that are good for small models mostly are for large ones; how good, a few large runs tell. b is drawn to 1 where they
are few: with one large run only the level moves.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight import laws
from corpusmill.operators.weight.laws.contract import Fitted, Law
from corpusmill.operators.weight.laws.fitting import checked, positive, read
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """The base law on the most frequent smaller size; the line on the runs of the largest."""

    base: str = "additive"  # a law that knows of shares alone
    ridge: float = 1.0  # so many large runs say that b is 1
    name: ClassVar[str] = "calibrated"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({"parameters"})

    def __post_init__(self) -> None:
        positive(self, "ridge")
        laws.plain(self.base, self.name)

    def fit(self, points: Points, losses: Doubles) -> "CalibratedFit":
        """From runs of two sizes at least, each at its last step."""
        points, losses = checked(points, losses, 3, self.name)
        sizes = _sizes(points)
        large = float(sizes.max())
        known, counts = np.unique(sizes[sizes < large], return_counts=True)
        if not len(known):
            raise DataError(f"law {self.name} needs runs of two sizes, but all have n_params={large:.0f}")
        small = sizes == known[counts.argmax()]
        ends = _last(points)
        base = self._law().fit(_mixes(points, small & ends), losses[small & ends])
        anchors = (sizes == large) & ends
        predicted = base.predict(_mixes(points, anchors))
        level, factor = line(predicted, losses[anchors], self.ridge)
        return CalibratedFit(base, level, factor, np.array([large]), left_out(predicted, losses[anchors], self.ridge))

    def restore(self, parameters: Mapping[str, Any]) -> "CalibratedFit":
        """From ``CalibratedFit.parameters``."""
        numbers = read(parameters, self.name, level=1, factor=1, size=1, left_out=1)
        return CalibratedFit(laws.inner(self._law(), parameters, "base", self.name), *numbers)

    def _law(self) -> Law:
        return laws.law_of(self.base)


@dataclasses.dataclass(frozen=True, slots=True)
class CalibratedFit:
    """The base law and the line of every target."""

    base: Fitted
    level: Doubles  # (t,): a
    factor: Doubles  # (t,): b
    size: Doubles  # (1,): parameters from which on the line holds
    left_out: Doubles  # (t,): mean relative error on large runs, each left out of its line in turn; NaN with one

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t): of models of the large size, or where ``parameters`` are fewer, of the small one."""
        level, factor = self._line(points)
        return np.asarray(level + factor * self.base.predict(Points(points.mix)))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return np.asarray(self._line(points)[1][..., None] * self.base.gradient(Points(points.mix)))

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        numbers = {name: getattr(self, name).tolist() for name in ("level", "factor", "size")}
        left = [None if np.isnan(error) else error for error in self.left_out.tolist()]
        return numbers | {"left_out": left, "base": self.base.parameters()}

    def _line(self, points: Points) -> tuple[Doubles, Doubles]:
        large = np.full(len(points), True) if points.parameters is None else points.parameters >= self.size[0]
        return np.where(large[:, None], self.level, 0.0), np.where(large[:, None], self.factor, 1.0)


def line(small: Doubles, large: Doubles, ridge: float) -> tuple[Doubles, Doubles]:
    """a and b (t,) of least squares over the anchors (n, t), with ``ridge`` anchors more that say b = 1."""
    x, y = small - small.mean(0), large - large.mean(0)
    spread = (x**2).mean(0) * ridge + 1e-12
    factor = ((x * y).sum(0) + spread) / ((x**2).sum(0) + spread)
    return large.mean(0) - factor * small.mean(0), factor


def left_out(small: Doubles, large: Doubles, ridge: float) -> Doubles:
    """Mean relative error (t,) on each anchor by the line of the others."""
    n = len(small)
    if n < 2:
        return np.full(small.shape[1], np.nan)
    errors = []
    for i in range(n):
        others = np.arange(n) != i
        level, factor = line(small[others], large[others], ridge)
        errors.append(np.abs(level + factor * small[i] - large[i]) / large[i])
    return np.asarray(np.mean(errors, 0))


def _sizes(points: Points) -> Doubles:
    if points.parameters is None:
        raise DataError("law calibrated asks how large models are, but there is no n_params, or not for every run")
    return points.parameters


def _mixes(points: Points, rows: npt.NDArray[np.bool_]) -> Points:
    return Points(points.mix[rows])


def _last(points: Points) -> npt.NDArray[np.bool_]:
    """The rows at the most tokens of their size; all where tokens are not known."""
    sizes, tokens = _sizes(points), points.tokens
    if tokens is None:
        return np.full(len(points), True)
    return np.array([token == tokens[sizes == size].max() for size, token in zip(sizes, tokens, strict=True)])
