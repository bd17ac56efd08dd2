"""The kernel of ``BasicSignals``: two passes over each document while it is in cache.

The first pass turns blocks of 64 bytes into masks, counts characters and words, and keeps two bitmaps of the document,
where whitespace is and where characters start. The second walks the line feeds and reads everything else about a line
from the bitmaps, so a line costs the same whatever its length.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    add_to,
    between,
    between_caseless,
    byte_at,
    count_between,
    count_ones,
    equal,
    first_clear,
    fold_multiply,
    inlined,
    kernel,
    last_clear,
    low_bits,
    lowest,
    put_word,
    word_at,
)
from corpusmill.operators.text.unicode import DIGIT, LETTER, SYMBOL, UPPER
from corpusmill.operators.text.words import decode, space_mask

COLUMNS = (
    "bytes", "chars", "words", "word_chars",
    "alpha_chars", "digit_chars", "symbol_chars", "space_chars", "upper_chars", "alpha_words",
    "lines", "blank_lines", "filled_lines", "short_lines", "max_line_chars",
    "terminal_lines", "bullet_lines", "duplicate_lines", "duplicate_line_chars",
)  # fmt: skip
BYTES, CHARS, WORDS, WORD_CHARS, ALPHA, DIGITS, SYMBOLS, SPACES, UPPERS, ALPHA_WORDS = range(10)
LINES, BLANK, FILLED, SHORT, LONGEST, TERMINAL, BULLET, DUPLICATE, DUPLICATE_CHARS = range(10, 19)

SHORT_LINE = 30  # characters

_SEED = np.uint64(0x9E3779B97F4A7C15)
_LEFT = np.uint64(0xD6E8FEB86659FD93)
_RIGHT = np.uint64(0xA0761D6478BD642F)
_EIGHT = np.uint64(8)


@kernel
def count_signals(addresses: Integers, lengths: Integers, table: Any, bitmaps: Any, counts: Integers) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``bitmaps`` is scratch, 2 × (blocks of the longest document + 1)."""
    spaces, starts = bitmaps.ctypes.data, bitmaps.ctypes.data + bitmaps.shape[1] * 8
    seen = np.empty(256, np.uint64)
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        ascii_only = _count_characters(addresses[d], lengths[d], table, spaces, starts, row)
        used = _count_lines(addresses[d], lengths[d], ascii_only, spaces, starts, seen, row)
        if len(used) > len(seen):
            seen = used
        counts[:, d] = row


@kernel
def _count_characters(address: int, length: int, table: Any, spaces_at: int, starts_at: int, row: Integers) -> bool:
    """The first pass; returns whether the document is pure ASCII."""
    alpha = digits = symbols = uppers = spaces = chars = words = without_letter = 0
    before, spill, carry, any_wide = ONE, NONE, NONE, NONE
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        space, spill = space_mask(block, valid, spill)
        wide = between(block, 0x80, 0xFF) & valid
        starts = valid
        letter = between_caseless(block, 0x61, 0x7A) & valid & ~wide
        digit = between(block, 0x30, 0x39) & valid
        visible = between(block, 0x21, 0x7E) & valid
        digits += count_ones(digit)
        symbols += count_ones(visible & ~letter & ~digit)
        uppers += count_ones(between(block, 0x41, 0x5A) & valid)
        if wide != NONE:
            starts = valid & ~between(block, 0x80, 0xBF)
            leads = wide & starts
            while leads != NONE:
                bit = lowest(leads)
                leads &= leads - ONE
                kind = table[decode(block + bit)]
                letter |= np.uint64(kind & LETTER) << np.uint64(bit)
                digits += (kind & DIGIT) != 0
                symbols += (kind & SYMBOL) != 0
                uppers += (kind & UPPER) != 0
        any_wide |= wide
        put_word(spaces_at + (at >> 3), space | ~valid)
        put_word(starts_at + (at >> 3), starts)
        alpha += count_ones(letter)
        spaces += count_ones(space & starts)
        chars += count_ones(starts)
        space |= ~valid
        first = ~space & (space << ONE | before)
        before = space >> TOP
        words += count_ones(first)
        # A bit added at a word's first byte ripples through bytes without a letter: it reaches the byte after the word
        # only where the word has none.
        dull = ~space & ~letter
        rippled = dull + first
        total = rippled + carry
        carry = np.uint64(rippled < dull) | np.uint64(total < rippled)
        without_letter += count_ones(total & space)
    without_letter += carry != NONE
    row[BYTES], row[CHARS], row[WORDS], row[WORD_CHARS] = length, chars, words, chars - spaces
    row[ALPHA], row[DIGITS], row[SYMBOLS], row[SPACES], row[UPPERS] = alpha, digits, symbols, spaces, uppers
    row[ALPHA_WORDS] = words - without_letter
    return bool(any_wide == NONE)


@kernel
def _count_lines(
    address: int, length: int, ascii_only: bool, spaces_at: int, starts_at: int, seen: Any, row: Integers
) -> Any:
    """The second pass; returns the hash table of line contents, in the memory of ``seen`` unless it had to grow."""
    seen = _table_for(seen, min(row[WORDS], 512))
    start = 0
    while start <= length:
        start = _count_while_room(
            address, start, length, ascii_only, spaces_at, starts_at, seen.ctypes.data, len(seen), row.ctypes.data
        )
        if start <= length:
            seen = _grown(seen)
    row[LINES] = row[FILLED] + row[BLANK]
    return seen


@kernel
def _count_while_room(
    address: int, start: int, length: int, ascii_only: bool, spaces_at: int, starts_at: int,
    seen: int, slots: int, row: int,
) -> int:
    """Count lines from ``start`` until the table is half full; returns where the next begins, or ``length + 1``.

    From here on all memory is given by address: numba would count references to arrays at 50 ns a line.
    """
    distinct = np.int64(word_at(row + 8 * FILLED)) - np.int64(word_at(row + 8 * DUPLICATE))
    for at in range(start & ~63, length, 64):
        feeds = equal(address + at, LINE_FEED) & low_bits(length - at)
        if at < start:
            feeds &= ~low_bits(start - at)
        while feeds != NONE:
            stop = at + lowest(feeds)
            feeds &= feeds - ONE
            distinct += _count_line(address, start, stop, ascii_only, spaces_at, starts_at, seen, slots, row)
            start = stop + 1
            if distinct * 2 >= slots:
                return start
    _count_line(address, start, length, ascii_only, spaces_at, starts_at, seen, slots, row)
    return length + 1


@kernel
def _count_line(
    address: int, start: int, stop: int, ascii_only: bool, spaces_at: int, starts_at: int,
    seen: int, slots: int, row: int,
) -> int:
    """Count the line ``start … stop - 1``; returns 1 where its content is new to the document."""
    chars = stop - start if ascii_only else count_between(starts_at, start, stop)
    longest = np.int64(word_at(row + 8 * LONGEST))
    if chars > longest:
        add_to(row + 8 * LONGEST, chars - longest)
    first = first_clear(spaces_at, start, stop) if start < stop else stop
    if first == stop:
        add_to(row + 8 * BLANK, 1)
        return 0
    end = last_clear(spaces_at, first, stop) + 1
    content = end - first if ascii_only else count_between(starts_at, first, end)
    add_to(row + 8 * FILLED, 1)
    add_to(row + 8 * SHORT, content <= SHORT_LINE)
    last = byte_at(address + end - 1)
    add_to(row + 8 * TERMINAL, (last == 0x2E) | (last == 0x21) | (last == 0x3F) | (last == 0x22))
    add_to(row + 8 * BULLET, _is_bullet(address + first))
    if _insert(seen, slots, hash_span(address + first, end - first)):
        return 1
    add_to(row + 8 * DUPLICATE, 1)
    add_to(row + 8 * DUPLICATE_CHARS, content)
    return 0


@inlined
def _is_bullet(address: int) -> bool:
    lead = byte_at(address)
    if lead != 0xE2:
        return lead == 0x2D or lead == 0x2A
    point = decode(address)
    return point in (0x2022, 0x2023, 0x25E6, 0x25CF, 0x25CB, 0x25AA, 0x25A0)


@inlined
def hash_span(address: int, length: int) -> Any:
    """A 64-bit hash of ``length`` bytes, read 16 at a time."""
    state = _SEED ^ np.uint64(length)
    at = 0
    while at + 16 <= length:
        state = fold_multiply(word_at(address + at) ^ _LEFT ^ state, word_at(address + at + 8) ^ _RIGHT)
        at += 16
    rest = length - at
    low = word_at(address + at) & low_bits(min(rest, 8) * 8)
    high = word_at(address + at + 8) & low_bits(max(rest - 8, 0) * 8)
    return fold_multiply(fold_multiply(low ^ _LEFT ^ state, high ^ _RIGHT) ^ _SEED, np.uint64(length) ^ _LEFT)


@kernel
def _table_for(seen: Any, lines: int) -> Any:
    """An empty hash table for about so many lines, in the memory of ``seen`` where that is enough."""
    size = 64
    while size < lines * 2:
        size *= 2
    if size > len(seen):
        seen = np.empty(size, np.uint64)
    view = seen[:size]
    view[:] = NONE
    return view


@kernel
def _grown(seen: Any) -> Any:
    """A hash table of twice the size with the same keys: memory follows the distinct lines, not all lines."""
    larger = np.zeros(len(seen) * 2, np.uint64)
    for key in seen:
        if key != NONE:
            _insert(larger.ctypes.data, len(larger), key)
    return larger


@inlined
def _insert(seen: int, slots: int, key: Any) -> bool:
    """Whether the key was not there; open addressing in a table of a power of two."""
    key |= ONE
    slot = np.int64(key >> np.uint64(20)) & (slots - 1)
    while True:
        there = word_at(seen + slot * 8)
        if there == key:
            return False
        if there == NONE:
            put_word(seen + slot * 8, key)
            return True
        slot = (slot + 1) & (slots - 1)
