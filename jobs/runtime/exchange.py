"""The exchange: the one place where rows meet by key.

A mapper takes a group of shards and writes one object: a concatenation of Arrow IPC messages, partition after partition. Its
receipt holds the P+1 offsets, so that a reducer makes one ranged read per mapper and reads no footer. Everything is durable,
so a dead driver resumes in the middle. The number of partitions never reaches a result: reducers order what they read.

    P partitions · M mappers · R = ceil(sqrt(P)) groups of partitions, where two rounds are needed
"""

import dataclasses
import functools
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.stage import Stage, print_plan
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Done, Emit, Facts, Session, Task, run_tasks
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.text.content import key as digest_key

Offsets = npt.NDArray[np.int64]

MAX_ROUTES = 4_000_000  # M·P offsets in one table: 96 MB in the driver; beyond, two rounds of sqrt(P)
PARTITION_BYTES = 256 << 20
GROUP_BYTES = 256 << 20  # what one mapper reads
READS = 16  # pieces asked for at once: an object store answers each in about 10 ms


class Mapper(Protocol):
    """Gives the messages of one task."""

    def messages(self, store: Store, task: Task, /) -> Iterator[pa.RecordBatch]:
        """Batches of one schema."""

    def route(self, batch: pa.RecordBatch, partitions: int, /) -> Offsets:
        """The partition of each row, by its key alone."""

    def facts(self, batches: list[pa.RecordBatch], /) -> dict[str, int]:
        """Additive counts of what was sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Exchanged:
    """Messages that can be read by partition.

    ``table``: path of an int64 array of shape (P, M, 3): object, start and end of the messages of each partition.
    """

    schema: pa.Schema
    partitions: int
    mappers: int
    table: str
    objects: str

    def read(self, store: Store, partition: int) -> pa.Table:
        """All messages of a partition, in no order that means anything."""
        stride = self.mappers * 24
        routes = np.frombuffer(memoryview(store.read(self.table, partition * stride, stride)), np.int64).reshape(-1, 3)
        paths = _paths(store, self.objects)
        pieces = [(paths[index], start, end - start) for index, start, end in routes.tolist() if end > start]
        found = [batch for data in _pieces(store, pieces) for batch in _messages(data, self.schema)]
        return pa.Table.from_batches(found, self.schema)


def _pieces(store: Store, pieces: Sequence[tuple[str, int, int]]) -> Iterator[bytes]:
    """(path, offset, length) of each as bytes, in order; many small reads wait side by side."""
    if len(pieces) < 2:
        yield from (store.read(*piece) for piece in pieces)
        return
    with ThreadPoolExecutor(min(READS, len(pieces))) as pool:
        yield from pool.map(lambda piece: store.read(*piece), pieces)


def _messages(data: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    reader = pa.BufferReader(data)
    while reader.tell() < len(data):
        yield pa.ipc.read_record_batch(pa.ipc.read_message(reader), schema)


@functools.lru_cache(maxsize=4)
def _paths(store: Store, objects: str) -> list[str]:
    paths: list[str] = json.loads(bytes(memoryview(store.read(objects))))
    return paths


@dataclasses.dataclass(frozen=True, slots=True)
class _Write:
    """Map side: messages to one object, ordered by partition."""

    mapper: Mapper
    partitions: int  # of the whole exchange
    groups: int  # partitions per group; 1 in a single round

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        batches = list(self.mapper.messages(store, task))
        parts = [self.mapper.route(batch, self.partitions) // self.groups for batch in batches]
        offsets = _scatter(emit, batches, parts, -(-self.partitions // self.groups))
        return Facts(self.mapper.facts(batches), {"offsets": offsets})


@dataclasses.dataclass(frozen=True, slots=True)
class _Refine:
    """Second round: one group's messages of some mappers, split into its partitions."""

    mapper: Mapper
    partitions: int
    groups: int
    schema: pa.Schema

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        batches: list[pa.RecordBatch] = []
        for data in _pieces(store, [(path, start, end - start) for path, start, end in task.payload]):
            batches += _messages(data, self.schema)
        parts = [self.mapper.route(batch, self.partitions) % self.groups for batch in batches]
        return Facts({}, {"offsets": _scatter(emit, batches, parts, self.groups)})


def _scatter(emit: Emit, batches: list[pa.RecordBatch], parts: list[Offsets], count: int) -> list[int]:
    """Emit one object with the messages ordered by partition, and give its ``count`` + 1 offsets."""
    ordered = []
    for batch, part in zip(batches, parts, strict=True):
        if (part[1:] < part[:-1]).any():  # a mapper that gives its rows in order spares them a copy
            order = np.argsort(part, kind="stable")
            batch, part = batch.take(pa.array(order)), part[order]
        ordered.append((batch, np.searchsorted(part, np.arange(count + 1))))
    pieces = [[b.slice(cut[p], cut[p + 1] - cut[p]) for b, cut in ordered if cut[p + 1] > cut[p]] for p in range(count)]
    data = pa.allocate_buffer(sum(pa.ipc.get_record_batch_size(one) for piece in pieces for one in piece))
    sink = pa.FixedSizeBufferWriter(data)  # a growing one would copy all that is in it again and again
    offsets = [0]
    for piece in pieces:
        for one in piece:
            sink.write(one.serialize())
        offsets.append(sink.tell())
    emit.blob(data, file_digest(data), sum(b.num_rows for b in batches), "ipc")
    return offsets


@dataclasses.dataclass(frozen=True, slots=True)
class _Sent:
    """A mapper's object, and where each partition is in it."""

    ordinal: int
    object: str
    offsets: Offsets


def exchange(session: Session, stage: Stage, name: str, tasks: Callable[[], Iterable[Task]], mapper: Mapper,
             schema: pa.Schema, partitions: int, max_routes: int = MAX_ROUTES) -> tuple[Exchanged, Counter[str]]:
    """Route every task's messages to ``partitions``; durable under the stage's own scratch folder.

    ``tasks`` is called twice, so that no list of them is held. Gives what reducers read, and the mappers' counts.
    """
    scratch = f"{stage.name}/{stage.key}/scratch/{name}-{partitions}"
    if session.plan:
        print_plan(session, stage, tasks(), scratch)
    total = sum(1 for _ in tasks())
    groups = 1 if total * partitions <= max_routes else math.isqrt(partitions - 1) + 1
    writer = _Write(mapper, partitions, groups)
    counts: Counter[str] = Counter()
    sent = _sent(run_tasks(session, scratch, tasks(), total, writer, f"{stage.name}:{name}"), counts)
    if groups > 1:
        refine = _Refine(mapper, partitions, groups, schema)
        return _second_round(session, f"{stage.name}:refine", scratch, sent, refine), counts
    routes = np.zeros((partitions, len(sent), 3), np.int64)
    for m, one in enumerate(sent):
        routes[:, m, 0], routes[:, m, 1], routes[:, m, 2] = m, one.offsets[:-1], one.offsets[1:]
    return _publish(session.store, scratch, schema, routes, [one.object for one in sent]), counts


def _sent(done: Iterable[Done], counts: Counter[str]) -> list[_Sent]:
    """In the order of the tasks; as arrays, since a Python list of offsets takes five times their size."""
    sent = []
    for one in done:
        counts.update(one.receipt.counts)
        offsets = np.asarray(one.receipt.extra["offsets"], np.int64)
        sent.append(_Sent(one.ordinal, one.receipt.outputs[0].main.object, offsets))
    return sorted(sent, key=lambda one: one.ordinal)


def _second_round(session: Session, title: str, scratch: str, first: list[_Sent], refine: "_Refine") -> Exchanged:
    """Each group's messages, at most ``GROUP_BYTES`` at a time, split into the partitions of the group."""
    tasks: list[Task] = []
    group_of: list[int] = []
    for group in range(-(-refine.partitions // refine.groups)):
        for payload in _payloads(first, group):
            key = digest_key(["refine", group, refine.partitions, payload])
            size = sum(end - start for _, start, end in payload)
            tasks.append(Task(len(tasks), key, f"partitions of group {group}", 3 * size, payload))
            group_of.append(group)
    second = _sent(run_tasks(session, f"{scratch}/refined", tasks, len(tasks), refine, title), Counter())
    routes = np.zeros((refine.partitions, max(Counter(group_of).values(), default=0), 3), np.int64)
    seen: Counter[int] = Counter()
    for group, one in zip(group_of, second, strict=True):
        start = group * refine.groups
        n = min(refine.groups, refine.partitions - start)
        routes[start : start + n, seen[group], 0] = one.ordinal
        routes[start : start + n, seen[group], 1] = one.offsets[:n]
        routes[start : start + n, seen[group], 2] = one.offsets[1 : n + 1]
        seen[group] += 1
    return _publish(session.store, scratch, refine.schema, routes, [one.object for one in second])


def _payloads(first: list[_Sent], group: int) -> Iterator[list[tuple[str, int, int]]]:
    payload: list[tuple[str, int, int]] = []
    size = 0
    for one in first:
        start, end = int(one.offsets[group]), int(one.offsets[group + 1])
        if end > start:
            payload.append((one.object, start, end))
            size += end - start
        if size >= GROUP_BYTES:
            yield payload
            payload, size = [], 0
    if payload:
        yield payload


def _publish(store: Store, scratch: str, schema: pa.Schema, routes: Offsets, paths: list[str]) -> Exchanged:
    objects = json.dumps(paths).encode()
    table = routes.tobytes()
    names = f"{scratch}/objects-{file_digest(objects)}.json", f"{scratch}/routes-{file_digest(table)}.bin"
    store.write(names[0], objects)
    store.write(names[1], table)
    return Exchanged(schema, routes.shape[0], routes.shape[1], names[1], names[0])


def partitions_for(total_bytes: int, asked: int | None = None) -> int:
    """How many partitions hold ``PARTITION_BYTES`` each."""
    return asked or max(1, -(-total_bytes // PARTITION_BYTES))


def route_digest(prefix: npt.NDArray[np.uint64], partitions: int) -> Offsets:
    """Partition of uniformly distributed uint64 keys: floor(key · P / 2^64), for P < 2^32."""
    high = (prefix >> np.uint64(32)).astype(np.uint64)
    return ((high * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)


def clean(session: Session, made: Manifest) -> None:
    """Delete a committed dataset's scratch, also what a killed run left: receipts first, so that none names what is gone."""
    if session.plan:
        return
    entries = [e.path for e in session.store.list(f"{made.folder}/scratch/")]
    for path in sorted(entries, key=lambda p: not p.endswith(".json")):
        session.store.delete(path)
