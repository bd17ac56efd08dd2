"""The kernel of ``Multilingual``."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    byte_at,
    count_ones,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
)
from corpusmill.operators.text.words import decode, space_mask

COLUMNS = ("words", "word_chars", "stop_words", "distinct_stop_words", "line_feeds", "filled_lines", "ended_lines")
WORDS, WORD_CHARS, STOPS, DISTINCT, FEEDS, FILLED, ENDED = range(7)

MOST_WORDS = 64  # of a language: a bit each
HAN, KANA, LONG = 2, 3, 5  # characters of a usual word
_ENDS = np.array([ord(c) for c in '.!?"…。！？．｡؟۔।॥።។။'], np.int64)
_MIX = np.uint64(0x9E3779B97F4A7C15)


@kernel
def words_key(address: int, size: int, language: int) -> Any:
    """The key of a word of a language; never zero."""
    return (hash_span(address, size) ^ np.uint64(language + 1) * _MIX) | ONE


@kernel
def count_multilingual(
    addresses: Integers, lengths: Integers, lists: Any, longest: Integers, keys: Any, bits: Any, counts: Integers
) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``lists`` is the number of each document's stop words, -1 for none.

    ``longest`` is the number of characters of the longest word of each list.
    """
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        most = longest[lists[d]] if lists[d] >= 0 else 0
        seen = _count_document(addresses[d], lengths[d], lists[d], most, keys, bits, row)
        row[DISTINCT] = count_ones(seen)
        counts[:, d] = row


@kernel
def _count_document(address: int, length: int, language: int, most: int, keys: Any, bits: Any, row: Integers) -> Any:
    """Word after word by the edges of whitespace; a line ends with the last word before its line feed."""
    seen, before, spill = NONE, ONE, NONE
    start = last = -1
    for at in range(0, length + 1, 64):
        block, valid = address + at, low_bits(length - at)
        space, spill = space_mask(block, valid, spill)
        space |= ~valid
        edges = space ^ (space << ONE | before)
        feeds = equal(block, LINE_FEED) & valid
        row[FEEDS] += count_ones(feeds)
        before = space >> TOP
        events = edges | feeds
        while events != NONE:
            bit = lowest(events)
            events &= events - ONE
            here = at + bit
            if edges >> np.uint64(bit) & ONE != NONE:
                if start < 0:
                    start = here
                else:
                    seen |= _count_word(address + start, address + here, language, most, keys, bits, row)
                    start, last = -1, here
            if feeds >> np.uint64(bit) & ONE != NONE and last >= 0:
                row[FILLED] += 1
                row[ENDED] += _ends_sentence(address, last)
                last = -1
    if start >= 0:
        seen |= _count_word(address + start, address + length, language, most, keys, bits, row)
        last = length
    if last >= 0:
        row[FILLED] += 1
        row[ENDED] += _ends_sentence(address, last)
    return seen


@kernel
def _ends_sentence(address: int, end: int) -> bool:
    at = end - 1
    while at > 0 and byte_at(address + at) & 0xC0 == 0x80:
        at -= 1
    point = decode(address + at)
    for mark in _ENDS:
        if mark == point:
            return True
    return False


@kernel
def _count_word(start: int, stop: int, language: int, most: int, keys: Any, bits: Any, row: Integers) -> Any:
    """Count a run of non-whitespace; returns the bits of the stop words in it."""
    wide = NONE
    for at in range(start, stop, 64):
        row[WORD_CHARS] += count_ones(~between(at, 0x80, 0xBF) & low_bits(stop - at))
        wide |= between(at, 0xE0, 0xFF) & low_bits(stop - at)
    seen = NONE
    if language >= 0:
        bit = _find(words_key(start, stop - start, language), keys, bits)
        if bit >= 0:
            row[STOPS] += 1
            seen = ONE << np.uint64(bit)
            row[WORDS] += 1 if wide == NONE else _cut(start, stop, -1, 0, keys, bits, row)[0]
            return seen
    if wide == NONE:
        row[WORDS] += 1
        return seen
    words, found = _cut(start, stop, language, most, keys, bits, row)
    row[WORDS] += words
    return seen | found


@kernel
def _cut(start: int, stop: int, language: int, most: int, keys: Any, bits: Any, row: Integers) -> tuple[int, Any]:
    """Words of a run, cut where scripts change, and the bits of the stop words of scripts without spaces."""
    words = inside = kind = 0
    seen, at = NONE, start
    while at < stop:
        point = decode(at)
        here = _word_length(point)
        if here != kind and inside > 0:
            words += 1 if kind == 0 else (inside + kind - 1) // kind
            inside = 0
        kind = here
        inside += 1
        if kind > 0 and language >= 0:
            seen |= _stop_words_at(at, stop, language, most, keys, bits, row)
        at += _size(point)
    return words + (1 if kind == 0 else (inside + kind - 1) // kind), seen


@kernel
def _stop_words_at(at: int, stop: int, language: int, most: int, keys: Any, bits: Any, row: Integers) -> Any:
    """The bits of all stop words that begin at a place, which counts once."""
    seen, end = NONE, at
    for _ in range(most):
        if end >= stop:
            break
        end += _size(decode(end))
        bit = _find(words_key(at, end - at, language), keys, bits)
        if bit >= 0:
            seen |= ONE << np.uint64(bit)
    row[STOPS] += seen != NONE
    return seen


@inlined
def _size(point: int) -> int:
    return 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)


@kernel
def _find(key: Any, keys: Any, bits: Any) -> int:
    """The bit of the word; -1 where it is none."""
    slot = np.int64(key >> np.uint64(20)) & (len(keys) - 1)
    while keys[slot] != NONE:
        if keys[slot] == key:
            bit: int = bits[slot]
            return bit
        slot = (slot + 1) & (len(keys) - 1)
    return -1


@kernel
def _word_length(point: int) -> int:
    """Characters of a usual word in a script without spaces; zero in others."""
    if point < 0x0E00:
        return 0
    if 0x3400 <= point <= 0x4DBF or 0x4E00 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or 0x20000 <= point <= 0x3FFFF:
        return HAN
    if 0x3040 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9D:
        return KANA
    if point <= 0x0EFF or 0x1000 <= point <= 0x109F or 0x1780 <= point <= 0x17FF or 0xAA60 <= point <= 0xAA7F:
        return LONG
    return 0
