"""Bare words: what two texts have in common when case, punctuation and white space do not count.

A *bare word* is a maximal run of characters other than whitespace, punctuation, symbols and control characters (classes
of ``text.unicode``), in folded case: ASCII, Latin, Greek, Cyrillic, Armenian, old Georgian and fullwidth letters are
lowered, one character to one. Invisible characters (soft hyphen, zero-width space and joiners, marks of direction, byte
order mark) are passed over. Each letter of a script without spaces that has characters for words or syllables (Han,
kana, bopomofo) is a word of its own; Thai, Lao and Khmer have words between spaces, which are phrases. Accents and digits
stay, and texts are not composed: ``é`` in one character differs from ``e`` with a combining accent, the ligature ``ﬂ``
from ``fl``.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.shingles import lowered
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    between_caseless,
    byte_at,
    equal,
    fold_multiply,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.unicode import LETTER, SPACE, SYMBOL, classes
from corpusmill.operators.text.words import decode

SEPARATES, IGNORED, JOINS, ALONE = range(4)  # what a character beyond ASCII does

CHUNK = 4096  # bytes located at a time: what follows stays in the first-level cache
ROOM = 2 * CHUNK + 4  # numbers that the spans of a chunk can take: a break or a word for each byte

INVISIBLE = (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)
# Ranges in which case is complete, so that no later Unicode adds a pair.
CASED = ((0x80, 0x530), (0x531, 0x587), (0x10A0, 0x10C6), (0x1E00, 0x2000), (0xFF21, 0xFF3B))
WITHOUT_SPACES = ((0x3040, 0x3130), (0x31A0, 0x31C0), (0x31F0, 0x3200), (0x3400, 0xA000), (0xF900, 0xFB00),
                  (0x1B000, 0x1B170), (0x20000, 0x32000))  # fmt: skip

_TOPS = np.uint64(0x8080808080808080)
_START, _BY_LENGTH = np.uint64(0x13198A2E03707344), np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xA0761D6478BD642F)
_HALF = np.uint64(0xFFFFFFFF)


class Bare(NamedTuple):
    """By code point: what a character does (uint8, all of DECODABLE), and its folded form (uint32, of the first plane)."""

    actions: Any
    folded: Any


@functools.cache
def tables() -> Bare:
    """The tables that the kernels read."""
    kinds = classes()
    actions = np.where(kinds & (SYMBOL | SPACE), SEPARATES, JOINS).astype(np.uint8)
    actions[0x80:0xA0] = SEPARATES
    for first, end in WITHOUT_SPACES:
        actions[first:end][(kinds[first:end] & LETTER) != 0] = ALONE
    actions[list(INVISIBLE)] = IGNORED
    folded = np.arange(0x10000 + 2, dtype=np.uint32)  # eight bytes are read for four
    for first, end in CASED:
        for point in range(first, end):
            form = chr(point).casefold()
            folded[point] = ord(form) if len(form) == 1 else ord(chr(point).lower()[0])
    for table in (actions, folded):
        table.flags.writeable = False
    return Bare(actions, folded)


@inlined
def integer(word: Any) -> int:
    """The number as ``int64``: sums of the two kinds would be floats."""
    return np.int64(word)  # type: ignore[return-value]


@kernel
def locate_bare(address: int, length: int, first: int, state: Any, spans: Integers, actions: Any, breaks: bool) -> int:
    """Write start and end of the words that end in ``CHUNK`` bytes from ``first`` on; returns how many numbers.

    With ``breaks`` each line feed is a span of no length. A span may hold nothing but invisible characters: its hash is
    0 and it is no word. ``state`` (5 uint64), all 0 before the first chunk, carries over what straddles the border.
    """
    before, spilled, forced_on, start = state[0], state[1], state[2], integer(state[3]) - 1
    filled, last = 0, min(first + CHUNK, length)
    for at in range(first, last, 64):
        block, valid = address + at, low_bits(length - at)
        words = (between_caseless(block, 0x61, 0x7A) | between(block, 0x30, 0x39) | spilled) & valid
        forced, spilled, forced_on = forced_on, NONE, NONE
        wide = between(block, 0x80, 0xFF) & valid
        leads = wide & ~between(block, 0x80, 0xBF) if wide != NONE else NONE
        while leads != NONE:
            bit = lowest(leads)
            leads &= leads - ONE
            point = decode(block + bit)
            action = actions[point]
            if action == SEPARATES:
                continue
            size = 2 + (point >= 0x800) + (point >= 0x10000)
            words |= low_bits(size) << np.uint64(bit)
            if bit + size > 64:
                spilled = low_bits(bit + size - 64)
            if action == ALONE:
                forced |= ONE << np.uint64(bit)
                if bit + size < 64:
                    forced |= ONE << np.uint64(bit + size)
                else:
                    forced_on = ONE << np.uint64(bit + size - 64)
        after = words << ONE | before
        before = words >> TOP
        starts = words & (~after | forced)
        events = starts | (after & (~words | forced))
        feeds = equal(block, LINE_FEED) & valid if breaks else NONE
        events |= feeds
        while events != NONE:
            here, lowest_bit = at + lowest(events), events & (~events + ONE)
            events ^= lowest_bit
            if start >= 0:
                spans[filled], spans[filled + 1] = start, here
                filled += 2
            start = here if starts & lowest_bit != NONE else -1
            if feeds & lowest_bit != NONE:
                spans[filled] = spans[filled + 1] = here
                filled += 2
    if last == length and start >= 0:
        spans[filled], spans[filled + 1] = start, length
        filled, start = filled + 2, -1
    state[0], state[1], state[2], state[3] = before, spilled, forced_on, np.uint64(start + 1)
    return filled


@inlined
def bare_hash(address: int, length: int, actions: int, folded: int) -> Any:
    """The hash of the word at an address, 0 where it has no visible character; the tables are given by address."""
    found, at, wide = _START, 0, NONE
    while length - at > 8:
        word = word_at(address + at)
        wide |= word
        found = fold_multiply(found ^ lowered(word), _MULTIPLIER)
        at += 8
    last = word_at(address + at) & low_bits((length - at) * 8)
    if (wide | last) & _TOPS != NONE:
        return _wide_hash(address, length, actions, folded)
    return fold_multiply(found ^ lowered(last) ^ np.uint64(length) * _BY_LENGTH, _MULTIPLIER)


@inlined
def _wide_hash(address: int, length: int, actions: int, folded: int) -> Any:
    """The same hash, over the folded characters in UTF-8."""
    found, group, room, size, at = _START, NONE, 8, 0, address
    while at < address + length:
        point = decode(at)
        at += 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)
        if point >= 0x80 and byte_at(actions + point) == IGNORED:
            continue
        if point < 0x80:
            point |= 0x20 if 0x41 <= point <= 0x5A else 0
        elif point < 0x10000:
            point = integer(word_at(folded + 4 * point) & _HALF)
        units = 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)
        for unit in range(units):
            if room == 0:
                found, group, room = fold_multiply(found ^ group, _MULTIPLIER), NONE, 8
            group |= np.uint64(_utf8(point, unit, units)) << np.uint64(8 * (8 - room))
            room -= 1
        size += units
    if size == 0:
        return NONE
    return fold_multiply(found ^ group ^ np.uint64(size) * _BY_LENGTH, _MULTIPLIER)


@inlined
def _utf8(point: int, unit: int, units: int) -> int:
    """Byte ``unit`` of the ``units`` bytes that spell a code point."""
    if units == 1:
        return point
    bits = point >> (6 * (units - 1 - unit))
    return bits | (0xF00 >> units & 0xFF) if unit == 0 else 0x80 | (bits & 0x3F)


@kernel
def hash_words(addresses: Integers, lengths: Integers, bare: Bare, breaks: bool, hashes: Any, counts: Integers) -> int:
    """Write the hashes of all words, 0 at line feeds where ``breaks``, and how many there are of each text.

    ``hashes`` has room for a number per byte and one per text; returns how many were written.
    """
    spans, state, written = np.empty(ROOM, np.int64), np.zeros(5, np.uint64), 0
    for d in range(len(addresses)):
        state[:] = NONE
        begun = written
        for first in range(0, lengths[d], CHUNK):
            filled = locate_bare(addresses[d], lengths[d], first, state, spans, bare.actions, breaks)
            for i in range(0, filled, 2):
                start, end = spans[i], spans[i + 1]
                if start == end:
                    hashes[written] = NONE
                    written += 1
                    continue
                word = bare_hash(addresses[d] + start, end - start, bare.actions.ctypes.data, bare.folded.ctypes.data)
                if word != NONE:
                    hashes[written] = word
                    written += 1
        counts[d] = written - begun
    return written
