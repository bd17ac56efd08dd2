"""Which mixtures are allowed: bounds of shares, sums of groups, ratios that stay fixed, epochs; and which of these contradict.

    m domains · r free variables (a group whose ratios are fixed is one of them) · l limits
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.shares import check_known

ROUNDING = 1e-9  # by which limits may miss each other and still count as met
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclasses.dataclass(frozen=True)
class Limit:
    """row · p ≤ bound; a least share is one with a negative row."""

    name: str  # as the user set it, with the value
    row: Doubles  # (m,)
    bound: float
    kind: str  # epochs, share, group, empty
    of: str  # the domain or the group


@dataclasses.dataclass(frozen=True)
class Region:
    """The mixtures p = blend · x with x ≥ 0, Σ x = 1, that meet every limit. Columns of ``blend`` sum to 1."""

    domains: tuple[str, ...]
    blend: Doubles  # (m, r)
    limits: tuple[Limit, ...]

    @property
    def rows(self) -> Doubles:
        """The limits on x, (l, r): rows · x ≤ bounds."""
        stacked = np.array([limit.row for limit in self.limits]).reshape(len(self.limits), len(self.domains))
        return np.asarray(stacked @ self.blend)

    @property
    def bounds(self) -> Doubles:
        """(l,)."""
        return np.array([limit.bound for limit in self.limits])

    def split(self) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        """Least and greatest of each variable (r,), from limits on one variable; the other rows and their bounds."""
        rows, bounds = self.rows, self.bounds
        low, high = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
        single = (rows != 0).sum(1) == 1
        for row, bound in zip(rows[single], bounds[single], strict=True):
            place = int(np.flatnonzero(row)[0])
            if row[place] > 0:
                high[place] = min(high[place], bound / row[place])
            else:
                low[place] = max(low[place], bound / row[place])
        return low, high, rows[~single], bounds[~single]

    def missed(self, mix: Doubles) -> float:
        """By how much a mixture (m,) misses the limit that it misses most; 0 where it is allowed.

        Of fixed ratios: how far it is from the nearest mixture that has them.
        """
        over = max([0.0, *(float(limit.row @ mix - limit.bound) for limit in self.limits)])
        return max(over, float(np.abs(self.blend @ self.reduced(mix) - mix).max()))

    def reduced(self, mix: Doubles) -> Doubles:
        """x of a mixture (…, m): shares of free domains, sums of groups."""
        return np.asarray(mix @ (self.blend > 0))

    def settled(self, x: Doubles) -> Doubles:
        """x (r,) moved by rounding errors only, so that it is within its bounds and sums to 1 as nearly as doubles can."""
        low, high, rows, bounds = self.split()
        x = np.clip(x, low, np.maximum(low, high))
        for _ in range(4):
            left = 1 - float(np.sum(x))
            room = high - x if left > 0 else x - low
            if left == 0 or room.sum() <= 0:
                break
            x = np.clip(x + left * room / room.sum(), low, np.maximum(low, high))
        over = rows @ x - bounds
        if len(over) and over.max() > 0 and (inner := self._inner()) is not None:
            slack = bounds - rows @ inner
            wrong = over > 0
            x = x + float((over[wrong] / (over[wrong] + slack[wrong])).max()) * (inner - x)
        return x

    def check(self) -> None:
        """Raise ConfigError, which names limits that contradict each other, where no mixture meets all."""
        if self._gap(range(len(self.limits))) <= ROUNDING:
            return
        kept = list(range(len(self.limits)))
        for one in range(len(self.limits)):
            fewer = [other for other in kept if other != one]
            if self._gap(fewer) > ROUNDING:
                kept = fewer
        raise ConfigError(_contradiction([self.limits[one] for one in kept]))

    def _gap(self, chosen: Sequence[int]) -> float:
        """The least by which some limit must be missed; 0 or less where all can be met."""
        return self._deepest(list(chosen))[0]

    def _inner(self) -> Doubles | None:
        """A mixture that meets every limit with room to spare; None where there is none."""
        gap, x = self._deepest(list(range(len(self.limits))))
        return x if gap < -ROUNDING else None

    def _deepest(self, chosen: list[int]) -> tuple[float, Doubles]:
        r = self.blend.shape[1]
        rows, bounds = self.rows[chosen], self.bounds[chosen]
        # s ≥ row · x - bound for all; x ≥ 0 is left out of s, so that a domain may be empty.
        found = linprog(np.append(np.zeros(r), 1.0), A_ub=np.column_stack([rows, -np.ones(len(rows))]), b_ub=bounds,
                        A_eq=np.append(np.ones(r), 0.0)[None], b_eq=[1.0], bounds=[(0, 1)] * r + [(-1, None)],
                        method="highs", options=TIGHT)
        return float(found.fun), np.asarray(found.x[:r])


def region(available: Mapping[str, int], budget: int, max_epochs: float | None, shares: Mapping[str, Any],
           groups: Mapping[str, Any]) -> Region:
    """What settings allow. ``available``: tokens per domain, in order. Raises ConfigError for settings that allow nothing."""
    domains = tuple(available)
    limits = [*_epochs(available, budget, max_epochs)]
    limits += _shares(domains, shares)
    members = {str(name): _members(str(name), group, domains) for name, group in groups.items()}
    for name, group in groups.items():
        limits += _sides(f"weigh.groups.{name}", group, _row(domains, members[str(name)]), "group", str(name))
    blend = _blend(available, {name: (members[name], groups[name]["ratios"]) for name in members
                               if groups[name].get("ratios") is not None})
    made = Region(domains, blend, tuple(limits))
    made.check()
    return made


def _epochs(available: Mapping[str, int], budget: int, max_epochs: float | None) -> list[Limit]:
    domains, found = tuple(available), []
    for name, tokens in available.items():
        if tokens == 0:
            found.append(Limit(f"no tokens of {name!r}", _row(domains, [name]), 0.0, "empty", name))
        elif max_epochs is not None and max_epochs * tokens < budget:
            told = f"weigh.max_epochs={max_epochs:g} of the {tokens:,} tokens of {name!r} in weigh.budget={budget}"
            found.append(Limit(told, _row(domains, [name]), max_epochs * tokens / budget, "epochs", name))
    return found


def _shares(domains: tuple[str, ...], shares: Mapping[str, Any]) -> list[Limit]:
    check_known([str(name) for name in shares], domains, "weigh.shares")
    return [limit for name, sides in shares.items()
            for limit in _sides(f"weigh.shares.{name}", sides, _row(domains, [str(name)]), "share", str(name), ("min", "max"))]


def _sides(key: str, sides: Any, row: Doubles, kind: str, of: str,
           known: tuple[str, ...] = ("min", "max", "domains", "ratios")) -> list[Limit]:
    if not isinstance(sides, Mapping) or (unknown := sorted(set(map(str, sides)) - set(known))):
        wrong = f" has {unknown[0]!r}" if isinstance(sides, Mapping) else f"={sides!r}"
        raise ConfigError(f"{key}{wrong}: give a mapping with {', '.join(known)}")
    found = []
    for side, sign in (("min", -1.0), ("max", 1.0)):
        value = sides.get(side)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ConfigError(f"{key}.{side}={value!r}: give a share from 0 to 1")
        found.append(Limit(f"{key}.{side}={value:g}", sign * row, sign * value, kind, of))
    return found


def _members(name: str, group: Any, domains: tuple[str, ...]) -> list[str]:
    listed = group.get("domains") if isinstance(group, Mapping) else None
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        raise ConfigError(f"weigh.groups.{name}.domains={listed!r}: list the domains of the group")
    members = [str(one) for one in listed]
    check_known(members, domains, f"weigh.groups.{name}.domains")
    if len(set(members)) < len(members):
        raise ConfigError(f"weigh.groups.{name}.domains names a domain twice: {', '.join(members)}")
    return members


def _row(domains: tuple[str, ...], members: Sequence[str]) -> Doubles:
    return np.array([float(name in members) for name in domains])


def _blend(available: Mapping[str, int], fixed: Mapping[str, tuple[list[str], Any]]) -> Doubles:
    """A column for every free domain and every group of fixed ratios."""
    domains, owner = tuple(available), dict[str, str]()
    columns = []
    for group, (members, asked) in fixed.items():
        for name in members:
            if name in owner:
                raise ConfigError(f"weigh.groups.{group}.ratios: {name!r} is held by weigh.groups.{owner[name]}.ratios already")
            owner[name] = group
        ratios = _ratios(group, members, asked, available)
        columns.append([ratios.get(name, 0.0) for name in domains])
    columns += [list(_row(domains, [name])) for name in domains if name not in owner]
    return np.array(columns).T


def _ratios(group: str, members: list[str], asked: Any, available: Mapping[str, int]) -> dict[str, float]:
    key = f"weigh.groups.{group}.ratios"
    if asked == "natural":
        given = {name: float(available[name]) for name in members}
    elif isinstance(asked, Mapping) and {str(name) for name in asked} == set(members):
        given = {str(name): value for name, value in asked.items()}
    else:
        raise ConfigError(f"{key}={asked!r}: give natural, or a number for each of {', '.join(members)}")
    wrong = [v for v in given.values() if isinstance(v, bool) or not isinstance(v, int | float) or not 0 <= v < float("inf")]
    if wrong or sum(given.values()) <= 0:
        raise ConfigError(f"{key}={asked!r}: give numbers from 0, of which one is above 0")
    return {name: value / sum(given.values()) for name, value in given.items()}


def _contradiction(limits: list[Limit]) -> str:
    if len(limits) > 2 and all(limit.kind in ("epochs", "empty") for limit in limits):
        first = next(limit for limit in limits if limit.kind == "epochs").name
        budget, cap = first.rpartition(" in ")[2], first.partition(" ")[0]
        return f"{cap} of all {len(limits)} domains holds less than {budget}: lower the budget, or raise the epochs"
    if len(limits) == 1:
        return f"no mixture meets {limits[0].name}: shares are from 0 and sum to 1"
    told = ", ".join(limit.name for limit in limits[:-1]) + f" and {limits[-1].name}"
    return f"no mixture meets {told} together: loosen one of them"
