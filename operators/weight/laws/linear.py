"""The linear law, L = Σ_j a_j r_j: a blend costs the blend of what its domains cost (an intercept would add nothing, as shares
sum to 1). RegMix's baseline (Liu et al. 2024, arXiv 2407.01492).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.fitting import checked, read
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class Linear:
    """Least squares of losses; where runs are fewer than domains, the shortest solution."""

    name: ClassVar[str] = "linear"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, points: Points, losses: Doubles) -> "LinearFit":
        """From at least 2 runs."""
        points, losses = checked(points, losses, 2, self.name)
        return LinearFit(np.asarray(np.linalg.lstsq(points.mix, losses, rcond=None)[0].T, np.float64))

    def restore(self, parameters: Mapping[str, Any]) -> "LinearFit":
        """From ``LinearFit.parameters``."""
        return LinearFit(*read(parameters, self.name, slopes=2))


@dataclasses.dataclass(frozen=True, slots=True)
class LinearFit:
    """The loss of every domain alone."""

    slopes: Doubles  # (t, m), nats per token

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.asarray(points.mix @ self.slopes.T)

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return np.tile(self.slopes, (len(points), 1, 1))

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"slopes": self.slopes.tolist()}
