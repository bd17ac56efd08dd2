"""Temperature sampling: between natural (T = 1) and uniform (T → ∞) proportions.

Multilingual models have used it since mBERT; mT5 (Xue et al. 2021, arXiv 2010.11934) settles on an exponent of 0.3.
"""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from corpusmill.operators.weight.shares import check_available, check_positive, proportions


@dataclasses.dataclass(frozen=True)
class Temperature:
    """p ∝ U^(1/T), with U the available tokens of a domain and T the temperature."""

    temperature: float = 1 / 0.3
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        check_positive(self.temperature, "weigh.temperature",
                       "1 is natural, larger is flatter; for equal shares use weigh=uniform")

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions; raises DataError where no domain has a token."""
        tokens = check_available(available)
        largest = max(tokens.values())
        exponent = 1.0 / self.temperature
        # Scaled by the largest, the power stays within [0, 1]: 10^12 tokens at T = 0.01 would overflow a double.
        return proportions({name: Fraction((n / largest) ** exponent) for name, n in tokens.items()})
