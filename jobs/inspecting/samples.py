"""Seeded draws of the rows that came to an outcome, and documents by their id.

A draw is the rows of lowest priority, a hash of (seed, doc_id): the same for any sharding, and a larger draw holds the smaller.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned, shards
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.aligned import Columns
from corpusmill.jobs.runtime.manifest import Manifest, Reference
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.text.hashing import priorities

Pick = Callable[[pa.RecordBatch], npt.NDArray[np.bool_]]
Choose = Callable[[pa.Table], pa.ChunkedArray]  # rows -> which of them may be drawn

COMPARED = ("keep", "kind", "similarity")
_PAIR = ("doc_id", "row", "upper_doc_id", "upper_shard", "upper_row", "kind", "similarity")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Place:
    """A row of a row-aligned dataset."""

    priority: int
    doc_id: bytes
    ordinal: int
    row: int


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class PairPlace:
    """A pair of documents."""

    priority: int
    lower: Place
    upper: Place
    similarity: float


def compared(kind: str) -> Choose:
    """Dropped duplicates of a kind that make a pair with the document that they are named for."""
    return lambda rows: pc.and_(pc.and_kleene(pc.invert(rows["keep"]), pc.equal(rows["kind"], kind)),
                                pc.is_valid(rows["similarity"]))


def draw(store: Store, made: Manifest, columns: Sequence[str], choose: Choose, n: int, seed: int,
         counted: str = "") -> list[Place]:
    """At most ``n`` rows that ``choose`` allows, in the order of the draw.

    ``counted`` names the count that is above 0 in shards that have such rows: the others are not read.
    """
    best: list[Place] = []
    for shard in manifests.shards(store, made):
        if counted and not shard.counts.get(counted):
            continue
        rows = shards.table(store, shard.main, ["doc_id", *columns])
        allowed = np.flatnonzero(pc.fill_null(choose(rows), False).to_numpy(zero_copy_only=False))
        if not len(allowed):
            continue
        ids = rows.column("doc_id").take(allowed).combine_chunks()
        rank = priorities(ids, seed, "inspect")
        first = np.argsort(rank, kind="stable")[:n]
        best += [Place(int(rank[i]), ids[int(i)].as_py(), shard.ordinal, int(allowed[i])) for i in first]
        best = sorted(best)[:n]
    return best


def draw_pairs(store: Store, pairs: Manifest, n: int, seed: int, most: int) -> list[PairPlace]:
    """At most ``n`` near pairs of a dataset of pairs, in the order of the draw.

    Of more than ``most`` shards it reads so many, which the seed draws: then the draw is that of these shards alone.
    """
    shards_of = sorted(manifests.shards(store, pairs), key=lambda one: digest_key(["pairs", seed, one.ordinal]))
    best: list[PairPlace] = []
    for shard in shards_of[:most] if pairs.shards > most else shards_of:
        if not shard.counts.get("near"):
            continue
        rows = shards.table(store, shard.main, _PAIR)
        rows = rows.filter(pc.equal(rows["kind"], "near")).combine_chunks()
        lower, upper = (rows.column(name).combine_chunks() for name in ("doc_id", "upper_doc_id"))
        rank = priorities(lower, seed, "lower") ^ priorities(upper, seed, "upper")
        first = np.argsort(rank, kind="stable")[:n].tolist()
        best += [_pair(int(rank[i]), shard.ordinal, row) for i, row in zip(first, rows.take(first).to_pylist(), strict=True)]
        best = sorted(best)[:n]
    return best


def _pair(rank: int, ordinal: int, row: Mapping[str, Any]) -> PairPlace:
    return PairPlace(rank, Place(0, row["doc_id"], ordinal, row["row"]),
                     Place(0, row["upper_doc_id"], row["upper_shard"], row["upper_row"]), float(row["similarity"]))


def beside(store: Store, made: Mapping[str, Manifest], columns: Columns, chosen: Mapping[str, Pick], n: int,
           seed: int) -> dict[str, list[Place]]:
    """At most ``n`` rows that each of several functions of columns side by side allows, in the order of the draw."""
    best: dict[str, list[Place]] = {name: [] for name in chosen}
    roles = {"documents", "decisions"} | {role for role, _ in columns.values()}
    for one in aligned.zipped(store, {role: made[role] for role in sorted(roles)}):
        rows = aligned.read(store, one, columns)
        rank = priorities(rows.column("doc_id"), seed, "inspect")
        for name, choose in chosen.items():
            allowed = np.flatnonzero(choose(rows))
            first = allowed[np.argsort(rank[allowed], kind="stable")[:n]]
            found = [Place(int(rank[i]), rows.column("doc_id")[int(i)].as_py(), one.ordinal, int(i)) for i in first]
            best[name] = sorted([*best[name], *found])[:n]
    return best


def locate(store: Store, documents: Manifest, ids: Iterable[bytes]) -> dict[bytes, Place]:
    """Where documents are; of equal ids the first. Reads the ids of every shard until all are found."""
    left = set(ids)
    found: dict[bytes, Place] = {}
    for shard in manifests.shards(store, documents):
        if not left:
            break
        column = shards.table(store, shard.main, ["doc_id"]).column("doc_id").cast(pa.binary())
        hits = np.flatnonzero(pc.is_in(column, pa.array(sorted(left), pa.binary())).to_numpy(zero_copy_only=False))
        for row in hits.tolist():
            doc_id = column[row].as_py()
            found.setdefault(doc_id, Place(0, doc_id, shard.ordinal, row))
            left.discard(doc_id)
    return found


def read(store: Store, made: Mapping[str, Manifest], view: Sequence[Reference], columns: Columns,
         places: Iterable[Place]) -> dict[Place, dict[str, Any]]:
    """The columns of each place, with the text at ``view``. Of documents only the row groups that hold them are read."""
    wanted: dict[int, list[Place]] = {}
    for place in places:
        wanted.setdefault(place.ordinal, []).append(place)
    found: dict[Place, dict[str, Any]] = {}
    roles = {"documents"} | {role for role, _ in columns.values()}
    for one in aligned.zipped(store, {role: made[role] for role in sorted(roles)}, view):
        if one.ordinal in wanted:
            here = wanted[one.ordinal]
            found |= dict(_rows(aligned.read_rows(store, one, columns, [place.row for place in here]), here))
    return found


def _rows(batches: Iterator[tuple[int, pa.RecordBatch]], places: list[Place]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for first, batch in batches:
        for place in places:
            if first <= place.row < first + batch.num_rows:
                yield place, batch.slice(place.row - first, 1).to_pylist()[0]
