"""Documents that use the same words meet by k-means cell, and within a cell the star finds the kept one that each matches.

    cells      the sketch of each document, to the partition of its cell
    semantic   for each document that matches a kept one, that pair, to the shard of the lower document

Documents equal to one that ranks above them send nothing: they share the fate of the first.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs import regroup
from corpusmill.jobs.deduping import exact
from corpusmill.jobs.deduping.holdings import Comparison, Reader
from corpusmill.jobs.deduping.owners import ByShard, Owners, only
from corpusmill.jobs.deduping.pairs import Pairs
from corpusmill.jobs.runtime import artifacts, exchange, inputs, stage
from corpusmill.jobs.runtime.exchange import Offsets
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.dedup.cells import MOST, cell_messages, cell_pairs
from corpusmill.operators.dedup.keep import pair_messages_schema
from corpusmill.operators.dedup.rank import Rank, rank_names
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import Missing
from corpusmill.operators.text.content import key as digest_key

GROUP_ROWS = 1 << 17  # rows whose sketches one mapper sends
CELL_ROWS = 1 << 14  # rows that one task compares, where the cells are so small
ROW_BYTES = 60  # of a message, besides the sketch and 8 for each key of the rank


def fitted(here: Session, signer: Semantic, found: Mapping[str, Manifest], subset: Mapping[str, float], model: str) -> Semantic:
    """The signer with its model: the one that is named, or one that is learned from the documents that take part.

    ``model``: a digest, a file, or a manifest that was made with ``regroup=kmeans`` or ``dedup=semantic``; may be empty.
    Raises DataError where what is named is no model.
    """
    if model:
        digest = regroup.named(here, model, "dedup.model", "signatures")
        if not here.plan:
            named = Model.from_bytes(artifacts.fetch(here.store, digest).read_bytes(), f"dedup.model={model}")
            named.require_words(f"dedup.model={model}")
        return signer.applied(digest)
    chosen = {name: found[name] for name in ("documents", "decisions") if name in found}
    survivors = Stage("domain_model", stage.NO_ROWS, {"subset": dict(subset)}, chosen, inputs.view_of(found), exact=False)
    learner = signer.learner(regroup.living(found["documents"].rows, chosen))
    return signer.applied(regroup.model_of(here, learner, survivors, fewer=True))


def find_pairs(here: Session, made: Comparison, signer: Semantic, rank: Rank) -> Manifest:
    """Exact pairs, then those of cells, then a shard for each of documents."""
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    tasks = made.tasks(here.store)
    if here.plan:
        stage.print_plan(here, made, tasks)
    try:
        reader = Reader(rank)
        copies = exact.exact_pairs(here, made, reader, Owners.of(here.store, made, GROUP_ROWS))
        alike = _alike(here, made, signer, reader, copies)
        done = stage.run(here, made, tasks, made.inputs["signatures"].shards, SemanticPairs(copies, alike, made.schema),
                         details={"aligned": False}, empty_ok=True)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


def _alike(here: Session, made: Comparison, signer: Semantic, reader: Reader, copies: ByShard) -> ByShard:
    """PAIR_MESSAGES by shard of the pairs of all cells."""
    store, owners, rows, keys = here.store, copies.owners, made.rows, len(reader.rank.keys)
    width = signer.dimensions + ROW_BYTES + 8 * keys
    cells = 1 + len(Model.from_bytes(artifacts.fetch(store, signer.artifact).read_bytes()).centroids)
    wanted = max(here.partitions or 1, -(-rows // CELL_ROWS), exchange.partitions_for(rows * width))
    partitions = min(cells, wanted)
    messages, sizes = exchange.exchange(
        here, made, "cells", lambda: owners.tasks(store, made, "cells", 3 * width, copies.exchanged),
        Cells(reader, signer.dimensions), cell_messages(signer.dimensions, keys), partitions)
    compared = [sum(sizes[f"cell/{cell}"] for cell in range(p, cells, partitions)) for p in range(partitions)]
    tasks = [Task(p, digest_key([made.key, "semantic", p, partitions, owners.count]), f"cells of partition {p}",
                  3 * n * width + 4 * min(n, MOST) * signer.dimensions, (messages, p)) for p, n in enumerate(compared)]
    found, _ = exchange.exchange(here, made, f"semantic-{partitions}", lambda: tasks,
                                 Compare(made.parameters["threshold"], owners), pair_messages_schema(keys), owners.count)
    return ByShard(found, owners)


@dataclasses.dataclass(frozen=True, slots=True)
class Cells:
    """Sends the sketch of each document that takes part and has words, but for copies."""

    reader: Reader
    dimensions: int

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """``cell_messages`` of a group of shards."""
        owner, shards, received = task.payload
        copies = received.read(store, owner)
        for one in shards:
            rows = self.reader.rows(store, one, "doc_id", "cell", "sketch")
            taking_part = pc.and_(rows.column("keep"), pc.is_valid(rows.column("cell"))).to_numpy(zero_copy_only=False)
            taking_part[only(copies, one.ordinal).column("row").to_numpy()] = False
            chosen = np.flatnonzero(taking_part)
            mine = rows.take(pa.array(chosen))
            keys = len(self.reader.rank.keys)
            columns = [mine.column("cell"), *map(mine.column, rank_names(keys)), mine.column("doc_id"),
                       np.full(len(chosen), one.ordinal, np.int64), chosen, mine.column("sketch")]
            schema = cell_messages(self.dimensions, keys)
            yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=schema)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By cell. Cells are numbered by size, so that those of one partition are large and small."""
        cells: Offsets = batch.column("cell").to_numpy().astype(np.int64)
        return cells % partitions

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many documents are in each cell."""
        counts: Counter[str] = Counter()
        for batch in batches:
            cells, sizes = np.unique(batch.column("cell").to_numpy(), return_counts=True)
            counts.update({f"cell/{cell}": size for cell, size in zip(cells.tolist(), sizes.tolist(), strict=True)})
        return dict(counts)


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """Finds the pairs of the cells of one partition."""

    threshold: float
    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """PAIR_MESSAGES, in an order that depends on nothing but the rows."""
        messages, partition = task.payload
        found = cell_pairs(messages.read(store, partition), self.threshold)
        yield from found.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the lower document's shard."""
        return self.owners.route(batch.column("shard").to_numpy())

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many documents match a kept one."""
        return {"semantic_pairs": sum(b.num_rows for b in batches)}


class SemanticPairs(Pairs):
    """The pairs of one shard."""

    __slots__ = ()

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """In an order that depends on the rows alone."""
        counts = dict(super().__call__(store, task, emit).counts)
        return Facts({"exact": counts["exact"], "semantic": counts["near"]})
