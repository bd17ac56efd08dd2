"""The sets of shingles that two documents are compared by, as sorted hashes: what MinHash sketches, in full."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.profiles import NO_COPY, Folding, fold, folding, room
from corpusmill.operators.text.shingles import (
    CHUNK,
    UNITS,
    Scratch,
    begin,
    next_shingles,
    only_shingle,
    scratch,
    weight_of_oldest,
)
from corpusmill.operators.text.simd import kernel

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Sets = tuple[Integers, Words]  # offsets (documents + 1), and of each document its distinct hashes in order

_HALF = np.uint64(32)


def shingle_sets(text: pa.StringArray, shingles: str, profile: str, ngram: int) -> Sets:
    """The hashes of each document's n-grams, as MinHash has them. One of fewer units is one shingle, one of none has none."""
    counts, hashes = shingle_hashes(text, shingles, profile, ngram)
    offsets = np.zeros(len(counts) + 1, np.int64)
    _narrow(hashes, counts, offsets)
    return offsets, hashes[: offsets[-1]]


def shingle_hashes(text: pa.StringArray, shingles: str, profile: str, ngram: int) -> tuple[Integers, Words]:
    """How many n-grams each document has, and the hashes of all in the order of the text."""
    texts, unit, folded = Texts.of(text), UNITS.index(shingles), folding(profile)
    counts = np.zeros(len(texts), np.int64)
    form, kept = room(folded, texts.longest), scratch(unit, ngram, texts.longest * folded.growth)
    given = (texts.addresses, texts.lengths, folded, form, unit, ngram, weight_of_oldest(ngram), kept)
    _collect(*given, np.empty(0, np.uint64), counts)
    hashes = np.empty(int(counts.sum()), np.uint64)
    _collect(*given, hashes, counts)
    return counts, hashes


@kernel
def _collect(
    addresses: Integers, lengths: Integers, folded: Folding, form: Bytes, unit: int, ngram: int, oldest: np.uint64,
    kept: Scratch, hashes: Words, counts: Integers,
) -> None:
    """Count each document's shingles, and write their hashes where there is room for any."""
    filled = 0
    for d in range(len(addresses)):
        begun, address, length = filled, addresses[d], lengths[d]
        if folded.mode != NO_COPY:
            address = form.ctypes.data
            length = fold(addresses[d], length, folded, address)
        begin(unit, address, length, ngram, kept)
        for at in range(0, length + CHUNK, CHUNK):
            last = at >= length
            count = only_shingle(ngram, kept) if last else next_shingles(unit, address, length, at, ngram, oldest, kept)
            for i in range(count if len(hashes) else 0):
                hashes[filled + i] = np.uint64(kept.high[i]) << _HALF | np.uint64(kept.low[i])
            filled += count
        counts[d] = filled - begun


@kernel
def _narrow(hashes: Words, counts: Integers, offsets: Integers) -> None:
    """Sort each document's hashes, and bring each distinct one once to the front of all."""
    start = 0
    for d in range(len(counts)):
        values = hashes[start : start + counts[d]]
        values.sort()
        end = offsets[d]
        for i in range(len(values)):
            if i == 0 or values[i] != hashes[end - 1]:
                hashes[end] = values[i]
                end += 1
        start, offsets[d + 1] = start + counts[d], end
