"""What laws in parameters and tokens share: sizes on a scale of their own, and the term A / N^a of every problem.

    b problems · n runs
"""

import dataclasses

import numpy as np

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Doubles, Points

SIZES = ("parameters", "tokens")
COLUMNS = {"parameters": "n_params", "tokens": "tokens"}


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """Sizes are counted in these: their medians, so that coefficients are losses there."""

    parameters: float
    tokens: float

    @classmethod
    def of(cls, points: Points, law: str) -> "Scale":
        """Raises DataError where sizes are not known, or where neither varies."""
        sizes = [sizes_of(points, name, law) for name in SIZES]
        if all(np.ptp(size) == 0 for size in sizes):
            raise DataError(f"law {law} needs runs of different n_params or tokens; all have {sizes[0][0]:.0f} and "
                            f"{sizes[1][0]:.0f}")
        return cls(*(float(np.median(size)) for size in sizes))

    def logs(self, points: Points, law: str) -> tuple[Doubles, Doubles]:
        """log N and log D on this scale, (n,) each."""
        return (np.log(sizes_of(points, "parameters", law) / self.parameters),
                np.log(sizes_of(points, "tokens", law) / self.tokens))


def sizes_of(points: Points, name: str, law: str) -> Doubles:
    """Parameters or tokens (n,). Raises DataError where they are not known."""
    sizes: Doubles | None = getattr(points, name)
    if sizes is None:
        raise DataError(f"law {law} asks for {name}, but there is no {COLUMNS[name]}, or not for every run")
    return sizes


def power(coefficient: Doubles, exponent: Doubles, logs: Doubles) -> tuple[Doubles, Doubles]:
    """exp(coefficient) · size^-exp(exponent) and its derivative by the second logarithm, (b, n) of (b,) and (n,)."""
    falls = -np.exp(exponent)[:, None] * logs
    term = np.exp(coefficient[:, None] + falls)
    return term, term * falls
