"""The kernel of ``RefinedWebLines``: each rule goes over the lines that the rules before it left, as DCLM's steps do."""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.categories import CAPITAL, NUMERAL
from corpusmill.operators.text.editing import (
    IGNORE_CASE,
    LOWER,
    begins_with,
    copy,
    folded,
    has_words,
    line_end,
    phrase_of,
    trim_end,
    trim_start,
)
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.sentences import DECIMAL, SPACE, WORD_CHARACTER
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    between_caseless,
    byte_at,
    count_ones,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
    put_byte,
)
from corpusmill.operators.text.words import decode, previous, width

COLUMNS = (
    "words", "words_removed", "capital_lines", "numeric_lines", "counter_lines", "short_lines", "phrase_lines", "phrases",
)  # fmt: skip
WORDS, WORDS_REMOVED, CAPITALS, NUMERIC, COUNTERS, SHORT, PHRASE_LINES, PHRASES = range(8)
_ALL, _SUFFIX, _PREFIX = 0, 1, 2
_ANY_THREE = 3  # characters after «read more»: the points of DCLM's pattern stand for any


_CART, _MORE, _SIGN_IN = phrase_of("items in cart"), phrase_of("read more"), phrase_of("sign-in")
_COUNTED = phrase_of(
    "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers")


@kernel
def edit_lines(
    addresses: Integers, lengths: Integers, lines: Integers, bounds: Any, table: Any, categories: Any,
    data: int, offsets: Any, counts: Integers,
) -> None:
    """Write the edited documents one after another to the address ``data``, their offsets, and COLUMNS × documents counts.

    ``lines`` of each document size the memory; ``bounds`` are the largest share of capitals and of numerals in a line,
    the fewest words of one, and the most words of one that phrases are sought in.
    """
    spans = np.empty((max(1, lines.max()), 2), np.int64)
    scratch = np.empty(lengths.max() + 128, np.uint8)
    row = np.empty(len(counts), np.int64)
    end = data
    for d in range(len(addresses)):
        row[:] = 0
        begin = end
        end = _edit_document(addresses[d], lengths[d], spans, bounds, table, categories, scratch.ctypes.data, begin, row)
        row[WORDS] = _count_words(addresses[d], lengths[d], table)
        row[WORDS_REMOVED] = row[WORDS] - _count_words(begin, end - begin, table)
        offsets[d + 1] = end - data
        counts[:, d] = row


@kernel
def _edit_document(
    address: int, length: int, spans: Any, bounds: Any, table: Any, categories: Any, scratch: int, target: int, row: Integers
) -> int:
    """Write one document to ``target``; returns where it ends. Edits take place in a copy of it in ``scratch``."""
    first, last, at = 0, 0, 0
    copy(address, address + length, scratch)
    while at <= length:
        stop = line_end(scratch, length, at, False)
        spans[last, 0], spans[last, 1] = scratch + at, scratch + stop
        last, at = last + 1, stop + 1
    for rule in (CAPITALS, NUMERIC, COUNTERS, SHORT):
        kept = first
        for i in range(first, last):
            start, stop = spans[i, 0], spans[i, 1]
            if stop > start and _breaks(rule, start, stop, bounds, table, categories):
                row[rule] += 1
            else:
                spans[kept, 0], spans[kept, 1] = start, stop
                kept += 1
        last = kept
        if rule != SHORT:  # the one step of DCLM's that leaves whitespace at the ends
            first, last = _trimmed(spans, first, last, table)
    most: Any = np.int64(bounds[3])
    for place in (_ALL, _SUFFIX, _PREFIX):
        last = _remove_phrases(spans, first, last, place, most, table, row)
        first, last = _trimmed(spans, first, last, table)
    for i in range(first, last):
        if i > first:
            target = put_byte(target, LINE_FEED) + 1
        target = copy(spans[i, 0], spans[i, 1], target)
    return target


@kernel
def _trimmed(spans: Any, first: int, last: int, table: Any) -> tuple[int, int]:
    """The lines without whitespace around them all: which is the first, and the one after the last."""
    while first < last:
        spans[first, 0] = trim_start(spans[first, 0], spans[first, 1], table)
        if spans[first, 0] < spans[first, 1]:
            break
        first += 1
    while last > first:
        spans[last - 1, 1] = trim_end(spans[last - 1, 0], spans[last - 1, 1], table)
        if spans[last - 1, 0] < spans[last - 1, 1]:
            break
        last -= 1
    return first, last


@kernel
def _breaks(rule: int, start: int, stop: int, bounds: Any, table: Any, categories: Any) -> bool:
    """Whether a line that is not empty breaks one of the rules that look at lines alone."""
    if rule == CAPITALS:
        return bool(_share(start, stop, CAPITAL, categories) > bounds[0])
    if rule == NUMERIC:
        # Most lines begin with no numeral, so that only a long one could be made of them all but for one part in a million.
        if stop - start < 1000 and bounds[1] > 0.999 and categories[decode(start)] & NUMERAL == 0:
            return False
        return bool(_share(start, stop, NUMERAL, categories) > bounds[1])
    if rule == COUNTERS:
        return _is_counter(start, stop, table)
    fewest: Any = np.int64(bounds[2])
    return not has_words(start, stop, fewest)


@kernel
def _share(start: int, stop: int, bit: int, categories: Any) -> float:
    """The share of characters of a class."""
    found = chars = 0
    for at in range(start, stop, 64):
        valid = low_bits(stop - at)
        chars += count_ones(~between(at, 0x80, 0xBF) & valid)
        found += count_ones((between(at, 0x41, 0x5A) if bit == CAPITAL else between(at, 0x30, 0x39)) & valid)
        leads = between(at, 0xC0, 0xFF) & valid
        while leads != NONE:
            found += (categories[decode(at + lowest(leads))] & bit) != 0
            leads &= leads - ONE
    return found / chars


@kernel
def _is_counter(start: int, stop: int, table: Any) -> bool:
    """Whether a line is a number, with K, M or B, and what it counts, such as «1,234 likes»; signs may stand around it."""
    at = _after_signs(start, stop, table)
    if at == stop or table[decode(at)] & DECIMAL == 0:
        return False
    while at < stop and (table[decode(at)] & DECIMAL or byte_at(at) == 0x2C or byte_at(at) == 0x2E):
        at += width(byte_at(at))
    if at < stop:
        unit = folded(decode(at), LOWER)
        if unit == 0x6B or unit == 0x6D or unit == 0x62:
            at += width(byte_at(at))
    word = trim_start(at, stop, table)
    if word == at:
        return False
    begin = 0
    for i in range(len(_COUNTED) + 1):
        if i == len(_COUNTED) or _COUNTED[i] == 0x20:
            end = begins_with(word, stop, _COUNTED[begin:i], LOWER)
            if end > 0 and _after_signs(end, stop, table) == stop:
                return True
            begin = i + 1
    return False


@kernel
def _after_signs(at: int, stop: int, table: Any) -> int:
    """The first word character from ``at``; ``stop`` where there is none."""
    while at < stop and table[decode(at)] & WORD_CHARACTER == 0:
        at += width(byte_at(at))
    return at


@kernel
def _remove_phrases(spans: Any, first: int, last: int, place: int, most: int, table: Any, row: Integers) -> int:
    """Take a phrase out of the lines of at most ``most`` words, and the lines out that then are blank; returns their end."""
    kept = first
    for i in range(first, last):
        start, stop = spans[i, 0], spans[i, 1]
        if not has_words(start, stop, most + 1):
            begin = start
            if place == _ALL:
                stop = _without_cart(start, stop, table, row)
            elif place == _SUFFIX:
                stop = _without_more(start, stop, table, row)
            else:
                begin = _without_sign_in(start, stop, table, row)
            if spans[i, 1] > start and trim_start(begin, stop, table) == stop:
                row[PHRASE_LINES] += 1
                continue
            start = begin
        spans[kept, 0], spans[kept, 1] = start, stop
        kept += 1
    return kept


@kernel
def _without_cart(start: int, stop: int, table: Any, row: Integers) -> int:
    """Remove «items in cart», with one whitespace before it, wherever it stands; returns where the line now ends."""
    at = target = free = start  # what is before ``free`` in the copy cannot be taken back: a phrase has ended there
    while at < stop:
        end = begins_with(at, stop, _CART, IGNORE_CASE)
        if end > 0:
            if target > free and table[decode(previous(free, target))] & SPACE:
                target = previous(free, target)
            at, free = end, target
            row[PHRASES] += 1
            continue
        for _ in range(width(byte_at(at))):
            target = put_byte(target, byte_at(at)) + 1
            at += 1
    return target


@kernel
def _without_more(start: int, stop: int, table: Any, row: Integers) -> int:
    """Remove «read more» and any three characters at the end, with one whitespace before; returns where the line ends."""
    end = stop
    for _ in range(_ANY_THREE + len(_MORE)):
        if end == start:
            return stop
        end = previous(start, end)
    after = begins_with(end, stop, _MORE, IGNORE_CASE)
    if after == 0:
        return stop
    row[PHRASES] += 1
    if end > start and table[decode(previous(start, end))] & SPACE:
        end = previous(start, end)
    return end


@kernel
def _without_sign_in(start: int, stop: int, table: Any, row: Integers) -> int:
    """Where the line begins without «sign-in» and one whitespace after it."""
    end = begins_with(start, stop, _SIGN_IN, IGNORE_CASE)
    if end == 0:
        return start
    row[PHRASES] += 1
    return end + width(byte_at(end)) if end < stop and table[decode(end)] & SPACE else end


@kernel
def _count_words(address: int, length: int, table: Any) -> int:
    """Words that begin with a letter or numeral, as fastText splits them: at ASCII whitespace and NUL."""
    words, last = 0, ONE
    for offset in range(0, length, 64):
        at, valid = address + offset, low_bits(length - offset)
        spaces = equal(at, 0x20) | between(at, 0x09, 0x0D) | equal(at, 0x00)
        starts = ~spaces & (spaces << ONE | last) & valid
        last = spaces >> TOP
        words += count_ones(starts & (between_caseless(at, 0x61, 0x7A) | between(at, 0x30, 0x39)))
        wide = starts & between(at, 0xC0, 0xFF)
        while wide != NONE:
            words += _is_letter_or_numeral(at + lowest(wide), table)
            wide &= wide - ONE
    return words


@inlined
def _is_letter_or_numeral(at: int, table: Any) -> bool:
    return bool(table[decode(at)] & WORD_CHARACTER)
