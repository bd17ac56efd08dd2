"""Row-aligned datasets, read side by side: a positional zip of files whose documents digests are equal, never a shuffle."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards
from corpusmill.jobs.runtime.manifest import Manifest, Reference, Shard
from corpusmill.jobs.runtime.shards import Stored
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Task
from corpusmill.operators.errors import AlignmentError, SchemaError
from corpusmill.operators.text.content import key as digest_key

Columns = Mapping[str, tuple[str, str]]  # name in the batch -> (dataset, column)


@dataclasses.dataclass(frozen=True, slots=True)
class Aligned:
    """The shards of several datasets over the same rows, and the edit layers over their text."""

    ordinal: int
    shards: Mapping[str, Shard]
    layers: tuple[Stored, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of every one of them."""
        return next(iter(self.shards.values())).main.rows

    @property
    def bytes(self) -> int:
        """Bytes of their Arrow values."""
        return sum(s.main.bytes for s in self.shards.values())


def zipped(store: Store, inputs: Mapping[str, Manifest], view: Sequence[Reference] = ()) -> Iterator[Aligned]:
    """Shard by shard. Raises AlignmentError where the datasets are not columns of the same documents.

    A partial dataset (made with ``limit`` or ``sample``) narrows the walk to the shards that it has.
    """
    # Proportions have no rows, and those of pairs are no documents.
    inputs = {name: m for name, m in inputs.items() if m.index and m.details.get("aligned", True)}
    layers = [manifests.load(store, reference) for reference in view]
    names = [*inputs, *(f"layer {i}" for i in range(len(layers)))]
    made = [*inputs.values(), *layers]
    partial = any(m.details.get("partial") for m in made)
    walks = [manifests.shards(store, m) for m in made]
    heads = [next(walk, None) for walk in walks]
    while all(head is not None for head in heads):
        present = [head for head in heads if head is not None]
        last = max(head.ordinal for head in present)
        behind = [i for i, head in enumerate(present) if head.ordinal < last]
        if behind and not partial:
            raise AlignmentError(f"{names[behind[0]]} has no shard {last}, which {_names(names, present, last)} has")
        for i in behind:
            heads[i] = next(walks[i], None)
        if not behind:
            yield _aligned(names, present, len(inputs))
            heads = [next(walk, None) for walk in walks]
    if not partial and any(head is not None for head in heads):
        counted = ", ".join(f"{name} {m.shards}" for name, m in zip(names, made, strict=True))
        raise AlignmentError(f"the datasets do not have the same number of shards: {counted}")


def _names(names: Sequence[str], present: Sequence[Shard], ordinal: int) -> str:
    return ", ".join(n for n, s in zip(names, present, strict=True) if s.ordinal == ordinal)


def _aligned(names: Sequence[str], present: Sequence[Shard], inputs: int) -> Aligned:
    first = present[0]
    for name, shard in zip(names, present, strict=True):
        if shard.documents != first.documents or shard.main.rows != first.main.rows:
            raise AlignmentError(f"shard {first.ordinal} of {name} belongs to other documents than that of {names[0]}: they "
                                 "were made from different datasets")
    layers = tuple(s.edits for s in present[inputs:] if s.edits is not None and s.edits.rows)
    return Aligned(first.ordinal, dict(zip(names[:inputs], present[:inputs], strict=True)), layers)


def tasks(store: Store, stage: Stage, *, text: bool, order: bool = False) -> Iterator[Task]:
    """A task per shard of the stage's inputs.

    ``text``: its edit layers are read too, so they are part of the task's key. ``order``: the result depends on where the
    shard stands, so the ordinal is part of it.
    """
    subset = Subset(**(stage.parameters.get("subset") or {}))
    for aligned in subset(zipped(store, stage.inputs, stage.view if text else ())):
        contents = [f"{name}={shard.content}" for name, shard in sorted(aligned.shards.items())]
        contents += [f"layer={layer.content}" for layer in aligned.layers]
        contents += [f"shard={aligned.ordinal} of {stage.key}"] if order else []
        documents = next(iter(aligned.shards.values())).documents
        yield Task(aligned.ordinal, stage.task_key(*contents), f"{stage.name} of shard {aligned.ordinal}",
                   3 * aligned.bytes, aligned, documents, aligned.bytes)


@dataclasses.dataclass(frozen=True, slots=True)
class Subset:
    """A first look: the first shards up to ``limit`` rows, or a ``sample`` of the shards by their content."""

    limit: int | None = None
    sample: float | None = None

    def parameters(self) -> dict[str, float]:
        """What enters the key: nothing where everything is read."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}

    def __call__(self, walk: Iterator[Aligned]) -> Iterator[Aligned]:
        """The shards that are looked at, the first in any case."""
        rows = taken = 0
        for aligned in walk:
            if self.limit is not None and rows >= self.limit:
                return
            rows += aligned.rows
            first = next(iter(aligned.shards.values()))
            drawn = int(digest_key(["sample", first.documents]), 16) / 2**128
            if self.sample is None or drawn < self.sample or (taken == 0 and self.sample > 0):
                taken += 1
                yield aligned


def read(store: Store, aligned: Aligned, columns: Columns) -> pa.RecordBatch:
    """Columns of all rows, without text."""
    tables = _side_tables(store, aligned, columns)
    data = [tables[role].column(column) for role, column in columns.values()]
    return shards.one_batch(pa.Table.from_arrays(data, names=list(columns)))


def read_text(store: Store, aligned: Aligned, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Batches of ``documents`` with their text at the view, and the columns beside it; ``columns`` may name any dataset."""
    join, row = _Beside.of(store, aligned, columns), 0
    for batch in shards.batches(store, aligned.shards["documents"].main, join.own):
        yield join(batch, row)
        row += batch.num_rows


def read_rows(store: Store, aligned: Aligned, columns: Columns, rows: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """As ``read_text`` the batches that hold some of ``rows``, each with the number of its first row; no other is read."""
    join = _Beside.of(store, aligned, columns)
    for row, batch in shards.groups(store, aligned.shards["documents"].main, join.own, rows):
        yield row, join(batch, row)


@dataclasses.dataclass(frozen=True, slots=True)
class _Beside:
    """What joins batches of documents: columns of other datasets and edit layers of one shard, read in full."""

    columns: Columns
    tables: Mapping[str, pa.Table]
    layers: Sequence[pa.Table]

    @classmethod
    def of(cls, store: Store, aligned: Aligned, columns: Columns) -> Self:
        tables = _side_tables(store, aligned, {n: c for n, c in columns.items() if c[0] != "documents"})
        return cls(columns, tables, [pa.Table.from_batches(shards.batches(store, layer)) for layer in aligned.layers])

    @property
    def own(self) -> list[str]:
        """The columns of documents."""
        return list(dict.fromkeys(column for role, column in self.columns.values() if role == "documents"))

    def __call__(self, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        """``batch``: of documents, from ``row`` on."""
        here, data = slice(row, row + batch.num_rows), []
        for role, column in self.columns.values():
            if role != "documents":
                data.append(_slice(self.tables[role].column(column), here))
            elif column == "text":
                data.append(overlay(batch.column("text"), self.layers, row))
            else:
                data.append(batch.column(column))
        return pa.RecordBatch.from_arrays(data, names=list(self.columns))


def _side_tables(store: Store, aligned: Aligned, columns: Columns) -> dict[str, pa.Table]:
    wanted: dict[str, dict[str, None]] = {}
    for role, column in columns.values():
        wanted.setdefault(role, {})[column] = None
    found = {}
    for role, names in wanted.items():
        found[role] = shards.table(store, aligned.shards[role].main, list(names))
        for name in names:
            if name not in found[role].schema.names:
                raise SchemaError(f"{role} shard {aligned.ordinal} has no column {name!r}")
    return found


def _slice(column: pa.ChunkedArray, here: slice) -> pa.Array:
    part = column.slice(here.start, here.stop - here.start)
    return part.chunk(0) if part.num_chunks == 1 else part.combine_chunks()


def overlay(text: pa.StringArray, layers: Sequence[pa.Table], first: int) -> pa.StringArray:
    """The text of rows ``first`` … with every edit layer applied, the latest on top."""
    for layer in layers:
        rows = layer.column("row").to_numpy()
        low, high = np.searchsorted(rows, [first, first + len(text)])
        if low == high:
            continue
        mask = np.zeros(len(text), bool)
        mask[rows[low:high] - first] = True
        edited = layer.column("text").slice(low, high - low).combine_chunks()
        text = pc.replace_with_mask(text, pa.array(mask), edited)
    return text
