"""Near duplicates: rows that share a band meet by its hash, and candidates are verified side by side.

    bands       28 bytes per document and band, to the partition of the band's hash
    candidates  16 bytes per pair, to the owner of the upper document's shard; repeats from other bands end there
    halves      the pair, to the owner of the lower document's shard, with what verifies it of the upper document: 128
                bytes of lanes, or the hashes of its shingles, once for all pairs that go to one owner
    verified    the pairs that are similar enough, to the shard of the lower document

Documents equal to one that ranks above them send nothing: they share the fate of the first.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.evidence import BYTES, Evidence
from corpusmill.jobs.deduping.holdings import NEW, Compared, Comparison, Reader
from corpusmill.jobs.deduping.likeness import tally
from corpusmill.jobs.deduping.owners import ByShard, Owners, only
from corpusmill.jobs.runtime import exchange
from corpusmill.jobs.runtime.exchange import Offsets
from corpusmill.jobs.runtime.shards import one_batch
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup.bands import CANDIDATES, band_messages, bands_schema, candidates
from corpusmill.operators.dedup.keep import pair_messages_schema
from corpusmill.operators.dedup.rank import rank_fields, rank_names
from corpusmill.operators.schema import DOC_ID
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.text.hashing import fixed_bytes

GROUP_ROWS = 1 << 17  # rows whose bands one mapper sends: 49 MiB with 14 bands
BAND_BYTES = 28  # of one row of BAND_MESSAGES, besides 8 for each key of the rank
HALF_BYTES = 64  # of a candidate and then a half, besides the evidence and the keys of the rank
LATEST = np.uint64(255)  # generations from here on are one where buckets are ordered; pairs know them all

Words = npt.NDArray[np.uint64]

_ROW = np.uint64(0xFFFFFFFF)
_SHARD = np.uint64(32)


def near_pairs(here: Session, made: Comparison, bands: int, evidence: Evidence, reader: Reader,
               copies: ByShard) -> tuple[ByShard, dict[str, int]]:
    """PAIR_MESSAGES by shard of pairs at least ``threshold`` similar, and counts of what was compared.

    ``bands``: of a signature.
    """
    store, owners, keys = here.store, copies.owners, len(reader.rank.keys)
    rows, threshold = made.rows, made.parameters["threshold"]
    width = bands * (BAND_BYTES + 8 * keys)
    partitions = exchange.partitions_for(rows * width, here.partitions)
    messages, _ = exchange.exchange(
        here, made, "bands", lambda: owners.tasks(store, made, "bands", 3 * width, copies.exchanged),
        Bands(reader), bands_schema(keys), partitions)
    buckets = [Task(p, digest_key([made.key, "candidates", p, partitions, owners.count]), f"bands of partition {p}",
                    4 * rows * width // partitions, (messages, p)) for p in range(partitions)]
    proposed, counts = exchange.exchange(here, made, f"candidates-{partitions}", lambda: buckets, Candidates(owners),
                                         CANDIDATES, owners.count)
    sent = counts.pop("sent")
    room = sent * (HALF_BYTES + 8 * keys) + min(sent, rows) * evidence.width
    wide = owners.grown(room, exchange.GROUP_BYTES)
    halves, unique = exchange.exchange(
        here, made, "halves",
        lambda: owners.tasks(store, made, "halves", 2 * evidence.width, proposed, 2 * room, text=evidence.text),
        Halves(reader, evidence, wide), halves_schema(keys), wide.count)
    found, near = exchange.exchange(
        here, made, "verified",
        lambda: wide.tasks(store, made, "verified", 2 * evidence.width, halves, 2 * room, text=evidence.text),
        Verified(reader, evidence, threshold, owners), pair_messages_schema(keys), owners.count)
    return ByShard(found, owners), dict(sorted((counts | unique | near).items()))


def halves_schema(keys: int) -> pa.Schema:
    """A candidate, the rank of its upper document, and the evidence of that, once for each owner that it goes to."""
    return pa.schema([*CANDIDATES, pa.field("doc_id", DOC_ID), *rank_fields(keys), pa.field("evidence", BYTES)])


@dataclasses.dataclass(frozen=True, slots=True)
class Bands:
    """Sends the bands of each document that takes part and has words, but for copies."""

    reader: Reader

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """BAND_MESSAGES of a group of shards."""
        owner, shards, received = task.payload
        copies = received.read(store, owner)
        for one in shards:
            rows = self.reader.rows(store, one, "doc_id", "bands")
            taking_part = pc.and_(rows.column("keep"), pc.is_valid(rows.column("bands"))).to_numpy(zero_copy_only=False)
            taking_part[only(copies, one.ordinal).column("row").to_numpy()] = False
            chosen = np.flatnonzero(taking_part)
            yield self._of(rows.take(pa.array(chosen)), chosen.astype(np.uint64) | np.uint64(one.ordinal << 32))

    def _of(self, rows: pa.RecordBatch, ref: Words) -> pa.RecordBatch:
        bands = np.ascontiguousarray(fixed_bytes(rows.column("bands"))).view("<u8")
        prefix = np.ascontiguousarray(fixed_bytes(rows.column("doc_id"))).view(">u8")[:, 0].astype(np.uint64)
        generation, *keys = (rows.column(name).to_numpy() for name in rank_names(len(self.reader.rank.keys)))
        first = np.minimum(generation.astype(np.uint64), LATEST) << np.uint64(56)
        return band_messages(bands, first | prefix >> np.uint64(8), ref, keys)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By the band's hash."""
        return exchange.route_digest(batch.column("band").to_numpy(), partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """Nothing: it would depend on nothing new."""
        return {}


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs up the buckets of one partition of bands."""

    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """CANDIDATES, each once; what was left out stands in the metadata."""
        messages, partition = task.payload
        found, counts = candidates(messages.read(store, partition), NEW)
        yield found.replace_schema_metadata({"counts": json.dumps(counts)})

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the upper document's shard."""
        return self.owners.route(_high(batch.column("upper").to_numpy()))

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """What the buckets held. ``sent`` counts a pair once for each partition that proposed it."""
        counts: Counter[str] = Counter(sent=sum(b.num_rows for b in batches))
        for batch in batches:
            counts.update(json.loads(batch.schema.metadata[b"counts"]))
        return dict(counts)


@dataclasses.dataclass(frozen=True, slots=True)
class Halves:
    """Removes repeated candidates, and joins the evidence of the upper documents."""

    reader: Reader
    evidence: Evidence
    lower: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """Halves of the candidates whose upper documents are in a group of shards."""
        owner, shards, received = task.payload
        upper, lower = _unique(received.read(store, owner))
        for one in shards:
            here = _of_shard(upper, one.ordinal)
            if here.stop > here.start:
                yield self._of(store, one, upper[here], lower[here])

    def _of(self, store: Store, one: Compared, upper: Words, lower: Words) -> pa.RecordBatch:
        rows, place = _rows(upper)
        numbers = {name: column.take(pa.array(place)) for name, column in _numbers(store, one, self.reader, rows).items()}
        where = self.lower.route(_high(lower))
        told = np.ones(len(upper), np.bool_)
        told[1:] = (upper[1:] != upper[:-1]) | (where[1:] != where[:-1])
        evidence = self.evidence.of(store, one, rows).take(pa.array(place, mask=~told))
        data = [pa.array(upper), pa.array(lower), *numbers.values(), evidence]
        return pa.RecordBatch.from_arrays(data, schema=halves_schema(len(self.reader.rank.keys)))

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the lower document's shard."""
        return self.lower.route(_high(batch.column("lower").to_numpy()))

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many candidates there are."""
        return {"candidates": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """Joins the evidence of the lower documents, and keeps the pairs that are similar enough."""

    reader: Reader
    evidence: Evidence
    threshold: float
    owners: Owners

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """PAIR_MESSAGES; how alike those that were compared are stands in the metadata."""
        owner, shards, received = task.payload
        halves = received.read(store, owner)
        told = halves.filter(pc.is_valid(halves.column("evidence"))).combine_chunks()
        known = told.column("upper").to_numpy()
        in_order = np.argsort(known)
        evidence = _one(told.column("evidence"))
        halves = halves.drop_columns(["evidence"]).sort_by([("lower", "ascending"), ("upper", "ascending")])
        lower = halves.column("lower").to_numpy()
        for one in shards:
            here = _of_shard(lower, one.ordinal)
            if here.stop > here.start:
                upper = one_batch(halves.slice(here.start, here.stop - here.start))
                place = in_order[np.searchsorted(known, upper.column("upper").to_numpy(), sorter=in_order)]
                yield self._of(store, one, upper, (evidence, place))

    def _of(self, store: Store, one: Compared, upper: pa.RecordBatch, told: tuple[pa.Array, Offsets]) -> pa.RecordBatch:
        rows, place = _rows(upper.column("lower").to_numpy())
        found = self.evidence.similarity(told[0], self.evidence.of(store, one, rows), (told[1], place))
        lower = {name: column.take(pa.array(place)) for name, column in _numbers(store, one, self.reader, rows).items()}
        pairs = self._pairs(upper, lower, found)
        return pairs.replace_schema_metadata({"counts": json.dumps(tally(found, self.threshold))})

    def _pairs(self, upper: pa.RecordBatch, lower: Mapping[str, pa.Array], estimate: npt.NDArray[np.float64]) -> pa.RecordBatch:
        alike = pa.array(estimate >= self.threshold)
        keys = len(self.reader.rank.keys)
        sides = [_side(upper.column("upper"), upper, keys), _side(upper.column("lower"), lower, keys)]
        one, other = ({name: column.filter(alike) for name, column in side.items()} for side in sides)
        swapped = _ranks_above(other, one)
        found = {"kind": pa.array(["near"] * len(swapped), pa.string()),
                 "similarity": pa.array(estimate[estimate >= self.threshold].astype(np.float32))}
        for name in one:
            found[name] = pc.if_else(swapped, one[name], other[name])
            found[f"upper_{name}"] = pc.if_else(swapped, other[name], one[name])
        schema = pair_messages_schema(len(self.reader.rank.keys))
        return pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the lower document's shard."""
        return self.owners.route(batch.column("shard").to_numpy())

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many pairs are similar enough, and how alike those and the others are."""
        counts: Counter[str] = Counter(near_pairs=sum(b.num_rows for b in batches))
        for batch in batches:
            counts.update(json.loads(batch.schema.metadata[b"counts"]))
        return dict(counts)


def _numbers(store: Store, one: Compared, reader: Reader, rows: Offsets) -> dict[str, pa.Array]:
    """``doc_id`` and rank of some rows of a shard."""
    read = reader.rows(store, one, "doc_id").take(pa.array(rows))
    return {name: read.column(name) for name in ("doc_id", *rank_names(len(reader.rank.keys)))}


def _rows(ref: Words) -> tuple[Offsets, Offsets]:
    """The distinct rows of refs of one shard, and the place of each ref's among them."""
    rows, place = np.unique((ref & _ROW).astype(np.int64), return_inverse=True)
    return rows, place


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _side(ref: pa.Array, numbers: Any, keys: int) -> dict[str, pa.Array]:
    """One document of each pair, as the columns that pairs hold of it."""
    place = ref.to_numpy()
    found = {"shard": pa.array((place >> _SHARD).astype(np.int64)), "row": pa.array((place & _ROW).astype(np.int64))}
    return found | {name: numbers[name] for name in (*rank_names(keys), "doc_id")}


def _ranks_above(one: Mapping[str, pa.Array], other: Mapping[str, pa.Array]) -> pa.Array:
    """Whether each document of ``one`` ranks above its partner: buckets are ordered by a prefix of the doc_id alone."""
    above = pc.less(one["doc_id"], other["doc_id"])
    for name in reversed([name for name in one if name == "generation" or name.startswith("rank_")]):
        equal = pc.equal(one[name], other[name])
        above = pc.or_(pc.less(one[name], other[name]), pc.and_(equal, above))
    return above


def _high(ref: Words) -> Offsets:
    """The shards of refs."""
    found: Offsets = (ref >> _SHARD).astype(np.int64)
    return found


def _of_shard(ref: Words, ordinal: int) -> slice:
    """Where the rows of a shard are among sorted refs."""
    low, high = np.searchsorted(ref, np.array([ordinal << 32, (ordinal + 1) << 32], np.uint64)).tolist()
    return slice(low, high)


def _unique(pairs: pa.Table) -> tuple[Words, Words]:
    """Upper and lower refs of each pair once, in order."""
    upper, lower = pairs.column("upper").to_numpy(), pairs.column("lower").to_numpy()
    order = np.lexsort((lower, upper))
    upper, lower = upper[order], lower[order]
    new = np.ones(len(upper), np.bool_)
    new[1:] = (upper[1:] != upper[:-1]) | (lower[1:] != lower[:-1])
    return upper[new], lower[new]
