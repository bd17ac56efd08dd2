"""Any law, told how often tokens are repeated: shares become shares of effective tokens.

A mixture of D tokens takes D r_j of domain j, of which U_j are unique; they teach as much as D′_j fresh ones
(``operators.weight.repetition``, Muennighoff et al. 2023). The base law sees r′_j = D′_j / D, which sum to 1 where nothing is
repeated and to less where something is: what repeats waste is missing, as if the mixture had fewer tokens of that domain.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight import laws
from corpusmill.operators.weight.laws.contract import Fitted, Law
from corpusmill.operators.weight.laws.fitting import positive
from corpusmill.operators.weight.repetition import REPEATS, effective_tokens, slope
from corpusmill.operators.weight.runs import Doubles, Points

BASES = ("additive", "bimix")


@dataclasses.dataclass(frozen=True)
class Repetition:
    """The base law, with its defaults, on shares of effective tokens."""

    base: str = "additive"  # additive or bimix
    repeats: float = REPEATS  # R*_D: after so many repeats a token teaches 1/e of what it did
    name: ClassVar[str] = "repetition"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({"tokens", "unique"})

    def __post_init__(self) -> None:
        positive(self, "repeats")
        if self.base not in BASES:
            raise ConfigError(f"law.base={self.base}: give {' or '.join(BASES)}, by which a smaller share never helps; by "
                              "others tokens that repeats waste would look like a gain")

    def fit(self, points: Points, losses: Doubles) -> "RepetitionFit":
        """From as many runs as the base law."""
        return RepetitionFit(self._law().fit(Points(effective_shares(points, self.repeats)), losses), self.repeats)

    def restore(self, parameters: Mapping[str, Any]) -> "RepetitionFit":
        """From ``RepetitionFit.parameters``."""
        return RepetitionFit(laws.inner(self._law(), parameters, "base", self.name), self.repeats)

    def _law(self) -> Law:
        return laws.law_of(self.base)


@dataclasses.dataclass(frozen=True, slots=True)
class RepetitionFit:
    """The base law, fitted on effective shares."""

    base: Fitted
    repeats: float

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return self.base.predict(Points(effective_shares(points, self.repeats)))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m): that of the base law, by what one more token of the domain still teaches."""
        tokens, unique = _sizes(points)
        steep = self.base.gradient(Points(effective_shares(points, self.repeats)))
        return np.asarray(steep * slope(tokens[:, None] * points.mix, unique, self.repeats)[:, None, :])

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"base": self.base.parameters()}


def effective_shares(points: Points, repeats: float = REPEATS) -> Doubles:
    """D′_j / D, (n, m). Raises DataError where tokens or unique tokens are not known."""
    tokens, unique = _sizes(points)
    return np.asarray(effective_tokens(tokens[:, None] * points.mix, unique, repeats) / tokens[:, None])


def _sizes(points: Points) -> tuple[Doubles, Doubles]:
    if points.tokens is None or points.unique is None:
        lacking = "tokens" if points.tokens is None else "unique_tokens/<domain>"
        raise DataError(f"law repetition asks how often tokens are repeated, but there is no {lacking}")
    return points.tokens, points.unique
