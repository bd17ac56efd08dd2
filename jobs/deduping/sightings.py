"""What may occur twice is found by its keys alone; then the items behind those keys are sent to where they meet.

    sightings     9 bytes per key of a shard and its shard, to the partition of the key
    repeated      the keys that occur twice or more, to the owner of each shard that has them
    occurrences   the items with such keys, and the rank of their documents, to the partition of the key

Texts are read twice, and only where they have something that may be repeated a third time, to be cut.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.owners import Owners, only
from corpusmill.jobs.runtime import aligned, exchange, kernels
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.exchange import Exchanged, Offsets
from corpusmill.jobs.runtime.manifest import Shard
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup.exact import OTHERS
from corpusmill.operators.dedup.rank import Key
from corpusmill.operators.dedup.repeats import OCCURRENCES, Items, Trimming
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.text.hashing import row_digests

SIGHTINGS = pa.schema([
    pa.field("key", pa.uint64(), nullable=False),
    pa.field("shard", pa.int64(), nullable=False),
    pa.field("often", pa.bool_(), nullable=False),  # twice or more in this shard alone
])
REPEATED = pa.schema([SIGHTINGS.field("shard"), SIGHTINGS.field("key")])
GROUP_BYTES = 128 << 20  # of documents that one mapper reads
SIGHTED, SENT = 4, 4  # bytes of text for a byte of sightings; bytes of occurrences for one of repeated text

Words = npt.NDArray[np.uint64]


def owners_of(store: Store, made: Stage) -> Owners:
    """As many owners as have about ``GROUP_BYTES`` of documents."""
    documents = made.inputs["documents"]
    return Owners.of(store, made, max(1, documents.rows * GROUP_BYTES // max(1, documents.bytes)))


def tasks(store: Store, made: Stage, owners: Owners, name: str, received: Exchanged | None = None) -> Iterator[Task]:
    """A task per owner, with the texts of its shards at the view; its payload is (owner, shards, what they received)."""
    subset = aligned.Subset(**made.parameters["subset"])
    walk = subset(aligned.zipped(store, made.inputs, made.view))
    for owner, group in itertools.groupby(walk, lambda one: owners.owner(one.ordinal)):
        shards = list(group)
        nbytes = sum(one.shards["documents"].main.bytes for one in shards)
        parts = [made.key, name, owner, owners.count, received.partitions if received else 0]
        yield Task(owner, digest_key(parts), f"{name} of shards {shards[0].ordinal} to {shards[-1].ordinal}",
                   3 * nbytes, (owner, shards, received), size=nbytes)


def reducers(made: Stage, name: str, messages: Exchanged, nbytes: int, *payload: Any) -> list[Task]:
    """A task per partition of about ``nbytes`` in all; its payload is (messages, partition, …)."""
    return [Task(p, digest_key([made.key, name, p, messages.partitions]), f"{name} of partition {p}",
                 4 * nbytes // messages.partitions, (messages, p, *payload)) for p in range(messages.partitions)]


def occurrences(here: Session, made: Stage, method: Trimming, owners: Owners) -> tuple[Exchanged, int]:
    """OCCURRENCES by key of all items that may be repeated, and about how many bytes they are."""
    store, text = here.store, made.inputs["documents"].bytes
    partitions = exchange.partitions_for(text // SIGHTED, here.partitions)
    sighted, seen = exchange.exchange(here, made, "sightings", lambda: tasks(store, made, owners, "sightings"), Sight(method),
                                      SIGHTINGS, partitions)
    repeated, again = exchange.exchange(
        here, made, f"repeated-{partitions}", lambda: reducers(made, f"repeated-{owners.count}", sighted, text // SIGHTED),
        Repeated(owners), REPEATED, owners.count)
    nbytes = SENT * text * again["repeated"] // max(1, seen["sighted"])
    sent, _ = exchange.exchange(
        here, made, "occurrences", lambda: tasks(store, made, owners, "occurrences", repeated),
        Send(method, tuple(made.parameters["source_priority"])), OCCURRENCES, exchange.partitions_for(nbytes, here.partitions))
    return sent, nbytes


def verdict_columns(shards: Mapping[str, Shard]) -> dict[str, tuple[str, str]]:
    """Columns that say whether a row takes part."""
    return {name: (name, "keep") for name in ("decisions", "duplicates") if name in shards}


def outcome(batch: pa.RecordBatch) -> pa.Array:
    """``kept`` where a row takes part, else what the stage that dropped it is called."""
    found = pa.array(np.full(batch.num_rows, "kept"), pa.string())
    for name, called in (("duplicates", "duplicate"), ("decisions", "filtered")):
        if name in batch.schema.names:
            found = pc.if_else(pc.fill_null(batch.column(name), False), found, called)
    return found


def taking_part(store: Store, one: Aligned, *names: str) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
    """Batches of the rows that take part, with their places in the shard."""
    first = 0
    columns = {name: ("documents", name) for name in names} | verdict_columns(one.shards)
    for batch in aligned.read_text(store, one, columns):
        rows = pc.indices_nonzero(pc.equal(outcome(batch), "kept"))
        yield first + rows.to_numpy().astype(np.int64), batch if len(rows) == batch.num_rows else batch.take(rows)
        first += batch.num_rows


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """Sends the keys of each shard, each once."""

    method: Trimming

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """SIGHTINGS of a group of shards."""
        kernels.share([type(self.method).__qualname__], lambda batch: self.method.items(batch, self.method.sightings(batch)))
        for one in task.payload[1]:
            keys = [self.method.sightings(batch) for _, batch in taking_part(store, one, "text", "source")]
            found, times = np.unique(np.concatenate([*keys, np.empty(0, np.uint64)]), return_counts=True)
            shard = np.full(len(found), one.ordinal, np.int64)
            yield pa.RecordBatch.from_arrays([pa.array(found), pa.array(shard), pa.array(times > 1)], schema=SIGHTINGS)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By key."""
        return exchange.route_digest(batch.column("key").to_numpy(), partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many keys were sighted."""
        return {"sighted": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Repeated:
    """Tells each shard which of its keys occur twice or more."""

    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """REPEATED, by shard and key."""
        sighted = task.payload[0].read(store, task.payload[1])
        key, shard = sighted.column("key").to_numpy(), sighted.column("shard").to_numpy()
        often = sighted.column("often").to_numpy()
        order = np.argsort(key)
        same = key[order][1:] == key[order][:-1]
        told = often.copy()
        told[order[1:][same]] = told[order[:-1][same]] = True
        rows = np.flatnonzero(told)
        rows = rows[np.lexsort((key[rows], shard[rows]))]
        yield pa.RecordBatch.from_arrays([pa.array(shard[rows]), pa.array(key[rows])], schema=REPEATED)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the shard."""
        return self.owners.route(batch.column("shard").to_numpy())

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many keys were told."""
        return {"repeated": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Send:
    """Sends the items behind repeated keys."""

    method: Trimming
    priority: tuple[str, ...]

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """OCCURRENCES of a group of shards."""
        owner, shards, received = task.payload
        told = received.read(store, owner)
        for one in shards:
            keys = np.unique(only(told, one.ordinal).column("key").to_numpy())
            if len(keys):
                for rows, batch in taking_part(store, one, "text", "source", "doc_id", *OTHERS):
                    yield self._of(self.method.items(batch, keys), batch, rows, one.ordinal)

    def _of(self, items: Items, batch: pa.RecordBatch, rows: npt.NDArray[np.int64], ordinal: int) -> pa.RecordBatch:
        some, index = np.unique(items.row, return_inverse=True)  # of the other documents no digest is needed
        documents = batch.take(pa.array(some))
        place = pa.array(index)
        ref = np.uint64(ordinal << 32) | rows[items.row].astype(np.uint64)
        lists = pa.ListArray.from_arrays(pa.array(items.offsets.astype(np.int32)), pa.array(items.hashes))
        columns = [pa.array(items.key), pa.array(ref), pa.array(self._priorities(documents)).take(place),
                   documents.column("doc_id").take(place), row_digests(documents, OTHERS).take(place),
                   *(pa.array(n.astype(np.int32)) for n in (items.at, items.size, items.total)),
                   lists.cast(OCCURRENCES.field("hashes").type)]
        return pa.RecordBatch.from_arrays(columns, schema=OCCURRENCES)

    def _priorities(self, documents: pa.RecordBatch) -> npt.NDArray[np.int64]:
        if not self.priority:
            return np.zeros(documents.num_rows, np.int64)
        return Key("documents", "source", order=self.priority).encode(documents.column("source"))

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By key."""
        return exchange.route_digest(batch.column("key").to_numpy(), partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many runs of items, and items, were sent."""
        return {"runs": sum(b.num_rows for b in batches),
                "items": sum(len(b.column("hashes").flatten()) for b in batches)}
