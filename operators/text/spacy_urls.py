"""What spaCy takes for a URL and therefore leaves whole, in one pass over a chunk.

spaCy asks a regular expression that backtracks; its language is: an optional scheme and ``://``; optionally anything and
``@``; a host with a lower-case last label, or a public IPv4 address; optionally ``:`` and two to five digits; then the end
or one of ``/ ? #`` and anything. A host cannot hold ``@ : / ? #``, so it may begin in three kinds of place only: at the
start, behind the scheme, behind an ``@``; and from each it must reach the next of these characters.
"""

import numpy as np

from corpusmill.operators.text.simd import byte_at, inlined, kernel, word_at
from corpusmill.operators.text.spacy_classes import DIGIT, LOWER, WORD
from corpusmill.operators.text.words import decode, width

LONGEST_LABEL, LONGEST_TOP = 64, 63  # characters
_U64_16 = np.uint64(0xFFFF)


@kernel
def class_at(table: int, address: int) -> int:
    """The class bits of the character at an address; ``table`` is that of ``spacy_classes``, by address."""
    return np.int64(word_at(table + 2 * decode(address)) & _U64_16)  # type: ignore[return-value]


@inlined
def width_at(address: int) -> int:
    """Bytes of the character at an address."""
    return width(byte_at(address))


@inlined
def is_number(byte: int) -> bool:
    """Whether a byte is an ASCII digit."""
    return 0x30 <= byte <= 0x39


@kernel
def is_url(table: int, start: int, stop: int) -> bool:
    """Whether spaCy takes the chunk for a URL."""
    if _is_host(table, start, stop):
        return True
    at = _after_scheme(table, start, stop)
    if at > start and _is_host(table, at, stop):
        return True
    for at in range(start + 1, stop - 1):
        if byte_at(at) == 0x40 and _is_host(table, at + 1, stop):
            return True
    return False


@kernel
def _after_scheme(table: int, start: int, stop: int) -> int:
    """Where the scheme and its ``://`` end; ``start`` where there is none."""
    at, characters = start, 0
    while at < stop:
        byte = byte_at(at)
        if not (byte == 0x2B or byte == 0x2D or byte == 0x2E or class_at(table, at) & WORD):
            break
        at, characters = at + width_at(at), characters + 1
    if characters >= 2 and at + 3 <= stop and byte_at(at) == 0x3A and byte_at(at + 1) == 0x2F and byte_at(at + 2) == 0x2F:
        return at + 3
    return start


@kernel
def _is_host(table: int, start: int, stop: int) -> bool:
    """Whether a host, with what may follow it, fills the bytes up to ``stop``."""
    at, dot, label = start, -1, 0
    last = 0x2E  # the character before; a full stop stands for the start
    well_formed = True
    while at < stop:
        point = decode(at)
        if point == 0x3A or point == 0x2F or point == 0x3F or point == 0x23:
            break
        if point == 0x2E:
            well_formed &= 0 < label <= LONGEST_LABEL and last != 0x5F and last != 0x2D
            if not well_formed:
                return False
            dot, label = at, 0
        elif _names(point) or ((point == 0x5F or point == 0x2D) and last != 0x2E):
            label += 1
        elif class_at(table, at) & LOWER:  # beyond U+FFFF: only the last label may have it
            label += LONGEST_LABEL + 1
        else:
            return False
        at, last = at + width_at(at), point
    if dot < 0 or not _is_tail(table, at, stop):
        return False
    return _is_top(table, dot + 1, at) or _is_address(table, start, at)


@inlined
def _names(point: int) -> bool:
    """Whether a character may begin and end a label."""
    return (0x61 <= point <= 0x7A or 0x41 <= point <= 0x5A or 0x30 <= point <= 0x39 or 0xA1 <= point <= 0xFFFF)


@kernel
def _is_top(table: int, start: int, stop: int) -> bool:
    """Whether the last label is of 2 to 63 letters that can be lower-case."""
    at, characters = start, 0
    while at < stop:
        if not class_at(table, at) & LOWER:
            return False
        at, characters = at + width_at(at), characters + 1
    return 2 <= characters <= LONGEST_TOP


@kernel
def _is_tail(table: int, start: int, stop: int) -> bool:
    """Whether a port, a path or both fill the bytes from where the host ended."""
    at = start
    if at < stop and byte_at(at) == 0x3A:
        at += 1
        digits = 0
        while at < stop and class_at(table, at) & DIGIT:
            at, digits = at + width_at(at), digits + 1
        if not 2 <= digits <= 5:
            return False
    if at == stop:
        return True
    byte = byte_at(at)
    return byte == 0x2F or byte == 0x3F or byte == 0x23


@kernel
def _is_address(table: int, start: int, stop: int) -> bool:
    """Whether these are four octets that spaCy allows: none of a private network, the first of 1 … 223."""
    at, part, first, second = start, 0, -1, -1
    while part < 4:
        begin, digits = at, 0
        while at < stop and class_at(table, at) & DIGIT:
            at, digits = at + width_at(at), digits + 1
        octet = _octet(begin, digits)
        if not _allows(octet, digits, part):
            return False
        if part == 0:
            first = octet
        elif part == 1:
            second = octet
        part += 1
        if part < 4:
            if at >= stop or byte_at(at) != 0x2E:
                return False
            at += 1
    private = first == 10 or first == 127 or (first == 169 and second == 254) or (first == 192 and second == 168)
    return at == stop and not private and not (first == 172 and 16 <= second <= 31)


@kernel
def _octet(at: int, digits: int) -> int:
    """The number that up to three ASCII digits spell; -1 where there are other digits, or more."""
    if digits == 0 or digits > 3:
        return -1
    value = 0
    for i in range(digits):
        if not is_number(byte_at(at + i)):
            return -1
        value = value * 10 + byte_at(at + i) - 0x30
    return value


@inlined
def _allows(octet: int, digits: int, part: int) -> bool:
    """Whether an octet may stand in this place; only those in the middle may begin with zeros."""
    if octet < 0:
        return False
    padded = (digits == 2 and octet < 10) or (digits == 3 and octet < 100)
    if part == 0:
        return not padded and 1 <= octet <= 223
    if part == 3:
        return not padded and 1 <= octet <= 254
    return octet <= 255 and not (digits == 3 and octet < 100)
