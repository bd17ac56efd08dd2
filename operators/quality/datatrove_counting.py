"""The kernel of ``Datatrove``: a scan of the text, its words, then what repeats among words, lines and paragraphs."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.datatrove_repetition import (
    SHORTEST_RUN,
    count_jumped,
    count_later_copies,
    find_beginnings,
    find_top_runs,
)
from corpusmill.operators.quality.gopher_counting import count_apart, filter_bits, stop_slot
from corpusmill.operators.quality.repetition import slots_for
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import (
    ALL,
    NONE,
    ONE,
    TOP,
    between,
    byte_at,
    count_between,
    count_ones,
    equal,
    fold_multiply,
    inlined,
    kernel,
    low_bits,
    lowest,
    put_word,
    word_at,
)
from corpusmill.operators.text.spacy_classes import LETTER, SYMBOL, TERMINAL
from corpusmill.operators.text.spacy_rules import CLASSES
from corpusmill.operators.text.spacy_urls import class_at, width_at
from corpusmill.operators.text.spacy_words import MEMO, split_words
from corpusmill.operators.text.words import UNROLLED, space_mask

COLUMNS = (
    "chars", "line_feeds", "line_chars",
    "words", "plain_words", "plain_word_chars", "alpha_words", "stop_words",
    "number_signs", "ellipses", "lines", "bullet_lines", "ellipsis_lines",
    "paragraphs", "duplicate_paragraphs", "duplicate_paragraph_chars",
    "pieces", "duplicate_pieces", "duplicate_piece_chars",
    "filled_lines", "terminal_lines", "short_lines", "duplicate_line_chars",
    "top_2gram_chars", "top_3gram_chars", "top_4gram_chars",
    "duplicate_5gram_chars", "duplicate_6gram_chars", "duplicate_7gram_chars", "duplicate_8gram_chars",
    "duplicate_9gram_chars", "duplicate_10gram_chars",
)  # fmt: skip
CHARS, LINE_FEEDS, LINE_CHARS, WORDS, PLAIN, PLAIN_CHARS, ALPHA_WORDS, STOP_WORDS, NUMBER_SIGNS, ELLIPSES = range(10)
LINES, BULLET, ELLIPSIS, PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARS, PIECES = range(10, 17)
DUPLICATE_PIECES, DUPLICATE_PIECE_CHARS, FILLED, TERMINALS, SHORT, DUPLICATE_LINE_CHARS, TOP_2GRAM = range(17, 24)
DUPLICATE_5GRAM = TOP_2GRAM + 3

SHORT_LINE = 30  # characters

_LEFT, _RIGHT = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F)
_TOPS = np.uint64(0x8080808080808080)
_HAS_LETTER, _IS_PLAIN = 1, 2


@kernel
def count_datatrove(
    addresses: Integers, lengths: Integers, chunks: Any, feeds: Any, rules: int, most: int, counts: Any
) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``chunks`` and ``feeds`` + 1 of each document size the memory."""
    spans = np.empty(2 * max(1, chunks.max()) + UNROLLED, np.int32)
    lines = np.empty((feeds.max(), 2), np.int32)
    continued = np.empty((lengths.max() >> 6) + 1, np.uint64)
    joined = np.empty(lengths.max() + 128, np.uint8)
    bounds = np.empty(chunks.max() + 64, np.int32)
    scratch = _scratch(max(chunks.max(), feeds.max()) + 16)
    memo = np.zeros(MEMO, np.uint64)
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        # Addresses are asked for where they are used: numba frees an array after its last use by name.
        bits_at, text = continued.ctypes.data, joined.ctypes.data
        row[:] = 0
        ascii_only = _scan(addresses[d], lengths[d], spans, lines, bits_at, row)
        lines[feeds[d] - 1, 0], lines[feeds[d] - 1, 1] = lengths[d], chunks[d]
        row[BULLET], row[ELLIPSIS] = _kinds_of_lines(addresses[d], spans, chunks[d])
        bounds, row[WORDS] = split_words(rules, most, memo, addresses[d], spans, chunks[d], text, bounds)
        if row[WORDS] + 16 > len(scratch[0]):
            scratch = _scratch(row[WORDS] + row[WORDS] // 4 + 16)
        keys, distinct, ends, places, ids, occurrences, slots, filtered = scratch
        _read_words(rules + CLASSES, text, ascii_only, bounds, keys, ends, places, ids, distinct, occurrences, slots, filtered,
                    row)
        # The hashes of the words have served: ``keys`` and ``ends`` now hold hashes and characters of lines.
        n = _read_lines(rules + CLASSES, addresses[d], feeds[d], ascii_only, bits_at, lines, keys, ends, row)
        copies, row[DUPLICATE_PIECE_CHARS], row[DUPLICATE_LINE_CHARS] = count_later_copies(
            keys, n, ends, ids, distinct, occurrences, slots)
        row[DUPLICATE_PIECES] += copies
        n = _read_paragraphs(addresses[d], feeds[d], chunks[d], ascii_only, bits_at, spans, lines, keys, ends)
        row[PARAGRAPHS] = n
        row[DUPLICATE_PARAGRAPHS], row[DUPLICATE_PARAGRAPH_CHARS], _ = count_later_copies(
            keys, n, ends, ids, distinct, occurrences, slots)
        counts[:, d] = row


@kernel
def _scratch(size: int) -> Any:
    """Memory for so many words or lines: keys, distinct, ends, places, ids, occurrences, slots, filter."""
    keys, distinct = np.empty(size, np.uint64), np.empty(size, np.uint64)
    ends, places, ids, occurrences = (np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32),
                                      np.empty(size, np.int32))
    slots, filtered = np.empty(slots_for(size), np.int32), np.empty(1 << filter_bits(size), np.uint8)
    return keys, distinct, ends, places, ids, occurrences, slots, filtered


@kernel
def _scan(address: int, length: int, spans: Any, lines: Any, continued: int, row: Integers) -> bool:
    """The first look; returns whether the document is pure ASCII.

    Writes the spans of chunks, (position, chunks before it) of line feeds, and a bitmap of bytes that continue a
    character; counts characters, line feeds, number signs, ellipses and the lines of ``str.splitlines()``.
    """
    filled = feeds = continuing = signs = ellipses = breaks = free = 0
    before, spill, any_wide, ends_line = ONE, NONE, NONE, False
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        space, spill = space_mask(block, valid, spill)
        space |= ~valid
        edges = space ^ (space << ONE | before)
        before = space >> TOP
        here, rest, upto = filled, edges, filled
        filled += count_ones(edges)
        while here < filled:
            for i in range(UNROLLED):
                spans[here + i] = at + lowest(rest)
                rest &= rest - ONE
            here += UNROLLED
        line_feeds = equal(block, LINE_FEED) & valid
        broken = (between(block, 0x0A, 0x0D) | between(block, 0x1C, 0x1E)) & valid
        wide = between(block, 0x80, 0xFF) & valid
        any_wide |= wide
        put_word(continued + (at >> 3), between(block, 0x80, 0xBF) & valid)
        if wide != NONE:
            continuing += count_ones(between(block, 0x80, 0xBF) & valid)
            ellipses += _wide_ellipses(block, wide)
            broken |= _wide_breaks(block) & valid
        if broken != NONE:
            paired = equal(block, 0x0D) & equal(block + 1, LINE_FEED) & low_bits(length - at - 1) & valid
            breaks += count_ones(broken) - count_ones(paired)
            last = 63 - _leading(broken)
            ends_line = at + last + width_at(block + last) == length
        else:
            ends_line = False if at + 3 < length else ends_line
        while line_feeds != NONE:
            bit = lowest(line_feeds)
            line_feeds &= line_feeds - ONE
            lines[feeds, 0], lines[feeds, 1] = at + bit, (upto + count_ones(edges & low_bits(bit + 1))) >> 1
            feeds += 1
        signs += count_ones(equal(block, 0x23) & valid)
        dots = equal(block, 0x2E) & valid
        if dots != NONE:
            found, free = count_apart(dots & equal(block + 1, 0x2E) & equal(block + 2, 0x2E), at, 3, length, free)
            ellipses += found
    if filled & 1:
        spans[filled] = length
    row[CHARS], row[LINE_FEEDS], row[LINE_CHARS] = length - continuing, feeds, length - continuing - feeds
    row[NUMBER_SIGNS], row[ELLIPSES] = signs, ellipses
    row[LINES] = breaks + (length > 0 and not ends_line)
    return bool(any_wide == NONE)


@inlined
def _leading(mask: Any) -> int:
    bit = 63
    while mask >> np.uint64(bit) == NONE:
        bit -= 1
    return 63 - bit


@inlined
def _wide_ellipses(block: int, wide: Any) -> int:
    lead = equal(block, 0xE2) & wide
    return count_ones(lead & equal(block + 1, 0x80) & equal(block + 2, 0xA6)) if lead != NONE else 0


@inlined
def _wide_breaks(block: int) -> Any:
    """First bytes of U+0085, U+2028 and U+2029."""
    return (equal(block, 0xC2) & equal(block + 1, 0x85)) | (
        equal(block, 0xE2) & equal(block + 1, 0x80) & between(block + 2, 0xA8, 0xA9))


@kernel
def _kinds_of_lines(address: int, spans: Any, chunks: int) -> tuple[int, int]:
    """Lines of ``str.splitlines()`` whose first chunk begins with - or •, and whose last one ends in an ellipsis."""
    bullets = ellipses = 0
    for i in range(chunks):
        start, end = address + spans[2 * i], address + spans[2 * i + 1]
        first, last = byte_at(start), byte_at(end - 1)
        if first == 0x2D or (first == 0xE2 and byte_at(start + 1) == 0x80 and byte_at(start + 2) == 0xA2):
            bullets += i == 0 or _has_break(address + spans[2 * i - 1], start)
        dotted = last == 0x2E and end - start >= 3 and byte_at(end - 2) == 0x2E and byte_at(end - 3) == 0x2E
        if dotted or (last == 0xA6 and end - start >= 3 and byte_at(end - 2) == 0x80 and byte_at(end - 3) == 0xE2):
            ellipses += i == chunks - 1 or _has_break(end, address + spans[2 * i + 2])
    return bullets, ellipses


@kernel
def _has_break(start: int, stop: int) -> bool:
    """Whether ``str.splitlines()`` breaks somewhere in this whitespace."""
    at = start
    while at < stop:
        byte = byte_at(at)
        if 0x0A <= byte <= 0x0D or 0x1C <= byte <= 0x1E or (byte == 0xC2 and byte_at(at + 1) == 0x85):
            return True
        if byte == 0xE2 and byte_at(at + 1) == 0x80 and 0xA8 <= byte_at(at + 2) <= 0xA9:
            return True
        at += 1
    return False


@kernel
def _read_words(
    table: int, text: int, ascii_only: bool, bounds: Any, keys: Any, ends: Any, places: Any, ids: Any, distinct: Any,
    occurrences: Any, slots: Any, filtered: Any, row: Integers,
) -> None:
    """Characters, letters, stop words, and what repeats; counters of pairs are first kept in a byte each."""
    words = row[WORDS]
    bits = filter_bits(words)
    shift = np.uint64(64 - bits)
    filtered[: 1 << bits] = 0
    chars = plain = plain_chars = alpha = 0
    stops, before = NONE, NONE
    ends[0] = 0
    for i in range(words):
        start, size = text + bounds[i], bounds[i + 1] - bounds[i]
        low = word_at(start) & (ALL >> np.uint64(64 - 8 * min(size, 8)))
        high = word_at(start + 8) & low_bits(8 * max(size - 8, 0))
        hashed = fold_multiply(low ^ _LEFT ^ np.uint64(size), high ^ _RIGHT)
        if size > 16:
            hashed = hash_span(start, size)
        keys[i] = hashed
        width = size if ascii_only else size - _continuing(start, size, low, high)
        kind = _kind(table, start, size)
        chars += width
        alpha += kind & _HAS_LETTER
        plain += kind >> 1
        plain_chars += width if kind & _IS_PLAIN else 0
        ends[i + 1] = chars
        slot = stop_slot(low, size)
        stops |= ONE << np.uint64(slot) if slot >= 0 else NONE
        pair = np.int64(fold_multiply(before * _LEFT + hashed, _RIGHT) >> shift)
        ids[i] = pair
        filtered[pair] = filtered[pair] << 1 | 1
        before = hashed
    row[PLAIN], row[PLAIN_CHARS], row[ALPHA_WORDS], row[STOP_WORDS] = plain, plain_chars, alpha, count_ones(stops)
    n = 0
    for i in range(words - 1):
        places[n] = i
        n += filtered[ids[i + 1]] > 1
    find_top_runs(keys, ends, words, places, n, ids, distinct, occurrences, slots, row[TOP_2GRAM:])
    if words > SHORTEST_RUN:
        n = find_beginnings(text, bounds, words, filtered, ids, keys, occurrences, places)
        count_jumped(text, bounds, ends, words, places, n, occurrences, distinct, slots, row[DUPLICATE_5GRAM:])


@inlined
def _kind(table: int, start: int, size: int) -> int:
    """Bits: the word has a letter; the word has a character that is no punctuation."""
    lead = byte_at(start)
    if 0x61 <= lead | 0x20 <= 0x7A:
        return _HAS_LETTER | _IS_PLAIN
    if size == 1:
        return _IS_PLAIN if 0x30 <= lead <= 0x39 else 0
    return _mixed_kind(table, start, size)


@kernel
def _mixed_kind(table: int, start: int, size: int) -> int:
    at, kind = start, 0
    while at < start + size and kind != _HAS_LETTER | _IS_PLAIN:
        classes = class_at(table, at)
        kind |= (_HAS_LETTER if classes & LETTER else 0) | (0 if classes & SYMBOL else _IS_PLAIN)
        at += width_at(at)
    return kind


@inlined
def _continuing(start: int, size: int, low: Any, high: Any) -> int:
    """How many of the word's bytes continue a character."""
    found = count_ones(low & ~(low << ONE) & _TOPS) + count_ones(high & ~(high << ONE) & _TOPS)
    if size > 16:
        for at in range(start + 16, start + size):
            found += byte_at(at) & 0xC0 == 0x80
    return found


@kernel
def _read_lines(
    table: int, address: int, feeds: int, ascii_only: bool, continued: int, lines: Any, keys: Any, chars: Any, row: Integers
) -> int:
    """Hash and characters of each line that is not empty, negative where it is blank; kinds of lines; returns how many."""
    n = filled = terminal = short = begin = chunk = 0
    for line in range(feeds):
        stop, upto = lines[line, 0], lines[line, 1]
        if stop > begin:
            keys[n] = hash_span(address + begin, stop - begin)
            width = stop - begin if ascii_only else stop - begin - count_between(continued, begin, stop)
            if upto > chunk:
                filled += 1
                short += width <= SHORT_LINE
                terminal += _is_terminal(table, address + begin, address + stop)
            chars[n] = width if upto > chunk else -width
            n += 1
        begin, chunk = stop + 1, upto
    row[FILLED], row[TERMINALS], row[SHORT] = filled, terminal, short
    # Where the text begins or ends with line feeds, datatrove has an empty piece.
    leading, trailing = lines[0, 0] == 0, feeds > 1 and lines[feeds - 1, 0] == lines[feeds - 2, 0] + 1
    row[PIECES], row[DUPLICATE_PIECES] = n + leading + trailing, leading and trailing
    return n


@kernel
def _is_terminal(table: int, start: int, stop: int) -> bool:
    """Whether the last character ends a sentence."""
    last = byte_at(stop - 1)
    if last < 0x80:
        return last == 0x2E or last == 0x21 or last == 0x3F
    at = stop - 1
    while at > start and byte_at(at) & 0xC0 == 0x80:
        at -= 1
    return class_at(table, at) & TERMINAL != 0


@kernel
def _read_paragraphs(
    address: int, feeds: int, chunks: int, ascii_only: bool, continued: int, spans: Any, lines: Any, keys: Any, chars: Any
) -> int:
    """Hash and characters of what stands between two or more line feeds in the stripped text; returns how many."""
    if chunks == 0:
        return 1
    begin, end = spans[0], spans[2 * chunks - 1]
    n = line = 0
    while line < feeds - 1 and lines[line, 0] < begin:
        line += 1
    while line < feeds - 1 and lines[line, 0] < end:
        after = line + 1
        while after < feeds - 1 and lines[after, 0] == lines[after - 1, 0] + 1:
            after += 1
        if after > line + 1:
            n = _note(address, begin, lines[line, 0], ascii_only, continued, keys, chars, n)
            begin = lines[after - 1, 0] + 1
        line = after
    return _note(address, begin, end, ascii_only, continued, keys, chars, n) if n else 1


@inlined
def _note(address: int, begin: int, end: int, ascii_only: bool, continued: int, keys: Any, chars: Any, n: int) -> int:
    keys[n] = hash_span(address + begin, end - begin)
    chars[n] = end - begin if ascii_only else end - begin - count_between(continued, begin, end)
    return n + 1
