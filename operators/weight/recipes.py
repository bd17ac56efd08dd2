"""Published mixtures: what a paper printed, by its names of domains, with epochs, and with what is not to be had any more."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.shares import Weighed, check_available, check_known, proportions, renamed

FACTS = ("weight", "epochs", "size", "withdrawn")


@dataclasses.dataclass(frozen=True)
class Published:
    """The weights of a table, divided by their sum; or its epochs of the tokens that there are.

    Each of ``domains`` has a ``weight``; ``epochs`` of it in that training and its ``size`` where they were printed; and, where
    it was withdrawn, why. A withdrawn domain that the data lacks is left out, and the others share its weight.
    """

    domains: Mapping[str, Any]  # as published → weight, epochs, size, withdrawn
    source: str = ""  # where it was published
    unit: str = ""  # of the sizes
    rename: Mapping[str, str] | None = None  # as published → in the data
    by: str = "weight"  # weight | epochs: proportions as tokens × epochs
    absent: str = "error"  # error | zero: a domain of the recipe that the data lacks
    missing: str = "error"  # error | zero: a domain of the data that the recipe lacks
    reads: ClassVar[Mapping[str, str]] = {}
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        for key, allowed in (("by", ("weight", "epochs")), ("absent", ("error", "zero")), ("missing", ("error", "zero"))):
            if getattr(self, key) not in allowed:
                raise ConfigError(f"weigh.{key}={getattr(self, key)!r}: give {' or '.join(allowed)}")
        if not isinstance(self.domains, Mapping) or not self.domains:
            raise ConfigError(f"weigh.domains={self.domains!r}: give domain: weight, epochs, …")
        for name, facts in self.domains.items():
            _check(f"weigh.domains.{name}", facts, needed="weight")
            if self.by == "epochs" and facts.get("epochs") is None:
                raise ConfigError(f"weigh.by=epochs, but weigh.domains.{name} has none: this recipe has weights alone")

    def weigh(self, available: Mapping[str, int], read: Mapping[str, Any]) -> Weighed:
        """Proportions, with what was published. Raises ConfigError where recipe and data name different domains."""
        del read
        tokens = check_available(available)
        names = renamed([str(name) for name in self.domains], self.rename or {}, "weigh.rename")
        told = {names[str(name)]: dict(facts) for name, facts in self.domains.items()}
        gone = [name for name, facts in told.items() if facts.get("withdrawn")]
        lacking = [name for name in told if tokens.get(name, 0) == 0]
        self._matched(told, tokens, gone)
        shares = {name: self._share(told.get(name, {}), tokens[name]) for name in tokens}
        if not any(shares.values()):
            raise ConfigError("the recipe and the data have no domain in common: set weigh.rename={PUBLISHED: DOMAIN}")
        notes = tuple(f"{name} was withdrawn: {told[name]['withdrawn']}"
                      + ("; the others share its weight" if name in lacking else "; see to it that you may use it")
                      for name in gone)
        facts = {"source": self.source, "unit": self.unit, "by": self.by, "domains": told, "left_out": lacking}
        return Weighed(proportions(shares), {"published": facts}, notes)

    def _matched(self, told: Mapping[str, Any], tokens: Mapping[str, int], gone: list[str]) -> None:
        """Raise ConfigError for domains that only the recipe or only the data has, unless that was allowed."""
        wanted = [name for name in told if tokens.get(name, 0) == 0 and name not in gone and self.absent == "error"]
        extra = [name for name in tokens if name not in told and self.missing == "error"]
        if wanted:
            hint = "name yours with weigh.rename={PUBLISHED: DOMAIN}, or share its weight with weigh.absent=zero"
            check_known([name for name in wanted if name not in tokens], tokens, f"the recipe ({hint})")
            raise ConfigError(f"the recipe asks for {', '.join(map(repr, wanted))}, where there are no tokens: {hint}")
        if extra:
            raise ConfigError(f"the recipe leaves out {', '.join(map(repr, extra))}: set weigh.rename={{PUBLISHED: DOMAIN}},"
                              " or weigh.missing=zero to leave them out of the mixture")

    def _share(self, facts: Mapping[str, Any], tokens: int) -> Fraction:
        if tokens == 0 or not facts:
            return Fraction(0)
        return Fraction(facts["epochs"]) * tokens if self.by == "epochs" else Fraction(facts["weight"])


def _check(key: str, facts: Any, needed: str) -> None:
    if not isinstance(facts, Mapping) or facts.get(needed) is None or set(map(str, facts)) - set(FACTS):
        raise ConfigError(f"{key}={facts!r}: give {needed}, and of {', '.join(FACTS[1:])} what is known")
    for name in FACTS[:3]:
        value = facts.get(name)
        wrong = isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf")
        if value is not None and wrong:
            raise ConfigError(f"{key}.{name}={value!r}: give a number from 0")
