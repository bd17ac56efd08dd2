"""The tables of the spaCy-compatible tokenizer, packed for its kernels into one block of memory.

An entry's ``PARTS`` has a bit for each byte at which a token of the exception begins, but for the first; ``PATTERN`` the
same for the tokens that the string would have without exceptions, which are ``COUNT``.

The block holds two lists of strings (what spaCy splits by exception; units) and the character classes. A list is a bitmap
of 2^16 bits over its strings' first eight bytes, which answers nearly every question, then a hash table of entry numbers
and the entries: 64 bytes each, of which 32 are the string.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.simd import NONE, inlined, kernel, low_bits, word_at

LONGEST = 32  # bytes of a listed string at most
SIZE, PARTS, PATTERN, COUNT = 32, 40, 48, 56  # where an entry holds its size; see Entry

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_TO_BIT, _TO_SLOT, _TO_WORD, _LOW_SIX = np.uint64(48), np.uint64(52), np.uint64(6), np.uint64(63)
_ONE = np.uint64(1)
_BITMAP, _SLOTS = (1 << 16) // 8, (1 << 12) * 8
_MOST = 1536  # entries
_LIST = _BITMAP + _SLOTS + _MOST * 64
UNIT_LIST = _LIST
CLASSES = 2 * _LIST


def fill_list(block: npt.NDArray[np.uint8], at: int, entries: Sequence[tuple[str, int, int, int]]) -> None:
    """Write a list at ``at``: string, parts, pattern and count of each entry."""
    bitmap = block[at:at + _BITMAP].view(np.uint64)
    slots = block[at + _BITMAP:at + _BITMAP + _SLOTS].view(np.int64)
    stored = block[at + _BITMAP + _SLOTS:at + _LIST].view(np.uint64).reshape(_MOST, 8)
    for number, (chunk, parts, pattern, count) in enumerate(entries):
        key = chunk.encode()
        words = np.frombuffer(key.ljust(LONGEST, b"\0"), np.uint64)
        mixed = int(words[0]) * int(_MULTIPLIER) % (1 << 64)
        bitmap[mixed >> 54] |= np.uint64(1 << (mixed >> 48 & 63))
        slot = mixed >> 52
        while slots[slot]:
            slot = (slot + 1) % len(slots)
        slots[slot] = number + 1
        stored[number, :4] = words
        stored[number, 4:] = len(key), parts, pattern, count


@inlined
def may_be_listed(listed: int, low: int) -> bool:
    """Whether a string with these first eight bytes, zeros after its end, may be in the list at an address."""
    bit = (low * _MULTIPLIER) >> _TO_BIT
    return bool((word_at(listed + np.int64((bit >> _TO_WORD) << np.uint64(3))) >> (bit & _LOW_SIX)) & _ONE)


@inlined
def first_bytes(address: int, size: int) -> int:
    """The first eight bytes of a string as a number, zeros after its end."""
    return word_at(address) & low_bits(8 * min(size, 8))  # type: ignore[no-any-return]


@kernel
def entry_of(listed: int, address: int, size: int) -> int:
    """The address of the string's entry in the list; 0 where it is not listed."""
    if size > LONGEST or not may_be_listed(listed, first_bytes(address, size)):
        return 0
    return _find(listed, address, size)


@kernel
def _find(listed: int, address: int, size: int) -> int:
    low = first_bytes(address, size)
    slot = np.int64((low * _MULTIPLIER) >> _TO_SLOT)
    while True:
        number: Any = np.int64(word_at(listed + _BITMAP + 8 * slot))
        if number == 0:
            return 0
        entry: int = listed + _BITMAP + _SLOTS + 64 * (number - 1)
        if np.int64(word_at(entry + SIZE)) == size:
            differing = word_at(entry) ^ low
            for i in range(1, 4):
                differing |= word_at(entry + 8 * i) ^ (word_at(address + 8 * i) & low_bits(8 * max(size - 8 * i, 0)))
            if differing == NONE:
                return entry
        slot = (slot + 1) & 4095
