"""A rule: bounds of a value, a list of values, or just that there is one. Each document is judged by itself."""

import dataclasses
import datetime as dt
import math

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.values import (
    ByGroup,
    Condition,
    Flags,
    Floats,
    by_group,
    can_hold,
    check_signal,
    check_text,
    is_numeric,
    member,
    terms,
    type_of,
    value,
)

Bound = float | str | ByGroup  # a number, a date or time in ISO 8601, or a number for each group
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """Keeps a document whose value lies within bounds, is one of those listed, or is none of them.

    ``signal`` names a column (``text.words``), a ratio (``text.alpha_chars / text.chars``) or a product (``a * b``).
    Ratios and products are computed in float64, which is exact to the last bit for counts below 2^53: 1/10 equals the
    bound 0.1.

    =============  ================================================================================================
    ``min, max``   inclusive bounds; ``above, below`` exclusive ones. Numbers; for a time ISO 8601 in UTC (below);
                   or with ``by`` a number for each value of a text column, and a default
    ``isin``       values that are kept; ``not_in`` values that are not. ``*`` in a text stands for any characters
    ``missing``    what a null, a NaN or 0/0 means: ``pass``, the rule is not applicable and does not fire, and the row
                   is counted as ``not_applicable.{reason}``; or ``drop``, the row fails
    ``invert``     drops what the rule would keep and keeps what it would drop; what is not applicable stays so
    ``when``       limits the rule to some rows
    =============  ================================================================================================

    A date stands for the whole day and a time for its microsecond, so ``min: 2020-01-01, max: 2020-12-31`` is the year
    2020, and so is the half-open ``min: 2020-01-01, below: 2021-01-01``. A group without a bound is not applicable.

    Raises ConfigError for a rule that could never decide anything.
    """

    reason: str
    signal: str
    min: Bound | None = None
    max: Bound | None = None
    isin: tuple[str | int, ...] | None = None
    when: Condition | None = None
    above: Bound | None = None
    below: Bound | None = None
    not_in: tuple[str | int, ...] | None = None
    by: str | None = None
    missing: str = "pass"
    invert: bool = False

    def __post_init__(self) -> None:
        if not self.reason or not self.signal:
            raise ConfigError(f"a rule needs a reason and a signal; got reason {self.reason!r}, signal {self.signal!r}")
        check_signal(f"rule {self.reason!r}", self.signal)
        check_missing(self.reason, self.missing)
        kinds = sum((self.bounded, self.isin is not None, self.not_in is not None))
        if kinds > 1 or (kinds == 0 and self.missing == "pass"):
            raise ConfigError(f"rule {self.reason!r} needs min, max or both, or else isin; above, below, not_in and "
                              "missing: drop are the others that it can have")
        for key in ("isin", "not_in"):
            if getattr(self, key) is not None and (not getattr(self, key) or not self.is_column):
                raise ConfigError(f"rule {self.reason!r}: {key} needs values, and a column; got signal {self.signal!r}")
        self._check_bounds()

    def _check_bounds(self) -> None:
        for one, other in (("min", "above"), ("max", "below")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ConfigError(f"rule {self.reason!r}: {one} and {other} are the same bound, with and without its value")
        numbers = [n for bound in self.bounds for n in (bound.numbers if isinstance(bound, ByGroup) else (bound,))]
        if any(not isinstance(n, str) and not math.isfinite(n) for n in numbers):
            raise ConfigError(f"rule {self.reason!r}: min and max must be finite; got {self.min} and {self.max}")
        if any(isinstance(bound, ByGroup) for bound in self.bounds) != (self.by is not None):
            raise ConfigError(f"rule {self.reason!r}: a bound for each group and `by`, the column that has the groups, need "
                              "each other")
        if len({isinstance(n, str) for n in numbers}) > 1:
            raise ConfigError(f"rule {self.reason!r}: bounds are numbers or dates, not both")
        if any(isinstance(bound, ByGroup) and not bound.numbers for bound in self.bounds):
            raise ConfigError(f"rule {self.reason!r}: a bound for each group needs a number for at least one")
        ends = self._ends()
        named = [group for end in ends if isinstance(end, ByGroup) for group, _ in end.values]
        for group in dict.fromkeys([*named, None]):  # None: the default, or all where there are no groups
            low, high = (end.get(group) if isinstance(end, ByGroup) else end for end in ends)
            if low is not None and high is not None and low > high:
                of = "everything" if self.by is None else f"everything of {group!r}" if group else "everything of the others"
                raise ConfigError(f"rule {self.reason!r} drops {of}: min {self._shown(group, 'min', 'above')} is above max "
                                  f"{self._shown(group, 'max', 'below')}")

    def _shown(self, group: str | None, *keys: str) -> object:
        bound = next(getattr(self, key) for key in keys if getattr(self, key) is not None)
        return bound.get(group) if isinstance(bound, ByGroup) else bound

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Those that were given."""
        return tuple(b for b in (self.min, self.above, self.max, self.below) if b is not None)

    @property
    def bounded(self) -> bool:
        """Whether there is any."""
        return bool(self.bounds)

    @property
    def timed(self) -> bool:
        """Whether the bounds are dates."""
        return any(isinstance(bound, str) for bound in self.bounds)

    @property
    def terms(self) -> tuple[str, ...]:
        """The one or two columns that the value is made of."""
        return terms(self.signal)

    @property
    def is_column(self) -> bool:
        """Whether the value is a column as it stands."""
        return len(self.terms) == 1

    @property
    def columns(self) -> set[str]:
        """Every column that the rule names."""
        return {*self.terms, *({self.when.column} if self.when else ()), *({self.by} if self.by else ())}

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raise ConfigError unless ``schema`` has every column that the rule names, with a type that it can judge."""
        for term in self.terms:
            self._check_type(term, type_of(term, schema, where), where)
        check_text(self.when.column if self.when else None, schema, where, "when")
        check_text(self.by, schema, where, "by")

    def _check_type(self, term: str, kind: pa.DataType, where: str) -> None:
        listed = self.isin or self.not_in
        if listed is not None:
            if not can_hold(kind, listed):
                raise ConfigError(f"{where}: {term!r} is {kind}, which none of {list(listed)} can be")
        elif pa.types.is_timestamp(kind):
            if self.bounded and not self.timed:
                raise ConfigError(f"{where}: {term!r} is a time: its bounds are dates such as 2020-01-31; got "
                                  f"{', '.join(map(str, self.bounds))}")
        elif self.timed:
            raise ConfigError(f"{where}: {term!r} is {kind}: its bounds are numbers; got "
                              f"{', '.join(map(str, self.bounds))}")
        elif (self.bounded or not self.is_column) and not is_numeric(kind):
            raise ConfigError(f"{where}: {term!r} is {kind}, which has no min or max; use isin")

    def _ends(self) -> tuple[float | ByGroup, float | ByGroup]:
        """The lowest and the highest value that is kept."""
        lows = [_end(b, low=True, strict=s) for b, s in ((self.min, False), (self.above, True)) if b is not None]
        highs = [_end(b, low=False, strict=s) for b, s in ((self.max, False), (self.below, True)) if b is not None]
        return lows[0] if lows else -math.inf, highs[0] if highs else math.inf

    def limits(self, batch: pa.RecordBatch) -> tuple[Floats, Floats]:
        """The lowest and the highest value of each row that is kept, infinite where there is no bound.

        Both are NaN for a row whose group has no bound.
        """
        low, high = (by_group(batch.column(self.by), end) if isinstance(end, ByGroup) and self.by
                     else np.full(batch.num_rows, end) for end in self._ends())
        nowhere = np.isnan(low) | np.isnan(high)
        return np.where(nowhere, math.nan, low), np.where(nowhere, math.nan, high)

    def judge(self, batch: pa.RecordBatch) -> tuple[Flags, Flags]:
        """Which rows fail the rule, and for which it is applicable; whatever its condition says."""
        if self.bounded:
            found = value(batch, self.signal)
            low, high = self.limits(batch)
            return verdict(self, (found < low) | (found > high), np.isnan(found), np.isnan(low))
        column = batch.column(self.terms[0]) if self.is_column else pa.array(value(batch, self.signal), from_pandas=True)
        fails = np.zeros(batch.num_rows, np.bool_)
        if self.isin is not None:
            fails = ~member(column, self.isin)
        if self.not_in is not None:
            fails = member(column, self.not_in)
        return verdict(self, fails, np.asarray(column.is_null(nan_is_null=True)), np.zeros(batch.num_rows, np.bool_))

    def values(self, batch: pa.RecordBatch) -> Floats | None:
        """What is bounded, for each row; None where nothing is."""
        return value(batch, self.signal) if self.bounded else None


def verdict(rule: object, fails: Flags, missing: Flags, undecided: Flags) -> tuple[Flags, Flags]:
    """(fails, applicable) of a rule with ``missing`` and ``invert``; ``undecided`` rows are not applicable in any case."""
    known = ~missing
    if getattr(rule, "missing", "pass") == "drop":
        known, fails = np.ones_like(known), fails | missing
    known = known & ~undecided
    return known & (fails ^ bool(getattr(rule, "invert", False))), known


def check_missing(reason: str, missing: str) -> None:
    """Raise ConfigError for a word that is neither pass nor drop."""
    if missing not in ("pass", "drop"):
        raise ConfigError(f"rule {reason!r}: missing is pass or drop; got {missing!r}")


def _end(bound: Bound, *, low: bool, strict: bool) -> float | ByGroup:
    """The outermost value that a bound keeps: an exclusive one keeps from the next float or microsecond on."""
    outward = math.inf if low else -math.inf
    if isinstance(bound, ByGroup):
        step = outward if strict else None
        pairs = tuple((group, _number(n, step)) for group, n in bound.values)
        return ByGroup(pairs, None if bound.default is None else _number(bound.default, step))
    if not isinstance(bound, str):
        return _number(bound, outward if strict else None)
    first, after = moments(bound)
    if low:
        return float(after if strict else first)
    return float(first - 1 if strict else after - 1)


def _number(bound: float, step: float | None) -> float:
    return float(bound) if step is None else math.nextafter(bound, step)


def moments(text: str) -> tuple[int, int]:
    """The microseconds since 1970 from which on and before which a date or time lies. Raises ConfigError for another text."""
    try:
        if len(text) <= len("2020-01-31"):
            first = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
            length = dt.timedelta(days=1)
        else:
            first = dt.datetime.fromisoformat(text)
            first, length = first if first.tzinfo else first.replace(tzinfo=dt.UTC), MICROSECOND
    except ValueError as error:
        raise ConfigError(f"{text!r} is neither a number nor a date such as 2020-01-31 or 2020-01-31T12:00") from error
    start = (first - EPOCH) // MICROSECOND
    return start, start + length // MICROSECOND
