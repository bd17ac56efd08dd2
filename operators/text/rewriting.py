"""The kernels of ``Normalise``: find the documents that would change, and write them.

``find_untidy`` is exact: a document is untidy if and only if ``rewrite`` changes it.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    TWO,
    between,
    byte_at,
    copy_block,
    equal,
    kernel,
    low_bits,
    lowest,
    put_byte,
)
from corpusmill.operators.text.words import decode, space_mask

KEEP, REMOVE, FEED, BLANK = 0, 1, 2, 3  # what becomes of a character

MOST_FEEDS = 3  # two blank lines
_THREE = np.uint64(3)
_SIXTY_ONE, _SIXTY_TWO = np.uint64(61), np.uint64(62)
_TOP_BIT = np.uint64(1 << 63)


@kernel
def _specials(block: int, valid: Any) -> Any:
    """Mask of the first bytes of the characters that rules 1 to 3 replace or remove; line feeds are not among them."""
    found = between(block, 0x00, 0x08) | between(block, 0x0B, 0x1F) | equal(block, 0x7F)
    if between(block, 0xC2, 0xEF) & valid != NONE:
        found |= equal(block, 0xC2) & (between(block + 1, 0x80, 0x9F) | equal(block + 1, 0xAD))
        general = equal(block, 0xE2)
        if general & valid != NONE:
            found |= general & equal(block + 1, 0x80) & (equal(block + 2, 0x8B) | between(block + 2, 0xA8, 0xA9))
            found |= general & equal(block + 1, 0x81) & equal(block + 2, 0xA0)
        found |= equal(block, 0xEF) & equal(block + 1, 0xBB) & equal(block + 2, 0xBF)
    return found & valid


@kernel
def find_untidy(addresses: Integers, lengths: Integers, untidy: Any) -> None:
    """Whether each document breaks a rule."""
    for d in range(len(addresses)):
        untidy[d] = _is_untidy(addresses[d], lengths[d])


@kernel
def _is_untidy(address: int, length: int) -> bool:
    spill, blank_before, feeds_before = NONE, NONE, _TOP_BIT  # the start counts as a line feed: rule 5
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        spaces, spill = space_mask(block, valid, spill)
        feeds = equal(block, LINE_FEED) & valid
        blanks = spaces & valid & ~feeds
        after_blank = blanks << ONE | blank_before
        one, two = feeds << ONE | feeds_before >> TOP, feeds << TWO | feeds_before >> _SIXTY_TWO
        crowded = feeds & one & two & (feeds << _THREE | feeds_before >> _SIXTY_ONE)
        if _specials(block, valid) | (feeds & after_blank) | crowded != NONE:
            return True
        if length - at <= 64 and blanks >> np.uint64(length - at - 1) != NONE:
            return True
        blank_before, feeds_before = blanks >> TOP, feeds
    return False


@kernel
def rewrite(
    addresses: Integers, lengths: Integers, untidy: Any, actions: Any, spaces: Any, data: int, offsets: Any
) -> None:
    """Write all documents one after another to the address ``data``, the untidy ones tidied, and their offsets.

    Blocks are copied whole, so up to 63 bytes after the end of a document are written and then overwritten by the next.
    """
    end = data
    for d in range(len(addresses)):
        if untidy[d]:
            end = _tidy(addresses[d], lengths[d], actions, spaces, end)
        else:
            end = _copy(addresses[d], addresses[d] + lengths[d], end)
        offsets[d + 1] = end - data


@kernel
def _copy(source: int, stop: int, target: int) -> int:
    """Copy ``source … stop - 1``; returns the end of the copy."""
    for at in range(0, stop - source, 64):
        copy_block(target + at, source + at)
    return target + stop - source


@kernel
def _tidy(address: int, length: int, actions: Any, spaces: Any, target: int) -> int:
    """Write one document; returns the end of what was written."""
    end, copied = target, 0
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        events = _specials(block, valid) | (equal(block, LINE_FEED) & valid)
        while events != NONE:
            here = at + lowest(events)
            events &= events - ONE
            if here > copied:
                end = _copy(address + copied, address + here, end)
            point = decode(address + here)
            copied = here + 1 + (point >= 0x80) + (point >= 0x800)
            action = actions[point]
            if action == FEED and point == 0x0D and here + 1 < length and byte_at(address + here + 1) == LINE_FEED:
                continue
            if action == BLANK:
                end = put_byte(end, 0x20) + 1
            elif action == FEED:
                end = _trimmed(target, end, spaces)
                if not _is_full(target, end):
                    end = put_byte(end, LINE_FEED) + 1
    return _trimmed(target, _copy(address + copied, address + length, end), spaces)


@kernel
def _is_full(target: int, end: int) -> bool:
    """Whether a line feed here would be one too many: three precede it, or only two and those begin the text."""
    feeds = 0
    while feeds < MOST_FEEDS and end - 1 - feeds >= target and byte_at(end - 1 - feeds) == LINE_FEED:
        feeds += 1
    return feeds == MOST_FEEDS or (feeds == MOST_FEEDS - 1 and end - feeds == target)


@kernel
def _trimmed(target: int, end: int, spaces: Any) -> int:
    """The end of the written text without the whitespace other than line feeds that ends it."""
    while end > target:
        last = byte_at(end - 1)
        start = end - 1
        while last >= 0x80 and start > target and byte_at(start) & 0xC0 == 0x80:
            start -= 1
        if last == LINE_FEED or not spaces[decode(start)]:
            break
        end = start
    return end
