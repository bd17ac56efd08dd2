"""The kernel of ``Gopher``: three looks at each document while it is in cache, then its repetitions.

The first look turns blocks of 64 bytes into masks, counts what masks can tell and writes down where words and line
feeds are. The second goes word by word and hashes those that n-grams are made of, the third line by line. Memory follows
the words and the lines of the longest document, not its bytes.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.repetition import (
    count_copies,
    count_repeated_runs,
    pair_key,
    slot_of,
    slots_for,
)
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.segments import count_marked, mark_segments, read_marked
from corpusmill.operators.text.simd import (
    ALL,
    NONE,
    ONE,
    TOP,
    between,
    between_caseless,
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
from corpusmill.operators.text.unicode import DIGIT, LETTER
from corpusmill.operators.text.wordbreak import ALNUM
from corpusmill.operators.text.words import UNROLLED, decode, space_mask

COLUMNS = (
    "words", "alnum_words", "alpha_words", "word_chars", "stop_words", "distinct_stop_words", "symbols",
    "filled_lines", "bullet_lines", "ellipsis_lines", "line_chars", "duplicate_lines", "duplicate_line_chars",
    "paragraphs", "paragraph_chars", "duplicate_paragraphs", "duplicate_paragraph_chars",
    "top_2gram_chars", "top_3gram_chars", "top_4gram_chars",
    "duplicate_5gram_chars", "duplicate_6gram_chars", "duplicate_7gram_chars", "duplicate_8gram_chars",
    "duplicate_9gram_chars", "duplicate_10gram_chars", "alnum_tokens", "ngram_words", "ngram_chars",
)  # fmt: skip
WORDS, ALNUM_WORDS, ALPHA_WORDS, WORD_CHARS, STOP_WORDS, DISTINCT_STOP_WORDS, SYMBOLS = range(7)
FILLED, BULLET, ELLIPSIS, LINE_CHARS, DUPLICATE, DUPLICATE_CHARS = range(7, 13)
PARAGRAPHS, PARAGRAPH_CHARS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARS, TOP_2GRAM = range(13, 18)
DUPLICATE_5GRAM = TOP_2GRAM + 3
ALNUM_TOKENS, NGRAM_WORDS, NGRAM_CHARS = range(26, 29)

STOP_WORDS_ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")

_LEFT = np.uint64(0xD6E8FEB86659FD93)
_RIGHT = np.uint64(0xA0761D6478BD642F)
_LOWER_CASE = np.uint64(0x2020202020202020)
_MOST_FILTER_BITS = 21  # 2 MiB: about what a core's second-level cache holds
# Multiplied by this, the eight stop words as numbers differ in their highest four bits.
_STOP_MULTIPLIER = np.uint64(0x9A164106CF6A659F)
_STOP_SHIFT = np.uint64(60)


def _stop_table() -> Any:
    """Each stop word, as a little-endian number, in the slot that ``stop_slot`` gives it."""
    table = np.zeros(16, np.uint64)
    for word in STOP_WORDS_ENGLISH:
        number = int.from_bytes(word.encode(), "little")
        table[number * int(_STOP_MULTIPLIER) % (1 << 64) >> int(_STOP_SHIFT)] = number
    return table


_STOP_TABLE = _stop_table()


@kernel
def count_gopher(
    addresses: Integers, lengths: Integers, words: Any, lines: Any, by_segments: bool,
    classes: Any, properties: Any, counts: Integers,
) -> None:
    """Fill ``counts`` (COLUMNS × documents); ``words`` and ``lines`` of each document size the memory.

    N-grams are of the words between spaces, or ``by_segments`` of those of UAX #29.
    """
    layout, tables = layout_for(lengths, words, lines), tables_for(words.max())
    row = np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        tables = count_document(
            addresses[d], lengths[d], words[d], lines[d], by_segments, classes, properties, layout, tables, row)
        counts[:, d] = row


@kernel
def layout_for(lengths: Integers, words: Any, lines: Any) -> Any:
    """Where words, line feeds and kinds of bytes of any of the documents find room."""
    spans, feeds = np.empty(2 * words.max() + UNROLLED, np.int32), np.empty((lines.max(), 2), np.int32)
    return spans, feeds, np.empty((3, (lengths.max() >> 6) + 1), np.uint64)


@kernel
def tables_for(n: int) -> Any:
    """Tables for the repetitions of ``n`` items: spans, hashes, distinct hashes, ends, places, numbers, occurrences, hash
    slots, the filter of pairs.
    """
    keys, distinct = np.empty(n + 1, np.uint64), np.empty(n + 1, np.uint64)
    ends, places = np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
    ids, occurrences = np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
    slots, pairs = np.empty(slots_for(n), np.int32), np.empty(1 << filter_bits(n), np.uint8)
    return np.empty(2 * n + UNROLLED, np.int32), keys, distinct, ends, places, ids, occurrences, slots, pairs


@kernel
def count_document(
    address: int, length: int, words: int, lines: int, by_segments: bool, classes: Any, properties: Any,
    layout: Any, tables: Any, row: Integers,
) -> Any:
    """Fill ``row``, which must be zero, with the counts of one document; returns the tables, larger where they had to be."""
    spans, feeds, bitmaps = layout
    continued, marks, breaks = bitmaps[0].ctypes.data, bitmaps[1].ctypes.data, bitmaps[2].ctypes.data
    ascii_only, touching = scan(address, length, classes, properties, spans, feeds, continued, row), False
    row[SYMBOLS] = _count_symbols(address, length)
    row[STOP_WORDS], row[DISTINCT_STOP_WORDS] = count_stop_words(address, words, spans, _LOWER_CASE)
    feeds[lines - 1, 0], feeds[lines - 1, 1] = length, words
    row[NGRAM_WORDS] = words
    if by_segments:
        touching = mark_segments(address, length, properties, marks, breaks, ascii_only)
        row[NGRAM_WORDS] = count_marked(length, marks, breaks)
    if row[NGRAM_WORDS] >= len(tables[1]):
        tables = tables_for(2 * row[NGRAM_WORDS])
    parts, keys, _, ends, places, ids, _, _, pairs = tables
    if by_segments:
        read_marked(length, marks, breaks, touching, parts, 0)
    else:
        parts = spans
    n = hash_words(address, ascii_only, continued, parts, row[NGRAM_WORDS], pairs, keys, ends, ids, places)
    row[NGRAM_CHARS] = ends[row[NGRAM_WORDS]]
    _count_repetitions(address, lines, ascii_only, continued, spans, feeds, n, tables, row)
    return tables


@kernel
def _count_repetitions(
    address: int, lines: int, ascii_only: bool, continued: int, spans: Any, feeds: Any,
    places_left: int, tables: Any, row: Integers,
) -> None:
    """Everything that occurs twice: n-grams, of which ``places_left`` may, then lines and paragraphs."""
    _, keys, distinct, ends, places, ids, occurrences, slots, _ = tables
    count_repeated_runs(keys, ends, places, places_left, ids, distinct, occurrences, slots, row[TOP_2GRAM:])
    # The hashes of the words have served: ``keys`` and ``places`` now hold hashes and characters of lines.
    _read_lines(address, lines, ascii_only, continued, spans, feeds, keys, places, row)
    row[DUPLICATE], row[DUPLICATE_CHARS] = count_copies(keys, row[FILLED], places, ids, distinct, occurrences, slots)
    row[PARAGRAPH_CHARS] = row[LINE_CHARS]
    row[DUPLICATE_PARAGRAPHS], row[DUPLICATE_PARAGRAPH_CHARS] = row[DUPLICATE], row[DUPLICATE_CHARS]
    if row[PARAGRAPHS] < row[FILLED]:
        n, row[PARAGRAPH_CHARS] = _read_paragraphs(address, lines, ascii_only, continued, spans, feeds, keys, places)
        row[DUPLICATE_PARAGRAPHS], row[DUPLICATE_PARAGRAPH_CHARS] = count_copies(
            keys, n, places, ids, distinct, occurrences, slots)


@kernel
def filter_bits(words: int) -> int:
    """The filter has at least eight bytes per word, up to its largest size."""
    bits = 6
    while bits < _MOST_FILTER_BITS and 1 << bits < 8 * words:
        bits += 1
    return bits


@kernel
def scan(
    address: int, length: int, classes: Any, properties: Any, spans: Any, feeds: Any, continued: int, row: Integers
) -> bool:
    """The first look, which counts words; returns whether the document is pure ASCII.

    Writes the spans of words, (position, words before it) of line feeds, and a bitmap of bytes that continue a character.
    """
    filled = lines = alnum = tokens = dull_words = chars = 0
    before, token_before, spill, carry, any_wide = ONE, ONE, NONE, NONE, NONE
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        space, spill = space_mask(block, valid, spill)
        space |= ~valid
        edges = space ^ (space << ONE | before)
        before = space >> TOP
        here, rest = filled, edges
        filled += count_ones(edges)
        while here < filled:
            for i in range(UNROLLED):
                spans[here + i] = at + lowest(rest)
                rest &= rest - ONE
            here += UNROLLED
        words_before = filled - count_ones(edges)
        lines = _put_feeds(feeds.ctypes.data, lines, at, equal(block, LINE_FEED) & valid, edges, words_before)
        wide = between(block, 0x80, 0xFF) & valid
        any_wide |= wide
        inside = between(block, 0x80, 0xBF) & valid
        put_word(continued + (at >> 3), inside)
        chars += count_ones(~space & ~inside)
        letter = between_caseless(block, 0x61, 0x7A)
        named = letter | between(block, 0x30, 0x39)
        first = edges & ~space
        alnum += count_ones(first & named)
        gap = equal(block, 0x20) | between(block, 0x09, 0x0D) | equal(block, 0x00)
        token = ~gap & (gap << ONE | token_before) & valid
        token_before = gap >> TOP
        tokens += count_ones(token & named)
        # A bit added at a word's first byte ripples through bytes that are no ASCII letter: it reaches the byte after the
        # word only where the word has none.
        dull = ~space & ~letter
        rippled = dull + first
        total = rippled + carry
        carry = np.uint64(rippled < dull) | np.uint64(total < rippled)
        dull_ends = total & space & edges
        dull_words += count_ones(dull_ends)
        if any_wide != NONE:
            alnum += _count_of_class(block, first & wide, classes, LETTER | DIGIT)
            tokens += _count_of_class(block, token & wide, properties, ALNUM)
            dull_words -= _count_wide_words(address, at, dull_ends, edges, words_before, spans, classes)
    if filled & 1:
        spans[filled] = length
        filled += 1
        if carry != NONE:
            dull_words += 1 - _has_wide_letter(address + spans[filled - 2], address + length, classes)
    words = filled >> 1
    row[WORDS], row[ALNUM_WORDS], row[ALPHA_WORDS] = words, alnum, words - dull_words
    row[WORD_CHARS], row[ALNUM_TOKENS] = chars, tokens
    return bool(any_wide == NONE)


@inlined
def _put_feeds(feeds: int, lines: int, at: int, breaks: Any, edges: Any, words_before: int) -> int:
    """Write position and words before it, two int32, of the line feeds of a block; returns how many lines there are now."""
    while breaks != NONE:
        bit = lowest(breaks)
        breaks &= breaks - ONE
        words = (words_before + count_ones(edges & low_bits(bit + 1))) >> 1
        put_word(feeds + 8 * lines, np.uint64(at + bit) | np.uint64(words) << np.uint64(32))
        lines += 1
    return lines


@kernel
def _count_wide_words(
    address: int, at: int, dull_ends: Any, edges: Any, words_before: int, spans: Any, classes: Any
) -> int:
    """How many of the words without an ASCII letter that end in a block have another letter."""
    found = 0
    while dull_ends != NONE:
        bit = lowest(dull_ends)
        dull_ends &= dull_ends - ONE
        word = words_before + count_ones(edges & low_bits(bit + 1)) - 2
        found += _has_wide_letter(address + spans[word], address + at + bit, classes)
    return found


@kernel
def _count_symbols(address: int, length: int) -> int:
    """Number signs and ellipses; those of three dots, or three dots and two spaces, do not overlap their like."""
    symbols = three_from = spaced_from = 0
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        symbols += count_ones(equal(block, 0x23) & valid)
        horizontal = equal(block, 0xE2) & valid
        if horizontal != NONE:
            symbols += count_ones(horizontal & equal(block + 1, 0x80) & equal(block + 2, 0xA6))
        dots = equal(block, 0x2E) & valid
        if dots != NONE:
            third = equal(block + 2, 0x2E)
            found, three_from = count_apart(dots & equal(block + 1, 0x2E) & third, at, 3, length, three_from)
            symbols += found
            spaced = dots & equal(block + 1, 0x20) & third & equal(block + 3, 0x20) & equal(block + 4, 0x2E)
            found, spaced_from = count_apart(spaced, at, 5, length, spaced_from)
            symbols += found
    return symbols


@inlined
def count_apart(starts: Any, at: int, size: int, length: int, free_from: int) -> tuple[int, int]:
    """Occurrences of ``size`` bytes that do not overlap, as ``str.count`` counts them, and where the last one ends."""
    found = 0
    while starts != NONE:
        start = at + lowest(starts)
        starts &= starts - ONE
        if start >= free_from and start + size <= length:
            found += 1
            free_from = start + size
    return found, free_from


@kernel
def _count_of_class(block: int, firsts: Any, table: Any, wanted: int) -> int:
    """How many of the characters beyond ASCII that begin at ``firsts`` have one of the class bits ``wanted``."""
    found = 0
    while firsts != NONE:
        found += (table[decode(block + lowest(firsts))] & wanted) != 0
        firsts &= firsts - ONE
    return found


@kernel
def _has_wide_letter(start: int, stop: int, classes: Any) -> bool:
    """Whether there is a letter among the characters beyond ASCII."""
    at = start
    while at < stop:
        lead = byte_at(at)
        if lead >= 0xC0 and classes[decode(at)] & LETTER:
            return True
        at += 1
    return False


@inlined
def stop_slot(word: Any, size: int) -> np.int64:
    """Which stop word the first bytes of a word are, as a number of 0 … 15; -1 for none.

    The bytes are little-endian, zero beyond the word; a word may end in NUL, and so look as if it were shorter.
    """
    slot = (word * _STOP_MULTIPLIER) >> _STOP_SHIFT
    is_stop = (_STOP_TABLE[slot] == word) & (size <= 4) & (word >> np.uint64(8 * min(size, 8) - 8) != NONE)
    return np.int64(slot) if is_stop else np.int64(-1)


@kernel
def count_stop_words(address: int, words: int, spans: Any, folded: Any) -> tuple[int, int]:
    """How many words are stop words, and how many of the eight there are; ``folded`` bits are set before they are compared."""
    stops, distinct = 0, NONE
    for i in range(words):
        size = spans[2 * i + 1] - spans[2 * i]
        mask = ALL >> np.uint64(64 - 8 * min(size, 8))
        lower = (word_at(address + spans[2 * i]) | folded) & mask
        slot = stop_slot(lower, size)
        if slot >= 0:
            stops += 1
            distinct |= ONE << np.uint64(slot)
    return stops, count_ones(distinct)


@kernel
def hash_words(
    address: int, ascii_only: bool, continued: int,
    spans: Any, words: int, pairs: Any, hashes: Any, ends: Any, slots: Any, places: Any,
) -> int:
    """The second look: hashes and characters; returns how many places may begin a repeated pair.

    Pairs of words are first counted in ``pairs``, a byte per slot that may serve several pairs, so that only the few
    that share a slot need an exact table.
    """
    bits = filter_bits(words)
    shift = np.uint64(64 - bits)
    pairs[: 1 << bits] = 0
    chars, before = 0, NONE
    ends[0] = 0
    for i in range(words):
        start, size = address + spans[2 * i], spans[2 * i + 1] - spans[2 * i]
        low = word_at(start) & (ALL >> np.uint64(64 - 8 * min(size, 8)))
        high = word_at(start + 8) & low_bits(8 * max(size - 8, 0))
        hashed = fold_multiply(low ^ _LEFT ^ np.uint64(size), high ^ _RIGHT)
        if size > 16:
            hashed = hash_span(start, size)
        hashes[i] = hashed
        chars += size if ascii_only else size - count_between(continued, spans[2 * i], spans[2 * i + 1])
        ends[i + 1] = chars
        pair = np.int64(slot_of(pair_key(before, hashed)) >> shift)
        slots[i] = pair
        pairs[pair] = pairs[pair] << 1 | 1
        before = hashed
    n = 0
    for i in range(words - 1):
        places[n] = i
        n += pairs[slots[i + 1]] > 1
    return n


@kernel
def _read_lines(
    address: int, lines: int, ascii_only: bool, continued: int, spans: Any, feeds: Any, keys: Any, chars: Any, row: Integers
) -> None:
    """The third look: hash and characters of each line with content, kinds of lines, and how many paragraphs."""
    filled = paragraphs = total = bullets = ellipses = begin = word = 0
    inside = False
    for line in range(lines):
        stop, upto = feeds[line, 0], feeds[line, 1]
        if stop == begin:
            inside = False
        if upto > word:
            first, end = spans[2 * word], spans[2 * upto - 1]
            keys[filled] = hash_span(address + first, end - first)
            chars[filled] = end - first if ascii_only else end - first - count_between(continued, first, end)
            total += chars[filled]
            bullets += _is_bullet(address + first)
            ellipses += _ends_in_ellipsis(address + end, end - first)
            paragraphs += not inside
            inside = True
            filled += 1
        word, begin = upto, stop + 1
    row[FILLED], row[BULLET], row[ELLIPSIS], row[LINE_CHARS], row[PARAGRAPHS] = filled, bullets, ellipses, total, paragraphs


@kernel
def _read_paragraphs(
    address: int, lines: int, ascii_only: bool, continued: int, spans: Any, feeds: Any, keys: Any, chars: Any
) -> tuple[int, int]:
    """Replace the lines' hashes and characters by those of the paragraphs; returns their number and all characters."""
    n = total = begin = word = 0
    first = end = -1
    for line in range(lines + 1):
        closes = line == lines or feeds[line, 0] == begin
        if closes and first >= 0:
            keys[n] = hash_span(address + first, end - first)
            chars[n] = end - first if ascii_only else end - first - count_between(continued, first, end)
            total += chars[n]
            n, first = n + 1, -1
        if line < lines:
            upto = feeds[line, 1]
            if upto > word:
                first = first if first >= 0 else spans[2 * word]
                end = spans[2 * upto - 1]
            word, begin = upto, feeds[line, 0] + 1
    return n, total


@inlined
def _is_bullet(address: int) -> bool:
    """Whether one of - * • ● is there."""
    lead = byte_at(address)
    if lead != 0xE2:
        return lead == 0x2D or lead == 0x2A
    point = decode(address)
    return point == 0x2022 or point == 0x25CF


@inlined
def _ends_in_ellipsis(end: int, size: int) -> bool:
    """Whether the ``size`` bytes before ``end`` end in "...", ". . ." or "…"."""
    last = byte_at(end - 1)
    if last == 0xA6:
        return size >= 3 and byte_at(end - 2) == 0x80 and byte_at(end - 3) == 0xE2
    if last != 0x2E or size < 3:
        return False
    if byte_at(end - 2) == 0x2E:
        return byte_at(end - 3) == 0x2E
    return (size >= 5 and byte_at(end - 2) == 0x20 and byte_at(end - 3) == 0x2E
            and byte_at(end - 4) == 0x20 and byte_at(end - 5) == 0x2E)
