"""Verdicts on the documents that pairs join, and a row of duplicates for each document."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.exact import GROUP_ROWS
from corpusmill.jobs.deduping.holdings import NEW, Compared, Comparison, Reader
from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.deduping.partitioned import PAIR_BYTES, part_pairs, partitioned_verdicts
from corpusmill.jobs.runtime import aligned, exchange
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.exchange import Offsets
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.dedup import keep
from corpusmill.operators.dedup.keep import VERDICTS
from corpusmill.operators.schema import DOC_ID, DUPLICATES
from corpusmill.operators.text.content import key as digest_key

ONE_TASK_BYTES = 4 << 30  # of memory that all pairs may take in one task: 17 million pairs
PART_BYTES = 1 << 30  # of memory that an owner's pairs take where they are parted


def pair_verdicts(here: Session, made: Comparison) -> ByShard:
    """VERDICTS by shard on all documents of the pairs.

    One task holds all pairs where they fit: memory grows with the duplicates, not with the corpus. Else they are parted
    among owners, with the same result.
    """
    owners, pairs = Owners.of(here.store, made, GROUP_ROWS), made.inputs["pairs"]
    if PAIR_BYTES * pairs.rows > ONE_TASK_BYTES:
        return partitioned_verdicts(here, made, owners.grown(2 * PAIR_BYTES * pairs.rows, PART_BYTES))
    task = Task(0, digest_key([made.key, "verdicts", owners.count]), "verdicts on all pairs", PAIR_BYTES * pairs.rows, pairs)
    decide = Decide(owners, made.parameters["keep"])
    found, _ = exchange.exchange(here, made, "verdicts", lambda: [task], decide, VERDICTS, owners.count)
    return ByShard(found, owners)


@dataclasses.dataclass(frozen=True, slots=True)
class Decide:
    """Decides all documents that are in pairs."""

    owners: Owners
    keep: str  # star | components

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """VERDICTS, by shard and row."""
        pairs = part_pairs(store, list(manifests.shards(store, task.payload)), [name for name, _ in task.payload.schema])
        yield from keep.pair_verdicts(pairs, self.keep).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the document's shard."""
        return self.owners.route(batch.column("shard").to_numpy())

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many documents are in clusters."""
        return {"found": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Assemble:
    """Rows of one shard: those with a verdict, and the singletons."""

    verdicts: ByShard
    drop_all: Reader | None = None  # also the first of each cluster, unless it is published

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """DUPLICATES, row-aligned."""
        one: Aligned = task.payload
        columns = {"doc_id": ("signatures", "doc_id"), "source": ("documents", "source")}
        if "decisions" in one.shards:
            columns["keep"] = ("decisions", "keep")
        rows = aligned.read(store, one, columns)
        mine = self.verdicts.of_shard(store, one.ordinal).sort_by("row").combine_chunks()
        batch = _assembled(rows, mine)
        if self.drop_all is not None:
            ranked = self.drop_all.rows(store, Compared(one.ordinal, one.shards, one.layers), "doc_id")
            stays = pc.or_(pc.is_null(batch.column("kind")), pc.less(ranked.column("generation"), NEW))
            alone = pc.and_(batch.column("keep"), stays)
            batch = batch.set_column(1, DUPLICATES.field("keep"), alone)
        emit(encode([batch], DUPLICATES))
        return Facts(_counts(batch, rows.column("source")))


def _assembled(rows: pa.RecordBatch, verdicts: pa.Table) -> pa.RecordBatch:
    n = rows.num_rows
    taking_part = rows.column("keep") if "keep" in rows.schema.names else pa.array(np.ones(n, bool))
    where = np.full(n, -1, np.int64)
    where[verdicts.column("row").to_numpy()] = np.arange(verdicts.num_rows)
    index = pa.array(where, mask=where < 0)
    taken = {name: verdicts.column(name).combine_chunks().take(index) for name in VERDICTS.names}
    nothing = pa.scalar(None, DOC_ID)
    return pa.RecordBatch.from_arrays([
        rows.column("doc_id"),
        pc.if_else(taking_part, pc.fill_null(taken["keep"], True), pa.scalar(None, pa.bool_())),
        taken["kind"],
        pc.if_else(taking_part, pc.coalesce(taken["cluster_id"], rows.column("doc_id")), nothing),
        pc.if_else(taking_part, pc.fill_null(taken["cluster_size"], 1), pa.scalar(None, pa.int64())),
        taken["matched_doc_id"],
        taken["similarity"],
    ], schema=DUPLICATES)


def _counts(batch: pa.RecordBatch, source: pa.Array) -> dict[str, int]:
    keep = batch.column("keep")
    kind = pc.binary_join_element_wise(batch.column("kind"), "duplicate", "_")
    outcome = pc.if_else(pc.is_null(keep), "filtered", pc.if_else(keep, "kept", kind))
    counts = {"rows_in": batch.num_rows, "kept": 0}
    for one in pc.value_counts(outcome).to_pylist():
        name = one["values"]
        counts[name if name == "kept" else f"dropped.{name}"] = one["counts"]
    return counts | by_source(source, outcome) | cluster_sizes(batch)


def cluster_sizes(batch: pa.RecordBatch) -> dict[str, int]:
    """How many clusters of each size there are, ``clusters/2``, ``clusters/3-4``, ``clusters/5-8`` and so on.

    Each is counted where its first document is, that no other is named for.
    """
    first = pc.and_(pc.is_valid(batch.column("keep")), pc.is_null(batch.column("matched_doc_id")))
    kept = batch.filter(first).column("cluster_size")
    sizes = kept.filter(pc.greater(kept, 1)).to_numpy(zero_copy_only=False).astype(np.int64)
    _, powers = np.frexp(sizes - 1)  # sizes up to 2 ** power, exact below 2 ** 53
    found = zip(*np.unique(powers, return_counts=True), strict=True)
    return {f"clusters/{_span(int(power))}": int(n) for power, n in found}


def _span(power: int) -> str:
    return "2" if power == 1 else f"{2 ** (power - 1) + 1}-{2**power}"
