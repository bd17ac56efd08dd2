"""The plan of a mixture: whole tokens per domain from proportions, a budget and an epoch cap.

Tokens are handed out one by one, each to the domain with the largest proportion / (tokens so far + ½) among those
below their cap; equal quotients go by name. This is the method of Webster and Sainte-Laguë (Balinski & Young, Fair
Representation, 1982) with caps. What a capped domain cannot take goes to the others in proportion, and a larger budget
never takes a token from any domain, so the documents drawn for a smaller budget are among those of a larger one.
(Rounding by largest remainder lacks this: the Alabama paradox.) The result is computed directly and exactly, in
fractions.
"""

import dataclasses
import heapq
import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.shares import check_available, check_known, check_positive

TOLERANCE = 1e-6  # how far from 1 proportions may sum


@dataclasses.dataclass(frozen=True, slots=True)
class DomainPlan:
    """What one domain gives to the mixture; ``tokens`` = ``whole_epochs`` × ``available`` + ``remainder_tokens``."""

    domain: str
    proportion: float
    available: int
    tokens: int
    epochs: float
    whole_epochs: int
    remainder_tokens: int
    capped: bool  # the epoch cap kept it from tokens that its proportion asks for


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The domains by name; ``total`` + ``shortfall`` = ``budget``."""

    budget: int
    max_epochs: float
    total: int
    shortfall: int
    domains: tuple[DomainPlan, ...]

    @property
    def capped(self) -> tuple[str, ...]:
        """The domains that the epoch cap holds below their proportion."""
        return tuple(d.domain for d in self.domains if d.capped)

    @property
    def notice(self) -> str:
        """What the user should know: a shortfall and the capped domains; empty where the plan is as asked for."""
        names = ", ".join(self.capped)
        if self.shortfall:
            return (f"{self.shortfall:,} of the budget of {self.budget:,} cannot be met: {names} at the cap of "
                    f"{self.max_epochs:g} epochs. Raise mix.max_epochs, lower mix.budget or add data")
        if names:
            return f"{names} at the cap of {self.max_epochs:g} epochs; the other domains took their rest in proportion"
        return ""

    def to_json(self) -> str:
        """The plan as JSON; equal plans give equal text."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that ``to_json`` wrote; raises DataError where it is anything else."""
        try:
            fields: dict[str, Any] = json.loads(text)
            return cls(**{**fields, "domains": tuple(DomainPlan(**d) for d in fields["domains"])})
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"not the plan of a mixture: {error}") from error


def plan(proportions: Mapping[str, float], available: Mapping[str, int], budget: int, max_epochs: float) -> Plan:
    """Whole tokens per domain that sum to ``budget``, or to what the cap of floor(max_epochs × available) allows.

    ``proportions`` and ``available`` name the same domains. Raises ConfigError where they do not or a number is out of
    range, and DataError where the mixture would be empty.
    """
    available = check_available(available)
    _check(proportions, available, budget, max_epochs)
    shares = {name: Fraction(proportions[name]) for name in available if proportions[name] > 0}
    caps = {name: math.floor(Fraction(max_epochs) * available[name]) for name in shares}
    total = min(budget, sum(caps.values()))
    if total == 0:
        raise DataError(f"the mixture would be empty: {max_epochs:g} epochs of {', '.join(shares)} hold no token")
    tokens = _apportion(shares, caps, total)
    capped = set(shares) if total < budget else _refused(shares, caps, tokens)
    rows = [_domain(name, proportions[name], available[name], tokens.get(name, 0), capped=name in capped)
            for name in available]
    return Plan(budget, float(max_epochs), total, budget - total, tuple(rows))


def _check(proportions: Mapping[str, float], available: Mapping[str, int], budget: int, max_epochs: float) -> None:
    if isinstance(budget, bool) or not isinstance(budget, int) or budget <= 0:
        raise ConfigError(f"mix.budget must be a whole number above 0, got {budget!r}")
    check_positive(max_epochs, "mix.max_epochs")
    check_known(proportions, available, "the proportions")
    missing = [name for name in available if name not in proportions]
    if missing:
        raise ConfigError(f"the proportions leave out {', '.join(map(repr, missing))}: "
                          "weigh the same domains that are mixed")
    for name, value in proportions.items():
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"the proportion of {name!r} must be a number from 0, got {value!r}")
    total = math.fsum(proportions.values())
    if abs(total - 1) > TOLERANCE:
        raise ConfigError(f"the proportions must sum to 1, got {total:.9g}")


def _level(shares: Mapping[str, Fraction], caps: Mapping[str, int], total: int) -> Fraction:
    """The level at which Σ min(cap, level × share) = total; total is at most Σ cap."""
    left, weight, level = Fraction(total), sum(shares.values(), Fraction(0)), Fraction(0)
    for name in sorted(shares, key=lambda name: caps[name] / shares[name]):
        level = left / weight
        if level * shares[name] <= caps[name]:
            break
        left -= caps[name]
        weight -= shares[name]
    return level


def _apportion(shares: Mapping[str, Fraction], caps: Mapping[str, int], total: int) -> dict[str, int]:
    """Round at the level, which is off by half a token per domain at most, then give or take the few that are left."""
    names, level = sorted(shares), _level(shares, caps, total)
    tokens = {name: min(caps[name], math.floor(level * shares[name] + Fraction(1, 2))) for name in names}
    missing = total - sum(tokens.values())
    step = 1 if missing > 0 else -1

    def turn(rank: int) -> tuple[Fraction, int]:
        # Twice the level at which the domain gets its next token, or got its last; what was given last is taken first.
        return step * (2 * tokens[names[rank]] + step) / shares[names[rank]], step * rank

    def movable(name: str) -> bool:
        return tokens[name] < caps[name] if step > 0 else tokens[name] > 0

    queue = [turn(rank) for rank, name in enumerate(names) if movable(name)]
    heapq.heapify(queue)
    for _ in range(abs(missing)):
        rank = step * heapq.heappop(queue)[1]
        tokens[names[rank]] += step
        if movable(names[rank]):
            heapq.heappush(queue, turn(rank))
    return tokens


def _refused(shares: Mapping[str, Fraction], caps: Mapping[str, int], tokens: Mapping[str, int]) -> set[str]:
    """The domains at their cap whose next token would have come before the last that was given."""
    last = max(((2 * n - 1) / shares[name], name) for name, n in tokens.items() if n)
    return {name for name, cap in caps.items() if tokens[name] == cap and ((2 * cap + 1) / shares[name], name) < last}


def _domain(name: str, proportion: float, available: int, tokens: int, *, capped: bool) -> DomainPlan:
    whole, remainder = divmod(tokens, available) if available else (0, 0)
    epochs = tokens / available if available else 0.0
    return DomainPlan(name, proportion, available, tokens, epochs, whole, remainder, capped)
