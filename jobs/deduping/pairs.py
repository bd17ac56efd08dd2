"""The dataset of verified pairs: a shard for each of documents, with the pairs whose lower document is in it."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping import again, exact, near
from corpusmill.jobs.deduping.evidence import Evidence
from corpusmill.jobs.deduping.holdings import NEW, Comparison
from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.runtime import exchange, stage
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import encode, one_batch
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.dedup.rank import Rank, keys_in, rank_names
from corpusmill.operators.errors import Missing


def find_pairs(here: Session, made: Comparison, bands: int, evidence: Evidence, rank: Rank) -> Manifest:
    """Exact pairs, then near ones, then a shard for each of documents. ``bands``: of a signature."""
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    tasks = made.tasks(here.store)
    if here.plan:
        stage.print_plan(here, made, tasks)
    try:
        owners = Owners.of(here.store, made, near.GROUP_ROWS)
        reader = again.reader_of(here, made, rank, owners)
        copies = exact.exact_pairs(here, made, reader, owners)
        verified, counts = near.near_pairs(here, made, bands, evidence, reader, copies)
        done = stage.run(here, made, tasks, made.inputs["signatures"].shards, Pairs(copies, verified, made.schema),
                         details={"aligned": False, "compared": counts} | made.details(), empty_ok=True)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


@dataclasses.dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of one shard."""

    copies: ByShard
    verified: ByShard
    schema: pa.Schema

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """In an order that depends on the rows alone."""
        found = [source.of_shard(store, task.payload.ordinal) for source in (self.copies, self.verified)]
        found = [pairs.filter(pc.greater_equal(pairs.column("generation"), NEW)) for pairs in found]
        rank = [f"upper_{name}" for name in rank_names(keys_in(self.schema))]
        order = [(name, "ascending") for name in ("row", *rank, "upper_doc_id", "upper_shard", "upper_row")]
        emit(encode([one_batch(pa.concat_tables(found).sort_by(order).select(self.schema.names))], self.schema))
        return Facts({"exact": found[0].num_rows, "near": found[1].num_rows})
