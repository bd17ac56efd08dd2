"""The kernel of ``Nemo``: characters by masks, then words, lines and paragraphs from their spans, then repeated n-grams.

Memory follows the words and lines of the longest document. Nothing is lower-cased or copied but the one n-gram that is
looked for in the text.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.nemo_phrases import LOREM, has_phrase, url_chars
from corpusmill.operators.quality.nemo_repetition import count_ngrams, count_unique
from corpusmill.operators.quality.repetition import slots_for
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED, locate_lines
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    between_caseless,
    byte_at,
    count_ones,
    equal,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.unicode import DIGIT, LETTER
from corpusmill.operators.text.words import UNROLLED, characters_in, decode, locate_words

COLUMNS = (
    "chars", "plain_chars", "digit_chars", "blank_chars", "bracket_chars", "url_chars",
    "words", "word_chars", "max_word_chars", "symbol_words", "alpha_words", "stop_words",
    "filled_lines", "line_chars", "unique_lines", "unique_line_chars", "unended_lines", "bullet_lines", "ellipsis_lines",
    "paragraphs", "paragraph_chars", "unique_paragraphs", "unique_paragraph_chars", "boilerplate_paragraphs", "lorem_ipsum",
    "top_2gram_chars", "top_3gram_chars", "top_4gram_chars",
    "duplicate_5gram_chars", "duplicate_6gram_chars", "duplicate_7gram_chars", "duplicate_8gram_chars",
    "duplicate_9gram_chars", "duplicate_10gram_chars",
)  # fmt: skip
CHARS, PLAIN, DIGITS, BLANKS, BRACKETS, URLS = range(6)
WORDS, WORD_CHARS, LONGEST, SYMBOLS, ALPHA, STOPS = range(6, 12)
LINES, LINE_CHARS, UNIQUE_LINES, UNIQUE_LINE_CHARS, UNENDED, BULLETS, ELLIPSES = range(12, 19)
PARAGRAPHS, PARAGRAPH_CHARS, UNIQUE_PARAGRAPHS, UNIQUE_PARAGRAPH_CHARS, BOILERPLATE, LOREM_IPSUM, TOP_2GRAM = range(19, 26)


def _numbers(*words: str) -> Any:
    """Words of at most eight bytes as little-endian numbers."""
    return np.array([int.from_bytes(word.encode(), "little") for word in words], np.uint64)


_BYTE = np.uint64(8)
_STOP_WORDS = _numbers("the", "be", "to", "of", "and", "that", "have", "with")
_ELLIPSES = _numbers("...", "[...]", "…", "(...)", "[…]", "-»")
_BULLETS = np.array([ord(c) for c in "•‣⁃⁌⁍∙○●◘◦⦾⦿"], np.int64)
_READ_MORE = np.frombuffer(b"read more..", np.uint8)


@kernel
def count_nemo(addresses: Integers, lengths: Integers, words: Any, lines: Any, classes: Any, counts: Integers) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``words`` and ``lines`` of each document size the memory."""
    most = max(1, words.max(), lines.max())
    spans = np.empty(2 * max(1, words.max()) + UNROLLED, np.int64)
    rows = np.empty(2 * lines.max(), np.int64)
    hashes, distinct = np.empty(most, np.uint64), np.empty(most, np.uint64)
    ends, places, ids, occurrences = np.empty((4, most + 1), np.int32)
    slots = np.empty(slots_for(most), np.int32)
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        address, length = addresses[d], lengths[d]
        locate_words(addresses[d:d + 1], lengths[d:d + 1], spans)
        locate_lines(addresses[d:d + 1], lengths[d:d + 1], rows)
        _count_characters(address, length, classes, row)
        row[URLS] = url_chars(address, length)
        row[LOREM_IPSUM] = has_phrase(address, address + length, LOREM, LOREM + 1)
        n = _read_lines(address, words[d], lines[d], spans, rows, hashes, places, row)
        row[UNIQUE_LINES], row[UNIQUE_LINE_CHARS] = count_unique(hashes, n, places, ids, distinct, occurrences, slots)
        n = _read_paragraphs(address, lines[d], rows, hashes, places, row)
        row[UNIQUE_PARAGRAPHS], row[UNIQUE_PARAGRAPH_CHARS] = count_unique(
            hashes, n, places, ids, distinct, occurrences, slots)
        _read_words(address, words[d], spans, classes, hashes, ends, row)
        count_ngrams(address, length, words[d], spans, hashes, ends, places, ids, distinct, occurrences, slots,
                     row[TOP_2GRAM:], row[CHARS])
        counts[:, d] = row


@kernel
def _count_characters(address: int, length: int, classes: Any, row: Integers) -> None:
    chars = plain = digits = blanks = brackets = 0
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        wide = between(block, 0x80, 0xFF) & valid
        chars += count_ones(valid & ~between(block, 0x80, 0xBF))
        figures = between(block, 0x30, 0x39) & valid
        digits += count_ones(figures)
        letters = between(block, 0x41, 0x5A) | between(block, 0x61, 0x7A)
        marks = equal(block, 0x2E) | equal(block, 0x2C) | equal(block, 0x21) | equal(block, 0x3F) | equal(block, LINE_FEED)
        plain += count_ones((letters | figures | marks) & valid)
        blanks += count_ones((equal(block, 0x20) | between(block, 0x08, 0x0A) | equal(block, 0x0D)) & valid)
        round_ones = between(block, 0x28, 0x29)
        others = equal(block, 0x5B) | equal(block, 0x5D) | equal(block, 0x7B) | equal(block, 0x7D)
        brackets += count_ones((round_ones | others) & valid)
        if wide != NONE:
            leads = wide & ~between(block, 0x80, 0xBF)
            while leads != NONE:
                point = decode(block + lowest(leads))
                leads &= leads - ONE
                digits += (classes[point] & DIGIT) != 0
                brackets += point == 0x27E8 or point == 0x27E9
    row[CHARS], row[PLAIN], row[DIGITS], row[BLANKS], row[BRACKETS] = chars, plain, digits, blanks, brackets


@kernel
def _read_words(address: int, words: int, spans: Any, classes: Any, hashes: Any, ends: Any, row: Integers) -> None:
    """Hashes of the words and how many characters end with each; lengths, letters, symbols, stop words."""
    chars = longest = symbols = alpha = stops = 0
    ends[0] = 0
    for i in range(words):
        start, stop = address + spans[2 * i], address + spans[2 * i + 1]
        size = characters_in(start, stop)
        hashes[i] = hash_span(start, stop - start)
        chars += size
        ends[i + 1] = chars
        longest = max(longest, size)
        symbols += 2 * _number_signs(start, stop) > size or _is_one_of(start, stop, _ELLIPSES)
        alpha += _has_letter(start, stop, classes)
        stops += _is_one_of(start, stop, _STOP_WORDS)
    row[WORDS], row[WORD_CHARS], row[LONGEST] = words, chars, longest
    row[SYMBOLS], row[ALPHA], row[STOPS] = symbols, alpha, stops


@kernel
def _is_one_of(start: int, stop: int, numbers: Any) -> bool:
    size = stop - start
    if size > 5:  # the longest of them
        return False
    found = word_at(start) & low_bits(8 * size)
    for number in numbers:
        if number == found and _bytes_of(number) == size:  # a word may end in NUL
            return True
    return False


@kernel
def _number_signs(start: int, stop: int) -> int:
    """Runs of number signs."""
    runs, before = 0, NONE
    for at in range(start, stop, 64):
        signs = equal(at, 0x23) & low_bits(stop - at)
        runs += count_ones(signs & ~(signs << ONE | before))
        before = signs >> TOP
    return runs


@kernel
def _has_letter(start: int, stop: int, classes: Any) -> bool:
    for at in range(start, stop, 64):
        if between_caseless(at, 0x61, 0x7A) & low_bits(stop - at) != NONE:
            return True
    for at in range(start, stop):
        if byte_at(at) >= 0xC0 and classes[decode(at)] & LETTER:
            return True
    return False


@kernel
def _read_lines(
    address: int, words: int, lines: int, spans: Any, rows: Any, hashes: Any, chars: Any, row: Integers
) -> int:
    """Hash and characters of each line with content, as it stands, and how it begins and ends; returns their number."""
    filled = word = total = unended = bullets = ellipses = 0
    for line in range(lines):
        start, stop = rows[2 * line], rows[2 * line + 1]
        first = word
        while word < words and spans[2 * word] < stop:
            word += 1
        if word == first:
            continue
        begin, end = address + spans[2 * first], address + spans[2 * word - 1]
        hashes[filled] = hash_span(address + start, stop - start)
        chars[filled] = characters_in(address + start, address + stop)
        total += chars[filled]
        unended += not _ends_sentence(end)
        bullets += _is_bullet(begin)
        ellipses += _ends_in_ellipsis(begin, end)
        filled += 1
    row[LINES], row[LINE_CHARS], row[UNENDED], row[BULLETS], row[ELLIPSES] = filled, total, unended, bullets, ellipses
    return filled


@kernel
def _ends_sentence(end: int) -> bool:
    last = byte_at(end - 1)
    return last == 0x2E or last == 0x3F or last == 0x21 or last == 0x22 or last == 0x27


@kernel
def _is_bullet(begin: int) -> bool:
    if byte_at(begin) != 0xE2:
        return False
    point = decode(begin)
    for bullet in _BULLETS:
        if bullet == point:
            return True
    return False


@kernel
def _ends_in_ellipsis(begin: int, end: int) -> bool:
    """Whether the line's content ends in one of the marks, or in «read more» in any case with two dots or none."""
    for mark in _ELLIPSES:
        size = _bytes_of(mark)
        if end - begin >= size and word_at(end - size) & low_bits(8 * size) == mark:
            return True
    return _ends_in(begin, end, 11) or _ends_in(begin, end, 9)


@kernel
def _bytes_of(number: Any) -> int:
    """How many bytes a number has up to its highest that is not zero."""
    size = 0
    while number != NONE:
        number >>= _BYTE
        size += 1
    return size


@kernel
def _ends_in(begin: int, end: int, size: int) -> bool:
    if end - begin < size:
        return False
    for i in range(size):
        byte = byte_at(end - size + i)
        if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != _READ_MORE[i]:
            return False
    return True


@kernel
def _read_paragraphs(address: int, lines: int, rows: Any, hashes: Any, chars: Any, row: Integers) -> int:
    """Hash and characters of each piece of ``text.split("\\n\\n")``; returns their number."""
    n = total = boilerplate = 0
    start, line = 0, 0
    while line < lines:
        stop = rows[2 * line + 1]
        # Two line feeds in a row: the next line is empty, and not the last one's end.
        closes = line + 1 < lines and rows[2 * line + 3] == rows[2 * line + 2] and line + 2 < lines
        if closes or line + 1 == lines:
            hashes[n] = hash_span(address + start, stop - start)
            chars[n] = characters_in(address + start, address + stop)
            total += chars[n]
            boilerplate += has_phrase(address + start, address + stop, 0, LOREM)
            n += 1
            start = stop + 2
            line += 1
        line += 1
    row[PARAGRAPHS], row[PARAGRAPH_CHARS], row[BOILERPLATE] = n, total, boilerplate
    return n
