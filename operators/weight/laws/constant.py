"""The mean loss, whatever the mixture: what any law must beat."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.fitting import checked, read
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class Constant:
    """No hyperparameters."""

    name: ClassVar[str] = "constant"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, points: Points, losses: Doubles) -> "ConstantFit":
        """From at least 1 run."""
        _, losses = checked(points, losses, 1, self.name)
        return ConstantFit(losses.mean(0))

    def restore(self, parameters: Mapping[str, Any]) -> "ConstantFit":
        """From ``ConstantFit.parameters``."""
        return ConstantFit(*read(parameters, self.name, mean=1))


@dataclasses.dataclass(frozen=True, slots=True)
class ConstantFit:
    """The mean of every target."""

    mean: Doubles  # (t,), nats per token

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.tile(self.mean, (len(points), 1))

    def gradient(self, points: Points) -> Doubles:
        """Zeros, (n, t, m)."""
        return np.zeros((len(points), len(self.mean), points.mix.shape[1]))

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"mean": self.mean.tolist()}
