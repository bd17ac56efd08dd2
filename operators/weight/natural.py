"""Natural proportions: each domain's share of the available tokens."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from corpusmill.operators.weight.shares import check_available, proportions


@dataclasses.dataclass(frozen=True)
class Natural:
    """p ∝ U, with U the available tokens of a domain: all domains are seen for the same number of epochs."""

    version: ClassVar[str] = "1"

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions; raises DataError where no domain has a token."""
        return proportions({name: Fraction(tokens) for name, tokens in check_available(available).items()})
