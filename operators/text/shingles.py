"""Shingles as hashes, for the methods that compare documents as sets: n-grams of words, or of characters.

    unit         what an n-gram is of
    folded       words: maximal runs of letters, digits and underscores. Every character beyond ASCII counts as a letter,
                 but for U+0080 … U+00BF, U+2000 … U+207F and U+3000 … U+303F (spaces and punctuation), which separate words;
                 a character of U+3040 … U+9FFF (kana, Han) is a word of its own, since those scripts have no spaces
    words        words between white space, as ``str.split`` finds them
    uax29        words by UAX #29 (``text.segments``)
    characters   code points

A text of fewer units than ``ngram`` is one shingle of them all, and one without units has none. Bytes are hashed as they
are: letter case and the like are for ``text.profiles`` to fold before.

A shingle's hash has 64 bits, and its halves are independent: ``mixed`` of the sum of the unit's hashes, each times
``_RADIX`` to the power of the units after it. A word's hash is ``word_hash``, a character's its code point plus 1.
"""

from typing import Any, NamedTuple

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.segments import mark_segments
from corpusmill.operators.text.simd import (
    ALL,
    NONE,
    ONE,
    TOP,
    TWO,
    between,
    between_caseless,
    byte_at,
    count_ones,
    equal,
    fold_multiply,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.wordbreak import properties
from corpusmill.operators.text.words import UNROLLED, decode, space_mask

CHUNK = 4096  # bytes read at a time: what is made of them stays in the first-level cache
ROOM = CHUNK + 2  # more units than a chunk can hold: each takes a byte at least
SPARE = 16  # entries of ``high`` and ``low`` beyond the shingles of a chunk, for loops that take several at a time
UNITS = ("folded", "words", "uax29", "characters")
FOLDED, WORDS, UAX29, CHARACTERS = range(len(UNITS))

_THREE, _SIXTY_ONE, _SIXTY_TWO, _HALF = np.uint64(3), np.uint64(61), np.uint64(62), np.uint64(32)
_TOPS = np.uint64(0x8080808080808080)
_LOWS = np.uint64(0x7F7F7F7F7F7F7F7F)
_FROM_A = np.uint64(0x3F3F3F3F3F3F3F3F)  # + a byte: the top bit says that it is 'A' or more
_PAST_Z = np.uint64(0x2525252525252525)  # … more than 'Z'
_START, _BY_LENGTH = np.uint64(0x243F6A8885A308D3), np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xA0761D6478BD642F)
_RADIX = np.uint64(0xD6E8FEB86659FD93)
_MIX_1, _MIX_2, _MIX_SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)


class Scratch(NamedTuple):
    """What the kernels carry from chunk to chunk of a document, and where they write."""

    state: Any  # uint64 (4,): the last byte is of a word; forced breaks, spilled bytes; where the open word began + 1
    rolling: Any  # uint64 (2,): the rolling hash, units so far
    spans: Integers  # start and end of each word of the chunk
    hashes: Any  # uint64: of the ``ngram`` units before the chunk, then of its own
    high: Any  # uint32: the upper half of each shingle's hash
    low: Any  # uint32: the lower half
    marks: Any  # uint64 (2, blocks of the longest document + 1): bitmaps of UAX #29
    table: Any  # uint8: word-break classes by code point


def scratch(unit: int, ngram: int, longest: int) -> Scratch:
    """Scratch for documents of up to ``longest`` bytes."""
    segments = unit == UAX29
    high, low = np.empty((2, ROOM + SPARE), np.uint32)
    return Scratch(np.zeros(4, np.uint64), np.zeros(2, np.uint64), np.empty(2 * ROOM + UNROLLED, np.int64),
                   np.zeros(ROOM + ngram, np.uint64), high, low,
                   np.empty((2, (longest >> 6) + 2 if segments else 0), np.uint64),
                   properties() if segments else np.zeros(0, np.uint8))


def weight_of_oldest(ngram: int) -> np.uint64:
    """The weight with which a unit leaves the rolling hash of ``ngram`` units."""
    return np.uint64(pow(int(_RADIX), ngram, 1 << 64))


@inlined
def lowered(word: Any) -> Any:
    """Eight bytes with their ASCII capitals lowered."""
    low = word & _LOWS
    capitals = ((low + _FROM_A) ^ (low + _PAST_Z)) & ~word & _TOPS
    return word | (capitals >> TWO)


@inlined
def word_hash(address: int, length: int) -> Any:
    """The hash of a word of ``length`` bytes, at least 1, at an address: of its first eight and its last eight bytes.

    Where it has more than 16, those between the two are folded in before, eight by eight from the ninth on.
    """
    found, size = _START ^ (np.uint64(length) * _BY_LENGTH), min(length, 8)
    at = 8
    while at < length - 8:
        found = fold_multiply(found ^ word_at(address + at), _MULTIPLIER)
        at += 8
    mask = ALL >> np.uint64(64 - 8 * size)
    return fold_multiply((word_at(address) & mask) ^ found, (word_at(address + length - size) & mask) ^ _MULTIPLIER)


@inlined
def mixed(value: Any) -> Any:
    """A bijection of 64 bits in which every bit of the result depends on all of ``value``."""
    value = (value ^ (value >> _MIX_SHIFT)) * _MIX_1
    value = (value ^ (value >> _MIX_SHIFT)) * _MIX_2
    return value ^ (value >> _MIX_SHIFT)


@inlined
def _integer(word: Any) -> int:
    return np.int64(word)  # type: ignore[return-value]


@kernel
def begin(unit: int, address: int, length: int, ngram: int, kept: Scratch) -> None:
    """Make the scratch ready for the document at an address."""
    kept.state[:] = NONE
    kept.rolling[:] = NONE
    kept.hashes[:ngram] = NONE
    if unit == UAX29:
        base = kept.marks.ctypes.data
        mark_segments(address, length, kept.table, base, base + kept.marks.shape[1] * 8, False)


@kernel
def next_shingles(unit: int, address: int, length: int, first: int, ngram: int, oldest: Any, kept: Scratch) -> int:
    """Hash the shingles that end in ``CHUNK`` bytes from ``first`` on into ``high`` and ``low``; returns how many.

    ``oldest`` is ``weight_of_oldest(ngram)``.
    """
    if unit == CHARACTERS:
        found = _hash_characters(address, length, first, kept.hashes, ngram)
    else:
        filled = locate(unit, address, length, first, kept)
        found = filled >> 1
        for i in range(found):
            start = kept.spans[2 * i]
            kept.hashes[ngram + i] = word_hash(address + start, kept.spans[2 * i + 1] - start)
    return _roll(found, ngram, oldest, kept)


@kernel
def only_shingle(ngram: int, kept: Scratch) -> int:
    """Of a document that had fewer units than ``ngram``, hash the one shingle of them all; returns 1, or 0 without units."""
    if not 0 < kept.rolling[1] < np.uint64(ngram):
        return 0
    value = mixed(kept.rolling[0])
    kept.high[0], kept.low[0] = np.uint32(value >> _HALF), np.uint32(value)
    return 1


@kernel
def _roll(found: int, ngram: int, oldest: Any, kept: Scratch) -> int:
    hashes, value = kept.hashes, kept.rolling[0]
    skipped = min(max(ngram - 1 - _integer(kept.rolling[1]), 0), found)
    for i in range(skipped):
        value = value * _RADIX + hashes[ngram + i]
    for i in range(skipped, found):
        # The unit that leaves is overwritten by the sum: nothing reads it again.
        value = value * _RADIX + (hashes[ngram + i] - hashes[i] * oldest)
        hashes[i] = value
    for i in range(skipped, found):
        whole = mixed(hashes[i])
        kept.high[i - skipped], kept.low[i - skipped] = np.uint32(whole >> _HALF), np.uint32(whole)
    for i in range(ngram):
        hashes[i] = hashes[found + i]
    kept.rolling[0], kept.rolling[1] = value, kept.rolling[1] + np.uint64(found)
    return found - skipped


@kernel
def _hash_characters(address: int, length: int, first: int, hashes: Any, filled: int) -> int:
    begun, last = filled, min(first + CHUNK, length)
    for at in range(first, last, 64):
        block, size = address + at, min(last - at, 64)
        if between(block, 0x80, 0xFF) & low_bits(size) == NONE:
            for i in range(size):
                hashes[filled + i] = np.uint64(byte_at(block + i) + 1)
            filled += size
            continue
        for i in range(size):
            if byte_at(block + i) & 0xC0 != 0x80:
                hashes[filled] = np.uint64(decode(block + i) + 1)
                filled += 1
    return filled - begun


@kernel
def locate(unit: int, address: int, length: int, first: int, kept: Scratch) -> int:
    """Write start and end of the words that end in ``CHUNK`` bytes from ``first`` on; returns how many numbers."""
    state, spans = kept.state, kept.spans
    before, forced_before, spill, filled = state[0], state[1], state[2], 0
    if state[3] != NONE:
        spans[0] = _integer(state[3]) - 1
        filled = 1
    last = min(first + CHUNK, length)
    for at in range(first, last, 64):
        valid, forced = low_bits(length - at), NONE
        if unit == FOLDED:
            words, single, spill = _folded_bytes(address + at, valid, spill)
            forced, forced_before = single | single << _THREE | forced_before, single >> _SIXTY_ONE
        elif unit == WORDS:
            spaces, spill = space_mask(address + at, valid, spill)
            words = ~spaces & valid
        else:
            words, forced = kept.marks[0, at >> 6], kept.marks[1, at >> 6]
        after, before = words << ONE | before, words >> TOP
        filled = _append(words ^ after, words & after & forced, at, spans, filled)
    if last == length and filled & 1:
        if length & 63 == 0:
            spans[filled] = length
        filled += 1
    state[0], state[1], state[2], state[3] = before, forced_before, spill, NONE
    if filled & 1:
        filled -= 1
        state[3] = np.uint64(spans[filled] + 1)
    return filled


@inlined
def _append(edges: Any, twice: Any, at: int, spans: Integers, filled: int) -> int:
    """Append where words begin and end, ``twice`` where one touches the one before; returns what is filled then."""
    if twice == NONE:
        end = filled + count_ones(edges)
        while filled < end:
            for i in range(UNROLLED):
                spans[filled + i] = at + lowest(edges)
                edges &= edges - ONE
            filled += UNROLLED
        return end
    edges |= twice
    while edges != NONE:
        bit = lowest(edges)
        spans[filled] = spans[filled + 1] = at + bit
        filled += 2 if twice & ONE << np.uint64(bit) != NONE else 1
        edges &= edges - ONE
    return filled


@inlined
def _folded_bytes(block: int, valid: Any, spill: Any) -> Any:
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

