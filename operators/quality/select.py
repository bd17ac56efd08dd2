"""Rules over signals: which documents are kept, and why the others are not.

A rule bounds one value of a document. Rules are tried in order and the first that fails gives the reason. Thresholds
can therefore change without the text being read again.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DECISIONS, require

Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """Limits a rule to the rows whose ``column`` holds one of ``values``, or ``negated`` to the others.

    ``*`` in a value stands for any characters. A null holds none of the values.
    """

    column: str
    values: tuple[str, ...]
    negated: bool = False

    def holds(self, column: pa.Array) -> Flags:
        """For which rows of the column the rule is meant."""
        patterns = re.compile("|".join(".*".join(map(re.escape, value.split("*"))) for value in self.values), re.DOTALL)
        there = [value for value in pc.unique(column).to_pylist() if value is not None and patterns.fullmatch(value)]
        return _member(column, there) ^ self.negated


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """Keeps a document where ``min <= value <= max``, or where the value is one of ``isin``.

    ``signal`` names a column (``text.words``), a ratio (``text.alpha_chars / text.chars``) or a product (``a * b``).
    Ratios and products are computed in float64, which is exact to the last bit for counts below 2^53: 1/10 equals the
    bound 0.1. A null, a NaN and 0/0 mean «not applicable»: the rule does not fire, and the row is counted as
    ``not_applicable.{reason}``.

    Raises ConfigError for a rule that could never decide anything.
    """

    reason: str
    signal: str
    min: float | None = None
    max: float | None = None
    isin: tuple[str | int, ...] | None = None
    when: Condition | None = None

    def __post_init__(self) -> None:
        bounds = self.min is not None or self.max is not None
        if not self.reason or not self.signal:
            raise ConfigError(f"a rule needs a reason and a signal; got reason {self.reason!r}, signal {self.signal!r}")
        if bounds == (self.isin is not None):
            raise ConfigError(f"rule {self.reason!r} needs min, max or both, or else isin")
        if self.isin is not None and (not self.isin or not self.is_column):
            raise ConfigError(f"rule {self.reason!r}: isin needs values, and a column; got signal {self.signal!r}")
        if any(bound is not None and not math.isfinite(bound) for bound in (self.min, self.max)):
            raise ConfigError(f"rule {self.reason!r}: min and max must be finite; got {self.min} and {self.max}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ConfigError(f"rule {self.reason!r} drops everything: min {self.min} is above max {self.max}")
        terms = self.terms
        if len(terms) > 2 or not all(terms) or any(len(term.split()) != 1 for term in terms):
            raise ConfigError(f"rule {self.reason!r}: signal {self.signal!r} is not a column, 'a / b' or 'a * b'")

    @property
    def terms(self) -> tuple[str, ...]:
        """The one or two columns that the value is made of."""
        return tuple(term.strip() for term in self.signal.replace("*", "/").split("/"))

    @property
    def is_column(self) -> bool:
        """Whether the value is a column as it stands."""
        return len(self.terms) == 1


def select(batch: pa.RecordBatch, rules: Sequence[Rule]) -> Outcome:
    """The DECISIONS of a batch that holds ``doc_id`` and the columns that the rules read.

    Counts ``rows_in``, ``kept``, ``dropped.{reason}`` for every rule and ``not_applicable.{reason}`` where there are
    any, of the rows that no earlier rule dropped. Raises ConfigError for a missing column.
    """
    require(batch, [DECISIONS.field("doc_id")], "the batch to decide on")
    check(rules, batch.schema)
    decided = np.full(batch.num_rows, -1, np.int32)
    counts = {"rows_in": batch.num_rows, "kept": 0} | {f"dropped.{rule.reason}": 0 for rule in rules}
    for index, rule in enumerate(rules):
        reached = decided < 0
        if rule.when is not None:
            reached &= rule.when.holds(batch.column(rule.when.column))
        fails, known = _judge(batch, rule)
        decided[reached & fails] = index
        counts[f"dropped.{rule.reason}"] += int((reached & fails).sum())
        if unknown := int((reached & ~known).sum()):
            key = f"not_applicable.{rule.reason}"
            counts[key] = counts.get(key, 0) + unknown
    keep = decided < 0
    counts["kept"] = int(keep.sum())
    reasons = pa.array([rule.reason for rule in rules], pa.string()).take(pa.array(decided, mask=keep))
    return Outcome(pa.record_batch([batch.column("doc_id"), pa.array(keep), reasons], schema=DECISIONS), counts)


def values(batch: pa.RecordBatch, rule: Rule) -> npt.NDArray[np.float64]:
    """The value that the rule bounds, for each row; NaN where it is not applicable or the rule is not meant for the row.

    Rows that an earlier rule drops have theirs too. Raises ConfigError for a rule with ``isin``, which bounds nothing.
    """
    if rule.isin is not None:
        raise ConfigError(f"rule {rule.reason!r} has no bounds: it lists values")
    found = _value(batch, rule)
    return found if rule.when is None else np.where(rule.when.holds(batch.column(rule.when.column)), found, np.nan)


def columns_read(rules: Iterable[Rule]) -> set[str]:
    """Every column that the rules name, those of their conditions included."""
    rules = tuple(rules)
    return {term for rule in rules for term in rule.terms} | {rule.when.column for rule in rules if rule.when}


def check(rules: Iterable[Rule], schema: pa.Schema) -> None:
    """Raise ConfigError unless ``schema`` has every column that the rules name, with a type that they can judge."""
    for index, rule in enumerate(rules):
        where = f"rules[{index}] ({rule.reason})"
        for term in rule.terms:
            kind = _type_of(term, schema, where)
            if rule.isin is None and not _is_numeric(kind):
                raise ConfigError(f"{where}: {term!r} is {kind}, which has no min or max; use isin")
            if rule.isin is not None and pa.types.is_string(kind) != all(isinstance(v, str) for v in rule.isin):
                raise ConfigError(f"{where}: {term!r} is {kind}, which none of {list(rule.isin)} can be")
        if rule.when is not None and not pa.types.is_string(_type_of(rule.when.column, schema, where)):
            raise ConfigError(f"{where}: when needs a string column; {rule.when.column!r} is "
                              f"{schema.field(rule.when.column).type}")


def parse_rules(entries: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Rules from plain mappings with the fields of ``Rule``; ``when`` is ``{column: [values]}`` or, for all other rows,
    ``{column: {not_in: [values]}}``.

    Raises ConfigError that names the rule's index, the key, and the nearest right key.
    """
    return tuple(_parse(index, entry) for index, entry in enumerate(entries))


def _parse(index: int, entry: Mapping[str, Any]) -> Rule:
    where = f"rules[{index}]"
    if not isinstance(entry, Mapping):
        _refuse(where, entry, "a mapping with reason, signal and min, max or isin")
    fields = [field.name for field in dataclasses.fields(Rule)]
    for key in entry:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}{_nearest(str(key), fields)}; there is {', '.join(fields)}")
    for key in ("reason", "signal"):
        if not isinstance(entry.get(key), str):
            _refuse(f"{where}.{key}", entry.get(key), "a string")
    for key in ("min", "max"):
        if not isinstance(entry.get(key), int | float | None) or isinstance(entry.get(key), bool):
            _refuse(f"{where}.{key}", entry[key], "a number")
    isin, when = entry.get("isin"), entry.get("when")
    try:
        return Rule(entry["reason"], entry["signal"], entry.get("min"), entry.get("max"),
                    None if isin is None else _values(f"{where}.isin", isin, str | int),
                    None if when is None else _condition(f"{where}.when", when))
    except ConfigError as error:
        raise ConfigError(f"{error}" if f"{error}".startswith(where) else f"{where}: {error}") from None


def _condition(where: str, entry: Any) -> Condition:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        _refuse(where, entry, "one column with the values that it must have, such as {source: [web]}")
    column, values = next(iter(entry.items()))
    if not isinstance(values, Mapping):
        return Condition(str(column), _values(f"{where}.{column}", values, str))
    if list(values) != ["not_in"]:
        _refuse(f"{where}.{column}", values, "a list of values, or not_in with one")
    return Condition(str(column), _values(f"{where}.{column}.not_in", values["not_in"], str), negated=True)


def _values(where: str, entry: Any, kind: Any) -> tuple[Any, ...]:
    listed = isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) > 0
    if not listed or not all(isinstance(value, kind) for value in entry):
        _refuse(where, entry, "a list of values")
    return tuple(entry)


def _refuse(where: str, value: object, wanted: str) -> NoReturn:
    raise ConfigError(f"{where} must be {wanted}; got {value!r}")


def _nearest(name: str, options: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(options), n=1, cutoff=0.5)
    return f": did you mean {found[0]!r}?" if found else ""


def _type_of(column: str, schema: pa.Schema, where: str) -> pa.DataType:
    if column not in schema.names:
        raise ConfigError(f"{where}: there is no signal {column!r}{_nearest(column, schema.names)}; there is "
                          f"{', '.join(sorted(schema.names))}")
    return schema.field(column).type


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _member(column: pa.Array, values: Sequence[str | int]) -> Flags:
    options = pa.array(values, column.type if pa.types.is_string(column.type) else None)
    return np.asarray(pc.and_(pc.is_in(column, value_set=options.cast(column.type)), column.is_valid()))


def _judge(batch: pa.RecordBatch, rule: Rule) -> tuple[Flags, Flags]:
    """Which rows fail the rule, and for which it is applicable."""
    if rule.isin is not None:
        column = batch.column(rule.signal.strip())
        known = np.asarray(column.is_valid())
        return known & ~_member(column, rule.isin), known
    value = _value(batch, rule)
    known = ~np.isnan(value)
    fails = np.zeros(batch.num_rows, np.bool_)
    if rule.min is not None:
        fails |= value < rule.min
    if rule.max is not None:
        fails |= value > rule.max
    return fails, known


def _value(batch: pa.RecordBatch, rule: Rule) -> npt.NDArray[np.float64]:
    """The value of each row, NaN where it is not applicable."""
    parts = [_floats(batch.column(term)) for term in rule.terms]
    if len(parts) == 1:
        return parts[0]
    if "*" in rule.signal:
        return parts[0] * parts[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return parts[0] / parts[1]


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), math.nan))
