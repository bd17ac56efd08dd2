"""What is held already: published documents that new ones are compared with.

Shards of the job's own documents come first, those of each holding after them, numbered on. A published document is of
an earlier generation than every new one, so it ranks above, and two published ones make no pair: the lower end of every
pair is a new document of the job, and nothing that is published is ever dropped.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.manifest import Manifest, Reference, Shard
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Task
from corpusmill.operators.dedup.rank import Rank, rank_names

PUBLISHED, NEW = 0, 1  # generations
HELD = "published"  # the role of the duplicates that say which rows of a shard are published

Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Holding:
    """Documents by their signatures; published is what ``duplicates`` keep, or every one."""

    signatures: Manifest
    duplicates: Manifest | None = None
    documents: Manifest | None = None  # that the rows are aligned with; None where they were merged from several
    without: frozenset[int] = frozenset()  # ordinals of shards that are held elsewhere, too
    earlier: bool = False  # of the job's own corpus, as it was: a document that comes again is published, not a copy
    merged: tuple[Reference, ...] = ()  # the signatures of generations that these were merged from

    @classmethod
    def of(cls, store: Store, signatures: Manifest, duplicates: Manifest | None = None) -> "Holding":
        """With the documents that the signatures are of."""
        return cls(signatures, duplicates, manifests.load(store, signatures.inputs["documents"]))

    @property
    def shards(self) -> int:
        """Above every ordinal."""
        return (self.documents or self.signatures).shards

    def walk(self, store: Store, *, text: bool) -> Iterator[Aligned]:
        """Its shards; with those of the documents where ``text`` is read."""
        inputs = {"signatures": self.signatures} | ({HELD: self.duplicates} if self.duplicates else {})
        inputs |= {"documents": self.documents} if text and self.documents else {}
        walk = aligned.zipped(store, inputs, self.signatures.view if text else ())
        return (one for one in walk if one.ordinal not in self.without)

    def named(self) -> dict[str, Any]:
        """What enters keys, and by which it is found again."""
        named: dict[str, Any] = {"signatures": dataclasses.asdict(self.signatures.reference),
                                 "duplicates": dataclasses.asdict(self.duplicates.reference) if self.duplicates else None}
        named |= {"earlier": True} if self.earlier else {}
        return named | ({"merged": [dataclasses.asdict(one) for one in self.merged]} if self.merged else {})


@dataclasses.dataclass(frozen=True, slots=True)
class Compared(Aligned):
    """A shard that takes part."""

    foreign: bool = False  # of a holding: what is published of it is all that takes part
    earlier: bool = False  # of the job's own corpus, as it was


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison(Stage):
    """A stage on documents and what is held already."""

    holdings: tuple[Holding, ...] = ()
    published: Mapping[int, Shard] = dataclasses.field(default_factory=dict)  # ordinal -> duplicates of an own shard

    @property
    def rows(self) -> int:
        """Of everything that is compared."""
        return sum(made.rows for made in (self.inputs["signatures"], *(held.signatures for held in self.holdings)))

    def walk(self, store: Store, *, text: bool = False) -> Iterator[Compared]:
        """All shards by ordinal; with what is needed for their ``text``."""
        for one in aligned.zipped(store, self.inputs, self.view if text else ()):
            yield Compared(one.ordinal, self._with_held(one), one.layers)
        for first, held in zip(self._firsts(), self.holdings, strict=True):
            for one in held.walk(store, text=text):
                yield Compared(first + one.ordinal, one.shards, one.layers, foreign=True, earlier=held.earlier)

    def tasks(self, store: Store) -> Iterator[Task]:
        """A task per own shard, whose result depends on where it stands among all."""
        for task in aligned.tasks(store, self, text=False, order=True):
            one = task.payload
            yield dataclasses.replace(task, payload=dataclasses.replace(one, shards=self._with_held(one)))

    def _with_held(self, one: Aligned) -> Mapping[str, Shard]:
        held = self.published.get(one.ordinal)
        return {**one.shards, HELD: held} if held else one.shards

    def _firsts(self) -> list[int]:
        """The ordinal from which on each holding's shards are numbered."""
        spans = [self.inputs["documents"].shards, *(held.shards for held in self.holdings)]
        return list(itertools.accumulate(spans))[:-1]

    def details(self) -> dict[str, Any]:
        """Which dataset an ``upper_shard`` belongs to: the last whose ``first_shard`` is not above it; before all, its own."""
        named = [held.named() | {"first_shard": first} for first, held in zip(self._firsts(), self.holdings, strict=True)]
        return {"others": named} if named else {}


def walk(store: Store, made: Stage) -> Iterator[Aligned]:
    """All shards that take part in a stage."""
    return made.walk(store) if isinstance(made, Comparison) else aligned.zipped(store, made.inputs)


class Again(Protocol):
    """Rows of own documents that are published, and of an index that own ones stand for, by shard."""

    def of_shard(self, store: Store, ordinal: int, /) -> pa.Table:
        """With a column ``row``."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """Reads the rows of shards, and who takes part with what rank.

    Published documents are ranked by ``doc_id`` alone, wherever they are held.
    """

    rank: Rank
    again: Again | None = None

    def rows(self, store: Store, one: Compared, *signatures: str) -> pa.RecordBatch:
        """Columns of the signatures of all rows; whether each takes part (``keep``), and the columns of its rank."""
        columns = {name: ("signatures", name) for name in signatures} | ({} if one.foreign else self.rank.columns)
        columns |= {role: (role, "keep") for role in ("decisions", HELD) if role in one.shards}
        rows = aligned.read(store, one, columns)
        published, keep = _flags(rows, HELD, one.foreign), _flags(rows, "decisions", True)
        if self.again is not None and (one.earlier or not one.foreign):
            rows_again = self.again.of_shard(store, one.ordinal).column("row").to_numpy()
            published[rows_again] = ~published[rows_again] & (not one.foreign)
        if one.foreign:
            keep = published
        ranked = {name: np.zeros(rows.num_rows, np.int64) for name in rank_names(len(self.rank.keys))}
        if not one.foreign:
            ranked = {name: np.where(published, 0, values) for name, values in self.rank.encode(rows).items()}
        ranked["generation"] = np.where(published, PUBLISHED, NEW)
        data = [*(rows.column(name) for name in signatures), pa.array(keep), *(pa.array(values) for values in ranked.values())]
        return pa.RecordBatch.from_arrays(data, names=[*signatures, "keep", *ranked])


def _flags(rows: pa.RecordBatch, name: str, default: bool) -> Flags:
    if name not in rows.schema.names:
        return np.full(rows.num_rows, default)
    return np.array(pc.fill_null(rows.column(name), False).to_numpy(zero_copy_only=False))
