"""What all weighers share: the protocol, the checks on domains, and the step from weights to proportions.

An empty domain (0 tokens) has nothing to be drawn, so every weigher that derives its weights gives it the proportion 0;
an explicit recipe that asks for some of it is refused instead.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Protocol

from corpusmill.operators.errors import ConfigError, DataError


class Weigher(Protocol):
    """Derives target proportions from available tokens; a frozen dataclass whose fields are its parameters."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions that sum to 1 up to rounding, sorted by domain name."""


def check_positive(value: object, key: str, hint: str = "") -> None:
    """Raise ConfigError unless ``value`` is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{key} must be a number above 0, got {value!r}" + (f": {hint}" if hint else ""))


def check_available(available: Mapping[str, int]) -> dict[str, int]:
    """Tokens per domain, sorted by name.

    Raises DataError where there is no domain, a count is negative or not whole, or no domain has a token.
    """
    for name, tokens in available.items():
        if isinstance(tokens, bool) or int(tokens) != tokens or tokens < 0:
            raise DataError(f"domain {name!r} has {tokens!r} tokens; counts are whole numbers from 0")
    if not any(available.values()):
        raise DataError(f"no tokens to weigh in {len(available)} domains: look at what the filters before dropped")
    return {name: int(available[name]) for name in sorted(available)}


def check_known(named: Iterable[str], known: Iterable[str], key: str) -> None:
    """Raise ConfigError, with the nearest right name, where ``named`` holds a domain that is not in ``known``."""
    known = sorted(known)
    for name in sorted(named):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"{key} names the domain {name!r}, which is not in the data: {hint}"
                              f"There is {', '.join(known)}")


def proportions(weights: Mapping[str, Fraction]) -> dict[str, float]:
    """Weights → proportions, sorted by name. At least one weight is positive, none is negative."""
    total = sum(weights.values(), Fraction(0))
    return {name: float(weights[name] / total) for name in sorted(weights)}


def check_share(value: object, key: str) -> None:
    """Raise ConfigError unless ``value`` is a number from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigError(f"{key} must be a number from 0 to below 1, got {value!r}")
