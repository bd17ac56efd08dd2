"""The kernel of ``GopherDolma``: the words and their n-grams as ``Gopher`` reads them, lines as they stand."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.gopher_counting import (
    ALPHA_WORDS,
    WORD_CHARS,
    count_stop_words,
    hash_words,
    layout_for,
    scan,
    tables_for,
)
from corpusmill.operators.quality.gopher_counting import COLUMNS as SCANNED
from corpusmill.operators.quality.repetition import count_copies, count_repeated_occurrences
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import NONE, ONE, byte_at, count_between, equal, kernel, low_bits, lowest

COLUMNS = (
    "words", "word_chars", "double_median_word_chars", "symbol_words", "alpha_words", "required_words",
    "lines", "bullet_lines", "ellipsis_lines", "duplicate_lines", "duplicate_line_chars", "lines_v2", "duplicate_lines_v2",
    "top_2gram_chars", "top_3gram_chars", "top_4gram_chars",
    "duplicate_5gram_chars", "duplicate_6gram_chars", "duplicate_7gram_chars", "duplicate_8gram_chars",
    "duplicate_9gram_chars", "duplicate_10gram_chars",
    "all_5gram_chars", "all_6gram_chars", "all_7gram_chars", "all_8gram_chars", "all_9gram_chars", "all_10gram_chars",
)  # fmt: skip
WORDS, CHARS, DOUBLE_MEDIAN, SYMBOL_WORDS, ALPHA, REQUIRED, LINES, BULLET, ELLIPSIS = range(9)
DUPLICATE, DUPLICATE_CHARS, LINES_V2, DUPLICATE_V2, TOP_2GRAM = range(9, 14)

_SHORT = 256  # word lengths that are counted; longer ones are sorted where the median is among them


@kernel
def count_dolma(
    addresses: Integers, lengths: Integers, words: Any, lines: Any, classes: Any, properties: Any, counts: Integers
) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``words`` and ``lines`` of each document size the memory."""
    spans, feeds, bitmaps = layout_for(lengths, words, lines)
    most = words.max()
    _, keys, distinct, ends, places, ids, occurrences, slots, pairs = tables_for(max(most, lines.max()))
    scanned, row = np.empty(len(SCANNED), np.int64), np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        continued = bitmaps[0].ctypes.data  # here, not above: an array whose address alone is used may be freed
        ascii_only = scan(addresses[d], lengths[d], classes, properties, spans, feeds, continued, scanned)
        feeds[lines[d] - 1, 0] = lengths[d]
        row[WORDS], row[CHARS], row[ALPHA] = words[d], scanned[WORD_CHARS], scanned[ALPHA_WORDS]
        row[REQUIRED], _ = count_stop_words(addresses[d], words[d], spans, NONE)
        row[SYMBOL_WORDS] = _count_symbol_words(addresses[d], lengths[d], spans)
        n = hash_words(addresses[d], ascii_only, continued, spans, words[d], pairs, keys, ends, ids, places)
        row[DOUBLE_MEDIAN] = _double_median(ends, words[d])
        count_repeated_occurrences(
            keys, ends, words[d], places, n, ids, distinct, occurrences, slots, row[TOP_2GRAM:])
        n = _read_lines(addresses[d], lines[d], ascii_only, continued, feeds, keys, places, row)
        row[DUPLICATE], row[DUPLICATE_CHARS] = count_copies(keys, n, places, ids, distinct, occurrences, slots)
        _add_empty_lines(addresses[d], lengths[d], lines[d], n, row)
        counts[:, d] = row


@kernel
def _count_symbol_words(address: int, length: int, spans: Any) -> int:
    """Words with a number sign or a horizontal ellipsis."""
    found, word, last = 0, 0, -1
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        symbols = equal(block, 0x23) & valid
        wide = equal(block, 0xE2) & valid
        if wide != NONE:
            symbols |= wide & equal(block + 1, 0x80) & equal(block + 2, 0xA6)
        while symbols != NONE:
            here = at + lowest(symbols)
            symbols &= symbols - ONE
            while spans[2 * word + 1] <= here:
                word += 1
            found += word != last
            last = word
    return found


@kernel
def _double_median(ends: Any, words: int) -> int:
    """Twice the median of the characters per word, which is a whole number; 0 without words."""
    if words == 0:
        return 0
    of_length, longer = np.zeros(_SHORT, np.int32), 0
    for i in range(words):
        size = ends[i + 1] - ends[i]
        if size < _SHORT:
            of_length[size] += 1
        else:
            longer += 1
    lower, upper = (words - 1) >> 1, words >> 1
    if upper >= words - longer:
        return _double_median_of_long(ends, words, lower, upper)
    below = total = 0
    for size in range(_SHORT):
        after = below + of_length[size]
        total += size * ((below <= lower < after) + (below <= upper < after))
        below = after
    return total


@kernel
def _double_median_of_long(ends: Any, words: int, lower: int, upper: int) -> int:
    sizes = np.sort(ends[1 : words + 1] - ends[:words])
    return np.int64(sizes[lower]) + np.int64(sizes[upper])  # type: ignore[return-value]


@kernel
def _read_lines(
    address: int, lines: int, ascii_only: bool, continued: int, feeds: Any, keys: Any, chars: Any, row: Integers
) -> int:
    """Hash and characters of every line that is not empty, and kinds of lines; returns how many such lines."""
    n = begin = bullets = ellipses = 0
    for line in range(lines):
        stop = feeds[line, 0]
        if stop > begin:
            keys[n] = hash_span(address + begin, stop - begin)
            chars[n] = stop - begin if ascii_only else stop - begin - count_between(continued, begin, stop)
            first, end = byte_at(address + begin), address + stop
            bullets += (first == 0x2A) | (first == 0x2D)
            if stop - begin >= 3 and byte_at(end - 1) == 0xA6:
                ellipses += (byte_at(end - 2) == 0x80) & (byte_at(end - 3) == 0xE2)
            n += 1
        begin = stop + 1
    row[BULLET], row[ELLIPSIS] = bullets, ellipses
    return n


@kernel
def _add_empty_lines(address: int, length: int, lines: int, filled: int, row: Integers) -> None:
    """Empty lines: all of them in version 1, at most one at each end of the text in version 2, equal to one another."""
    at_ends = 0
    if length and filled < lines:
        at_ends = (byte_at(address) == 0x0A) + (byte_at(address + length - 1) == 0x0A)
    empty = lines - filled
    at_ends = empty if length == 0 else at_ends
    row[LINES], row[LINES_V2] = lines, filled + at_ends
    row[DUPLICATE_V2] = row[DUPLICATE] + (at_ends if at_ends > 1 else 0)
    row[DUPLICATE] += empty if empty > 1 else 0
