"""Words by UAX #29 (Unicode Text Segmentation): those segments of a text that begin with a letter or number.

"can't" and "3.14" are one word each, "left-hand" is two, every Chinese character is one, and punctuation is none. It is
what ``[w for w in uniseg.wordbreak.words(text) if w[0].isalnum()]`` gives, with the classes of ``text.wordbreak``.

Text between ASCII white space segments on its own, because a break stands on both sides of each such character. Where it
is all ASCII, words are found 64 bytes at a time: they are runs of letters, digits and underscores, joined across one of
``:.'`` between letters and one of ``,;.'`` between digits. Elsewhere an automaton reads it character by character.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import (
    ALL,
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
    put_word,
    word_at,
)
from corpusmill.operators.text.wordbreak import (
    ALNUM,
    CLASS,
    DOUBLE_QUOTE,
    EXTEND,
    EXTEND_NUM_LET,
    FORMAT,
    HEBREW,
    KATAKANA,
    LETTER,
    MID_LETTER,
    MID_NUM,
    MID_NUM_LET,
    NEWLINE,
    NUMERIC,
    OTHER,
    PICTOGRAPHIC,
    SINGLE_QUOTE,
    ZWJ,
)
from corpusmill.operators.text.words import UNROLLED, decode, width

# Classes that join one another side by side: within the first group all do, within the second all do (WB5, 8-10, 13-13b).
_WITH_LETTERS, _WITH_KATAKANA = 1, 2


@inlined
def _groups(kind: int) -> int:
    if kind in (LETTER, NUMERIC, HEBREW):
        return _WITH_LETTERS
    if kind == EXTEND_NUM_LET:
        return _WITH_LETTERS | _WITH_KATAKANA
    return _WITH_KATAKANA if kind == KATAKANA else 0


@inlined
def _may_bridge(before: int, kind: int) -> bool:
    """Whether ``kind`` between two of the class of ``before`` is inside a word (WB6, 7, 7b, 7c, 11, 12)."""
    if kind in (MID_NUM_LET, SINGLE_QUOTE):
        return before in (LETTER, HEBREW, NUMERIC)
    if kind == MID_LETTER:
        return before in (LETTER, HEBREW)
    return (kind == MID_NUM and before == NUMERIC) or (kind == DOUBLE_QUOTE and before == HEBREW)


@inlined
def _bridges(before: int, bridge: int, kind: int) -> bool:
    """Whether ``kind`` is what a bridge after ``before`` needs on its other side."""
    if bridge == DOUBLE_QUOTE:
        return kind == HEBREW
    if before == NUMERIC:
        return kind == NUMERIC
    return kind in (LETTER, HEBREW)


@inlined
def _is_blank(byte: int) -> bool:
    return byte == 0x20 or (0x09 <= byte <= 0x0D)


@inlined
def _set_bits(bitmap: int, start: int, stop: int) -> None:
    """Set bits ``start … stop - 1`` of the bitmap at an address; ``start < stop``."""
    first, last = start >> 6, (stop - 1) >> 6
    for i in range(first, last + 1):
        bits = ALL
        if i == first:
            bits &= ALL << np.uint64(start & 63)
        if i == last:
            bits &= ALL >> np.uint64(63 - ((stop - 1) & 63))
        put_word(bitmap + i * 8, word_at(bitmap + i * 8) | bits)


@inlined
def _clear_bits(bitmap: int, start: int, stop: int) -> None:
    """Clear bits ``start … stop - 1`` of the bitmap at an address; ``start < stop``."""
    first, last = start >> 6, (stop - 1) >> 6
    for i in range(first, last + 1):
        bits = ALL
        if i == first:
            bits &= ALL << np.uint64(start & 63)
        if i == last:
            bits &= ALL >> np.uint64(63 - ((stop - 1) & 63))
        put_word(bitmap + i * 8, word_at(bitmap + i * 8) & ~bits)


@kernel
def mark_segments(address: int, length: int, properties: Any, words: int, breaks: int, ascii_only: bool) -> bool:
    """Write two bitmaps of (length >> 6) + 1 words: bytes of words, and first bytes of words that touch the one before.

    Returns whether there is any of the latter. ``ascii_only`` says that no byte is above 0x7F.
    """
    # Of the block before: its last byte is a letter, is a digit, is of a word; a run that begins with "_" goes on.
    letter_before, digit_before, word_before, dropped = NONE, NONE, NONE, NONE
    for at in range(0, length, 64):
        block, valid, ahead = address + at, low_bits(length - at), low_bits(length - at - 1)
        letter = between_caseless(block, 0x61, 0x7A) & valid
        digit = between(block, 0x30, 0x39) & valid
        line = equal(block, 0x5F) & valid
        both = equal(block, 0x2E) | equal(block, 0x27)
        joined = (letter << ONE | letter_before) & (both | equal(block, 0x3A)) & (
            between_caseless(block + 1, 0x61, 0x7A) & ahead)
        joined |= (digit << ONE | digit_before) & (both | equal(block, 0x2C) | equal(block, 0x3B)) & (
            between(block + 1, 0x30, 0x39) & ahead)
        marked = letter | digit | line | joined
        letter_before, digit_before = letter >> TOP, digit >> TOP
        after, word_before = marked << ONE | word_before, marked >> TOP
        put_word(words + (at >> 3), marked)
        put_word(breaks + (at >> 3), NONE)
        if line != NONE or dropped != NONE:
            # Added to the first byte of a run, a bit clears the run and lands on the byte after it.
            rippled = marked + (line & ~after)
            total = rippled + dropped
            dropped = np.uint64(rippled < marked) | np.uint64(total < rippled)
            put_word(words + (at >> 3), marked & total)
    return False if ascii_only else _mark_wide(address, length, properties, words, breaks)


@kernel
def _mark_wide(address: int, length: int, properties: Any, words: int, breaks: int) -> bool:
    """Mark anew every piece between ASCII white space that has a byte above 0x7F."""
    touching, done = False, 0
    for at in range(0, length, 64):
        if done >= at + 64:
            continue
        wide = between(address + at, 0x80, 0xFF) & low_bits(length - at)
        if done > at:
            wide &= ~low_bits(done - at)
        while wide != NONE:
            start = at + lowest(wide)
            while start > done and not _is_blank(byte_at(address + start - 1)):
                start -= 1
            done, touches = _mark_piece(address, start, length, properties, words, breaks)
            touching |= touches
            wide &= ~low_bits(done - at)
    return touching


@kernel
def _mark_piece(address: int, start: int, length: int, properties: Any, words: int, breaks: int) -> tuple[int, bool]:
    """Mark the words from ``start`` to the next ASCII white space; returns where that is, and whether two words touch."""
    stop = start
    while stop < length and not _is_blank(byte_at(address + stop)):
        stop += 1
    _clear_bits(words, start, stop)
    # before: class of the last character that counts; base, cut: of a bridge that waits for its other side, the class
    # before it and where the word ends if that does not come, -1 where no break can be before the bridge; begun: where the
    # word began, -1 for a segment that is none; closed: where the last word ended.
    before, base, cut, begun, closed, at = NEWLINE, OTHER, -1, -1, -1, start
    after_joiner = touching = False
    while at < stop:
        size = width(byte_at(address + at))
        entry = byte_at(properties.ctypes.data + decode(address + at))
        kind = entry & CLASS
        if kind in (EXTEND, FORMAT, ZWJ):
            before = OTHER if before == NEWLINE else before
            after_joiner = kind == ZWJ
            at += size
            continue
        joined, end = after_joiner and (entry & PICTOGRAPHIC) != 0, at
        if base != OTHER:
            if _bridges(base, before, kind):
                joined = True
            elif cut >= 0:
                touching |= _close(words, breaks, begun, cut, closed)
                closed = cut if begun >= 0 else closed
                begun = -1
            base, cut = OTHER, -1
        elif (_groups(before) & _groups(kind)) != 0:
            joined = True
        elif not joined and _may_bridge(before, kind):
            joined, base = True, before
            cut = -1 if before == HEBREW and kind == SINGLE_QUOTE else at  # WB7a
        if not joined:
            touching |= _close(words, breaks, begun, end, closed)
            closed = end if begun >= 0 else closed
            begun = at if entry & ALNUM else -1
        before, after_joiner = kind, False
        at += size
    touching |= _close(words, breaks, begun, cut if cut >= 0 else stop, closed)
    return stop, touching


@inlined
def _close(words: int, breaks: int, begun: int, end: int, closed: int) -> bool:
    """Mark the word ``begun … end - 1``; returns whether it touches the one that ended at ``closed``."""
    if begun < 0:
        return False
    _set_bits(words, begun, end)
    if begun == closed:
        _set_bits(breaks, begun, begun + 1)
        return True
    return False


@kernel
def count_marked(length: int, words: int, breaks: int) -> int:
    """How many words are marked."""
    found, before = 0, NONE
    for at in range(0, length, 64):
        marked = word_at(words + (at >> 3))
        found += count_ones(marked & ~(marked << ONE | before)) + count_ones(word_at(breaks + (at >> 3)))
        before = marked >> TOP
    return found


@kernel
def read_marked(length: int, words: int, breaks: int, touching: bool, spans: Any, filled: int) -> int:
    """Write start and end of every marked word from ``spans[filled]`` on; returns what is filled then.

    ``spans`` has ``UNROLLED`` entries more than are needed. ``touching`` says whether any bit of ``breaks`` is set.
    """
    before = NONE
    for at in range(0, length, 64):
        marked = word_at(words + (at >> 3))
        edges = marked ^ (marked << ONE | before)
        before = marked >> TOP
        twice = word_at(breaks + (at >> 3)) if touching else NONE
        if twice != NONE:
            edges |= twice
            while edges != NONE:
                bit = lowest(edges)
                edges &= edges - ONE
                spans[filled] = spans[filled + 1] = at + bit
                filled += 2 if twice & ONE << np.uint64(bit) != NONE else 1
            continue
        end = filled + count_ones(edges)
        while filled < end:
            for i in range(UNROLLED):
                spans[filled + i] = at + lowest(edges)
                edges &= edges - ONE
            filled += UNROLLED
        filled = end
    if before != NONE and length & 63 == 0:
        spans[filled] = length
        filled += 1
    return filled


@kernel
def count_segments(addresses: Integers, lengths: Integers, properties: Any, bitmaps: Any, counts: Integers) -> None:
    """Words of each document; ``bitmaps`` is scratch, 2 × (blocks of the longest document + 1) of uint64."""
    words, breaks = bitmaps.ctypes.data, bitmaps.ctypes.data + bitmaps.shape[1] * 8
    for d in range(len(addresses)):
        mark_segments(addresses[d], lengths[d], properties, words, breaks, False)
        counts[d] = count_marked(lengths[d], words, breaks)


@kernel
def locate_segments(addresses: Integers, lengths: Integers, properties: Any, bitmaps: Any, spans: Any) -> None:
    """Write start and end (bytes from the document's start) of every word, document after document.

    ``bitmaps`` as for ``count_segments``; ``spans`` has two entries per word and ``UNROLLED`` more.
    """
    words, breaks = bitmaps.ctypes.data, bitmaps.ctypes.data + bitmaps.shape[1] * 8
    filled = 0
    for d in range(len(addresses)):
        touching = mark_segments(addresses[d], lengths[d], properties, words, breaks, False)
        filled = read_marked(lengths[d], words, breaks, touching, spans, filled)
