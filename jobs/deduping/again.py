"""Documents that come again: of an index, as it was, and among the job's own, whatever shard they are in now.

They meet by doc_id. Of each one own row stands for the published one: it is published itself, and that one takes no part.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.holdings import NEW, Comparison, Reader
from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.runtime import exchange
from corpusmill.jobs.runtime.exchange import Exchanged, Offsets
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup.keep import MESSAGES
from corpusmill.operators.dedup.rank import Rank
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.text.hashing import fixed_bytes

OWN_PUBLISHED, OWN, OWN_FILTERED, EARLIER = range(4)
IDS = pa.schema([*(MESSAGES.field(n) for n in ("doc_id", "row_digest", "shard", "row")), pa.field("what", pa.int64())])
AGAIN = pa.schema([MESSAGES.field(n) for n in ("shard", "row")])
ID_BYTES = 56


def reader_of(here: Session, made: Comparison, rank: Rank, owners: Owners) -> Reader:
    """What reads the rows of shards and knows those that come again."""
    if not any(held.earlier for held in made.holdings):
        return Reader(rank)
    partitions = exchange.partitions_for(made.rows * ID_BYTES, here.partitions)
    tasks = lambda: owners.tasks(here.store, made, "ids", 2 * ID_BYTES)  # noqa: E731
    ids, _ = exchange.exchange(here, made, "ids", tasks, Ids(), IDS, partitions)
    reducers = [Task(p, digest_key([made.key, "again", p, partitions, owners.count]), f"documents of partition {p}",
                     3 * made.rows * ID_BYTES // partitions, p) for p in range(partitions)]
    found, _ = exchange.exchange(here, made, f"again-{partitions}", lambda: reducers, Again(ids, owners), AGAIN, owners.count)
    return Reader(rank, ByShard(found, owners))


class _Counting:
    """Counts rows."""

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many rows."""
        return {"sent": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True)
class Ids(_Counting):
    """Sends each own row, and each that an index publishes, to the partition of its doc_id."""

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """IDS of a group of shards."""
        for one in task.payload[1]:
            if one.foreign and not one.earlier:
                continue
            rows = Reader(Rank()).rows(store, one, "doc_id", "row_digest")
            n, keep = rows.num_rows, rows.column("keep").to_numpy(zero_copy_only=False)
            own = np.where(keep, np.where(rows.column("generation").to_numpy() == NEW, OWN, OWN_PUBLISHED), OWN_FILTERED)
            columns = [rows.column("doc_id"), rows.column("row_digest"), np.full(n, one.ordinal), np.arange(n),
                       np.full(n, EARLIER) if one.foreign else own]
            batch = pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=IDS)
            yield batch.filter(rows.column("keep")) if one.foreign else batch

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By doc_id."""
        words = np.ascontiguousarray(fixed_bytes(batch.column("doc_id"))).view(np.uint64)
        return exchange.route_digest(np.ascontiguousarray(words[:, 0]), partitions)


@dataclasses.dataclass(frozen=True)
class Again(_Counting):
    """Says of each document that comes again which own row stands for it, and which rows of the index for nothing."""

    ids: Exchanged
    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """AGAIN of one partition."""
        rows = self.ids.read(store, task.payload)
        order = [(name, "ascending") for name in ("doc_id", "what", "row_digest", "shard", "row")]
        rows = rows.set_column(0, "doc_id", rows.column("doc_id").cast(pa.binary()))
        rows = rows.set_column(1, "row_digest", rows.column("row_digest").cast(pa.binary())).sort_by(order).combine_chunks()
        ids, what = rows.column("doc_id"), rows.column("what").to_numpy()
        begins = np.ones(len(what), np.bool_)
        begins[1:] = pc.not_equal(ids.slice(1), ids.slice(0, max(0, len(ids) - 1))).to_numpy()
        group = np.cumsum(begins) - 1
        both = (np.bincount(group, what == EARLIER) > 0) & (np.bincount(group, what != EARLIER) > 0)
        chosen = both[group] & ((what == EARLIER) | (begins & (what != OWN_PUBLISHED)))
        chosen |= ~begins & (what == OWN_PUBLISHED)  # of several that were published one stays so
        found = rows.select(AGAIN.names).filter(pa.array(chosen)).sort_by([("shard", "ascending"), ("row", "ascending")])
        yield from found.cast(AGAIN).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the shard."""
        return self.owners.route(batch.column("shard").to_numpy())
