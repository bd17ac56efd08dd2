"""k-means over all survivors, from the centroids that a sample gave.

``over=all``: their points are kept as scratch of the dataset, each round then reads them and no text. ``over=minibatch``: the
shards, in an order that their contents give, are cut into rounds, and each text is read once. Sums are whole numbers, so any
number of workers and any order of the shards gives the same centroids.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from corpusmill.jobs.regrouping.survivors import survivors
from corpusmill.jobs.runtime import embedders, shards
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task, run_tasks
from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.kmeans import KMeans
from corpusmill.operators.domain.model import Model
from corpusmill.operators.domain.streaming import UNIT, Batches, Ids, Round, Sums, iterate
from corpusmill.operators.schema import DOC_ID
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.text.content import key as digest_key

Placed = tuple[Ids, Floats]


def refined(here: Session, made: Stage, labeller: KMeans, tasks: Callable[[], Iterator[Task]], model: Model) -> Floats:
    """The centroids of all survivors; ``tasks`` reads them shard by shard."""
    found = list(tasks())
    if labeller.over == "minibatch":
        return _batches(here, made, labeller, found, model)
    kept = _kept(here, made, labeller, found, model)
    passing = functools.partial(_passed, here, f"{made.name}: k-means", Stored(here.store), kept)
    centroids, told = iterate(model.centroids, passing, labeller.rounds, labeller.device)
    note(f"{made.name}: {len(told)} rounds over all documents, sum of squares {told[0] / UNIT:,.0f} to {told[-1] / UNIT:,.0f}",
         here.quiet)
    return centroids


@dataclasses.dataclass(frozen=True, slots=True)
class Embed:
    """The points of one shard's survivors, by the embedder of a model; those of documents that have none are left out.

    So are documents that the labeller holds out.
    """

    model: Model
    labeller: KMeans

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """As a shard of ids and bytes of float32 values."""
        schema = points_schema(self.model.centroids.shape[1])
        encoder, rows = Encoder(schema), 0
        for ids, points in self.read(store, task):
            values = pa.FixedSizeBinaryArray.from_buffers(schema.field("point").type, len(points), [None, pa.py_buffer(points)])
            encoder.write(pa.record_batch([pa.array(ids.tolist(), DOC_ID), values], schema=schema))
            rows += len(points)
        emit(encoder.finish())
        return Facts({"points": rows})

    def read(self, store: Store, task: Task) -> Iterator[Placed]:
        """Ids and points, batch by batch."""
        embedder = self.labeller.embedder
        files = embedders.files(store, embedder)
        for batch in map(self.labeller.seen, survivors(store, task.payload, embedder)):
            points = self.model.embed(batch, files)
            known = points.any(axis=1)
            yield _ids(batch.column("doc_id"))[known], np.ascontiguousarray(points[known])


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """The points that ``Embed`` stored."""

    store: Store

    def __call__(self, task: Task) -> Iterator[Placed]:
        """Of one task, whose payload is the stored shard."""
        rows = shards.one_batch(shards.table(self.store, task.payload, ["doc_id", "point"]))
        point = rows.column("point")
        values = np.frombuffer(point.buffers()[1], np.float32) if len(rows) else np.zeros(0, np.float32)
        width = point.type.byte_width // 4
        yield _ids(rows.column("doc_id")), values[point.offset * width:][: len(rows) * width].reshape(-1, width)


@dataclasses.dataclass(frozen=True, slots=True)
class Fresh:
    """The points of a shard, embedded as they are needed."""

    store: Store
    embed: Embed

    def __call__(self, task: Task) -> Iterator[Placed]:
        """Of one task over texts."""
        return self.embed.read(self.store, task)


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the points of one shard tell of the next centroids; nothing is committed."""

    read: Stored | Fresh
    fit: Round

    def __call__(self, task: Task) -> tuple[Sums, int]:
        """And the size of what was read."""
        return functools.reduce(self.fit.merge, (self.fit.partial(*placed) for placed in self.read(task))), task.size


def points_schema(dimensions: int) -> pa.Schema:
    """Of stored points."""
    return pa.schema([pa.field("doc_id", DOC_ID), pa.field("point", pa.binary(4 * dimensions))])


def _ids(column: pa.Array) -> Ids:
    return np.array(column.to_pylist(), "S16")


def _kept(here: Session, made: Stage, labeller: KMeans, tasks: Sequence[Task], model: Model) -> list[Task]:
    """A task for each shard of points. What was embedded by the same model before is there already."""
    digest = file_digest(model.to_bytes())
    keyed = [dataclasses.replace(task, key=digest_key([task.key, "points", digest])) for task in tasks]
    work, scratch = Embed(model, labeller), f"{made.name}/{made.key}/scratch/points"
    done = run_tasks(here, scratch, keyed, len(keyed), work, f"{made.name}: points")
    found = sorted(((one.ordinal, one.receipt.outputs[0].main) for one in done), key=lambda pair: pair[0])
    return [Task(ordinal, stored.content, f"points of shard {ordinal}", 3 * stored.bytes, stored, size=stored.bytes)
            for ordinal, stored in found]


def _batches(here: Session, made: Stage, labeller: KMeans, tasks: Sequence[Task], model: Model) -> Floats:
    """Rounds of shards in an order of their contents, each shard once."""
    order = sorted(tasks, key=lambda task: digest_key([labeller.seed, "minibatch", task.key]))
    sampled = min(labeller.sample, sum(task.payload.rows for task in order))
    state = Batches.begin(model.centroids, sampled // len(model.centroids))
    read = Fresh(here.store, Embed(model, labeller))
    rounds = min(labeller.rounds, len(order))
    for i in range(rounds):
        title = f"{made.name}: batch {i + 1} of {rounds}"
        state = state.step(_passed(here, title, read, order[i::rounds], Round(state.centroids, labeller.device)))
    return state.centroids


def _passed(here: Session, title: str, read: Stored | Fresh, tasks: Sequence[Task], fit: Round) -> Sums:
    """The sums of all tasks: by the workers, or on a GPU by this process."""
    look, total = Look(read, fit), fit.partial(np.zeros(0, "S16"), np.zeros((0, fit.centroids.shape[1]), np.float32))
    with here.progress(title, len(tasks)) as bar:
        for state, size in here.engine.map(look, tasks) if fit.device == "cpu" else map(look, tasks):
            total = fit.merge(total, state)
            bar.advance(int(state.counts.sum()), size)
    return total
