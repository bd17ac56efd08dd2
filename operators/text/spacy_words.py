"""Words as spaCy's ``blank("en")`` finds them: what datatrove counts in English.

spaCy tokenizes each maximal run of non-whitespace, a *chunk*, for itself: it takes prefixes and suffixes off until an
exception or nothing is left to take, leaves URLs whole, splits the rest at infixes, and then rejoins tokens that spell an
exception. Tokens tile their chunk, so the words of a text are the text without its whitespace and the places where
tokens end. Most chunks are letters, or letters and one mark, and are told by a few operations on sixteen bytes.

spaCy also looks for exceptions across single spaces, finds that no exception has a space, and leaves the tokens; only a
shorter exception that overlaps such a find would then be missed. That is the one thing that is not done here.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    byte_at,
    copy_block,
    fold_multiply,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.spacy_classes import (
    ALPHA,
    CURRENCY,
    DOTTED,
    ICON,
    LOWER,
    PREFIX,
    QUOTE,
    SUFFIX,
    UPPER,
)
from corpusmill.operators.text.spacy_rules import (
    CLASSES,
    COUNT,
    LONGEST,
    PARTS,
    PATTERN,
    UNIT_LIST,
    entry_of,
    first_bytes,
    may_be_listed,
)
from corpusmill.operators.text.spacy_urls import class_at, is_number, is_url, width_at
from corpusmill.operators.text.words import decode

_TOPS = np.uint64(0x8080808080808080)
_LOWS = np.uint64(0x7F7F7F7F7F7F7F7F)
_CASE = np.uint64(0x2020202020202020)
_FROM_A, _PAST_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)
_LONGEST_UNIT = 7  # characters
_LEFT, _RIGHT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xE7037ED1A0B428DB)
MEMO = 1 << 13, 4  # places for chunks of up to sixteen bytes: 256 KiB, whatever the texts
_PLACES = np.uint64(MEMO[0] - 1)


@kernel
def split_words(
    tables: int, most: int, memo: Any, address: int, spans: Any, chunks: int, joined: int, bounds: Any
) -> tuple[Any, int]:
    """Write the text without its whitespace to ``joined``, and where each word ends in it to ``bounds``.

    ``spans`` holds start and end of the text's ``chunks``; ``memo`` is MEMO zeros at first, and may be kept from text to
    text. ``bounds[0]`` is 0 and word ``i`` lies in ``bounds[i] … bounds[i + 1]``. Returns ``bounds``, or a larger array
    where it was too small, and the number of words.
    """
    bounds[0] = 0
    n = size = 0
    for i in range(chunks):
        start, length = address + spans[2 * i], spans[2 * i + 1] - spans[2 * i]
        at = 0
        while at < length:
            copy_block(joined + size + at, start + at)
            at += 64
        if n + 2 * length + 3 > len(bounds):
            bounds = _grown(bounds, n, length)
        simple = split_simple(tables, joined + size, length)
        if simple >= 0:
            bounds[n + 1] = size + simple
            bounds[n + 2] = size + length
            n += 2 if simple < length else 1
        elif length <= 16:
            n = _split_short(tables, most, memo, joined, size, length, bounds, n)
        else:
            n = split_chunk(tables, most, joined, size, size + length, bounds, n)
        size += length
    return bounds, n


@kernel
def _split_short(tables: int, most: int, memo: Any, text: int, start: int, length: int, bounds: Any, n: int) -> int:
    """``split_chunk`` for up to sixteen bytes: where tokens end is remembered as bits, in a place that others may take."""
    low = first_bytes(text + start, length)
    high = word_at(text + start + 8) & low_bits(8 * max(length - 8, 0))
    place = np.int64(fold_multiply(low ^ _LEFT ^ np.uint64(length), high ^ _RIGHT) & _PLACES)
    if memo[place, 0] == low and memo[place, 1] == high and memo[place, 2] == np.uint64(length):
        ends = memo[place, 3]
        while ends != NONE:
            n += 1
            bounds[n] = start + lowest(ends)
            ends &= ends - ONE
        return n
    last = split_chunk(tables, most, text, start, start + length, bounds, n)
    ends = NONE
    for i in range(n + 1, last + 1):
        ends |= ONE << np.uint64(bounds[i] - start)
    memo[place, 0], memo[place, 1], memo[place, 2], memo[place, 3] = low, high, np.uint64(length), ends
    return last


@kernel
def _grown(bounds: Any, n: int, length: int) -> Any:
    # Half as much again, or what one long chunk needs and no more.
    larger = np.empty(max(len(bounds) + len(bounds) // 2, n + 2 * length + 3), np.int32)
    larger[: n + 1] = bounds[: n + 1]
    return larger


@inlined
def _dull(word: Any) -> Any:
    """The top bit of each byte that is no ASCII letter."""
    low = (word | _CASE) & _LOWS
    return ~((low + _FROM_A) & ~(low + _PAST_Z) & ~word) & _TOPS


@inlined
def split_simple(tables: int, at: int, size: int) -> int:
    """Where the first of the chunk's one or two tokens ends, where that is easily told; else -1."""
    if size > 16:
        return -1
    low = first_bytes(at, size)
    dull = _dull(low) & low_bits(8 * min(size, 8))
    high_dull = NONE
    if size > 8:
        high_dull = _dull(word_at(at + 8)) & low_bits(8 * (size - 8))
    if may_be_listed(tables, low):
        return -1
    if (dull | high_dull) == NONE:
        return size
    where = lowest(dull) >> 3 if dull != NONE else 8 + (lowest(high_dull) >> 3)
    if where != size - 1 or size == 1:
        return -1
    mark = byte_at(at + where)
    if mark >= 0x80 or may_be_listed(tables, first_bytes(at, where)):
        return -1
    if mark == 0x2E:
        before = byte_at(at + where - 1)
        if before >= 0x61 or (where > 1 and byte_at(at + where - 2) < 0x61):
            return where
        return size
    return where if class_at(tables + CLASSES, at + where) & SUFFIX else size


@kernel
def split_chunk(tables: int, most: int, text: int, start: int, stop: int, bounds: Any, n: int) -> int:
    """Write where the tokens of the chunk ``start … stop`` of ``text`` end to ``bounds[n + 1:]``; returns the new ``n``.

    ``most`` is how many tokens an exception is rejoined from at most, 0 to rejoin none.
    """
    first, a, b = n, text + start, text + stop
    # Where suffixes end is kept at the far end of the chunk's room, since the first that is taken off comes last.
    top, suffixes = n + 2 * (stop - start) + 2, 0
    entry, before = 0, -1
    while a < b and b - a != before:
        entry = entry_of(tables, a, b - a)
        if entry:
            break
        before = b - a
        prefix = prefix_size(tables + CLASSES, a, b)
        if 0 < prefix < b - a:
            entry = entry_of(tables, a + prefix, b - a - prefix)
            if entry:
                n, a = n + 1, a + prefix
                bounds[n] = a - text
                break
        suffix = suffix_size(tables, a + prefix, b) if prefix < b - a else 0
        if 0 < suffix < b - a:
            entry = entry_of(tables, a, b - a - suffix)
        if prefix and not entry:
            n, a = n + 1, a + prefix
            bounds[n] = a - text
        if suffix:
            bounds[top - suffixes] = b - text
            suffixes, b = suffixes + 1, b - suffix
        if entry:
            break
    if a < b:
        n = _split_rest(tables, text, a, b, entry, bounds, n)
    for i in range(suffixes - 1, -1, -1):
        n += 1
        bounds[n] = bounds[top - i]
    return _rejoin(tables, most, text, bounds, first, n) if most and n - first > 1 else n


@kernel
def _split_rest(tables: int, text: int, a: int, b: int, entry: int, bounds: Any, n: int) -> int:
    """The tokens of what is left between prefixes and suffixes."""
    if entry:
        parts = word_at(entry + PARTS)
        while parts != NONE:
            n += 1
            bounds[n] = a + lowest(parts) - text
            parts &= parts - ONE
    elif not (_has_full_stop(a, b) and is_url(tables + CLASSES, a, b)):
        n = _split_infixes(tables + CLASSES, text, a, b, bounds, n)
    bounds[n + 1] = b - text
    last: int = bounds[n]
    return n + (last != b - text)


@kernel
def _has_full_stop(a: int, b: int) -> bool:
    at = a
    while at < b and byte_at(at) != 0x2E:
        at += 1
    return at < b


@kernel
def _stops(at: int, stop: int) -> int:
    """How many full stops follow each other from ``at``."""
    end = at
    while end < stop and byte_at(end) == 0x2E:
        end += 1
    return end - at


@kernel
def _before(start: int, at: int) -> int:
    """The address of the character before ``at``."""
    at -= 1
    while at > start and byte_at(at) & 0xC0 == 0x80:
        at -= 1
    return at


@kernel
def prefix_size(table: int, at: int, stop: int) -> int:
    """Bytes of the prefix at ``at``, 0 where there is none."""
    byte = byte_at(at)
    if byte == 0x2E:
        size = _stops(at, stop)
        return size if size > 1 else 0
    if class_at(table, at) & PREFIX:
        if byte == 0x2B and at + 1 < stop and is_number(byte_at(at + 1)):
            return 0
        return width_at(at)
    if (byte == 0x43 or byte == 0x41) and at + 1 < stop and byte_at(at + 1) == 0x24:
        return 2
    if byte == 0x55 and at + 2 < stop and byte_at(at + 1) == 0x53 and byte_at(at + 2) == 0x24:
        return 3
    return 0


@kernel
def suffix_size(tables: int, start: int, stop: int) -> int:
    """Bytes of the longest suffix before ``stop``, 0 where there is none."""
    table, last = tables + CLASSES, _before(start, stop)
    byte, kind = byte_at(last), class_at(table, last)
    if byte == 0x2E:
        return _full_stops(table, start, last)
    if kind & SUFFIX:
        doubled = byte == 0xE2 and decode(last) == 0x2026 and last - 3 >= start and decode(last - 3) == 0x2026
        return 6 if doubled else stop - last
    if last == start:
        return 0
    previous = _before(start, last)
    if (byte == 0x73 or byte == 0x53) and (byte_at(previous) == 0x27 or decode(previous) == 0x2019):
        return stop - previous
    if is_number(byte_at(previous)) and (byte == 0x2B or kind & CURRENCY):
        return stop - last
    for _ in range(_LONGEST_UNIT):
        if is_number(byte_at(previous)):
            return stop - last if entry_of(tables + UNIT_LIST, last, stop - last) else 0
        if previous == start:
            return 0
        last, previous = previous, _before(start, previous)
    return 0


@kernel
def _full_stops(table: int, start: int, last: int) -> int:
    """Bytes of the suffix that ends in a full stop at ``last``."""
    at = last
    while at > start and byte_at(at - 1) == 0x2E:
        at -= 1
    if at < last:
        return last + 1 - at
    if at == start:
        return 0
    before = _before(start, at)
    kind = class_at(table, before)
    if kind & DOTTED:
        return 1
    if before > start:
        earlier, byte = _before(start, before), byte_at(before) | 0x20
        if kind & UPPER and class_at(table, earlier) & UPPER:
            return 1
        return 1 if (byte == 0x63 or byte == 0x66 or byte == 0x6B) and decode(earlier) == 0xB0 else 0
    return 0


@kernel
def _split_infixes(table: int, text: int, a: int, b: int, bounds: Any, n: int) -> int:
    """Write where infixes, and what stands before each of them, end."""
    at, begin, kind_before, number_before = a, a, 0, False
    while at < b:
        byte = byte_at(at)
        if 0x61 <= byte | 0x20 <= 0x7A:
            kind_before, number_before = class_at(table, at), False
            at += 1
            continue
        kind, width = class_at(table, at), width_at(at)
        size = _infix_size(table, at, b, kind, kind_before, number_before) if at > a else _infix_alone(at, b, kind)
        if size and at > a:
            if at > begin:
                n += 1
                bounds[n] = at - text
            n += 1
            begin = at + size
            bounds[n] = begin - text
        if size > width:
            kind = class_at(table, _before(a, at + size))
        kind_before, number_before = kind, is_number(byte)
        at += max(size, width)
    return n


@kernel
def _infix_alone(at: int, stop: int, kind: int) -> int:
    """Bytes of an infix that needs no neighbours: full stops, an icon."""
    if byte_at(at) == 0x2E:
        size = _stops(at, stop)
        return size if size > 1 else 0
    return width_at(at) if kind & ICON else 0


@kernel
def _infix_size(table: int, at: int, stop: int, kind: int, before: int, number_before: bool) -> int:
    """Bytes of the infix at ``at``, 0 where there is none; ``before`` is the class of the character before it."""
    size = _infix_alone(at, stop, kind)
    width, byte = width_at(at), byte_at(at)
    if size or at + width >= stop:
        return size
    after = class_at(table, at + width)
    if number_before and (byte == 0x2B or byte == 0x2D or byte == 0x2A or byte == 0x5E):
        follows = byte_at(at + 1)
        if is_number(follows) or follows == 0x2D:
            return 1
    if byte == 0x2E:
        return 1 if before & (LOWER | QUOTE) and after & (UPPER | QUOTE) else 0
    if byte == 0x2C:
        return 1 if before & after & ALPHA else 0
    if not (before & ALPHA or number_before):
        return 0
    if byte == 0x2D:
        return _hyphens(table, at, stop)
    if byte == 0x3A or byte == 0x3C or byte == 0x3E or byte == 0x3D or byte == 0x2F or byte == 0x7E:
        return 1 if after & ALPHA else 0
    if byte != 0xE2:
        return 0
    point = decode(at)
    if point == 0x2014 and at + 6 < stop and decode(at + 3) == 0x2014:
        return 6 if class_at(table, at + 6) & ALPHA else 0
    return 3 if (point == 0x2013 or point == 0x2014) and after & ALPHA else 0


@kernel
def _hyphens(table: int, at: int, stop: int) -> int:
    """One to three hyphens before a letter."""
    for size in range(1, 4):
        if at + size >= stop:
            return 0
        if class_at(table, at + size) & ALPHA:
            return size
        if byte_at(at + size) != 0x2D:
            return 0
    return 0


@kernel
def _rejoin(tables: int, most: int, text: int, bounds: Any, first: int, n: int) -> int:
    """Replace tokens that spell an exception by the exception's own."""
    for i in range(first, n - 1):
        for count in range(2, min(most, n - i) + 1):
            if bounds[i + count] - bounds[i] > LONGEST:
                break
            if _spells(tables, text, bounds, i, count):
                return _replace(tables, most, text, bounds, first, n)
    return n


@kernel
def _spells(tables: int, text: int, bounds: Any, i: int, count: int) -> int:
    """The entry of the exception that these tokens spell, 0 where there is none."""
    entry = entry_of(tables, text + bounds[i], bounds[i + count] - bounds[i])
    if entry == 0 or np.int64(word_at(entry + COUNT)) != count:
        return 0
    pattern = NONE
    for k in range(1, count):
        pattern |= ONE << np.uint64(bounds[i + k] - bounds[i])
    return entry if pattern == word_at(entry + PATTERN) else 0


@kernel
def _replace(tables: int, most: int, text: int, bounds: Any, first: int, n: int) -> int:
    """As spaCy: of the places found the longest first, then the earliest; each takes its tokens, even where it loses."""
    taken, spelt = np.zeros(n - first, np.bool_), np.zeros(n - first, np.int64)
    counts = np.zeros(n - first, np.int64)
    for count in range(most, 1, -1):
        for i in range(n - first + 1 - count):
            entry = _spells(tables, text, bounds, first + i, count)
            if entry:
                if not taken[i] and not taken[i + count - 1]:
                    spelt[i], counts[i] = entry, count
                taken[i:i + count] = True
    old = bounds[first:n + 1].copy()
    filled, i = first, 0
    while i < n - first:
        if spelt[i]:
            parts = word_at(spelt[i] + PARTS)
            while parts != NONE:
                filled += 1
                bounds[filled] = old[i] + lowest(parts)
                parts &= parts - ONE
        i += max(counts[i], 1)
        filled += 1
        bounds[filled] = old[i]
    return filled
