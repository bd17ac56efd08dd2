"""What an operator is: Arrow in, Arrow out, no I/O.

An operator annotates or edits; it never drops or reorders rows. It is a frozen dataclass whose fields are its parameters,
so it pickles and its configuration is its identity. ``open`` gives the function that a worker calls batch after batch.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from corpusmill.operators.errors import ConfigError

State = TypeVar("State")


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """A processed batch, and counts that add up over batches."""

    batch: pa.RecordBatch
    counts: Mapping[str, int]


Apply = Callable[[pa.RecordBatch], Outcome]


class Operator(Protocol):
    """Annotates or edits documents."""

    @property
    def name(self) -> str:
        """The instance's name; prefixes its columns (``name.signal``)."""

    @property
    def reads(self) -> pa.Schema:
        """Columns that must be there."""

    @property
    def adds(self) -> pa.Schema:
        """Columns that it appends; those that begin with ``_`` are shared within the chain and never written."""

    @property
    def edits(self) -> frozenset[str]:
        """``{}`` or ``{"text"}``; an edit invalidates every ``_`` column."""

    @property
    def artifacts(self) -> Mapping[str, str]:
        """Name → digest of each artifact that it applies."""

    @property
    def exact(self) -> bool:
        """True where the same rows give the same bytes, whatever batch they travel in."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that processes batches; ``files`` holds the artifacts by name."""


class Fit(Protocol[State]):
    """Learns an artifact; ``merge`` is associative and commutative."""

    def partial(self, batch: pa.RecordBatch, /) -> State:
        """What one batch tells."""

    def merge(self, a: State, b: State, /) -> State:
        """What two states tell together."""

    def finish(self, state: State, /) -> bytes:
        """The artifact."""


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """Operators in order, checked end to end: each sees the text as those before it left it."""

    operators: tuple[Operator, ...]

    @property
    def signals(self) -> pa.Schema:
        """The columns that the chain writes, in order."""
        return pa.schema([f for op in self.operators for f in op.adds if not f.name.startswith("_")])

    @property
    def edits(self) -> bool:
        """Whether any operator edits the text."""
        return any("text" in op.edits for op in self.operators)

    def open(self, files: Mapping[str, Mapping[str, Path]] | None = None) -> Apply:
        """One function for the whole chain; ``files`` is instance name → artifact name → path."""
        steps = [(op, op.open((files or {}).get(op.name, {}))) for op in self.operators]

        def apply(batch: pa.RecordBatch) -> Outcome:
            counts: dict[str, int] = {}
            for op, step in steps:
                outcome = step(batch)
                batch = outcome.batch
                if op.edits:
                    batch = batch.select([n for n in batch.schema.names if not n.startswith("_")])
                for key, n in outcome.counts.items():
                    counts[f"{op.name}.{key}"] = counts.get(f"{op.name}.{key}", 0) + n
            return Outcome(batch, counts)

        return apply


def chain(operators: Iterable[Operator], given: pa.Schema) -> Chain:
    """Check ``reads`` / ``adds`` / ``edits`` from the first operator to the last.

    Raises ConfigError where two instances share a name, a column is read before it exists (or after an edit invalidated
    it), has another type, or is written twice.
    """
    operators = tuple(operators)
    columns = {f.name: f.type for f in given}
    names: set[str] = set()
    for op in operators:
        if op.name in names:
            raise ConfigError(f"two operators are named {op.name!r}: give one of them another `name`")
        names.add(op.name)
        for field in op.reads:
            if field.name not in columns:
                raise ConfigError(f"operator {op.name!r} reads {field.name!r}, which no operator before it adds; "
                                  f"there is {', '.join(sorted(columns))}")
            if columns[field.name] != field.type:
                raise ConfigError(f"operator {op.name!r} reads {field.name!r} as {field.type}, but it is "
                                  f"{columns[field.name]}")
        if op.edits:
            columns = {n: t for n, t in columns.items() if not n.startswith("_")}
        for field in op.adds:
            if field.name in columns and not field.name.startswith("_"):
                raise ConfigError(f"operator {op.name!r} adds {field.name!r}, which is there already")
            columns[field.name] = field.type
    return Chain(operators)


def describe(operator: object) -> dict[str, Any]:
    """What enters a key: class, version, parameters and artifacts of an operator (any frozen dataclass with a version).

    A field whose metadata says ``key: False`` changes no result and stays out.
    """
    if not dataclasses.is_dataclass(operator):
        raise ConfigError(f"{type(operator).__name__} is not a dataclass, so its parameters cannot be part of a key")
    fields = [f.name for f in dataclasses.fields(operator) if f.metadata.get("key", True)]
    parameters = {name: _plain(getattr(operator, name)) for name in fields}
    return {
        "class": f"{type(operator).__module__}.{type(operator).__qualname__}",
        "version": getattr(operator, "version", "1"),
        "parameters": parameters,
        "artifacts": dict(getattr(operator, "artifacts", {})),
    }


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(v) for v in value]
    return value
