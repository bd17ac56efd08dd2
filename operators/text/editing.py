"""Line by line: what operators that remove lines and phrases from a text are made of. All functions are kernels.

Lines are those of ``text.split("\\n")``, or with ``every_break`` those of ``str.splitlines``. Whitespace is ``str.isspace``;
``table`` is ``sentences.marks()``. Buffers that receive text need 64 bytes more than the text.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.sentences import SPACE
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    byte_at,
    copy_block,
    count_ones,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
)
from corpusmill.operators.text.words import decode, previous, space_mask, width

LOWER, IGNORE_CASE = 0, 1  # letters compare as str.lower() makes them; or as re.IGNORECASE does, where ſ is s and ı, İ are i
_KELVIN, _LONG_S, _DOTLESS, _DOTTED = 0x212A, 0x17F, 0x131, 0x130


def phrase_of(text: str) -> Any:
    """A phrase in small ASCII letters as kernels take it."""
    return np.frombuffer(text.encode(), np.uint8)


@kernel
def line_end(address: int, length: int, at: int, every_break: bool) -> int:
    """Where the line that begins at ``at`` ends, its break excluded."""
    while at < length:
        block = address + at
        found = equal(block, LINE_FEED)
        if every_break:
            found |= between(block, 0x0B, 0x0D) | between(block, 0x1C, 0x1E)
            found |= equal(block, 0xC2) & equal(block + 1, 0x85)
            wide = equal(block, 0xE2)
            if wide != NONE:
                found |= wide & equal(block + 1, 0x80) & between(block + 2, 0xA8, 0xA9)
        found &= low_bits(length - at)
        if found != NONE:
            return at + lowest(found)
        at += 64
    return length


@inlined
def break_size(address: int, length: int, at: int) -> int:
    """Bytes of the line break at ``at``; CR LF is one break."""
    lead = byte_at(address + at)
    return 2 if lead == 0x0D and at + 1 < length and byte_at(address + at + 1) == LINE_FEED else width(lead)


@kernel
def trim_start(start: int, stop: int, table: Any) -> int:
    """The first address in ``start … stop`` that is not of whitespace."""
    while start < stop and table[decode(start)] & SPACE:
        start += width(byte_at(start))
    return start


@kernel
def trim_end(start: int, stop: int, table: Any) -> int:
    """``stop`` without the whitespace before it."""
    while stop > start:
        last = previous(start, stop)
        if table[decode(last)] & SPACE == 0:
            break
        stop = last
    return stop


@kernel
def copy(start: int, stop: int, target: int) -> int:
    """Copy ``start … stop - 1`` to ``target``, which may lie lower in the same buffer; returns the end of the copy."""
    for at in range(0, stop - start, 64):
        copy_block(target + at, start + at)
    return target + stop - start


@kernel
def has_words(start: int, stop: int, least: int) -> bool:
    """Whether there are at least so many words."""
    words, last, spill = 0, ONE, NONE
    for at in range(0, stop - start, 64):
        valid = low_bits(stop - start - at)
        spaces, spill = space_mask(start + at, valid, spill)
        words += count_ones(~spaces & (spaces << ONE | last) & valid)
        last = spaces >> TOP
        if words >= least:
            return True
    return words >= least


@kernel
def has_long_word(start: int, stop: int, most: int) -> bool:
    """Whether a word has more than ``most`` characters."""
    if stop - start <= most:
        return False
    chars, spill = 0, NONE
    for at in range(0, stop - start, 64):
        valid = low_bits(stop - start - at)
        spaces, spill = space_mask(start + at, valid, spill)
        spaces &= valid
        begins = ~between(start + at, 0x80, 0xBF) & valid
        done = 0
        while spaces != NONE:
            bit = lowest(spaces)
            spaces &= spaces - ONE
            chars += count_ones(begins & low_bits(bit) & ~low_bits(done))
            if chars > most:
                return True
            chars, done = 0, bit + 1
        chars += count_ones(begins & ~low_bits(done))
    return chars > most


@inlined
def folded(point: int, fold: int) -> int:
    """A code point as it compares with small ASCII letters."""
    if 0x41 <= point <= 0x5A:
        return point | 0x20
    if point == _KELVIN:
        return 0x6B
    if fold == IGNORE_CASE:
        if point == _LONG_S:
            return 0x73
        if point in (_DOTLESS, _DOTTED):
            return 0x69
    return point


@kernel
def begins_with(start: int, stop: int, phrase: Any, fold: int) -> int:
    """Where ``phrase`` (small ASCII letters, as bytes) ends that begins at ``start``; 0 where it does not."""
    at = start
    for i in range(len(phrase)):
        if at >= stop or folded(decode(at), fold) != phrase[i]:
            return 0
        at += width(byte_at(at))
    return at


@kernel
def ends_with(start: int, stop: int, phrase: Any, fold: int) -> int:
    """Where ``phrase`` begins that ends at ``stop``; 0 where it does not."""
    at = stop
    for i in range(len(phrase) - 1, -1, -1):
        if at <= start:
            return 0
        at = previous(start, at)
        if folded(decode(at), fold) != phrase[i]:
            return 0
    return at
