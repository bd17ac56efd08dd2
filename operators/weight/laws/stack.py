"""The additive law, and LightGBM on what it leaves: the form where it holds, trees where it does not."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import DataError, whole
from corpusmill.operators.weight.laws.additive import Additive, AdditiveFit
from corpusmill.operators.weight.laws.fitting import checked, folds, mixtures
from corpusmill.operators.weight.laws.lightgbm import LightGBM, LightGBMFit
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class Stack:
    """Trees learn from residuals out of fold, of additive laws that did not see them: a law's residuals on its own runs are
    too small.
    """

    parts: int = 5  # folds
    rate: float = 3e-2  # these four as in LightGBM, in larger steps: a third of the time for the same error
    most_trees: int = 400
    leaves: int = 31
    least_in_leaf: int = 20
    huber: float = 0.01  # these three as in Additive
    tie: float = 3e-3
    shrink: float = 3e-4
    name: ClassVar[str] = "stack"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        whole("law.parts", self.parts, 2, 1 << 10)
        self._form(), self._trees()

    def fit(self, points: Points, losses: Doubles) -> "StackFit":
        """From at least 2 runs for each fold."""
        points, losses = checked(points, losses, 2 * max(self.parts, self._trees().parts), self.name)
        places, left = folds(mixtures(points), self.parts, seed=1), np.empty_like(losses)
        if len(set(places)) < self.parts:
            raise DataError(f"law {self.name} needs at least {self.parts} different mixtures, there are {len(set(places))}")
        for part in range(self.parts):
            out = places == part
            apart = self._form().fit(points.take(~out), losses[~out])
            left[out] = losses[out] - apart.predict(points.take(out))
        return StackFit(self._form().fit(points, losses), self._trees().boosted(points, left))

    def restore(self, parameters: Mapping[str, Any]) -> "StackFit":
        """From ``StackFit.parameters``."""
        try:
            form, trees = parameters["form"], parameters["trees"]
        except (KeyError, TypeError) as error:
            raise DataError(f"no parameters of law {self.name}: {error!r}") from error
        return StackFit(self._form().restore(form), self._trees().restore(trees))

    def _form(self) -> Additive:
        return Additive(self.huber, self.tie, self.shrink)

    def _trees(self) -> LightGBM:
        return LightGBM(self.rate, self.most_trees, self.leaves, self.least_in_leaf)


@dataclasses.dataclass(frozen=True, slots=True)
class StackFit:
    """Their sum."""

    form: AdditiveFit
    trees: LightGBMFit

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return self.form.predict(points) + self.trees.predict(points)

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m); of the trees over a width, see ``LightGBMFit.gradient``."""
        return self.form.gradient(points) + self.trees.gradient(points)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"form": self.form.parameters(), "trees": self.trees.parameters()}
