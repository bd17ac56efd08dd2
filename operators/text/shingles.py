"""Folded words and their n-grams as hashes, for the methods that compare documents as sets.

A *folded word* is a maximal run of letters, digits and underscores, its ASCII letters lowered. Every character beyond
ASCII counts as a letter, but for U+0080 … U+00BF, U+2000 … U+207F and U+3000 … U+303F (spaces and punctuation), which
separate words; a character of U+3040 … U+9FFF (kana, Han) is a word of its own, since those scripts have no spaces. A
*shingle* is a run of ``ngram`` words; a shorter text that has words is one shingle. Digits stay: with them replaced,
pages that differ in a year alone would be equal.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    TWO,
    between,
    between_caseless,
    equal,
    fold_multiply,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)

CHUNK = 4096  # bytes located at a time: what follows stays in the first-level cache
ROOM = CHUNK + 2  # more spans than a chunk can hold: a word takes a byte at least

_THREE, _SIXTY_ONE, _SIXTY_TWO = np.uint64(3), np.uint64(61), np.uint64(62)
_TOPS = np.uint64(0x8080808080808080)
_LOWS = np.uint64(0x7F7F7F7F7F7F7F7F)
_FROM_A = np.uint64(0x3F3F3F3F3F3F3F3F)  # + a byte: the top bit says that it is 'A' or more
_PAST_Z = np.uint64(0x2525252525252525)  # … more than 'Z'
_START, _BY_LENGTH = np.uint64(0x243F6A8885A308D3), np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xA0761D6478BD642F)
_RADIX = np.uint64(0xD6E8FEB86659FD93)
_MIX_1, _MIX_2, _MIX_SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)


def weight_of_oldest(ngram: int) -> np.uint64:
    """The weight with which a word leaves the rolling hash of ``ngram`` words."""
    return np.uint64(pow(int(_RADIX), ngram, 1 << 64))


@inlined
def lowered(word: Any) -> Any:
    """Eight bytes with their ASCII capitals lowered."""
    low = word & _LOWS
    capitals = ((low + _FROM_A) ^ (low + _PAST_Z)) & ~word & _TOPS
    return word | (capitals >> TWO)


@inlined
def word_hash(address: int, length: int) -> Any:
    """The hash of a folded word of ``length`` bytes, at least 1, at an address."""
    found, at = _START ^ (np.uint64(length) * _BY_LENGTH), 0
    while length - at > 8:
        found = fold_multiply(found ^ lowered(word_at(address + at)), _MULTIPLIER)
        at += 8
    last = lowered(word_at(address + at)) & low_bits((length - at) * 8)
    return fold_multiply(found ^ last, _MULTIPLIER)


@inlined
def mixed(value: Any) -> Any:
    """A bijection of 64 bits in which every bit of the result depends on all of ``value``."""
    value = (value ^ (value >> _MIX_SHIFT)) * _MIX_1
    value = (value ^ (value >> _MIX_SHIFT)) * _MIX_2
    return value ^ (value >> _MIX_SHIFT)


@inlined
def _integer(word: Any) -> int:
    return np.int64(word)  # type: ignore[return-value]


@inlined
def _word_bytes(block: int, valid: Any, spill: Any) -> Any:
    """Masks of the bytes of words and of the single-character words' first bytes; what separators spill onwards."""
    words = between_caseless(block, 0x61, 0x7A) | between(block, 0x30, 0x39) | equal(block, 0x5F)
    wide = between(block, 0x80, 0xFF) & valid
    if wide == NONE:
        return words & valid, NONE, NONE
    two = equal(block, 0xC2)
    three = equal(block, 0xE2) & between(block + 1, 0x80, 0x81)
    ideographic = equal(block, 0xE3) & equal(block + 1, 0x80)
    single = between(block, 0xE3, 0xE9) & ~ideographic & valid
    two, three = two & valid, (three | ideographic) & valid
    separators = spill | two | (two << ONE) | three | (three << ONE) | (three << TWO)
    return (words & valid) | (wide & ~separators), single, (two >> TOP) | (three >> TOP) | (three >> _SIXTY_TWO)


@kernel
def locate_folded(address: int, length: int, first: int, state: Any, spans: Integers) -> int:
    """Write start and end of the words that end in ``CHUNK`` bytes from ``first`` on; returns how many numbers.

    ``state`` (4 uint64), all 0 before the first chunk, carries over: whether a word is open and where it began, and
    what characters that straddle the border do to the next byte.
    """
    before, forced_before, spill, start = state[0], state[1], state[2], _integer(state[3]) - 1
    filled, last = 0, min(first + CHUNK, length)
    for at in range(first, last, 64):
        words, single, spill = _word_bytes(address + at, low_bits(length - at), spill)
        after, forced = words << ONE | before, single | single << _THREE | forced_before
        before, forced_before = words >> TOP, single >> _SIXTY_ONE
        starts = words & (~after | forced)
        events = starts | (after & (~words | forced))
        while events != NONE:
            here = at + lowest(events)
            if start >= 0:
                spans[filled], spans[filled + 1] = start, here
                filled += 2
            begins = starts & events & (~events + ONE) != NONE
            start = here if begins else -1
            events &= events - ONE
    if last == length and start >= 0:
        spans[filled], spans[filled + 1] = start, length
        filled, start = filled + 2, -1
    state[0], state[1], state[2], state[3] = before, forced_before, spill, np.uint64(start + 1)
    return filled


@kernel
def hash_shingles(
    address: int, spans: Integers, filled: int, recent: Any, oldest: Any, rolling: Any, shingles: Any
) -> int:
    """Append words to the rolling hash and write each complete shingle's; returns how many.

    ``recent`` (ngram uint64) and ``rolling`` (2 uint64: hash, words so far), all 0 before a document's first word.
    """
    ngram, value, count, written = len(recent), rolling[0], _integer(rolling[1]), 0
    slot = count % ngram
    for i in range(0, filled, 2):
        word = word_hash(address + spans[i], spans[i + 1] - spans[i])
        value = value * _RADIX + word - recent[slot] * oldest
        recent[slot] = word
        slot = slot + 1 if slot + 1 < ngram else 0
        count += 1
        if count >= ngram:
            shingles[written] = mixed(value)
            written += 1
    rolling[0], rolling[1] = value, np.uint64(count)
    return written
