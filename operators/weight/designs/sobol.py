"""The simplex filled evenly: scrambled Sobol points."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from scipy.stats import qmc

from corpusmill.operators.weight.designs.space import Space
from corpusmill.operators.weight.runs import Doubles


@dataclasses.dataclass(frozen=True)
class Sobol:
    """n points, uniform on the simplex, then brought within the bounds.

    Points of the cube go to the simplex by breaking a stick, share_j = rest · (1 − (1 − u_j)^(1 / (m − j))) for j = 1 … m − 1,
    which keeps volumes, so that even points of the cube are even points of the simplex.
    """

    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def size(self, domains: int, /) -> None:
        """As many as are asked for."""

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(n, m)."""
        m = len(space)
        cube = qmc.Sobol(m - 1, scramble=True, rng=np.random.default_rng(seed)).random_base2(math.ceil(math.log2(max(2, runs))))
        rest = (1 - cube[:runs]) ** (1 / np.arange(m - 1, 0, -1))  # of the stick, after each break
        left = np.cumprod(np.concatenate([np.ones((runs, 1)), rest], 1), 1)
        return space.project(np.concatenate([left[:, :-1] - left[:, 1:], left[:, -1:]], 1))
