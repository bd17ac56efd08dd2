"""Find duplicates; each dropped document names the kept one that it matched.

Reads documents (``documents=``) and, where given, decisions (``decisions=``: only kept rows take part, with their edited
text). Writes signatures (of all documents, so that sweeps share them) and duplicates: ``doc_id, keep, kind, cluster_id,
cluster_size, matched_doc_id, similarity``.
"""

import dataclasses
import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.exchange import Exchanged
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import Encoder, encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.exact import ExactSignature
from corpusmill.operators.dedup.keep import MESSAGES, VERDICTS, star_groups
from corpusmill.operators.errors import Missing
from corpusmill.operators.schema import DOC_ID, DOCUMENTS, DUPLICATES, SIGNATURES
from corpusmill.operators.text.content import key as digest_key

MESSAGE_BYTES = 72  # of one row of MESSAGES
GROUP_ROWS = 1 << 20  # rows that one mapper sends: 72 MiB


@dataclasses.dataclass
class DedupConfig:
    """What counts as a duplicate, and which one stays."""

    signature: dict[str, Any] = MISSING  # by _target_
    source_priority: list[str] = dataclasses.field(default_factory=list)  # earlier sources are kept first


@dataclasses.dataclass
class Config(Common):
    """corpusmill dedup."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest; only what it keeps takes part
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Signatures, then duplicates."""
    given = {"documents": config.documents, "decisions": config.decisions}
    found = inputs.resolve(store, given, ["documents"])
    here = session(config, store, engine)
    subset = aligned.Subset(config.limit, config.sample).parameters()
    signer: ExactSignature = instantiate(config.dedup.signature, "dedup.signature")
    signatures = sign(here, found, signer, subset)
    chosen = {name: found[name] for name in ("documents", "decisions") if name in found} | {"signatures": signatures}
    parameters = {"keep": "star", "version": "1", "source_priority": list(config.dedup.source_priority)}
    made = stage.Stage("duplicates", DUPLICATES, parameters, chosen, inputs.view_of(found))
    if (done := stage.committed(here, made)) is None:
        try:
            done = duplicates(here, made, tuple(config.dedup.source_priority), config.allow_empty)
        except Missing as error:
            done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


def sign(here: Session, found: dict[str, Manifest], signer: ExactSignature, subset: dict[str, float]) -> Manifest:
    """Signatures of all documents, at the view that the decisions were made on."""
    parameters = {"signature": describe(signer), "subset": subset}
    made = stage.Stage("signatures", SIGNATURES, parameters, {"documents": found["documents"]}, inputs.view_of(found))
    if (done := stage.committed(here, made)) is not None:
        return done
    tasks = aligned.tasks(here.store, made, text=True)
    return stage.run(here, made, tasks, found["documents"].shards, Sign(signer))


def duplicates(here: Session, made: stage.Stage, priority: tuple[str, ...], allow_empty: bool) -> Manifest:
    """Messages by digest → verdicts by shard → rows."""
    shards, rows = made.inputs["signatures"].shards, made.inputs["signatures"].rows
    partitions = exchange.partitions_for(rows * MESSAGE_BYTES, here.partitions)
    groups = functools.partial(_groups, here.store, made)
    messages, _ = exchange.exchange(here, made, "messages", groups, Messages(priority), MESSAGES, partitions)
    owners = max(1, min(shards, -(-rows // GROUP_ROWS)))
    reducers = [Task(p, digest_key([made.key, "verdicts", p, partitions, owners]), f"digests of partition {p}",
                     3 * rows * MESSAGE_BYTES // partitions, (messages, p)) for p in range(partitions)]
    judge = Judge(shards=1 + max(one.ordinal for task in groups() for one in task.payload))
    verdicts, _ = exchange.exchange(here, made, f"verdicts-{partitions}", lambda: reducers, judge, VERDICTS, owners)
    return stage.run(here, made, aligned.tasks(here.store, made, text=False, order=True), shards,
                     Assemble(verdicts, judge), empty_ok=allow_empty)


def _groups(store: Store, made: stage.Stage) -> Iterator[Task]:
    """Consecutive shards, as many as one mapper sends."""
    group: list[Aligned] = []
    ordinal = rows = 0
    for one in aligned.zipped(store, made.inputs):
        group.append(one)
        rows += one.rows
        if rows >= GROUP_ROWS:
            yield _group(made, ordinal, group)
            group, ordinal, rows = [], ordinal + 1, 0
    if group:
        yield _group(made, ordinal, group)


def _group(made: stage.Stage, ordinal: int, group: list[Aligned]) -> Task:
    label = f"signatures of shards {group[0].ordinal} to {group[-1].ordinal}"
    key = digest_key([made.key, "messages", [a.ordinal for a in group]])
    return Task(ordinal, key, label, 4 * MESSAGE_BYTES * sum(a.rows for a in group), group)


@dataclasses.dataclass(frozen=True, slots=True)
class Sign:
    """Signatures of one shard."""

    signer: ExactSignature

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Row by row."""
        encoder, nbytes = Encoder(SIGNATURES), 0
        for batch in aligned.read_text(store, task.payload, {n: ("documents", n) for n in DOCUMENTS.names}):
            encoder.write(self.signer.signatures(batch))
            nbytes += batch.column("text").nbytes
        encoded = encoder.finish()
        emit(encoded)
        return Facts({"rows_in": encoded.rows, "kept": encoded.rows, "bytes_in": nbytes})


@dataclasses.dataclass(frozen=True, slots=True)
class Messages:
    """Sends each kept row to the partition of its digest."""

    priority: tuple[str, ...]

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """MESSAGES of a group of shards."""
        for one in task.payload:
            columns = {n: ("signatures", n) for n in SIGNATURES.names}
            if "decisions" in one.shards:
                columns["keep"] = ("decisions", "keep")
            if self.priority:
                columns["source"] = ("documents", "source")
            yield self._of(aligned.read(store, one, columns), one.ordinal)

    def _of(self, rows: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        n = rows.num_rows
        rank = pa.array(np.zeros(n, np.int64))
        if self.priority:
            place = pc.index_in(rows.column("source"), pa.array(self.priority, pa.string()))
            rank = pc.fill_null(place.cast(pa.int64()), len(self.priority))
        batch = pa.RecordBatch.from_arrays(
            [rows.column("digest"), rank, rows.column("doc_id"), rows.column("row_digest"),
             pa.array(np.full(n, shard, np.int64)), pa.array(np.arange(n))], schema=MESSAGES)
        return batch.filter(rows.column("keep")) if "keep" in rows.schema.names else batch

    def route(self, batch: pa.RecordBatch, partitions: int) -> np.ndarray:
        """By digest."""
        words = np.frombuffer(batch.column("digest").buffers()[1], np.uint64)
        first = batch.column("digest").offset
        return exchange.route_digest(words[2 * first : 2 * (first + batch.num_rows) : 2], partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many rows take part."""
        return {"messages": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Judge:
    """Decides the groups of one partition, and sends each verdict to its row's shard; singletons send nothing."""

    shards: int

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """VERDICTS of one partition, in an order that depends on nothing but the rows."""
        messages, partition = task.payload
        verdicts = star_groups(messages.read(store, partition))
        found = verdicts.filter(pc.greater(verdicts.column("cluster_size"), 1)).select(VERDICTS.names)
        found = found.sort_by([("shard", "ascending"), ("row", "ascending")]).cast(VERDICTS)
        yield from found.combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> np.ndarray:
        """Consecutive shards to one owner."""
        shards: exchange.Offsets = batch.column("shard").to_numpy()
        return shards * partitions // self.shards

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many documents have a duplicate."""
        return {"in_clusters": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Assemble:
    """Rows of one shard: those with a verdict, and the singletons."""

    verdicts: Exchanged
    judge: Judge

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """DUPLICATES, row-aligned."""
        one: Aligned = task.payload
        columns = {"doc_id": ("signatures", "doc_id"), "source": ("documents", "source")}
        if "decisions" in one.shards:
            columns["keep"] = ("decisions", "keep")
        rows = aligned.read(store, one, columns)
        owner = one.ordinal * self.verdicts.partitions // self.judge.shards
        verdicts = self.verdicts.read(store, owner)
        mine = verdicts.filter(pc.equal(verdicts.column("shard"), one.ordinal)).sort_by("row").combine_chunks()
        batch = _assembled(rows, mine)
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
    return counts | by_source(source, outcome)


if __name__ == "__main__":
    raise SystemExit(main(["dedup", *sys.argv[1:]]))
