"""Documents as points: hashed words, weighted by rarity, projected to a few dimensions.

A *word* here is a maximal run of letters and decimal digits (``text.unicode``), lower-cased; a Han or Kana character is a
word of its own, since those scripts do not mark words. Words are hashed to buckets, so there is no vocabulary to keep.

    n documents · E entries (a document's distinct buckets) · B buckets · R buckets that have a row · D dimensions · k domains
"""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.simd import byte_at, fold_multiply, inlined, kernel
from corpusmill.operators.text.unicode import DECODABLE, DIGIT, LETTER, classes
from corpusmill.operators.text.words import decode, width

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]

LOGS = 1 << 12  # counts above this weigh as this one does

_SEED = np.uint64(0xCBF29CE484222325)  # FNV-1a, over bytes in ASCII and over code points elsewhere
_PRIME = np.uint64(0x100000001B3)
_FINAL = np.uint64(0x9E3779B97F4A7C15)
_WORD, _ALONE = np.int32(1 << 24), np.int32(1 << 25)  # above every code point
_POINT = np.int32((1 << 24) - 1)
# Letters of these have had their case for as long as Unicode counts; later additions elsewhere must not change a bucket.
_CASED = ((0, 0x590), (0x10A0, 0x1100), (0x1E00, 0x2000))
_UNSPACED = ((0x3040, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """The distinct buckets of each document, in order of first occurrence.

    ``offsets`` (n + 1) cut the rest (E): ``buckets``, ``counts``, and the first word of the bucket, as ``starts`` and
    ``ends`` in bytes from the document's start. ``words`` (n) counts each document's words.
    """

    offsets: Integers
    buckets: Codes
    counts: Codes
    starts: Codes
    ends: Codes
    words: Integers


def terms(text: pa.StringArray, bits: int) -> Terms:
    """Words of each document, counted in ``2 ** bits`` buckets. Raises SchemaError or DataError as ``Texts.of``."""
    texts = Texts.of(text)
    room = int(np.minimum(texts.lengths // 2 + 1, 1 << bits).sum())
    entries = np.empty((4, room), np.int32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    words = np.zeros(len(texts), np.int64)
    _count(texts.addresses, texts.lengths, _points(), np.uint64(64 - bits), np.zeros(1 << bits, np.int32), entries, offsets,
           words)
    used = entries[:, :offsets[-1]]
    return Terms(offsets, used[0], used[1], used[2], used[3], words)


def sequence(text: pa.StringArray | pa.LargeStringArray, rows: Codes) -> tuple[Integers, Codes]:
    """The rows of the words of each document in their order, without words that have none: offsets (n + 1), rows (words).

    ``rows`` (B, a power of 2) is the row of each bucket, -1 for none. Raises as ``terms``.
    """
    texts = Texts.of(text, kind=text.type)
    found = np.empty(int((texts.lengths // 2 + 1).sum()), np.int32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    _follow(texts.addresses, texts.lengths, _points(), np.uint64(65 - len(rows).bit_length()), rows, found, offsets)
    return offsets, found[: offsets[-1]]


def spelt(text: pa.StringArray, found: Terms) -> pa.LargeStringArray:
    """The first word of each entry, lower-cased; shape (E,)."""
    texts = Texts.of(text)
    ends = np.zeros(len(found.buckets) + 1, np.int64)
    np.cumsum(found.ends - found.starts, out=ends[1:])
    out = np.empty(ends[-1], np.uint8)
    _copy(texts.addresses, found.offsets, found.starts, ends, out)
    words = pa.LargeStringArray.from_buffers(len(found.buckets), pa.py_buffer(ends), pa.py_buffer(out))
    return pc.utf8_lower(words)


@functools.cache
def _points() -> Codes:
    """Per code point 0 outside words, else the lower-case code point with a flag; shape (DECODABLE,)."""
    table = np.arange(DECODABLE, dtype=np.int32)
    for first, end in _CASED:
        for point in range(first, end):
            lower = chr(point).lower()
            table[point] = ord(lower) if len(lower) == 1 else point
    table |= _WORD
    for first, end in _UNSPACED:
        table[first:end] |= _ALONE
    table[(classes() & (LETTER | DIGIT)) == 0] = 0
    table.flags.writeable = False
    return table


@inlined
def _point(points: Codes, address: int, lead: int) -> Any:
    return points[lead] if lead < 0x80 else points[decode(address)]


@kernel
def _count(addresses: Integers, lengths: Integers, points: Codes, shift: Any, places: Codes, entries: Any,
           offsets: Integers, words: Integers) -> None:
    """``places``: a zero per bucket; holds 1 + the entry of the document's buckets, and is zero again at the end."""
    filled = 0
    for d in range(len(addresses)):
        first, at, end = filled, addresses[d], addresses[d] + lengths[d]
        while at < end:
            lead = byte_at(at)
            point = _point(points, at, lead)
            start, at = at, at + width(lead)
            if point < _WORD:
                continue
            hashed = (_SEED ^ np.uint64(point & _POINT)) * _PRIME
            while at < end and point < _ALONE:
                lead = byte_at(at)
                point = _point(points, at, lead)
                if point < _WORD or point >= _ALONE:
                    break
                hashed = (hashed ^ np.uint64(point & _POINT)) * _PRIME
                at += width(lead)
            words[d] += 1
            bucket = np.int64(fold_multiply(hashed, _FINAL) >> shift)
            place = places[bucket]
            if place:
                entries[1, first + place - 1] += 1
            else:
                entries[0, filled], entries[1, filled] = bucket, 1
                entries[2, filled], entries[3, filled] = start - addresses[d], at - addresses[d]
                filled += 1
                places[bucket] = filled - first
        for i in range(first, filled):
            places[entries[0, i]] = 0
        offsets[d + 1] = filled


@kernel
def _follow(addresses: Integers, lengths: Integers, points: Codes, shift: Any, rows: Codes, found: Codes,
            offsets: Integers) -> None:
    """As ``_count``, but every word in its place."""
    filled = 0
    for d in range(len(addresses)):
        at, end = addresses[d], addresses[d] + lengths[d]
        while at < end:
            lead = byte_at(at)
            point = _point(points, at, lead)
            at += width(lead)
            if point < _WORD:
                continue
            hashed = (_SEED ^ np.uint64(point & _POINT)) * _PRIME
            while at < end and point < _ALONE:
                lead = byte_at(at)
                point = _point(points, at, lead)
                if point < _WORD or point >= _ALONE:
                    break
                hashed = (hashed ^ np.uint64(point & _POINT)) * _PRIME
                at += width(lead)
            row = rows[np.int64(fold_multiply(hashed, _FINAL) >> shift)]
            if row >= 0:
                found[filled] = row
                filled += 1
        offsets[d + 1] = filled


@kernel
def _copy(addresses: Integers, offsets: Integers, starts: Codes, ends: Integers, out: Any) -> None:
    for d in range(len(addresses)):
        for i in range(offsets[d], offsets[d + 1]):
            first = addresses[d] + starts[i]
            for at in range(ends[i], ends[i + 1]):
                out[at] = byte_at(first + at - ends[i])


@functools.cache
def log_weights() -> Floats:
    """1 + ln of each count, 0 for none; shape (LOGS + 1,)."""
    counts = np.arange(LOGS + 1, dtype=np.float64)
    counts[1:] = 1 + np.log(counts[1:])
    weights = counts.astype(np.float32)
    weights.flags.writeable = False
    return weights


def rarity(documents: int, frequencies: Integers) -> Floats:
    """ln((1 + N) / (1 + df)) + 1 of each bucket: smoothed inverse document frequency."""
    found: Floats = (np.log((1 + documents) / (1 + frequencies.astype(np.float64))) + 1).astype(np.float32)
    return found


def project(offsets: Integers, buckets: Codes, counts: Codes, rows: Codes, projection: Floats) -> Floats:
    """A vector of length 1 for each document, or of zeros where no word of it has a row; shape (n, D).

    The vector is the sum over the document's buckets (as in ``Terms``) of ``(1 + ln count) * projection[rows[bucket]]``, in
    their order and in float32, so that the same document gives the same bits in whatever batch it travels. ``rows`` (B) is
    -1 for buckets without a row; ``projection`` (R, D) holds the rarity weights already.
    """
    vectors = np.zeros((len(offsets) - 1, projection.shape[1]), np.float32)
    _project(offsets, buckets, counts, log_weights(), rows, projection, vectors)
    return vectors


def nearest(vectors: Floats, centroids: Floats) -> tuple[Codes, Floats]:
    """The nearest centroid of each vector, the first among equals, and the squared distance to it; -1 for zeros.

    ``vectors`` (n, D) of length 1 or 0, ``centroids`` (k, D).
    """
    codes = np.empty(len(vectors), np.int32)
    distances = np.empty(len(vectors), np.float32)
    lengths = np.zeros(len(centroids), np.float32)
    for column in centroids.T:  # not np.sum, whose order of addition depends on the processor
        lengths += column * column
    _nearest(vectors, np.ascontiguousarray(centroids.T), lengths, codes, distances)
    return codes, distances


@kernel
def _project(offsets: Integers, buckets: Codes, counts: Codes, logs: Floats, rows: Codes, projection: Floats,
             vectors: Floats) -> None:
    for d in range(len(offsets) - 1):
        vector = vectors[d]
        for i in range(offsets[d], offsets[d + 1]):
            row = rows[buckets[i]]
            if row >= 0:
                weight = logs[min(counts[i], LOGS)]
                direction = projection[row]
                for j in range(len(vector)):
                    vector[j] += weight * direction[j]
        square = np.float32(0)
        for j in range(len(vector)):
            square += vector[j] * vector[j]
        if square > 0:
            scale = np.float32(1) / np.sqrt(square)
            for j in range(len(vector)):
                vector[j] *= scale


@kernel
def _nearest(vectors: Floats, columns: Floats, lengths: Floats, codes: Codes, distances: Floats) -> None:
    """``columns`` (D, k): the centroids turned, so that the inner loop runs over domains and never reorders a sum."""
    products = np.empty(len(lengths), np.float32)
    for d in range(len(vectors)):
        vector = vectors[d]
        products[:] = 0
        square = np.float32(0)
        for j in range(len(vector)):
            value, column = vector[j], columns[j]
            square += value * value
            for c in range(len(products)):
                products[c] += value * column[c]
        best, smallest = -1, np.float32(np.inf)
        for c in range(len(products)):
            distance = square + lengths[c] - np.float32(2) * products[c]
            if distance < smallest:
                best, smallest = c, distance
        codes[d] = best if square > 0 else -1
        distances[d] = max(smallest, np.float32(0)) if square > 0 else np.float32(0)
