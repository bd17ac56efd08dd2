"""The kernel of ``Corruption``."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    between,
    between_caseless,
    byte_at,
    count_ones,
    equal,
    kernel,
    low_bits,
    lowest,
)
from corpusmill.operators.text.unicode import DIGIT, LETTER, SPACE, SYMBOL
from corpusmill.operators.text.words import UNROLLED, decode, locate_words

COLUMNS = ("chars", "alphabetic_chars", "control_chars", "replacement_chars", "private_chars", "mojibake", "longest_run",
           "filled_lines", "repeating_lines")
CHARS, ALPHABETIC, CONTROL, REPLACEMENT, PRIVATE, MOJIBAKE, LONGEST_RUN, FILLED, REPEATING = range(9)

LONGEST_GROUP = 4  # words
_CLASSED = LETTER | DIGIT | SYMBOL | SPACE


@kernel
def count_corruption(addresses: Integers, lengths: Integers, words: Any, classes: Any, counts: Integers) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``words`` of each document size the memory."""
    most = max(1, words.max())
    spans, hashes = np.empty(2 * most + UNROLLED, np.int64), np.empty(most, np.uint64)
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        _count_ascii(addresses[d], lengths[d], row)
        _count_wide(addresses[d], lengths[d], classes, row)
        row[LONGEST_RUN] = _longest_run(addresses[d], lengths[d], classes)
        locate_words(addresses[d:d + 1], lengths[d:d + 1], spans)
        row[FILLED], row[REPEATING] = _count_lines(addresses[d], words[d], spans, hashes)
        counts[:, d] = row


@kernel
def _count_ascii(address: int, length: int, row: Integers) -> None:
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        row[CHARS] += count_ones(valid & ~between(block, 0x80, 0xBF))
        wide = between(block, 0x80, 0xFF)
        spaces = equal(block, 0x20) | between(block, 0x09, 0x0D) | between(block, 0x1C, 0x1F)
        row[ALPHABETIC] += count_ones((between_caseless(block, 0x61, 0x7A) & ~wide | spaces) & valid)
        controls = between(block, 0x00, 0x1F) & ~(between(block, 0x09, 0x0A) | equal(block, 0x0D)) | equal(block, 0x7F)
        row[CONTROL] += count_ones(controls & valid)


@kernel
def _count_wide(address: int, length: int, classes: Any, row: Integers) -> None:
    """Characters beyond ASCII, one by one."""
    before, after_letter, end = 0, False, -1
    for at in range(0, length, 64):
        leads = between(address + at, 0xC0, 0xFF) & low_bits(length - at)
        while leads != NONE:
            here = at + lowest(leads)
            leads &= leads - ONE
            point = decode(address + here)
            kind = classes[point]
            if end != here:
                before, after_letter = 0, here > 0 and 0x61 <= byte_at(address + here - 1) | 0x20 <= 0x7A
            after_letter = kind & LETTER != 0 or (after_letter and kind & _CLASSED == 0 and point > 0x9F)
            row[ALPHABETIC] += after_letter or kind & SPACE != 0
            row[CONTROL] += point <= 0x9F
            row[REPLACEMENT] += point == 0xFFFD
            row[PRIVATE] += 0xE000 <= point <= 0xF8FF or point >= 0xF0000
            row[MOJIBAKE] += _is_mojibake(before, point)
            before, end = point, here + 2 + (point >= 0x800) + (point >= 0x10000)


@kernel
def _is_mojibake(first: int, second: int) -> bool:
    return ((first == 0xC2 or first == 0xC3) and 0x80 <= second <= 0xBF) or (first == 0xE2 and second == 0x20AC)


@kernel
def _longest_run(address: int, length: int, classes: Any) -> int:
    """How often the same character stands in a row, at most."""
    longest = at = run = 0
    before = -1
    while at < length:
        point = byte_at(address + at)
        if point >= 0x80:
            point = decode(address + at)
        at += 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)
        run = run + 1 if point == before else 1
        before = point
        if run > longest and classes[point] & SPACE == 0:
            longest = run
    return longest


@kernel
def _count_lines(address: int, words: int, spans: Any, hashes: Any) -> tuple[int, int]:
    """Lines with words, and those in which a run of words is followed by itself."""
    filled = repeating = first = 0
    for i in range(words):
        hashes[i] = hash_span(address + spans[2 * i], spans[2 * i + 1] - spans[2 * i])
        if i + 1 == words or _has_feed(address + spans[2 * i + 1], address + spans[2 * i + 2]):
            filled += 1
            repeating += _repeats(hashes, first, i + 1)
            first = i + 1
    return filled, repeating


@kernel
def _has_feed(start: int, stop: int) -> bool:
    for at in range(start, stop, 64):
        if equal(at, LINE_FEED) & low_bits(stop - at) != NONE:
            return True
    return False


@kernel
def _repeats(hashes: Any, first: int, last: int) -> bool:
    """Whether ``hashes[first:last]`` has a run of one to four that is followed by itself."""
    for size in range(1, LONGEST_GROUP + 1):
        equals = 0
        for i in range(first, last - size):
            equals = equals + 1 if hashes[i] == hashes[i + size] else 0
            if equals == size:
                return True
    return False
