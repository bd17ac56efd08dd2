"""Evaluation sets: which fields of their records are the item, and the words that these make."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from corpusmill.operators.errors import ConfigError, DataError

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class EvalSet:
    """One evaluation set: a file of records, and what of a record is text.

    An item's text is its ``query`` fields and then its ``label`` fields, a line each; lists and objects give the strings in
    them, in order. Without either, every field but that of the id counts that holds a string, or a list or object with
    strings in it. Raises ConfigError for a set without a path or a name.
    """

    path: str  # JSON Lines, JSON or Parquet
    name: str  # what a hit is reported under
    query: tuple[str, ...] = ()  # fields of the question: text, choices
    label: tuple[str, ...] = ()  # fields of the answer
    id: str | None = None  # the field that names an item; null: ``id`` where there is one, else items are numbered from 0

    def __post_init__(self) -> None:
        if not self.path or not self.name:
            raise ConfigError(f"an evaluation set needs a path and a name; got path {self.path!r}, name {self.name!r}")

    @classmethod
    def of(cls, entry: Any, where: str) -> "EvalSet":
        """From a path, or a mapping with these fields; the name is the file's unless given.

        Raises ConfigError that names what is wrong.
        """
        if isinstance(entry, EvalSet):
            return entry
        given: dict[str, Any] = {"path": entry} if isinstance(entry, str) else dict(entry) if isinstance(entry, Mapping) else {}
        fields = [field.name for field in dataclasses.fields(cls)]
        for key in given:
            if key not in fields:
                near = difflib.get_close_matches(str(key), fields, n=1)
                raise ConfigError(f"{where}.{key}: an evaluation set has {', '.join(fields)}"
                                  + (f": did you mean {near[0]!r}?" if near else ""))
        if not isinstance(given.get("path"), str):
            raise ConfigError(f"{where} must be a path, or a mapping with a path; got {entry!r}")
        for key in ("name", "id"):
            if not isinstance(given.get(key, ""), str) and not (key == "id" and given[key] is None):
                raise ConfigError(f"{where}.{key} must be a string; got {given[key]!r}: put it in quotes")
        texts = {key: _names(f"{where}.{key}", given[key]) for key in ("query", "label") if key in given}
        return cls(**{"name": _stem(given["path"])} | given | texts)

    def texts(self, records: Sequence[Record]) -> list[tuple[str, str]]:
        """The query and the label of each item; without fields of its own a query is the whole item.

        Raises ConfigError where no record has a field that is named.
        """
        if not records:
            raise DataError(f"the evaluation set {self.name!r} ({self.path}) has no records")
        known = list(dict.fromkeys(key for record in records for key in record))
        for key in (*self.query, *self.label, *([self.id] if self.id is not None else [])):
            if key not in known:
                raise ConfigError(f"evaluation set {self.name!r}: no record of {self.path} has a field {key!r}; there is "
                                  f"{', '.join(known)}")
        query = self.query if self.query or self.label else tuple(key for key in known if key != self._id)
        strict = bool(self.query or self.label)
        return [(_lines(record, query, strict), _lines(record, self.label, strict)) for record in records]

    def ids(self, records: Sequence[Record]) -> list[str]:
        """What each item is called."""
        return [str(record[self._id]) if record.get(self._id) is not None else str(i) for i, record in enumerate(records)]

    @property
    def _id(self) -> str:
        return "id" if self.id is None else self.id


def parse_sets(entries: Any) -> tuple[EvalSet, ...]:
    """The evaluation sets that a configuration lists. Raises ConfigError, also where two have one name."""
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise ConfigError(f"sets must be a list of paths, or of mappings with path, name, query and label; got {entries!r}")
    sets = tuple(EvalSet.of(entry, f"sets[{i}]") for i, entry in enumerate(entries))
    for i, one in enumerate(sets):
        if one.name in {other.name for other in sets[:i]}:
            raise ConfigError(f"two evaluation sets are named {one.name!r}: give one of them another `name`")
    return sets


def _names(where: str, value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{where} must be a field's name or a list of them; got {value!r}")
    return names


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0] or path


def _lines(record: Record, keys: Sequence[str], strict: bool) -> str:
    text = "\n".join(text for key in keys for text in _strings(record.get(key), strict))
    return text.encode("utf-8", "replace").decode()  # JSON may hold lone surrogates, which no document can


def _strings(value: Any, numbers: bool) -> list[str]:
    """The strings in a value; its numbers too where the field was asked for by name."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _strings(item, numbers)]
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [text for item in value for text in _strings(item, numbers)]
    return [str(value)] if numbers and isinstance(value, int | float) and not isinstance(value, bool) else []
