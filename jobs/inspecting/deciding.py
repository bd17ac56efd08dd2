"""What decided: the value that a rule looked at, its bound, and the kept documents that came near it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.jobs.filtering.wording import bounds
from corpusmill.operators.contract import describe
from corpusmill.operators.quality.select import Applied, Judge, Rule, columns_read, fails, meant
from corpusmill.operators.quality.values import Flags, Floats, terms, value
from corpusmill.operators.schema import DOCUMENTS

MARGIN = 0.1  # of the bound
YEAR = 365.25 * 86400e6  # microseconds: a margin of a date is a part of it
TINY = np.nextafter(0, 1)  # the float after 0


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    """What a rule saw of a document."""

    signal: str
    value: float | str | None
    rule: str  # what it keeps

    def __str__(self) -> str:
        """In a line."""
        shown = f"{self.value:,.6g}" if isinstance(self.value, int | float) else self.value
        return f"{self.signal} = {shown}; kept where {self.rule}"


def of_reason(judges: Sequence[Judge], reason: str) -> list[Judge]:
    """The rules that give a reason."""
    return [rule for rule in judges if rule.reason == reason]


def has_bound(rule: Judge) -> bool:
    """Whether values can be near what a rule draws the line at."""
    return isinstance(rule, Applied) or (isinstance(rule, Rule) and rule.bounded)


def borderline(judges: Sequence[Judge], reason: str, margin: float = MARGIN) -> Callable[[pa.RecordBatch], Flags]:
    """Which rows of a batch with ``keep`` were kept, but within ``margin`` of a bound of the reason's rules.

    That is a part of the bound, ``|value - bound| <= margin · |bound|``; of dates a part of a year. Of a bound of 0, which has
    no parts, it is the margin itself, and a value of 0 is not near it: of a rule that allows none that is all it keeps.
    """
    rules = [rule for rule in of_reason(judges, reason) if has_bound(rule)]

    def choose(rows: pa.RecordBatch) -> Flags:
        found = np.zeros(rows.num_rows, np.bool_)
        for rule in rules:
            found |= _near(rows, rule, margin) & meant(rows, rule) & ~fails(rows, rule)
        return found & np.asarray(rows.column("keep"), np.bool_)

    return choose


def _near(rows: pa.RecordBatch, rule: Judge, margin: float) -> Flags:
    near, found = np.zeros(rows.num_rows, np.bool_), rule.values(rows)
    if found is None or not isinstance(rule, Rule | Applied):
        return near
    for limit in rule.limits(rows):
        with np.errstate(invalid="ignore"):
            if isinstance(rule, Rule) and rule.timed:
                near |= np.abs(found - limit) <= margin * YEAR
            else:
                near |= np.isfinite(limit) & _within(found, limit, margin)
    return near


def _within(found: Floats, limit: Floats, margin: float) -> Flags:
    """Which values are near a number; the limit that an exclusive bound of 0 leaves is the float beside it."""
    zero = np.abs(limit) <= TINY
    near: Flags = (np.abs(found - limit) <= margin * np.where(zero, 1, np.abs(limit))) & ~(zero & (found == 0))
    return near


def decided(values: Mapping[str, Any], judges: Sequence[Judge], reason: str,
            schema: Mapping[str, pa.DataType]) -> list[Decided]:
    """What the reason's rules saw of one document; of several the ones that drop it alone, if any do."""
    rules = of_reason(judges, reason)
    names = sorted({*columns_read(rules), "doc_id"})
    row = pa.RecordBatch.from_arrays([pa.array([values[name]], schema[name]) for name in names], names=names)
    failing = [rule for rule in rules if fails(row, rule)[0]]
    return [_decided(row, rule) for rule in failing or rules]


def _decided(row: pa.RecordBatch, rule: Judge) -> Decided:
    described: Any = describe(rule.ranked if isinstance(rule, Applied) else rule)["parameters"]
    signal, kept = described["signal"], bounds(described)
    if isinstance(rule, Applied):
        low, high = (limit[0] for limit in rule.limits(row))
        cut = low if np.isfinite(low) else high
        kept = f"{kept}, which ends at {cut:,.6g}" if np.isfinite(cut) else f"{kept}, which takes all"
        found = rule.values(row)
        return Decided(signal if found is None or rule.ranked.method != "gumbel" else f"{signal}, with its noise",
                       _plain(found), kept)
    if len(terms(signal)) == 1 and (not isinstance(rule, Rule) or not rule.bounded or rule.timed):
        shown = row.column(*terms(signal))[0].as_py()
        return Decided(signal, shown if isinstance(shown, int | float | None) else str(shown), kept)
    return Decided(signal, _plain(value(row, signal)), kept)


def _plain(found: Any) -> float | None:
    return None if found is None or np.isnan(found[0]) else float(found[0])


def types(annotations: Sequence[tuple[str, str]]) -> dict[str, pa.DataType]:
    """Column → type, of documents and of annotations."""
    own = {field.name: field.type for field in DOCUMENTS}
    return {name: pa.type_for_alias(kind) for name, kind in annotations if name not in own and "[" not in kind
            and "<" not in kind} | own
