"""What repeats in a document: lines, paragraphs and runs of words, found among 64-bit hashes in linear time.

Equal keys get equal numbers (``number``), and all else is counting. A run of n + 1 words can occur twice only where two
neighbouring runs of n words do, so each length looks only at the places that the length before left, and tells runs
apart by the numbers of their two halves: the ten lengths together cost little more than the first.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import fold_multiply, inlined, kernel

LONGEST_TOP, LONGEST_RUN = 4, 10  # words

_LEFT = np.uint64(0x9E3779B97F4A7C15)
_RIGHT = np.uint64(0xE7037ED1A0B428DB)
_HALF = np.uint64(32)
_FEWEST_SLOTS = 64
_EXPECTED = 512  # distinct keys that a table has room for at once


@inlined
def pair_key(first: Any, second: Any) -> Any:
    """The key of two words in order, from their hashes."""
    return first * _LEFT + second


@inlined
def slot_of(key: Any) -> Any:
    """64 well-mixed bits of a key."""
    return fold_multiply(key ^ _LEFT, _RIGHT)


@kernel
def slots_for(keys: int) -> int:
    """Slots of a table that is at most half full with so many keys: a power of two."""
    slots = _FEWEST_SLOTS
    while slots < 2 * keys:
        slots *= 2
    return slots


@kernel
def number(keys: Any, n: int, ids: Any, distinct: Any, counts: Any, slots: Any) -> int:
    """Number the distinct ones of ``keys[:n]`` from 0 in order of appearance; returns how many there are.

    Writes ``ids`` (the number of each key), ``distinct`` (the key of each number) and ``counts`` (how often it occurs).
    ``slots`` is the hash table, ``slots_for(n)`` long: numbers from 1, 0 where empty. It is used from a small size on and
    doubled when half full, so time and memory follow the distinct keys.
    """
    size, known = slots_for(min(n, _EXPECTED)), 0
    slots[:size] = 0
    for i in range(n):
        slot = np.int64(slot_of(keys[i])) & (size - 1)
        while slots[slot] != 0 and distinct[slots[slot] - 1] != keys[i]:
            slot = (slot + 1) & (size - 1)
        if slots[slot] != 0:
            ids[i] = slots[slot] - 1
            counts[ids[i]] += 1
            continue
        distinct[known], counts[known], ids[i] = keys[i], 1, known
        known += 1
        slots[slot] = known
        if 2 * known > size:
            size *= 2
            _refill(distinct, known, slots, size)
    return known


@kernel
def _refill(distinct: Any, known: int, slots: Any, size: int) -> None:
    slots[:size] = 0
    for i in range(known):
        slot = np.int64(slot_of(distinct[i])) & (size - 1)
        while slots[slot] != 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = i + 1


@kernel
def count_copies(
    keys: Any, n: int, chars: Any, ids: Any, distinct: Any, counts: Any, slots: Any
) -> tuple[int, int]:
    """How many of ``keys[:n]`` occur more than once, every copy counted, and the sum of their ``chars``."""
    if n < 2 or number(keys, n, ids, distinct, counts, slots) == n:
        return 0, 0
    copies = copied = 0
    for i in range(n):
        repeated = counts[ids[i]] > 1
        copies += repeated
        copied += chars[i] if repeated else 0
    return copies, copied


@kernel
def sum_later_copies(
    keys: Any, n: int, chars: Any, ids: Any, distinct: Any, counts: Any, slots: Any
) -> int:
    """The sum of ``chars`` of those of ``keys[:n]`` that are equal to an earlier one."""
    if n < 2 or number(keys, n, ids, distinct, counts, slots) == n:
        return 0
    copied = known = 0
    for i in range(n):
        copied += chars[i] if ids[i] < known else 0
        known = max(known, ids[i] + 1)
    return copied


@kernel
def count_repeated_runs(
    hashes: Any, ends: Any, places: Any, n: int, ids: Any, distinct: Any, counts: Any, slots: Any, found: Integers
) -> None:
    """Fill ``found``: characters of the most frequent run of 2, 3, 4 words, then in repeated runs of 5 … 10 words.

    ``hashes`` are those of the words, ``ends[i]`` the characters of the first ``i`` words. ``places[:n]`` must hold, in
    order, every word at which a pair begins that occurs twice; others are allowed. ``found`` must be zero; ``hashes``
    and ``places`` are overwritten. A length that is not reached stays zero.
    """
    for i in range(n):
        hashes[i] = pair_key(hashes[places[i]], hashes[places[i] + 1])
    for length in range(2, LONGEST_RUN + 1):
        if n < 2 or number(hashes, n, ids, distinct, counts, slots) == n:
            return
        n = keep_repeated(places, ids, n, counts)
        if length <= LONGEST_TOP:
            found[length - 2] = _top(places, ids, n, counts, ends, length)
        else:
            found[length - 2] = _covered(places, n, ends, length)
        n = lengthen(places, ids, n, hashes)


@kernel
def count_repeated_occurrences(
    hashes: Any, ends: Any, words: int, places: Any, n: int, ids: Any, distinct: Any, counts: Any, slots: Any, found: Integers
) -> None:
    """Fill ``found``: occurrences × characters of the most frequent run of 2, 3, 4 words, of those equally frequent the one
    seen first, one that occurs once too; characters in occurrences of repeated runs of 5 … 10 words, and then in those of
    all, where a word counts once for each run that it is in.

    Parameters are those of ``count_repeated_runs``, and how many ``words`` there are.
    """
    for length in range(2, min(LONGEST_RUN, words) + 1):
        if length <= LONGEST_TOP:
            found[length - 2] = ends[length]
        else:
            for k in range(length):
                found[length + 4] += ends[words - k] - ends[k]
    for i in range(n):
        hashes[i] = pair_key(hashes[places[i]], hashes[places[i] + 1])
    for length in range(2, LONGEST_RUN + 1):
        if n < 2 or number(hashes, n, ids, distinct, counts, slots) == n:
            return
        n = keep_repeated(places, ids, n, counts)
        most = occurring = 0
        for i in range(n):
            chars = ends[places[i] + length] - ends[places[i]]
            occurring += chars
            if counts[ids[i]] > most:
                most = counts[ids[i]]
                found[length - 2] = most * chars
        if length > LONGEST_TOP:
            found[length - 2] = occurring
        n = lengthen(places, ids, n, hashes)


@kernel
def keep_repeated(places: Any, ids: Any, n: int, counts: Any) -> int:
    """Keep the places whose run occurs more than once; returns how many these are."""
    kept = 0
    for i in range(n):
        places[kept], ids[kept] = places[i], ids[i]
        kept += counts[ids[i]] > 1
    return kept


@kernel
def lengthen(places: Any, ids: Any, n: int, keys: Any) -> int:
    """Keep the places whose run and the next word's are both repeated; their keys are the numbers of these two."""
    kept = 0
    for i in range(n - 1):
        if places[i + 1] == places[i] + 1:
            keys[kept] = np.uint64(ids[i]) << _HALF | np.uint64(ids[i + 1])
            places[kept] = places[i]
            kept += 1
    return kept


@kernel
def _top(places: Any, ids: Any, n: int, counts: Any, ends: Any, length: int) -> int:
    """Occurrences × characters of the most frequent run; of those equally frequent the longest."""
    most = longest = 0
    for i in range(n):
        count, chars = counts[ids[i]], ends[places[i] + length] - ends[places[i]]
        if count > most or (count == most and chars > longest):
            most, longest = count, chars
    return most * longest


@kernel
def _covered(places: Any, n: int, ends: Any, length: int) -> int:
    """Characters of the words that any of the runs covers, each once."""
    covered = done = 0
    for i in range(n):
        covered += ends[places[i] + length] - ends[max(places[i], done)]
        done = places[i] + length
    return covered
