"""What the finders of personal data share: bytes and their classes, spans that grow, and who wins where two overlap.

A *span* is a row (start, end, kind): bytes from the document's start, and an index into ``KINDS``. All spans are of ASCII
characters, so that bytes and characters of a span are the same number.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import between, byte_at, count_ones, inlined, kernel, low_bits

KINDS = ("email", "ip", "private_ip", "phone", "card", "iban", "key")
EMAIL, IP, PRIVATE_IP, PHONE, CARD, IBAN, KEY = range(len(KINDS))

DIGIT, UPPER, LOWER, HEX, LOCAL, TOKEN, BASE64 = (1 << i for i in range(7))
LETTER = UPPER | LOWER
ALNUM = DIGIT | LETTER


def _classes() -> Any:
    table = np.zeros(256, np.uint8)
    letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
    both = letters + letters.upper() + digits
    members = {DIGIT: digits, UPPER: letters.upper(), LOWER: letters, HEX: digits + "abcdefABCDEF",
               LOCAL: both + "._%+'-", TOKEN: both + "_-", BASE64: both + "+/_-"}  # fmt: skip
    for bit, characters in members.items():
        table[[ord(c) for c in characters]] |= bit
    return table


_CLASSES = _classes()


@inlined
def peek(address: int, at: int, length: int) -> int:
    """The byte at a position of the document; 0 before its start and after its end."""
    return byte_at(address + at) if 0 <= at < length else 0


@inlined
def is_a(byte: int, classes: int) -> bool:
    """Whether a byte is in one of the classes."""
    return bool(_CLASSES[byte] & classes)


@kernel
def run_end(address: int, at: int, length: int, classes: int) -> int:
    """Where the run of bytes of these classes that begins at ``at`` ends; ``at`` where there is none."""
    while at < length and is_a(byte_at(address + at), classes):
        at += 1
    return at


@kernel
def digits_near(address: int, at: int, length: int) -> int:
    """How many of the 24 bytes from ``at`` are digits: most numbers are thrown out by this alone."""
    return count_ones(between(address + at, 0x30, 0x39) & low_bits(min(24, length - at)))


@kernel
def lower_word_before(address: int, end: int, length: int) -> Any:
    """The eight bytes before ``end``, the last one lowest and letters in lower case; zeros before the start."""
    word = np.uint64(0)
    for i in range(8):
        word |= np.uint64(peek(address, end - 1 - i, length) | 0x20) << np.uint64(8 * i)
    return word


def reversed_word(text: str) -> Any:
    """What ``lower_word_before`` gives where the text stands before the end."""
    return np.uint64(int.from_bytes(text.encode()[::-1], "little"))


@kernel
def added(spans: Any, n: int, start: int, end: int, kind: int) -> Any:
    """The spans with one more at row ``n``, in twice the memory where there was no room.

    Numbers are copied one by one, here and below: numba takes seconds to compile an assignment of slices.
    """
    if n == len(spans):
        larger = np.empty((2 * n, 3), np.int64)
        for i in range(n):
            _copy_row(larger, i, spans, i)
        spans = larger
    spans[n, 0], spans[n, 1], spans[n, 2] = start, end, kind
    return spans


@inlined
def _copy_row(target: Any, to: int, source: Any, at: int) -> None:
    target[to, 0], target[to, 1], target[to, 2] = source[at, 0], source[at, 1], source[at, 2]


@kernel
def merged(spans: Any, first: int, middle: int, n: int) -> int:
    """Merge rows ``middle … n - 1`` into ``first … middle - 1``, both in order; returns the new end.

    Of the later ones those are left out that overlap an earlier one.
    """
    if first == middle or middle == n:
        return n
    size, old = middle - first, np.empty((n - first, 3), np.int64)
    for i in range(n - first):
        _copy_row(old, i, spans, first + i)
    at, out = 0, first
    for new in range(size, n - first):
        while at < size and old[at, 1] <= old[new, 0]:
            _copy_row(spans, out, old, at)
            at, out = at + 1, out + 1
        if at == size or old[new, 1] <= old[at, 0]:
            _copy_row(spans, out, old, new)
            out += 1
    for rest in range(at, size):
        _copy_row(spans, out, old, rest)
        out += 1
    return out


@kernel
def to_characters(addresses: Integers, spans: Any, offsets: Integers) -> None:
    """Turn the starts and ends of all spans from bytes to characters."""
    for d in range(len(addresses)):
        at = characters = 0
        for i in range(offsets[d], offsets[d + 1]):
            start, size = spans[i, 0], spans[i, 1] - spans[i, 0]
            characters += start - at
            for block in range(at, start, 64):
                characters -= count_ones(between(addresses[d] + block, 0x80, 0xBF) & low_bits(start - block))
            at = start + size
            spans[i, 0], spans[i, 1] = characters, characters + size
            characters += size
