"""The rank of documents: of two that are alike the one that ranks above stays.

A rank is the generation, then the keys that are asked for, then the doc_id; each but the last is an int64 of which lower
is better, so that documents are ordered by integers alone, in every stage alike.

    source          its place in a list of sources; those that are not in it come after all that are
    signal          a number of the annotations, the highest or the lowest first
    date            the oldest or the newest first
    length          of the text in bytes, the longest or the shortest first

What is null or not a number ranks last, whichever end is best.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import ConfigError

Integers = npt.NDArray[np.int64]

WORST = np.iinfo(np.int64).max
BEST = {"signal": ("low", "high"), "date": ("oldest", "newest"), "length": ("shortest", "longest")}  # low and high values
LAST = "doc_id"
NUMBERS = frozenset({"float", "double", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"})
_SIGN = np.int64(63)
_MAGNITUDE = np.int64(WORST)


@dataclasses.dataclass(frozen=True)
class Key:
    """One key: a ``column`` of a ``dataset``; the ``high``est value is best, or the earliest of ``order``."""

    dataset: str  # documents | annotations | signatures
    column: str
    high: bool = False
    order: tuple[str, ...] = ()

    def encode(self, values: pa.Array) -> Integers:
        """An int64 for each value, in the order of rank. Floats keep their order; -0 equals 0."""
        if self.order:
            found = pc.index_in(values, pa.array(self.order, pa.string())).cast(pa.int64())
            return _filled(found, len(self.order))
        if pa.types.is_floating(values.type):
            known = pc.is_valid(values).to_numpy(zero_copy_only=False)
            numbers = pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False) + 0.0
            bits = numbers.view(np.int64)
            found, known = bits ^ ((bits >> _SIGN) & _MAGNITUDE), known & ~np.isnan(numbers)
        else:
            known = pc.is_valid(values).to_numpy(zero_copy_only=False)
            found = _filled(values.cast(pa.int64()), 0)
        return np.where(known, ~found if self.high else found, WORST)


def _filled(values: pa.Array, missing: int) -> Integers:
    found: Integers = pc.fill_null(values, missing).to_numpy(zero_copy_only=False)
    return found


@dataclasses.dataclass(frozen=True)
class Rank:
    """The keys between the generation and the doc_id."""

    keys: tuple[Key, ...] = ()

    @property
    def columns(self) -> dict[str, tuple[str, str]]:
        """Name of each key's values → the dataset and the column that hold them."""
        return {name: (key.dataset, key.column) for name, key in zip(rank_names(len(self.keys))[1:], self.keys, strict=True)}

    @property
    def signals(self) -> list[str]:
        """The signals among them."""
        return [key.column for key in self.keys if key.dataset == "annotations"]

    def encode(self, rows: pa.RecordBatch) -> dict[str, Integers]:
        """``generation`` and the keys of rows that have ``columns``, by name."""
        found = {"generation": np.zeros(rows.num_rows, np.int64)}
        return found | {name: key.encode(rows.column(name)) for name, key in zip(self.columns, self.keys, strict=True)}

    def check(self, signals: Mapping[str, str]) -> None:
        """Raise ConfigError unless every signal is there, as a number. ``signals``: name → type."""
        for name in self.signals:
            if name not in signals:
                raise ConfigError(f"dedup.rank: there is no signal {name!r}; there is "
                                  f"{', '.join(sorted(n for n, kind in signals.items() if kind in NUMBERS)) or 'none'}")
            if signals[name] not in NUMBERS:
                raise ConfigError(f"dedup.rank: signal {name!r} is {signals[name]}; a rank takes numbers")


def rank_names(keys: int) -> list[str]:
    """The columns of a rank of so many keys, first to last but for the doc_id."""
    return ["generation", *(f"rank_{i}" for i in range(1, keys + 1))]


def rank_fields(keys: int, prefix: str = "") -> list[pa.Field]:
    """The same as Arrow fields."""
    return [pa.field(prefix + name, pa.int64(), nullable=False) for name in rank_names(keys)]


def keys_in(schema: pa.Schema) -> int:
    """How many keys the rank has that a schema holds."""
    return sum(name.startswith("rank_") for name in schema.names)


def parse(entries: Sequence[Any], sources: Iterable[str] = ()) -> Rank:
    """The rank that ``dedup.rank`` and ``dedup.source_priority`` say. Raises ConfigError.

    An entry is "source", {"signal": NAME, "best": "high" | "low"}, {"date": "oldest" | "newest"}, {"length": "longest" |
    "shortest"}, or at the end "doc_id", which is always last. "source" says nothing where no source is named.
    """
    order = tuple(sources)
    keys: list[Key] = []
    for place, entry in enumerate(entries):
        if entry == LAST and place == len(entries) - 1:
            break
        key = _key(entry, f"dedup.rank[{place}]", order)
        if any((key.dataset, key.column) == (other.dataset, other.column) for other in keys):
            raise ConfigError(f"dedup.rank[{place}]: {key.column} is in the rank already")
        keys.append(key)
    if order and not any(key.order for key in keys):
        raise ConfigError("dedup.source_priority is given, but dedup.rank does not name source")
    return Rank(tuple(key for key in keys if key.order or key.column != "source" or key.dataset != "documents"))


def _key(entry: Any, where: str, order: tuple[str, ...]) -> Key:
    if entry == "source":
        return Key("documents", "source", order=order)
    if entry == LAST:
        raise ConfigError(f"{where}: doc_id ends a rank, since no two texts share it")
    wanted = dict(entry) if isinstance(entry, Mapping) else {}
    kind = next((name for name in BEST if name in wanted), "")
    best = wanted.get("best" if kind == "signal" else kind)
    if not kind or set(wanted) != ({"signal", "best"} if kind == "signal" else {kind}) or best not in BEST[kind]:
        raise ConfigError(f"{where}={entry!r}: write source, {{signal: NAME, best: high or low}}, {{date: oldest or newest}}, "
                          "{length: longest or shortest}, or last doc_id")
    high = best == BEST[kind][1]
    if kind == "signal":
        return Key("annotations", str(wanted["signal"]), high)
    return Key("documents", "date", high) if kind == "date" else Key("signatures", "length", high)
