"""What laws in parameters and tokens share: sizes on a scale of their own, and the term A / N^a of every problem.

    b problems · n runs
"""

import dataclasses

import numpy as np

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Doubles, Points

SIZES = ("parameters", "tokens")
COLUMNS = {"parameters": "n_params", "tokens": "tokens"}
SAME = 0.02  # of a logarithm, up to which a size is the one that was run


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """Sizes are counted in these: their medians, so that coefficients are losses there."""

    parameters: float
    tokens: float
    varied: tuple[bool, bool] = (True, True)  # whether the runs say anything of other parameters, of other tokens

    @classmethod
    def of(cls, points: Points, law: str) -> "Scale":
        """Raises DataError where sizes are not known, or where neither varies."""
        sizes = [sizes_of(points, name, law) for name in SIZES]
        varied = (bool(np.ptp(sizes[0]) > 0), bool(np.ptp(sizes[1]) > 0))
        if not any(varied):
            raise DataError(f"law {law} needs runs of different n_params or tokens; all have {sizes[0][0]:.0f} and "
                            f"{sizes[1][0]:.0f}")
        return cls(float(np.median(sizes[0])), float(np.median(sizes[1])), varied)

    @classmethod
    def restored(cls, numbers: Doubles) -> "Scale":
        """From ``numbers``."""
        return cls(float(numbers[0]), float(numbers[1]), (bool(numbers[2]), bool(numbers[3])))

    @property
    def numbers(self) -> list[float]:
        """As JSON."""
        return [self.parameters, self.tokens, *map(float, self.varied)]

    def logs(self, points: Points, law: str) -> tuple[Doubles, Doubles]:
        """log N and log D on this scale, (n,) each. Raises DataError for a size of which the runs said nothing."""
        found = (np.log(sizes_of(points, "parameters", law) / self.parameters),
                 np.log(sizes_of(points, "tokens", law) / self.tokens))
        for name, varied, logs in zip(SIZES, self.varied, found, strict=True):
            if not varied and np.abs(logs).max(initial=0) > SAME:
                raise DataError(f"law {law} is asked about other {name} than its runs had, which were all "
                                f"{getattr(self, name):.0f}: fit it on runs of several {COLUMNS[name]}")
        return found


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
