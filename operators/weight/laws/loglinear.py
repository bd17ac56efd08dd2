"""The log-linear law, L = exp(Σ_j t_j r_j): the exponential law without a floor, fitted in closed form."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.weight.laws.exponential import ExponentialFit
from corpusmill.operators.weight.laws.fitting import checked, read
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class LogLinear:
    """Least squares of log losses; where runs are fewer than domains, the shortest solution."""

    name: ClassVar[str] = "loglinear"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, points: Points, losses: Doubles) -> ExponentialFit:
        """From at least 2 runs."""
        points, losses = checked(points, losses, 2, self.name)
        slopes = np.asarray(np.linalg.lstsq(points.mix, np.log(losses), rcond=None)[0].T, np.float64)
        return ExponentialFit(np.zeros(losses.shape[1]), slopes)

    def restore(self, parameters: Mapping[str, Any]) -> ExponentialFit:
        """From ``ExponentialFit.parameters``."""
        return ExponentialFit(*read(parameters, self.name, floor=1, slopes=2))
