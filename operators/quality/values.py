"""What rules look at: a column, a ratio or a product of columns, groups of rows, and values that match patterns."""

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import ConfigError

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


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
        return member(column, self.values) ^ self.negated


@dataclasses.dataclass(frozen=True, slots=True)
class ByGroup:
    """A number for each value of a column; ``default`` is for all other values and for null, None where they have none."""

    values: tuple[tuple[str, float], ...]
    default: float | None = None

    def get(self, group: str | None) -> float | None:
        """The number of one group."""
        return self.default if group is None else dict(self.values).get(group, self.default)

    @property
    def numbers(self) -> tuple[float, ...]:
        """All of them."""
        return (*(n for _, n in self.values), *(() if self.default is None else (self.default,)))


def terms(signal: str) -> tuple[str, ...]:
    """The one or two columns that the value of a signal is made of."""
    return tuple(term.strip() for term in signal.replace("*", "/").split("/"))


def check_signal(where: str, signal: str) -> None:
    """Raise ConfigError unless a signal is a column, a ratio or a product."""
    parts = terms(signal)
    if len(parts) > 2 or not all(parts) or any(len(part.split()) != 1 for part in parts):
        raise ConfigError(f"{where}: signal {signal!r} is not a column, 'a / b' or 'a * b'")


def value(batch: pa.RecordBatch, signal: str) -> Floats:
    """The value of each row in float64, NaN where it is not applicable: null, NaN and 0/0.

    Times are microseconds since 1970.
    """
    parts = [_floats(batch.column(term)) for term in terms(signal)]
    if len(parts) == 1:
        return parts[0]
    if "*" in signal:
        return parts[0] * parts[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return parts[0] / parts[1]


def _floats(column: pa.Array) -> Floats:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), math.nan))


def by_group(column: pa.Array, numbers: ByGroup) -> Floats:
    """The number of each row's group, NaN where it has none."""
    codes, groups = group_codes(column)
    table = [numbers.get(group) for group in groups]
    return np.array([math.nan if n is None else n for n in table], np.float64)[codes]


def group_codes(column: pa.Array) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """The place of each row's group among the groups of the batch, null being one of them."""
    encoded = column.dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices).astype(np.int64), encoded.dictionary.to_pylist()


def member(column: pa.Array, values: Sequence[str | int]) -> Flags:
    """Which rows hold one of the values; ``*`` in a text stands for any characters. A null holds none."""
    options = pa.array(values, column.type if pa.types.is_string(column.type) else None)
    if pa.types.is_string(column.type) and any("*" in str(value) for value in values):
        patterns = re.compile("|".join(".*".join(map(re.escape, str(v).split("*"))) for v in values), re.DOTALL)
        there = [one for one in pc.unique(column).to_pylist() if one is not None and patterns.fullmatch(one)]
        options = pa.array(there, column.type)
    return np.asarray(pc.and_(pc.is_in(column, value_set=options.cast(column.type)), column.is_valid()))


def type_of(column: str, schema: pa.Schema, where: str) -> pa.DataType:
    """A column's type. Raises ConfigError with the nearest right name where there is no such column."""
    if column not in schema.names:
        raise ConfigError(f"{where}: there is no signal {column!r}{nearest(column, schema.names)}; there is "
                          f"{', '.join(sorted(schema.names))}")
    return schema.field(column).type


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of a type can be bounded by numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def can_hold(kind: pa.DataType, values: Sequence[str | int]) -> bool:
    """Whether a column of a type can hold the values of a list: texts, truth values or whole numbers."""
    wanted = str if pa.types.is_string(kind) else bool if pa.types.is_boolean(kind) else int
    if (wanted is int and not is_numeric(kind)) or any(type(value) is not wanted for value in values):
        return False
    try:
        pa.array(values).cast(kind)
    except (pa.ArrowException, OverflowError):
        return False
    return True


def check_text(column: str | None, schema: pa.Schema, where: str, key: str) -> None:
    """Raise ConfigError unless the column that ``key`` names holds text."""
    if column is not None and not pa.types.is_string(kind := type_of(column, schema, where)):
        raise ConfigError(f"{where}: {key} needs a string column; {column!r} is {kind}")


def nearest(name: str, options: Iterable[str]) -> str:
    """A question that names the most similar option, or nothing."""
    found = difflib.get_close_matches(name, list(options), n=1, cutoff=0.5)
    return f": did you mean {found[0]!r}?" if found else ""
