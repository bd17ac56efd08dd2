"""UniMax: as even as an epoch cap allows (Chung et al. 2023, arXiv 2304.09151, algorithm 1)."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.shares import check_available, check_positive, proportions


@dataclasses.dataclass(frozen=True)
class UniMax:
    """Equal shares of a token budget, except that no domain is repeated more than ``max_epochs`` times.

    ``budget`` is in tokens; None stands for all that is available. The larger the budget, the more domains reach the
    cap; from max_epochs × available on all have, and the proportions are natural.
    """

    budget: int | None = None
    max_epochs: float = 4.0
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.budget is not None and (not isinstance(self.budget, int) or self.budget <= 0):
            raise ConfigError(f"weigh.budget must be a whole number of tokens above 0, got {self.budget!r}: leave it "
                              "null for all available tokens")
        check_positive(self.max_epochs, "weigh.max_epochs")

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions; raises DataError where no domain has a token."""
        tokens = check_available(available)
        left = Fraction(sum(tokens.values()) if self.budget is None else self.budget)
        cap = Fraction(self.max_epochs)
        given: dict[str, Fraction] = {}
        for name in sorted(tokens, key=lambda name: (tokens[name], name)):
            given[name] = min(left / (len(tokens) - len(given)), cap * tokens[name])
            left -= given[name]
        return proportions(given)
