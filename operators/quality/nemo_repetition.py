"""Repetition as NeMo Curator counts it: what is left when copies are taken away."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.repetition import LONGEST_RUN, LONGEST_TOP, keep_repeated, lengthen, number, pair_key
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import NONE, ONE, byte_at, equal, kernel, low_bits, lowest, word_at

_SHORT_NEEDLE = 64  # bytes: comparing them at every place still takes linear time


@kernel
def count_unique(keys: Any, n: int, chars: Any, ids: Any, distinct: Any, counts: Any, slots: Any) -> tuple[int, int]:
    """How many distinct ones there are among ``keys[:n]``, and the sum of their ``chars``."""
    known = number(keys, n, ids, distinct, counts, slots)
    total = seen = 0
    for i in range(n):
        if ids[i] == seen:  # numbers are given in order of appearance
            total += chars[i]
            seen += 1
    return known, total


@kernel
def count_ngrams(
    address: int, length: int, words: int, spans: Any, hashes: Any, ends: Any, places: Any,
    ids: Any, distinct: Any, counts: Any, slots: Any, found: Integers, chars: int,
) -> None:
    """Fill ``found``: characters of the most frequent run of 2, 3, 4 words, then of later copies of runs of 5 … 10 words.

    The most frequent run (of those equally frequent the first; Curator takes any) is joined by single spaces and counted
    as a substring of the text. Copies after the first are counted with the spaces in them, each word once. ``chars`` is
    what a text of fewer words than the run has; ``hashes`` are overwritten.
    """
    n = max(words - 1, 0)
    for i in range(n):
        hashes[i], places[i] = pair_key(hashes[i], hashes[i + 1]), i
    for size in range(2, LONGEST_RUN + 1):
        if n > 0:
            number(hashes, n, ids, distinct, counts, slots)
            n = keep_repeated(places, ids, n, counts)
        if words < size:
            found[size - 2] = chars
        elif size <= LONGEST_TOP:
            top = _most_frequent(places, ids, n, counts)
            found[size - 2] = _removed(address, length, spans, ends, top, size)
        else:
            found[size - 2] = _later_copies(places, ids, n, ends, size, counts)
        n = lengthen(places, ids, n, hashes)


@kernel
def _most_frequent(places: Any, ids: Any, n: int, counts: Any) -> int:
    """The first word of the most frequent run: the text's first where none is repeated."""
    most = top = 0
    for i in range(n):
        if counts[ids[i]] > most:
            most, top = counts[ids[i]], places[i]
    return top


@kernel
def _later_copies(places: Any, ids: Any, n: int, ends: Any, size: int, counts: Any) -> int:
    """Characters and inner spaces of the runs that occurred before; ``counts`` serves as the record of what did."""
    covered = done = 0
    for i in range(n):
        if counts[ids[i]] > 0:
            counts[ids[i]] = -1
            continue
        begin = max(places[i], done)
        done = places[i] + size
        covered += ends[done] - ends[begin] + min(done - begin, size - 1)
    return covered


@kernel
def _removed(address: int, length: int, spans: Any, ends: Any, first: int, size: int) -> int:
    """Characters that ``text.replace(run, "")`` takes away."""
    total: int = size - 1
    for i in range(first, first + size):
        total += spans[2 * i + 1] - spans[2 * i]
    needle = np.empty(total + 8, np.uint8)
    filled = 0
    for i in range(first, first + size):
        for at in range(spans[2 * i], spans[2 * i + 1]):
            needle[filled] = byte_at(address + at)
            filled += 1
        needle[filled] = 0x20
        filled += 1
    occurrences = _occurrences(address, length, needle, total) if total <= _SHORT_NEEDLE \
        else _long_occurrences(address, length, needle, total)
    chars: int = ends[first + size] - ends[first] + size - 1
    return occurrences * chars


@kernel
def _occurrences(address: int, length: int, needle: Any, size: int) -> int:
    """Occurrences that do not overlap, from left to right, of at least three bytes."""
    first, second, third = np.int64(needle[0]), np.int64(needle[1]), np.int64(needle[2])
    data = needle.ctypes.data
    total = free_from = 0
    for at in range(0, length, 64):
        block = address + at
        found = equal(block, first) & equal(block + 1, second) & equal(block + 2, third) & low_bits(length - at)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            if here >= free_from and here + size <= length and _equal_bytes(address + here, data, size):
                total += 1
                free_from = here + size
    return total


@kernel
def _equal_bytes(left: int, right: int, size: int) -> bool:
    for at in range(0, size, 8):
        if (word_at(left + at) ^ word_at(right + at)) & low_bits(8 * min(size - at, 8)) != NONE:
            return False
    return True


@kernel
def _long_occurrences(address: int, length: int, needle: Any, size: int) -> int:
    """The same by Knuth, Morris and Pratt (1977), so that words of any length take linear time."""
    borders = np.zeros(size, np.int64)
    matched = 0
    for i in range(1, size):
        while matched > 0 and needle[i] != needle[matched]:
            matched = borders[matched - 1]
        matched += needle[i] == needle[matched]
        borders[i] = matched
    total = matched = 0
    for at in range(length):
        byte = byte_at(address + at)
        while matched > 0 and byte != needle[matched]:
            matched = borders[matched - 1]
        matched += byte == needle[matched]
        if matched == size:
            total += 1
            matched = 0
    return total
