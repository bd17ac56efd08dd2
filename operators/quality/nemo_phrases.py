"""What ``Nemo`` looks for in the text: phrases of cookie banners and policies, and addresses of pages."""

from typing import Any

import numpy as np

from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    between_caseless,
    byte_at,
    equal,
    kernel,
    low_bits,
    lowest,
)

LOREM_IPSUM = "lorem ipsum"
# Curator's list; of its long banners, the beginning that tells them from anything else.
PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "privacy overview", "use of cookies", "use cookies",
    "privacy & cookies policy", "privacy and cookies policy", "necessary cookies are absolutely essential for the website",
    "any cookies that may not be particularly necessary for the website",
    "if you continue to browse this site without changing your cookie settings", LOREM_IPSUM,
)  # fmt: skip
# Two letters of each phrase that are rare together, and where in the phrase they stand: only there it is compared.
_RARE = ("f ", "va", "ki", "ki", "va", "ki", "ki", "va", "va", "ki", "ki", "ki", "ps")
_LONGEST = max(map(len, PHRASES))


def _table() -> tuple[Any, Any, Any]:
    letters = np.zeros((len(PHRASES), _LONGEST), np.uint8)
    for i, phrase in enumerate(PHRASES):
        letters[i, :len(phrase)] = np.frombuffer(phrase.encode(), np.uint8)
    offsets = [phrase.index(pair) for phrase, pair in zip(PHRASES, _RARE, strict=True)]
    return letters, np.array([len(p) for p in PHRASES]), np.array(offsets)


_LETTERS, _SIZES, _OFFSETS = _table()


LOREM = PHRASES.index(LOREM_IPSUM)


@kernel
def has_phrase(start: int, stop: int, first: int, last: int) -> bool:
    """Whether one of ``PHRASES[first:last]`` stands between two addresses, in any case of its ASCII letters."""
    for at in range(start, stop, 64):
        found = between_caseless(at, 0x6B, 0x6B) & between_caseless(at + 1, 0x69, 0x69)  # ki
        found |= between_caseless(at, 0x76, 0x76) & between_caseless(at + 1, 0x61, 0x61)  # va
        found |= between_caseless(at, 0x70, 0x70) & between_caseless(at + 1, 0x73, 0x73)  # ps
        found |= between_caseless(at, 0x66, 0x66) & equal(at + 1, 0x20)  # f and a space
        found &= low_bits(stop - at)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            for i in range(first, last):
                begin = here - _OFFSETS[i]
                if begin >= start and begin + _SIZES[i] <= stop and _is_there(begin, i):
                    return True
    return False


@kernel
def _is_there(begin: int, phrase: int) -> bool:
    for i in range(_SIZES[phrase]):
        byte = byte_at(begin + i)
        if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != _LETTERS[phrase, i]:
            return False
    return True


@kernel
def url_chars(address: int, length: int) -> int:
    """Characters in addresses: http, perhaps s, :// and then letters, digits, some marks and %XX."""
    total = free_from = 0
    for at in range(0, length, 64):
        block = address + at
        found = equal(block, 0x68) & equal(block + 1, 0x74) & equal(block + 2, 0x74) & equal(block + 3, 0x70)
        found &= low_bits(length - at)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            if here >= free_from:
                free_from = _url_end(address, here, length)
                total += free_from - here
    return total


@kernel
def _url_end(address: int, start: int, length: int) -> int:
    """Where the address that begins at ``start`` ends; ``start`` where there is none."""
    at = start + 4
    at += at < length and byte_at(address + at) == 0x73
    if at + 3 > length or byte_at(address + at) != 0x3A or byte_at(address + at + 1) != 0x2F \
            or byte_at(address + at + 2) != 0x2F:
        return start
    first = at = at + 3
    while at < length:
        byte = byte_at(address + at)
        if byte == 0x25 and at + 2 < length and _is_hex(byte_at(address + at + 1)) and _is_hex(byte_at(address + at + 2)):
            at += 3
        elif _is_url_byte(byte):
            at += 1
        else:
            break
    return at if at > first else start


@kernel
def _is_hex(byte: int) -> bool:
    return 0x30 <= byte <= 0x39 or 0x61 <= byte | 0x20 <= 0x66


@kernel
def _is_url_byte(byte: int) -> bool:
    """Letters, digits and one of !#$&()*+,-./:=?@_~ as Curator's pattern has them."""
    if 0x61 <= byte | 0x20 <= 0x7A or 0x28 <= byte <= 0x3A or byte == 0x3D or 0x3F <= byte <= 0x40:
        return True
    return byte == 0x5F or byte == 0x7E or byte == 0x21 or byte == 0x23 or byte == 0x24 or byte == 0x26
