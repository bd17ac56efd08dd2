"""Tasks with receipts: the one way in which work is computed and committed.

The driver looks up every task's receipt first and sends only what has none; a worker writes its objects, then its receipt.
"""

import collections
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from corpusmill.jobs.runtime import receipts
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.progress import StageProgress
from corpusmill.jobs.runtime.receipts import Output, Receipt
from corpusmill.jobs.runtime.shards import Encoded, Stored
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing

LOOKUPS = 16  # receipts asked for at once: an object store answers each in about 10 ms


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One unit of work; ``payload`` is what its work understands."""

    ordinal: int
    key: str
    label: str
    memory: int
    payload: Any
    documents: str = ""  # content digest of the documents shard that its rows are aligned with
    size: int = 0  # bytes that it reads
    cpus: int = 1  # that it keeps busy
    gpus: float = 0.0  # that it keeps busy


class Emit:
    """Takes a worker's shards and stores each at once, so that a task of many shards holds one in memory."""

    def __init__(self, store: Store, stage: str, key: str) -> None:
        self.store = store
        self.outputs: list[Output] = []
        self._stage = stage
        self._key = key

    def __call__(self, main: Encoded, edits: Encoded | None = None) -> None:
        """Store a shard, and the edit layer that belongs to it."""
        layer = None
        if edits is not None:
            layer = receipts.store_shard(self.store, self._stage, self._key, edits, "edits.parquet")
        self.outputs.append(Output(receipts.store_shard(self.store, self._stage, self._key, main), layer))

    def blob(self, data: Any, digest: str, rows: int, suffix: str) -> None:
        """Store bytes that are not Parquet."""
        target = receipts.object_path(self._stage, self._key, digest, suffix)
        self.store.write(target, data)
        size = memoryview(data).nbytes
        self.outputs.append(Output(Stored(target, rows, size, size, digest, digest)))


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What a finished task says of itself: additive counts, and deterministic facts for its receipt."""

    counts: Mapping[str, int]
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Work(Protocol):
    """What is done with a task; a frozen dataclass, sent to workers once."""

    def __call__(self, store: Store, task: Task, emit: Emit, /) -> Facts:
        """Compute, emit shards, and say what was done."""


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A committed task."""

    ordinal: int
    documents: str
    receipt: Receipt
    seconds: float = 0.0
    computed: bool = False

    @property
    def rows(self) -> int:
        """Rows written; of a task that writes none, those that its receipt holds."""
        return sum(o.main.rows for o in self.receipt.outputs) or self.receipt.counts.get("kept", 0)

    @property
    def bytes(self) -> int:
        """Bytes of text or columns that the task went through, or else wrote."""
        return self.receipt.counts.get("bytes_in", sum(o.main.bytes for o in self.receipt.outputs))


@dataclasses.dataclass(frozen=True, slots=True)
class Runner:
    """Does a task and commits it."""

    store: Store
    stage: str
    work: Work

    def __call__(self, task: Task) -> Done:
        """In a worker."""
        started = time.perf_counter()
        emit = Emit(self.store, self.stage, task.key)
        facts = self.work(self.store, task, emit)
        receipt = Receipt(task.key, tuple(emit.outputs), facts.counts, facts.extra)
        receipt = receipts.commit(self.store, self.stage, receipt)
        return Done(task.ordinal, task.documents, receipt, time.perf_counter() - started, computed=True)


@dataclasses.dataclass(slots=True)
class Session:
    """What a job runs with, and what it did so far."""

    store: Store
    engine: Engine
    quiet: bool = False
    plan: bool = False
    partitions: int | None = None
    tasks_run: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    tasks_adopted: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    wall: dict[str, float] = dataclasses.field(default_factory=dict)
    busy: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def progress(self, name: str, tasks: int) -> StageProgress:
        """A progress display for one stage."""
        return StageProgress(name, tasks, self.quiet)


def run_tasks(session: Session, stage: str, tasks: Iterable[Task], total: int, work: Work, title: str) -> Iterator[Done]:
    """Every task's committed result, in order of completion; tasks of equal key are one task."""
    ready: collections.deque[Done] = collections.deque()
    again: list[Task] = []

    def missing() -> Iterator[Task]:
        sent: set[str] = set()
        for task, receipt in _looked_up(session.store, stage, tasks):
            if receipt is not None:
                ready.append(Done(task.ordinal, task.documents, receipt))
            elif task.key in sent:
                again.append(task)
            else:
                sent.add(task.key)
                yield task

    with session.progress(title, total) as bar:
        for done in itertools.chain(session.engine.map(Runner(session.store, stage, work), missing()), [None]):
            if done is not None:
                ready.append(done)
            else:
                ready.extend(_adopted(session.store, stage, task) for task in again)
            while ready:
                one = ready.popleft()
                (session.tasks_run if one.computed else session.tasks_adopted)[title] += 1
                session.busy[title] += one.seconds  # type: ignore[assignment]
                bar.advance(one.rows, one.bytes)
                yield one
        session.wall[title] = session.wall.get(title, 0.0) + bar.seconds()


def _adopted(store: Store, stage: str, task: Task) -> Done:
    receipt = receipts.find(store, stage, task.key)
    if receipt is None:  # another run of the same thing has committed and cleaned its scratch
        raise Missing(f"{task.label}: its receipt is gone from {stage}")
    return Done(task.ordinal, task.documents, receipt)


def _looked_up(store: Store, stage: str, tasks: Iterable[Task]) -> Iterator[tuple[Task, Receipt | None]]:
    find: Callable[[Task], Receipt | None] = lambda task: receipts.find(store, stage, task.key)  # noqa: E731
    source = iter(tasks)
    with ThreadPoolExecutor(LOOKUPS) as pool:
        while chunk := list(itertools.islice(source, 16 * LOOKUPS)):
            yield from zip(chunk, pool.map(find, chunk), strict=True)
