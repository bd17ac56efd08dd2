"""Rows of equal text meet by its digest: verdicts on them, or pairs with the first of each group."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.runtime import aligned, exchange
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.exchange import Offsets
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup.keep import MESSAGES, PAIR_MESSAGES, VERDICTS, group_pairs, star_groups
from corpusmill.operators.schema import SIGNATURES
from corpusmill.operators.text.content import key as digest_key

MESSAGE_BYTES = 72  # of one row of MESSAGES
GROUP_ROWS = 1 << 20  # rows that one mapper sends: 72 MiB


def exact_verdicts(here: Session, made: Stage, priority: tuple[str, ...]) -> ByShard:
    """VERDICTS by shard on all documents whose text another one has."""
    judge = Judge(Owners.of(here.store, made, GROUP_ROWS))
    return _by_digest(here, made, priority, "verdicts", judge, VERDICTS)


def exact_pairs(here: Session, made: Stage, priority: tuple[str, ...], owners: Owners) -> ByShard:
    """PAIR_MESSAGES by shard of all documents but the first of each text."""
    return _by_digest(here, made, priority, "copies", Copies(owners), PAIR_MESSAGES)


def _by_digest(here: Session, made: Stage, priority: tuple[str, ...], name: str, judge: "Judge", schema: pa.Schema) -> ByShard:
    rows, owners = made.inputs["signatures"].rows, judge.owners
    partitions = exchange.partitions_for(rows * MESSAGE_BYTES, here.partitions)
    messages, _ = exchange.exchange(
        here, made, "messages", lambda: owners.tasks(here.store, made, "messages", 4 * MESSAGE_BYTES), Messages(priority),
        MESSAGES, partitions)
    reducers = [Task(p, digest_key([made.key, name, p, partitions, owners.count]), f"digests of partition {p}",
                     3 * rows * MESSAGE_BYTES // partitions, (messages, p)) for p in range(partitions)]
    found, _ = exchange.exchange(here, made, f"{name}-{partitions}", lambda: reducers, judge, schema, owners.count)
    return ByShard(found, owners)


def priorities(rows: pa.RecordBatch, priority: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The place of each row's ``source`` in the list, the list's length where it is not in it."""
    if not priority:
        return np.zeros(rows.num_rows, np.int64)
    place = pc.index_in(rows.column("source"), pa.array(priority, pa.string()))
    found: npt.NDArray[np.int64] = pc.fill_null(place.cast(pa.int64()), len(priority)).to_numpy()
    return found


def columns_of(one: Aligned, priority: tuple[str, ...], *signatures: str) -> dict[str, tuple[str, str]]:
    """Columns of the signatures, and those that say whether and with what priority a row takes part."""
    columns = {name: ("signatures", name) for name in signatures}
    if "decisions" in one.shards:
        columns["keep"] = ("decisions", "keep")
    return columns | ({"source": ("documents", "source")} if priority else {})


@dataclasses.dataclass(frozen=True, slots=True)
class Messages:
    """Sends each kept row that has a digest to its partition."""

    priority: tuple[str, ...]

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """MESSAGES of a group of shards."""
        for one in task.payload[1]:
            columns = columns_of(one, self.priority, *SIGNATURES.names)
            yield self._of(aligned.read(store, one, columns), one.ordinal)

    def _of(self, rows: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        n = rows.num_rows
        batch = pa.RecordBatch.from_arrays(
            [rows.column("digest"), pa.array(priorities(rows, self.priority)), rows.column("doc_id"), rows.column("row_digest"),
             pa.array(np.full(n, shard, np.int64)), pa.array(np.arange(n))], schema=MESSAGES)
        taking_part = pc.is_valid(rows.column("digest"))
        return batch.filter(pc.and_(taking_part, rows.column("keep")) if "keep" in rows.schema.names else taking_part)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
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

    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """VERDICTS of one partition, in an order that depends on nothing but the rows."""
        messages, partition = task.payload
        found = self.found(messages.read(store, partition))
        yield from found.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks().to_batches()

    def found(self, messages: pa.Table) -> pa.Table:
        """What is sent on a partition's MESSAGES."""
        verdicts = star_groups(messages)
        return verdicts.filter(pc.greater(verdicts.column("cluster_size"), 1))

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """Consecutive shards to one owner."""
        return self.owners.route(batch.column("shard").to_numpy())

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many rows were found."""
        return {"found": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Copies(Judge):
    """Pairs each row with the first of its group."""

    def found(self, messages: pa.Table) -> pa.Table:
        """PAIR_MESSAGES."""
        return pa.Table.from_batches([group_pairs(messages)])
