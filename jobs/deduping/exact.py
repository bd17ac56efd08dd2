"""Rows of equal text meet by its digest: verdicts on them, or pairs with the first of each group."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.holdings import NEW, Comparison, Reader
from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.runtime import exchange
from corpusmill.jobs.runtime.exchange import Offsets
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup.keep import VERDICTS, group_pairs, messages_schema, pair_messages_schema, star_groups
from corpusmill.operators.schema import SIGNATURES
from corpusmill.operators.text.content import key as digest_key

MESSAGE_BYTES = 72  # of one row of MESSAGES, besides 8 for each key of the rank
GROUP_ROWS = 1 << 20  # rows that one mapper sends: 72 MiB


def exact_verdicts(here: Session, made: Comparison, reader: Reader, owners: Owners) -> ByShard:
    """VERDICTS by shard on all documents whose text another one has."""
    return _by_digest(here, made, reader, "verdicts", Judge(owners), VERDICTS)


def exact_pairs(here: Session, made: Comparison, reader: Reader, owners: Owners) -> ByShard:
    """PAIR_MESSAGES by shard of all documents but the first of each text."""
    return _by_digest(here, made, reader, "copies", Copies(owners), pair_messages_schema(len(reader.rank.keys)))


def _by_digest(here: Session, made: Comparison, reader: Reader, name: str, judge: "Judge", schema: pa.Schema) -> ByShard:
    rows, owners, width = made.rows, judge.owners, MESSAGE_BYTES + 8 * len(reader.rank.keys)
    partitions = exchange.partitions_for(rows * width, here.partitions)
    messages, _ = exchange.exchange(
        here, made, "messages", lambda: owners.tasks(here.store, made, "messages", 4 * width), Messages(reader),
        messages_schema(len(reader.rank.keys)), partitions)
    reducers = [Task(p, digest_key([made.key, name, p, partitions, owners.count]), f"digests of partition {p}",
                     3 * rows * width // partitions, (messages, p)) for p in range(partitions)]
    found, _ = exchange.exchange(here, made, f"{name}-{partitions}", lambda: reducers, judge, schema, owners.count)
    return ByShard(found, owners)


@dataclasses.dataclass(frozen=True, slots=True)
class Messages:
    """Sends each kept row that has a digest to its partition."""

    reader: Reader

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """MESSAGES of a group of shards."""
        for one in task.payload[1]:
            yield self._of(self.reader.rows(store, one, *SIGNATURES.names), one.ordinal)

    def _of(self, rows: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        n = rows.num_rows
        schema, place = messages_schema(len(self.reader.rank.keys)), {"shard": np.full(n, shard, np.int64), "row": np.arange(n)}
        columns = [pa.array(place[name]) if name in place else rows.column(name) for name in schema.names]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        return batch.filter(pc.and_(rows.column("keep"), pc.is_valid(rows.column("digest"))))

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
        verdicts = star_groups(messages, NEW)
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
