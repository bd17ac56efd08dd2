"""Candidate pairs: documents that share the hash of a band.

Within a bucket of up to ``FIRST`` documents all are paired. In a larger one every document is paired with the ``FIRST``
highest in rank, and those below with their neighbours in the order of the next band's hash; the pairs left out are
counted. Beyond ``WHOLE`` documents fewer are the first, down to ``FEWEST``: what alike documents of such a bucket share
is a template, and one of the first is enough to find them. So a bucket has at most ``FIRST`` · ``WHOLE`` pairs or
``FEWEST`` + ``NEIGHBOURS`` per document, however many share it.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.rank import keys_in, rank_fields
from corpusmill.operators.errors import DataError
from corpusmill.operators.schema import require
from corpusmill.operators.text.simd import kernel

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

FIRST = 100  # documents of a bucket that all others are compared with
WHOLE = 10_000  # documents of a bucket from which on the first are fewer
FEWEST = 10
NEIGHBOURS = 4  # documents after each, in the order of the next band's hash
SLICE_PAIRS = 1 << 24  # held before repeated pairs are removed: 128 MiB

_GENERATION, _REST = np.uint64(56), np.uint64((1 << 56) - 1)  # how ``rank`` is put together

# One row per document and band: 28 bytes, and 8 for each key of the rank.
BAND_MESSAGES = pa.schema([
    pa.field("band", pa.uint64(), nullable=False),  # the hash of the band's minima, and of which band it is
    pa.field("rank", pa.uint64(), nullable=False),  # the generation in the top byte, then the first bytes of the doc_id
    pa.field("order", pa.uint32(), nullable=False),  # brings alike documents of a large bucket together
    pa.field("ref", pa.uint64(), nullable=False),  # names the document: shard · 2^32 + row
])  # + the keys of the rank, which stand between the generation and the doc_id; lower is better

CANDIDATES = pa.schema([
    pa.field("upper", pa.uint64(), nullable=False),  # ref of the higher in rank
    pa.field("lower", pa.uint64(), nullable=False),
])


def bands_schema(keys: int) -> pa.Schema:
    """BAND_MESSAGES with the keys of a rank."""
    return pa.schema([*BAND_MESSAGES, *rank_fields(keys)[1:]])


def band_messages(bands: Words, rank: Words, ref: Words, keys: Sequence[Integers] = ()) -> pa.RecordBatch:
    """The BAND_MESSAGES of documents with band hashes of shape (documents, bands)."""
    following = (np.roll(bands, -1, axis=1) >> np.uint64(32)).astype(np.uint32)
    count = bands.shape[1]
    columns = [bands.ravel(), np.repeat(rank, count), following.ravel(), *(np.repeat(c, count) for c in (ref, *keys))]
    return pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=bands_schema(len(keys)))


def candidates(messages: pa.Table | pa.RecordBatch, fresh: int = 0) -> tuple[pa.RecordBatch, Mapping[str, int]]:
    """The CANDIDATES of whole buckets, each pair once, and counts that add up over disjoint sets of buckets.

    Two documents of generations before ``fresh`` are no pair, though they take places in their buckets.
    Counts: ``buckets`` of two or more, ``large_buckets``, ``bucket_pairs`` (all pairs that share a bucket, once per
    bucket) and ``skipped_pairs`` (those of them that were left out). Raises SchemaError for other columns.
    """
    require(messages, schema := bands_schema(keys_in(messages.schema)), "band messages")
    shared = _shared(_column(messages, "band"))
    band, rank, order, ref = (_column(messages, name)[shared] for name in BAND_MESSAGES.names)
    ranked = [_column(messages, name)[shared] for name in schema.names[len(BAND_MESSAGES) :]]
    documents, place = _places([rank >> _GENERATION, *ranked, rank & _REST], ref)
    by_bucket = np.lexsort((place, band))
    band, place, order = band[by_bucket], place[by_bucket], order[by_bucket]
    begins = np.flatnonzero(np.concatenate([[True], band[1:] != band[:-1]])) if len(band) else np.empty(0, np.int64)
    sizes = np.diff(begins, append=len(band))
    first = np.clip(FIRST * WHOLE // np.maximum(sizes, 1), min(FEWEST, FIRST), FIRST)
    buckets, settled = (begins, sizes, first), np.uint64(len(np.unique(ref[rank >> _GENERATION < np.uint64(fresh)])))
    compared = Counter[str]()
    slices = itertools.chain(_with_first(*buckets, place, settled), _with_neighbours(*buckets, place, order, settled))
    keys = _unique(_counted(slices, compared))
    pairs = [documents[(keys >> np.uint64(32)).astype(np.int64)], documents[(keys & np.uint64(0xFFFFFFFF)).astype(np.int64)]]
    found = pa.RecordBatch.from_arrays([pa.array(p) for p in pairs], schema=CANDIDATES)
    return found, _counts(buckets, place < settled, compared["pairs"])


def _counted(slices: Iterable[Words], compared: Counter[str]) -> Iterator[Words]:
    for keys in slices:
        compared["pairs"] += len(keys)
        yield keys


def _column(messages: pa.Table | pa.RecordBatch, name: str) -> Words:
    values: Words = messages.column(name).to_numpy()
    return values


def _shared(band: Words) -> Integers:
    """The rows whose band another row has."""
    order = np.argsort(band)
    ordered = band[order]
    same = ordered[1:] == ordered[:-1]
    return order[np.concatenate([same, [False]]) | np.concatenate([[False], same])] if len(band) else order


def _places(rank: Sequence[npt.NDArray[Any]], ref: Words) -> tuple[Words, Words]:
    """The refs in rank order, and for each row the place of its document among them."""
    refs, first, index = np.unique(ref, return_index=True, return_inverse=True)
    if len(refs) >= 1 << 32:
        raise DataError(f"{len(refs)} documents in one partition of bands: raise engine.partitions")
    in_order = np.lexsort((refs, *(column[first] for column in reversed(rank))))
    place = np.empty(len(refs), np.uint64)
    place[in_order] = np.arange(len(refs), dtype=np.uint64)
    return refs[in_order], place[index]


def _with_first(begins: Integers, sizes: Integers, first: Integers, place: Words, settled: np.uint64) -> Iterator[Words]:
    """Each document with the first of its bucket that precede it, as place of upper · 2^32 + place of lower.

    Those of the places before ``settled``, which begin their buckets, with none.
    """
    starts = np.repeat(begins, sizes)
    counts = np.minimum(np.arange(len(place)) - starts, np.repeat(first, sizes)) * (place >= settled)
    filled = np.concatenate([[0], np.cumsum(counts)])
    cuts = np.searchsorted(filled, np.arange(0, max(1, filled[-1]), SLICE_PAIRS)).tolist()
    for low, high in zip(cuts, [*cuts[1:], len(place)], strict=True):
        keys = np.empty(filled[high] - filled[low], np.uint64)
        _pair_up(low, high, starts, counts, place, keys)
        yield keys


@kernel
def _pair_up(low: int, high: int, starts: Integers, counts: Integers, place: Words, keys: Words) -> None:
    filled = 0
    for i in range(low, high):
        for j in range(starts[i], starts[i] + counts[i]):
            keys[filled] = place[j] << np.uint64(32) | place[i]
            filled += 1


def _with_neighbours(
    begins: Integers, sizes: Integers, first: Integers, place: Words, order: Words, settled: np.uint64
) -> Iterator[Words]:
    large = np.flatnonzero(sizes > first)
    for begin, size, skipped in zip(*(column[large].tolist() for column in (begins, sizes, first)), strict=True):
        rest = slice(begin + skipped, begin + size)
        near = place[rest][np.lexsort((place[rest], order[rest]))]
        for step in range(1, NEIGHBOURS + 1):
            one, other = near[:-step], near[step:]
            upper, lower = np.minimum(one, other), np.maximum(one, other)
            yield (upper << np.uint64(32) | lower)[lower >= settled]


def _unique(slices: Iterable[Words]) -> Words:
    return _distinct(np.concatenate([_distinct(keys) for keys in slices]))


def _distinct(keys: Words) -> Words:
    """In order. Sorting five million keys takes 0.03 s, where ``numpy.unique``, which hashes, takes 7."""
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def _counts(buckets: tuple[Integers, Integers, Integers], settled: npt.NDArray[np.bool_], compared: int) -> dict[str, int]:
    begins, sizes, first = buckets
    held = np.add.reduceat(settled, begins, dtype=np.int64) if len(begins) else sizes
    pairs = int((sizes * (sizes - 1) // 2 - held * (held - 1) // 2).sum())
    return {"buckets": len(sizes), "large_buckets": int((sizes > first).sum()), "bucket_pairs": pairs,
            "skipped_pairs": pairs - compared}
