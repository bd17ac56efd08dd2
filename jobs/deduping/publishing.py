"""What a run keeps becomes the next generation of an index; and generations as one dataset of signatures.

A driver that dies leaves the name where it was, or moved: all that it points to is committed before.
"""

import dataclasses
import json
from collections.abc import Iterator

import pyarrow as pa

from corpusmill.jobs.deduping.index import FILE, Generation, Index, places_of
from corpusmill.jobs.deduping.signing import Signer, signatures_schema
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards, stage
from corpusmill.jobs.runtime.manifest import Manifest, Shard
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import DataError
from corpusmill.operators.text.content import key as digest_key

ROWS = 1 << 20  # published ones of a shard that is merged from several


def add(here: Session, index: Index, signer: Signer, identity: str, made: Manifest, *, compact: bool = False) -> None:
    """Append a generation, and move the name. Raises DataError where another run moved it meanwhile."""
    if made.details.get("partial"):
        note(f"@{index.name}: a first look adds nothing to it", here.quiet)
        return
    one = Generation(identity, made.inputs["signatures"], made.reference)
    after = dataclasses.replace(index, generations=(*index.generations, one))
    done = _commit(here, merged(here, after, signer) if compact else after, signer)
    if not manifests.swap_name(here.store, index.name, done, index.version):
        _lost(here, index, signer, identity)


def compact(here: Session, index: Index, signer: Signer) -> None:
    """Merge the signatures of all generations, where they are not, and move the name. Raises as ``add`` does."""
    if index.covers < len(index.generations):
        after = _commit(here, merged(here, index, signer), signer)
        if not manifests.swap_name(here.store, index.name, after, index.version):
            raise DataError(f"dedup.index={index.name}: another run added to @{index.name} meanwhile; run it again")


def _commit(here: Session, index: Index, signer: Signer) -> Manifest:
    held = {"generations": [dataclasses.asdict(g) for g in index.generations], "covers": index.covers,
            "compacted": dataclasses.asdict(index.compacted) if index.compacted else None}
    data = json.dumps(held, sort_keys=True, indent=1).encode()
    made = stage.Stage("index", stage.NO_ROWS, {"signature": describe(signer)}, source=digest_key(data.decode()))
    return stage.commit_file(here, made, FILE, data, {"generations": len(index.generations), "compacted": index.covers})


def _lost(here: Session, index: Index, signer: Signer, identity: str) -> None:
    if Index.read(here.store, index.name, signer).known(identity) is None:
        raise DataError(f"dedup.index={index.name}: another run added to @{index.name} while this one compared documents with "
                        "what was there before; run it again, to compare them also with what is new")


def merged(here: Session, index: Index, signer: Signer) -> Index:
    """The index with the signatures of everything that its generations publish as one dataset."""
    generations = [[dataclasses.asdict(r) for r in (g.signatures, g.duplicates)] for g in index.generations]
    schema = signatures_schema(signer)
    made = stage.Stage("index_signatures", schema, {"signature": describe(signer), "generations": generations, "version": "1"})
    done = stage.committed(here, made)
    if done is None:
        parts = list(_parts(here.store, index))
        tasks = [Task(i, made.task_key(*(shard.main.content for both in part for shard in both)), f"published rows {i}",
                      2 * sum(shard.main.bytes for both in part for shard in both), part) for i, part in enumerate(parts)]
        done = stage.run(here, made, tasks, len(tasks), Published(schema), renumber=True, empty_ok=True)
    return dataclasses.replace(index, compacted=done.reference, covers=len(index.generations))


def _parts(store: Store, index: Index) -> Iterator[list[tuple[Shard, Shard]]]:
    """Shards of signatures and duplicates that count, as many as make a large shard; the same again for the same beginning."""
    held = [list(_side_by_side(store, one)) for one in index.generations]
    latest = {place: number for number, places in enumerate(held) for place, _, _ in places}
    part: list[tuple[Shard, Shard]] = []
    rows = 0
    for number, places in enumerate(held):
        for place, signatures, duplicates in places:
            if latest[place] == number:
                part.append((signatures, duplicates))
                rows += duplicates.counts["kept"]
            if rows >= ROWS:
                yield part
                part, rows = [], 0
    if part:
        yield part


def _side_by_side(store: Store, one: Generation) -> Iterator[tuple[tuple[str, int], Shard, Shard]]:
    """The place of each shard, its signatures and its duplicates."""
    signatures, duplicates = (manifests.shards(store, manifests.load(store, r)) for r in (one.signatures, one.duplicates))
    for (place, found), other in zip(places_of(duplicates), signatures, strict=True):
        yield place, other, found


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """The signatures of the rows that duplicates keep, of some shards."""

    schema: pa.Schema

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """In the order of the shards."""
        encoder = Encoder(self.schema)
        for signatures, duplicates in task.payload:
            rows = shards.table(store, signatures.main, self.schema.names)
            keep = shards.table(store, duplicates.main, ["keep"]).column("keep")
            encoder.write(shards.one_batch(rows.filter(keep)))
        emit(encoded := encoder.finish())
        return Facts({"kept": encoded.rows})
