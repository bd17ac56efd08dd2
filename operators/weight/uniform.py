"""Uniform proportions: every domain the same, also called stratified sampling."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from corpusmill.operators.weight.shares import check_available, proportions


@dataclasses.dataclass(frozen=True)
class Uniform:
    """p = 1/n over the n domains that have tokens; small ones are repeated as far as the epoch cap allows."""

    version: ClassVar[str] = "1"

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions; raises DataError where no domain has a token."""
        return proportions({name: Fraction(tokens > 0) for name, tokens in check_available(available).items()})
