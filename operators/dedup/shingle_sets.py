"""The sets of shingles that two documents are compared by, as sorted hashes: what MinHash sketches, in full."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.shingles import CHUNK, ROOM, hash_shingles, locate_folded, mixed, weight_of_oldest
from corpusmill.operators.text.simd import NONE, kernel

Words = npt.NDArray[np.uint64]
Sets = tuple[Integers, Words]  # offsets (documents + 1), and of each document its distinct hashes in order


def shingle_sets(text: pa.StringArray, ngram: int) -> Sets:
    """The hashes of each document's word n-grams. One of fewer words is one shingle, one without words has none."""
    texts = Texts.of(text)
    hashes = np.empty(_count_words(texts.addresses, texts.lengths), np.uint64)
    offsets = np.zeros(len(texts) + 1, np.int64)
    _collect(texts.addresses, texts.lengths, np.zeros(ngram, np.uint64), weight_of_oldest(ngram), offsets, hashes)
    return offsets, hashes[: offsets[-1]]


@kernel
def _count_words(addresses: Integers, lengths: Integers) -> int:
    spans, state, found = np.empty(2 * ROOM, np.int64), np.zeros(4, np.uint64), 0
    for d in range(len(addresses)):
        state[:] = NONE
        for at in range(0, lengths[d], CHUNK):
            found += locate_folded(addresses[d], lengths[d], at, state, spans) // 2
    return found


@kernel
def _collect(addresses: Integers, lengths: Integers, recent: Words, oldest: Any, offsets: Integers, hashes: Words) -> None:
    spans, shingles = np.empty(2 * ROOM, np.int64), np.empty(ROOM, np.uint64)
    state, rolling = np.zeros(4, np.uint64), np.zeros(2, np.uint64)
    for d in range(len(addresses)):
        state[:], rolling[:], recent[:] = NONE, NONE, NONE
        start = end = offsets[d]
        for at in range(0, lengths[d], CHUNK):
            filled = locate_folded(addresses[d], lengths[d], at, state, spans)
            written = hash_shingles(addresses[d], spans, filled, recent, oldest, rolling, shingles)
            hashes[end : end + written] = shingles[:written]
            end += written
        if end == start and rolling[1] > NONE:
            hashes[end] = mixed(rolling[0])
            end += 1
        offsets[d + 1] = start + _distinct(hashes[start:end])


@kernel
def _distinct(values: Words) -> int:
    """Sort in place, and bring each value once to the front; returns how many."""
    values.sort()
    kept = 0
    for i in range(len(values)):
        if kept == 0 or values[i] != values[kept - 1]:
            values[kept] = values[i]
            kept += 1
    return kept
