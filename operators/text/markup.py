"""The text between the tags: what a classifier of language or topic should look at.

Not an HTML parser: nothing is decoded or rendered, and text that is no markup passes through. Removed are

    tags            < and a letter, /, ! or ?, up to the next >, where no < stands between
    comments        <!-- … -->
    script, style   the elements with their content
    entities        &name; &#123; &#x1F;

each replaced by one space. A comment, script or style that is not closed reaches to the end.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.simd import (
    NONE,
    PADDING,
    byte_at,
    copy_block,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
    put_byte,
    word_at,
)
from corpusmill.operators.text.words import width

AMPERSAND, LESS, GREATER = 0x26, 0x3C, 0x3E
_LONGEST_ENTITY = 33  # bytes between & and ; in the longest name of HTML
_LOWER_CASE = np.uint64(0x2020202020202020)
_SCRIPT = np.uint64(int.from_bytes(b"script", "little"))
_STYLE = np.uint64(int.from_bytes(b"style", "little"))


def stripped(texts: Texts, limit: int, reach: int) -> Texts:
    """The first ``limit`` bytes of each document's text without markup, found in its first ``reach`` bytes.

    Characters are never cut.
    """
    lengths = np.minimum(texts.lengths, reach)
    room = np.minimum(lengths, limit)
    addresses = np.cumsum(room) - room
    data = np.empty(int(room.sum()) + PADDING, np.uint8)
    kept = np.empty(len(texts), np.int64)
    addresses += data.ctypes.data
    strip_markup(texts.addresses, lengths, addresses, room, kept)
    return Texts(addresses, kept, (data,))



@kernel
def strip_markup(addresses: Any, lengths: Any, targets: Any, rooms: Any, kept: Any) -> None:
    """Write each document's text without markup to its target, at most ``rooms`` bytes; ``kept`` is how many."""
    for d in range(len(addresses)):
        kept[d] = _strip(addresses[d], lengths[d], targets[d], rooms[d])


@kernel
def _strip(address: int, length: int, target: int, room: int) -> int:
    at = size = 0
    while at < length and size < room:
        mark = _next_of(address, at, length, LESS, AMPERSAND)
        copied = min(mark - at, room - size)
        # The last block may write past the document's room: the next document is yet to be written.
        for block in range(0, copied, 64):
            copy_block(target + size + block, address + at + block)
        size += copied
        at = mark
        if mark == length or size == room:
            break
        after = _markup_end(address, mark, length)
        put_byte(target + size, byte_at(address + mark) if after == mark else 0x20)
        size += 1
        at = max(after, mark + 1)
    return _whole_characters(target, size)


@inlined
def _next_of(address: int, at: int, length: int, byte: int, other: int) -> int:
    """Where one of two bytes comes next; ``length`` where none does."""
    while at < length:
        found = (equal(address + at, byte) | equal(address + at, other)) & low_bits(length - at)
        if found != NONE:
            return at + lowest(found)
        at += 64
    return length


@kernel
def _markup_end(address: int, mark: int, length: int) -> int:
    """Where the markup that begins at ``mark`` ends; ``mark`` where it is none."""
    if byte_at(address + mark) == AMPERSAND:
        return _entity_end(address, mark, length)
    kind = byte_at(address + mark + 1) if mark + 1 < length else 0
    if kind == 0x21 and mark + 3 < length and byte_at(address + mark + 2) == 0x2D and byte_at(address + mark + 3) == 0x2D:
        return _comment_end(address, mark + 4, length)
    if not (0x61 <= kind | 0x20 <= 0x7A or kind == 0x2F or kind == 0x21 or kind == 0x3F):
        return mark
    end = _next_of(address, mark + 1, length, GREATER, LESS)
    if end == length or byte_at(address + end) == LESS:
        return mark
    name = _raw_text_name(address + mark + 1, length - mark - 1)
    if name == NONE or byte_at(address + end - 1) == 0x2F:
        return end + 1
    return _element_end(address, end + 1, length, name)


@kernel
def _entity_end(address: int, mark: int, length: int) -> int:
    at = mark + 1
    while at < length and at - mark <= _LONGEST_ENTITY:
        byte = byte_at(address + at)
        if byte == 0x3B:
            return at + 1 if at > mark + 1 else mark
        if not (0x61 <= byte | 0x20 <= 0x7A or 0x30 <= byte <= 0x39 or byte == 0x23):
            return mark
        at += 1
    return mark


@kernel
def _comment_end(address: int, at: int, length: int) -> int:
    while at < length:
        at = _next_of(address, at, length, GREATER, GREATER) + 1
        if at <= length and byte_at(address + at - 2) == 0x2D and byte_at(address + at - 3) == 0x2D:
            return at
    return length


@inlined
def _raw_text_name(address: int, size: int) -> Any:
    """``script`` or ``style``, as a number, where that is the name of an element; zero for any other."""
    for name, letters in ((_SCRIPT, 6), (_STYLE, 5)):
        if size > letters and (word_at(address) | _LOWER_CASE) & low_bits(8 * letters) == name:
            after = byte_at(address + letters)
            if after == GREATER or after == 0x2F or after <= 0x20:
                return name
    return NONE


@kernel
def _element_end(address: int, at: int, length: int, name: Any) -> int:
    """Where the closing tag of ``name`` ends."""
    while at < length:
        at = _next_of(address, at, length, LESS, LESS)
        if at + 2 < length and byte_at(address + at + 1) == 0x2F \
                and _raw_text_name(address + at + 2, length - at - 2) == name:
            return min(_next_of(address, at, length, GREATER, GREATER) + 1, length)
        at += 1
    return length


@inlined
def _whole_characters(target: int, size: int) -> int:
    """How many of the bytes are whole characters, where the last one may have been cut."""
    lead = size
    while lead > 0 and size - lead < 4:
        lead -= 1
        byte = byte_at(target + lead)
        if byte & 0xC0 != 0x80:
            return size if size - lead >= width(byte) else lead
    return size
