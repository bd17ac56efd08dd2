"""What a line or a sentence is made of, as kernels ask for it, and sentences as Punkt counts them.

``count_by_spaces`` is a small stand-in for the English model of Punkt (Kiss & Strunk 2006), which C4 and DCLM count with: a
sentence ends at . ! or ?, closing quotes and brackets after it, where whitespace and more text follow; not after a number
before a small letter, nor, unless one of STARTERS follows, after several points, a point by itself, one of ABBREVIATIONS or a
capital before a capital. 0 for blank text. ``spacy_sentences`` counts as spaCy does.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from corpusmill.operators.text.categories import WORD, categories
from corpusmill.operators.text.simd import NONE, between, byte_at, equal, inlined, kernel, low_bits, lowest, word_at
from corpusmill.operators.text.unicode import DIGIT, classes
from corpusmill.operators.text.unicode import SPACE as _SPACE
from corpusmill.operators.text.words import decode, width

# Bits of ``marks``: what sentence counting, and the kernels that edit lines, ask of a code point.
SPACE, DECIMAL, WORD_CHARACTER = 1, 2, 4
# Words after whose point a sentence goes on, in small letters: common ones of those that Punkt's English model knows.
_SHORTENED = (
    "adm aug ave bros co col corp dec dr feb ft gen inc jan jr lt ltd maj messrs mr mrs ms nov oct ph.d prof rep "
    "sen sep sept sr st u.k u.s vs a.m p.m d.c u.n c d e f g h k l m n p r s t v w "
)
ABBREVIATIONS = tuple(_SHORTENED.split())
# Words that begin a sentence wherever they have a capital.
_FIRST_WORDS = (
    "After All Although An And Are As At Because But By Did Do Does Each Find For From He Her His How However If In "
    "Is It Its Let Many No Now On One Our She Since So Some Such That The Their Then There These They This Those "
    "Though To Was We What When Where Which While Who Why Will With You Your Solve Suppose Give Put Round Collect "
    "Expand Simplify Rewrite "
)
STARTERS = tuple(_FIRST_WORDS.split())
_SLOTS_BITS = 10
_SLOT_SHIFT = np.uint64(64 - _SLOTS_BITS)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LOWER_CASE = np.uint64(0x2020202020202020)
_LONGEST = 8  # bytes of a word in a table
POINT = 0x2E


def _table(words: Iterable[str]) -> Any:
    """Words of at most eight bytes as little-endian numbers, in open addressing."""
    table = np.zeros(1 << _SLOTS_BITS, np.uint64)
    for word in words:
        number = int.from_bytes(word.encode(), "little")
        slot = number * int(_MULTIPLIER) % (1 << 64) >> int(_SLOT_SHIFT)
        while table[slot] and table[slot] != number:
            slot = (slot + 1) % len(table)
        table[slot] = number
    return table


_ABBREVIATIONS_TABLE, _STARTERS_TABLE = _table(ABBREVIATIONS), _table(STARTERS)


@functools.cache
def marks() -> Any:
    """The bits of every code point; shape (DECODABLE,), uint8."""
    known = classes()
    table = np.zeros(len(known), np.uint8)
    table[(known & _SPACE) != 0] |= SPACE
    table[(known & DIGIT) != 0] |= DECIMAL
    table[(categories() & WORD) != 0] |= WORD_CHARACTER
    table.flags.writeable = False
    return table


@inlined
def _listed(table: Any, number: Any) -> bool:
    """Whether a word, as a number, is in the table."""
    slot = np.int64((number * _MULTIPLIER) >> _SLOT_SHIFT)
    while table[slot] != NONE:
        if table[slot] == number:
            return True
        slot = (slot + 1) & ((1 << _SLOTS_BITS) - 1)
    return False


@kernel
def next_mark(address: int, length: int, at: int, wide: bool) -> int:
    """Where . ! ? comes next, or with ``wide`` a byte beyond ASCII; ``length`` where none does."""
    while at < length:
        block = address + at
        found = equal(block, POINT) | equal(block, 0x21) | equal(block, 0x3F)
        if wide:
            found |= between(block, 0x80, 0xFF)
        found &= low_bits(length - at)
        if found != NONE:
            return at + lowest(found)
        at += 64
    return length


@kernel
def after_spaces(address: int, length: int, at: int, table: Any) -> int:
    """The first position from ``at`` that is not of whitespace."""
    while at < length and table[decode(address + at)] & SPACE:
        at += width(byte_at(address + at))
    return at


@kernel
def after_word(address: int, length: int, at: int, table: Any) -> int:
    """Where the word at ``at`` ends."""
    while at < length:
        byte = byte_at(address + at)
        if (byte <= 0x20 or byte >= 0x80) and table[decode(address + at)] & SPACE:
            break
        at += width(byte)
    return at


@kernel
def count_by_spaces(address: int, length: int, table: Any) -> int:
    """Sentences of the ``length`` bytes at an address, by the rules that stand in for Punkt; ``table`` is ``marks()``."""
    if after_spaces(address, length, 0, table) == length:
        return 0
    sentences, at = 1, 0
    while at < length:
        mark = next_mark(address, length, at, False)
        at, points = mark, 0
        while at < length and (
                byte_at(address + at) == POINT or byte_at(address + at) == 0x21 or byte_at(address + at) == 0x3F):
            points += byte_at(address + at) == POINT
            at += 1
        last = byte_at(address + at - 1)
        end = _after_closers(address, length, at)
        after = after_spaces(address, length, end, table)
        if end < after < length:
            goes_on = last == POINT and _goes_on(address, mark, at - mark, after, length)
            sentences += not goes_on
        at = max(after, at)
    return sentences


@inlined
def _after_closers(address: int, length: int, at: int) -> int:
    """Where the quotes and brackets that close at ``at`` end."""
    while at < length:
        byte = byte_at(address + at)
        if byte == 0x22 or byte == 0x27 or byte == 0x29 or byte == 0x5D or byte == 0x7D:
            at += 1
        elif byte == 0xE2 and at + 2 < length and byte_at(address + at + 1) == 0x80 \
                and (byte_at(address + at + 2) == 0x9D or byte_at(address + at + 2) == 0x99):
            at += 3
        else:
            break
    return at


@kernel
def _goes_on(address: int, mark: int, marks: int, after: int, length: int) -> bool:
    """Whether the sentence goes on after points at ``mark``, before the word at ``after``."""
    follower, size = byte_at(address + after), 0
    while after + size < length and size <= _LONGEST and 0x61 <= byte_at(address + after + size) | 0x20 <= 0x7A:
        size += 1
    if 0 < size <= _LONGEST and _listed(_STARTERS_TABLE, word_at(address + after) & low_bits(8 * size)):
        return False
    if marks > 1:
        return True
    size = 0
    while size <= _LONGEST and mark - size > 0 and (
            0x61 <= byte_at(address + mark - size - 1) | 0x20 <= 0x7A or byte_at(address + mark - size - 1) == POINT):
        size += 1
    before = byte_at(address + mark - size - 1) if mark > size else 0x20
    is_number = 0x30 <= before <= 0x39
    if size == 0:
        return before <= 0x20 or (is_number and 0x61 <= follower <= 0x7A)
    if size > _LONGEST or is_number or before >= 0x80:
        return False
    if size == 1 and 0x41 <= byte_at(address + mark - 1) <= 0x5A and 0x41 <= follower <= 0x5A:
        return True
    return _listed(_ABBREVIATIONS_TABLE, _small(word_at(address + mark - size), size))


@inlined
def _small(number: Any, size: int) -> Any:
    """The first ``size`` bytes of a number in small letters; points stay what they are."""
    # A point has bit 0x20 set already.
    return (number | _LOWER_CASE) & low_bits(8 * size)
