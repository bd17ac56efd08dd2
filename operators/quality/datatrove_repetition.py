"""Repetition as datatrove counts it: copies after the first, the first of the most frequent runs, runs that it jumps over.

Runs of two to four words are told apart by the numbers of their words, as in ``repetition``. Runs of five to ten are
joined without a space in datatrove, so "ab c" repeats "a bc": they are told by their bytes in the text without whitespace.
A run can repeat only where another word begins with the same bytes, as many as the run has. How many that are is found four
at a time, in tables that may say too many, and leaves few runs to hash.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.gopher_counting import filter_bits
from corpusmill.operators.quality.repetition import number, slot_of, slots_for
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import fold_multiply, inlined, kernel, word_at

LONGEST_TOP, SHORTEST_RUN, LONGEST_RUN = 4, 5, 10  # words
BEGINNING, FARTHEST = 16, 64  # bytes: what two equal runs share at least, unless they are shorter; what is looked at

_LEFT, _RIGHT = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(32)
_FOUR_BYTES = np.uint64(0xFFFFFFFF)
_EXPECTED = 512  # runs that the table has room for at once


@kernel
def count_later_copies(keys: Any, n: int, chars: Any, ids: Any, distinct: Any, counts: Any, slots: Any) -> tuple[int, int, int]:
    """Of ``keys[:n]``, those that occurred before: how many, their characters, and the characters of those above zero.

    ``chars`` is negative where only the first sum is meant.
    """
    if n < 2 or number(keys, n, ids, distinct, counts, slots) == n:
        return 0, 0, 0
    copies = copied = meant = known = 0
    for i in range(n):
        if ids[i] == known:
            known += 1
            continue
        copies += 1
        copied += abs(chars[i])
        meant += max(chars[i], 0)
    return copies, copied, meant


@kernel
def find_top_runs(
    keys: Any, ends: Any, words: int, places: Any, n: int, ids: Any, distinct: Any, counts: Any, slots: Any, found: Integers
) -> None:
    """Fill ``found[:3]``: occurrences × characters of the most frequent run of 2, 3, 4 words, a space between words.

    Of equally frequent runs the first counts, even where none occurs twice; 0 where there are too few words. ``keys``
    holds the hashes of the words and ``places[:n]``, in order, every word at which a pair begins that occurs twice;
    others are allowed. ``keys`` and ``places`` are overwritten.
    """
    for i in range(n):
        keys[i] = keys[places[i]] * _LEFT + keys[places[i] + 1]
    for length in range(2, LONGEST_TOP + 1):
        if words < length:
            return
        if n > 1 and number(keys, n, ids, distinct, counts, slots) < n:
            most, at = 1, 0
            for i in range(n):
                if counts[ids[i]] > most:
                    most, at = counts[ids[i]], places[i]
            found[length - 2] = most * (ends[at + length] - ends[at] + length - 1)
            n = _lengthen(places, ids, n, counts, keys)
        else:
            found[length - 2] = ends[length] + length - 1
            n = 0


@kernel
def _lengthen(places: Any, ids: Any, n: int, counts: Any, keys: Any) -> int:
    """Keep the places whose run and the next word's both repeat; their keys are the numbers of these two."""
    kept = 0
    for i in range(n - 1):
        if places[i + 1] == places[i] + 1 and counts[ids[i]] > 1 and counts[ids[i + 1]] > 1:
            keys[kept] = np.uint64(ids[i]) << _HALF | np.uint64(ids[i + 1])
            places[kept] = places[i]
            kept += 1
    return kept


@kernel
def find_beginnings(
    joined: int, bounds: Any, words: int, filtered: Any, slots: Any, states: Any, reach: Any, places: Any
) -> int:
    """Write the words at which a run of five or more may begin that repeats to ``places``; returns how many.

    ``reach[i]`` becomes how many bytes from word ``i`` on, in steps of four, some other word begins with too: 0 for less
    than BEGINNING, at most FARTHEST, and never less than is true. ``filtered`` is scratch of a byte per slot and
    ``slots`` of a number per word; ``states`` holds running hashes.
    """
    last = words - SHORTEST_RUN
    shift = _cleared(filtered, last + 1)
    for i in range(last + 1):
        at = joined + bounds[i]
        states[i] = fold_multiply(word_at(at) ^ _LEFT, word_at(at + 8) ^ _RIGHT)
        slot = np.int64(states[i] >> shift)
        slots[i] = slot
        filtered[slot] = filtered[slot] << 1 | 1
    n = 0
    for i in range(last + 1):
        again = filtered[slots[i]] > 1
        reach[i] = BEGINNING if again else 0
        places[n], states[n] = i, states[i]
        n += again
    _lengthen_reach(joined, bounds, words, filtered, slots, states, reach, places, n)
    n = 0
    for i in range(last + 1):
        places[n] = i
        n += _may_repeat(bounds[i + SHORTEST_RUN] - bounds[i], reach[i])
    return n


@inlined
def _may_repeat(size: int, reach: int) -> bool:
    """Whether a run of so many bytes may stand somewhere else."""
    return size < BEGINNING or reach >= min(size & ~3, FARTHEST)


@kernel
def _lengthen_reach(
    joined: int, bounds: Any, words: int, filtered: Any, slots: Any, states: Any, reach: Any, places: Any, n: int
) -> None:
    """Four bytes at a time, for as long as words are left that a run of ten could reach so far from."""
    size = BEGINNING
    while n > 1 and size < FARTHEST:
        shift, kept = _cleared(filtered, n), 0
        for k in range(n):
            i = places[k]
            if bounds[min(i + LONGEST_RUN, words)] - bounds[i] < size + 4:
                continue
            state = fold_multiply(states[k] ^ (word_at(joined + bounds[i] + size) & _FOUR_BYTES), _RIGHT)
            slot = np.int64(state >> shift)
            filtered[slot] = filtered[slot] << 1 | 1
            places[kept], states[kept], slots[kept] = i, state, slot
            kept += 1
        size, n = size + 4, 0
        for k in range(kept):
            again = filtered[slots[k]] > 1
            reach[places[k]] = size if again else reach[places[k]]
            places[n], states[n] = places[k], states[k]
            n += again


@kernel
def _cleared(filtered: Any, items: int) -> Any:
    """Clear as much of the filter as so many items need; returns what a hash is shifted by to become a slot."""
    bits = filter_bits(items)
    while 1 << bits > len(filtered):
        bits -= 1
    filtered[: 1 << bits] = 0
    return np.uint64(64 - bits)


@kernel
def count_jumped(joined: int, bounds: Any, ends: Any, words: int, places: Any, n: int, reach: Any, distinct: Any, slots: Any,
                 found: Integers) -> None:
    """Fill ``found[:6]``: characters of runs of 5 … 10 words that were there before.

    datatrove goes from left to right, adds the characters of a run that it knows and jumps behind it, else remembers the
    run and goes one word further.
    """
    for length in range(SHORTEST_RUN, LONGEST_RUN + 1):
        size, known, free, kept = slots_for(min(n, _EXPECTED)), 0, 0, 0
        slots[:size] = 0
        for k in range(n):
            i = places[k]
            if i + length > words:
                break
            extent = bounds[i + length] - bounds[i]
            # What cannot repeat here cannot as part of a longer run.
            places[kept] = i
            may_repeat = _may_repeat(extent, reach[i])
            kept += may_repeat
            if i < free or not may_repeat:
                continue
            key = hash_span(joined + bounds[i], extent)
            slot = _slot(key, distinct, slots, size)
            if slots[slot] != 0:
                found[length - SHORTEST_RUN] += ends[i + length] - ends[i]
                free = i + length
                continue
            distinct[known] = key
            known += 1
            slots[slot] = known
            if 2 * known > size:
                size *= 2
                slots[:size] = 0
                for earlier in range(known):
                    slots[_slot(distinct[earlier], distinct, slots, size)] = earlier + 1
        n = kept


@kernel
def _slot(key: Any, distinct: Any, slots: Any, size: int) -> int:
    """Where the key is, or where it belongs."""
    slot = np.int64(slot_of(key)) & (size - 1)
    while slots[slot] != 0 and distinct[slots[slot] - 1] != key:
        slot = (slot + 1) & (size - 1)
    return slot  # type: ignore[return-value]
