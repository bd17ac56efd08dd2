"""Words, whitespace and code points as masks, and the kernels that count and locate words.

A *word* is a maximal run of non-whitespace; *whitespace* is what ``str.split()`` splits at, which includes U+0085,
U+00A0, U+1680, U+2000 … U+200A, U+2028, U+2029, U+202F, U+205F and U+3000.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    TWO,
    between,
    byte_at,
    count_ones,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
)

UNROLLED = 16  # span positions are written this many at a time: arrays that receive them end with as many spare entries


@inlined
def wide_spaces(address: int, valid: Any) -> Any:
    """Masks of the first bytes of two-byte and of three-byte whitespace characters."""
    two = equal(address, 0xC2) & (equal(address + 1, 0x85) | equal(address + 1, 0xA0))
    three = (equal(address, 0xE1) & equal(address + 1, 0x9A) & equal(address + 2, 0x80)) | (
        equal(address, 0xE3) & equal(address + 1, 0x80) & equal(address + 2, 0x80)
    )
    general = equal(address, 0xE2)
    if general != NONE:
        last = between(address + 2, 0x80, 0x8A) | between(address + 2, 0xA8, 0xA9) | equal(address + 2, 0xAF)
        three |= general & equal(address + 1, 0x80) & last
        three |= general & equal(address + 1, 0x81) & equal(address + 2, 0x9F)
    return two & valid, three & valid


@inlined
def space_mask(address: int, valid: Any, spill: Any) -> Any:
    """Mask of whitespace bytes of a block, and the bytes that its last character spills into the next block."""
    spaces = equal(address, 0x20) | between(address, 0x09, 0x0D) | between(address, 0x1C, 0x1F) | spill
    if between(address, 0xC2, 0xE3) & valid == NONE:
        return spaces, NONE
    two, three = wide_spaces(address, valid)
    spaces |= two | (two << ONE) | three | (three << ONE) | (three << TWO)
    return spaces, (two >> TOP) | (three >> TOP) | (three >> np.uint64(62))


@inlined
def width(lead: int) -> int:
    """Bytes of the character that begins with ``lead``."""
    if lead < 0x80:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@inlined
def decode(address: int) -> int:
    """The code point of the UTF-8 character at an address."""
    lead = byte_at(address)
    if lead < 0x80:
        return lead
    second = byte_at(address + 1) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second
    third = byte_at(address + 2) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third
    return (lead & 0x07) << 18 | second << 12 | third << 6 | (byte_at(address + 3) & 0x3F)


@inlined
def previous(start: int, at: int) -> int:
    """Where the character that ends before ``at`` begins; ``start`` is the first there may be."""
    at -= 1
    while at > start and byte_at(at) & 0xC0 == 0x80:
        at -= 1
    return at


@kernel
def characters_in(start: int, stop: int) -> int:
    """Code points between two addresses: the bytes that do not continue a character."""
    total = 0
    for at in range(start, stop, 64):
        total += count_ones(~between(at, 0x80, 0xBF) & low_bits(stop - at))
    return total


@kernel
def count_characters(addresses: Integers, lengths: Integers, counts: Integers) -> None:
    """Code points of each document."""
    for d in range(len(addresses)):
        counts[d] = characters_in(addresses[d], addresses[d] + lengths[d])


@kernel
def count_words(addresses: Integers, lengths: Integers, counts: Integers) -> None:
    """Words of each document."""
    for d in range(len(addresses)):
        words, before, spill = 0, ONE, NONE
        for at in range(0, lengths[d], 64):
            valid = low_bits(lengths[d] - at)
            spaces, spill = space_mask(addresses[d] + at, valid, spill)
            words += count_ones(~spaces & (spaces << ONE | before) & valid)
            before = spaces >> TOP
        counts[d] = words


@kernel
def locate_words(addresses: Integers, lengths: Integers, spans: Any) -> None:
    """Write start and end (bytes from the document's start) of every word, document after document."""
    filled = 0
    for d in range(len(addresses)):
        before, spill, first = ONE, NONE, filled
        for at in range(0, lengths[d], 64):
            valid = low_bits(lengths[d] - at)
            spaces, spill = space_mask(addresses[d] + at, valid, spill)
            spaces |= ~valid
            edges = spaces ^ (spaces << ONE | before)
            before = spaces >> TOP
            end = filled + count_ones(edges)
            while filled < end:
                for i in range(UNROLLED):
                    spans[filled + i] = at + lowest(edges)
                    edges &= edges - ONE
                filled += UNROLLED
            filled = end
        if (filled - first) & 1:
            spans[filled] = lengths[d]
            filled += 1


def characters(texts: Texts) -> Integers:
    """Code points of each document."""
    counts = np.empty(len(texts), np.int64)
    count_characters(texts.addresses, texts.lengths, counts)
    return counts
