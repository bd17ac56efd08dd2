"""What all weighers share: the protocol, the checks on domains, and the step from weights to proportions.

An empty domain (0 tokens) has nothing to be drawn, so every weigher that derives its weights gives it the proportion 0;
an explicit recipe that asks for some of it is refused instead.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Protocol

from corpusmill.operators.errors import ConfigError, DataError


class Weigher(Protocol):
    """Derives target proportions from available tokens; a frozen dataclass whose fields are its parameters."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions that sum to 1 up to rounding, sorted by domain name."""


@dataclasses.dataclass(frozen=True)
class Weighed:
    """Proportions with what is to be told of them."""

    proportions: dict[str, float]
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # further facts of proportions.json
    notes: tuple[str, ...] = ()  # for the user


class Telling(Protocol):
    """A weigher that tells more than proportions, or reads files.

    ``reads`` names fields that say where a file or a dataset is, each with what is read: law, table or embeddings. ``weigh``
    gets what was read by the name of the field; a field that is no text was given in place and is not read.
    """

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def reads(self) -> Mapping[str, str]:
        """Field → law, table or embeddings."""

    def weigh(self, available: Mapping[str, int], read: Mapping[str, Any]) -> Weighed:
        """Tokens per domain and what was read → proportions that sum to 1 up to rounding."""


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


def check_matched(named: Iterable[str], available: Iterable[str], key: str, remedy: str) -> None:
    """Raise ConfigError, with nearest names and ``remedy``, unless both hold the same domains."""
    known, told = set(available), set(named)
    check_known(told, known, key)
    if left_out := sorted(known - told):
        near = difflib.get_close_matches(left_out[0], sorted(told), n=1)
        raise ConfigError(f"{key} does not know {', '.join(map(repr, left_out))}" + (f" (near: {near[0]!r})" if near else "")
                          + f": {remedy}")


def renamed(names: Iterable[str], rename: Mapping[str, str], key: str) -> dict[str, str]:
    """Name → name in the data. Raises ConfigError where ``rename`` names what is not there, or two become one."""
    names = list(names)
    theirs = {str(old): str(new) for old, new in rename.items()}
    for old in theirs:
        if old not in names:
            near = difflib.get_close_matches(old, names, n=1, cutoff=0.0)
            raise ConfigError(f"{key} names {old!r}, which is not there" + (f": did you mean {near[0]!r}?" if near else ""))
    found = {name: theirs.get(name, name) for name in names}
    twice = sorted({new for new in found.values() if list(found.values()).count(new) > 1})
    if twice:
        raise ConfigError(f"{key}: {' and '.join(repr(o) for o, n in found.items() if n == twice[0])} both become {twice[0]!r}")
    return found


def proportions(weights: Mapping[str, Fraction]) -> dict[str, float]:
    """Weights → proportions, sorted by name. At least one weight is positive, none is negative."""
    total = sum(weights.values(), Fraction(0))
    return {name: float(weights[name] / total) for name in sorted(weights)}


def check_share(value: object, key: str) -> None:
    """Raise ConfigError unless ``value`` is a number from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ConfigError(f"{key} must be a number from 0 to below 1, got {value!r}")
