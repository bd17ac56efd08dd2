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
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import pyarrow as pa

from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Done, Emit, Facts, Session, Task, run_tasks
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.text.content import key as digest_key

MAX_ROUTES = 4_000_000  # M·P offsets in one table: 96 MB in the driver; beyond, two rounds of sqrt(P)
PARTITION_BYTES = 256 << 20
GROUP_BYTES = 256 << 20  # what one mapper reads


class Mapper(Protocol):
    """Gives the messages of one task."""

    def messages(self, store: Store, task: Task, /) -> Iterator[pa.RecordBatch]:
        """Batches of one schema."""

    def route(self, batch: pa.RecordBatch, partitions: int, /) -> np.ndarray:
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
        found = []
        for index, start, end in routes.tolist():
            if end > start:
                data = pa.py_buffer(store.read(paths[index], start, end - start))
                found.append(pa.ipc.read_record_batch(data, self.schema))
        return pa.Table.from_batches(found, self.schema)


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
        batches = []
        for path, start, end in task.payload:
            batches.append(pa.ipc.read_record_batch(pa.py_buffer(store.read(path, start, end - start)), self.schema))
        parts = [self.mapper.route(batch, self.partitions) % self.groups for batch in batches]
        return Facts({}, {"offsets": _scatter(emit, batches, parts, self.groups)})


def _scatter(emit: Emit, batches: list[pa.RecordBatch], parts: list[np.ndarray], count: int) -> list[int]:
    """Emit one object with the messages ordered by partition, and give its ``count`` + 1 offsets."""
    sink = pa.BufferOutputStream()
    offsets = [0]
    ordered = []
    for batch, part in zip(batches, parts, strict=True):
        order = np.argsort(part, kind="stable")
        ordered.append((batch.take(pa.array(order)), np.searchsorted(part[order], np.arange(count + 1))))
    for partition in range(count):
        pieces = [b.slice(cut[partition], cut[partition + 1] - cut[partition]) for b, cut in ordered]
        pieces = [p for p in pieces if p.num_rows]
        if pieces:
            joined = pieces[0] if len(pieces) == 1 else pa.Table.from_batches(pieces).combine_chunks().to_batches()[0]
            sink.write(joined.serialize())
        offsets.append(sink.tell())
    data = sink.getvalue()
    emit.blob(data, file_digest(data), sum(b.num_rows for b in batches), "ipc")
    return offsets


def exchange(session: Session, stage: Stage, name: str, tasks: Iterable[Task], total: int, mapper: Mapper,
             schema: pa.Schema, partitions: int, max_routes: int = MAX_ROUTES) -> tuple[Exchanged, list[Done]]:
    """Route every task's messages to ``partitions``; durable under the stage's own scratch folder.

    Gives what reducers read, and the mappers' results.
    """
    scratch = f"{stage.name}/{stage.key}/scratch/{name}-{partitions}"
    rounds = 2 if total * partitions > max_routes and partitions > 1 else 1
    groups = 1 if rounds == 1 else math.isqrt(partitions - 1) + 1
    writer = _Write(mapper, partitions, groups)
    done = sorted(run_tasks(session, scratch, tasks, total, writer, f"{stage.name}:{name}"), key=lambda d: d.ordinal)
    if rounds == 1:
        routes = _routes(done, partitions)
    else:
        routes, done_second = _second_round(session, scratch, done, mapper, schema, partitions, groups)
        return _publish(session.store, scratch, schema, partitions, routes, done_second), done
    return _publish(session.store, scratch, schema, partitions, routes, done), done


def _routes(done: list[Done], partitions: int) -> np.ndarray:
    routes = np.zeros((partitions, len(done), 3), np.int64)
    for m, one in enumerate(done):
        offsets = np.asarray(one.receipt.extra["offsets"], np.int64)
        routes[:, m, 0], routes[:, m, 1], routes[:, m, 2] = m, offsets[:-1], offsets[1:]
    return routes


def _second_round(session: Session, scratch: str, done: list[Done], mapper: Mapper, schema: pa.Schema, partitions: int,
                  groups: int) -> tuple[np.ndarray, list[Done]]:
    columns = -(-partitions // groups)
    tasks = []
    for group in range(columns):
        for part, payload in enumerate(_payloads(done, group)):
            key = digest_key(["refine", group, part, partitions, [[p, s, e] for p, s, e in payload]])
            size = sum(end - start for _, start, end in payload)
            tasks.append(Task(len(tasks), key, f"partitions of group {group}", 3 * size, (group, payload)))
    refine = _Refine(mapper, partitions, groups, schema)
    plain = [dataclasses.replace(t, payload=t.payload[1]) for t in tasks]
    second = sorted(run_tasks(session, f"{scratch}/refined", plain, len(plain), refine, "refine"), key=lambda d: d.ordinal)
    widest = max((sum(1 for t in tasks if t.payload[0] == g) for g in range(columns)), default=0)
    routes = np.zeros((partitions, widest, 3), np.int64)
    seen = [0] * columns
    for task, one in zip(tasks, second, strict=True):
        group = task.payload[0]
        offsets = one.receipt.extra["offsets"]
        for low in range(min(groups, partitions - group * groups)):
            routes[group * groups + low, seen[group]] = one.ordinal, offsets[low], offsets[low + 1]
        seen[group] += 1
    return routes, second


def _payloads(done: list[Done], group: int) -> Iterator[list[tuple[str, int, int]]]:
    payload: list[tuple[str, int, int]] = []
    size = 0
    for one in done:
        start, end = one.receipt.extra["offsets"][group : group + 2]
        if end > start:
            payload.append((one.receipt.outputs[0].main.object, start, end))
            size += end - start
        if size >= GROUP_BYTES:
            yield payload
            payload, size = [], 0
    if payload:
        yield payload


def _publish(store: Store, scratch: str, schema: pa.Schema, partitions: int, routes: np.ndarray, done: list[Done]) -> Exchanged:
    objects = json.dumps([d.receipt.outputs[0].main.object for d in done]).encode()
    table = routes.tobytes()
    names = f"{scratch}/objects-{file_digest(objects)}.json", f"{scratch}/routes-{file_digest(table)}.bin"
    store.write(names[0], objects)
    store.write(names[1], table)
    return Exchanged(schema, partitions, routes.shape[1], names[1], names[0])


def partitions_for(total_bytes: int, asked: int | None = None) -> int:
    """How many partitions hold ``PARTITION_BYTES`` each."""
    return asked or max(1, -(-total_bytes // PARTITION_BYTES))


def route_digest(prefix: np.ndarray, partitions: int) -> np.ndarray:
    """Partition of uniformly distributed uint64 keys: floor(key · P / 2^64), for P < 2^32."""
    high = (prefix >> np.uint64(32)).astype(np.uint64)
    return ((high * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)


def clean(session: Session, made: Manifest) -> None:
    """Delete a committed dataset's scratch: receipts first, so that none ever names what is gone."""
    entries = [e.path for e in session.store.list(f"{made.folder}/scratch/")]
    for path in sorted(entries, key=lambda p: not p.endswith(".json")):
        session.store.delete(path)
