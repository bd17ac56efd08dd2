"""The kernels of ``RemoveUrls``: three passes, each from one buffer to another. Each looks only at points or line feeds."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.domains import DOMAINS
from corpusmill.operators.text.editing import IGNORE_CASE, copy, folded
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.sentences import SPACE, WORD_CHARACTER
from corpusmill.operators.text.simd import (
    NONE,
    between,
    byte_at,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.words import decode, previous, width

COLUMNS = ("urls", "ip_addresses", "line_feeds")
URLS, IP_ADDRESSES, LINE_FEEDS = range(3)

MOST_HOST = 256  # characters of a host name before the point of its top-level domain
MOST_SPACES = 10  # characters of whitespace that go with an address
LONGEST_DOMAIN = 24
_POINT = 0x2E
_SLOT_BITS = 12
_SHIFT = np.uint64(64 - _SLOT_BITS)
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F))
_HOST, _PATH = 1, 2


def _domain_table(domains: Iterable[str]) -> Any:
    """Domains as three little-endian numbers each, in open addressing; shape (slots, 3)."""
    table = np.zeros((1 << _SLOT_BITS, 3), np.uint64)
    for domain in domains:
        padded = domain.encode().ljust(LONGEST_DOMAIN, b"\0")
        parts = [int.from_bytes(padded[i:i + 8], "little") for i in (0, 8, 16)]
        mixed = sum(part * int(by) for part, by in zip(parts, _MULTIPLIERS, strict=True)) % (1 << 64)
        slot = mixed >> int(_SHIFT)
        while table[slot, 0]:
            slot = (slot + 1) % len(table)
        table[slot] = parts
    return table


def _byte_kinds() -> Any:
    """Which bytes may stand in a host name, and which in what follows it."""
    kinds = np.zeros(256, np.uint8)
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    kinds[list(letters + b"-@:%._+~#=")] |= _HOST
    kinds[list(letters + b"-()@:%_+.~#?&/=")] |= _PATH
    return kinds


_DOMAIN_TABLE, _BYTE_KINDS = _domain_table(DOMAINS), _byte_kinds()


@kernel
def remove_urls(
    addresses: Integers, lengths: Integers, everywhere: bool, table: Any, scratch: Any,
    data: int, offsets: Any, counts: Integers,
) -> None:
    """Write the edited documents one after another to the address ``data``, their offsets, and COLUMNS × documents counts."""
    end, other = data, scratch.ctypes.data
    for d in range(len(addresses)):
        start, stop = addresses[d], addresses[d] + lengths[d]
        counts[:, d] = 0
        middle, first = end, end
        if everywhere or _begins_with_domain(start, stop):
            middle, counts[URLS, d] = _without_hosts(start, stop, first, table)
        else:
            middle = copy(start, stop, first)
        stop, counts[IP_ADDRESSES, d] = _without_numbers(first, middle, other, table)
        end = _without_feeds(other, stop, first)
        counts[LINE_FEEDS, d] = (stop - other) - (end - first)
        offsets[d + 1] = end - data


@inlined
def _is_domain(first: Any, second: Any, third: Any) -> bool:
    """Whether 24 bytes are a top-level domain and zeros."""
    mixed = first * _MULTIPLIERS[0] + second * _MULTIPLIERS[1] + third * _MULTIPLIERS[2]
    slot = np.int64(mixed >> _SHIFT)
    while _DOMAIN_TABLE[slot, 0] != NONE:
        if _DOMAIN_TABLE[slot, 0] == first and _DOMAIN_TABLE[slot, 1] == second and _DOMAIN_TABLE[slot, 2] == third:
            return True
        slot = (slot + 1) & ((1 << _SLOT_BITS) - 1)
    return False


@kernel
def _begins_with_domain(start: int, stop: int) -> bool:
    """Whether the text begins with the letters of a top-level domain, in any case."""
    letters = np.zeros(3, np.uint64)
    at = start
    for i in range(LONGEST_DOMAIN):
        point = folded(decode(at), IGNORE_CASE) if at < stop else 0
        if not 0x61 <= point <= 0x7A:
            return False
        letters[i >> 3] |= np.uint64(point) << np.uint64(8 * (i & 7))
        if _is_domain(letters[0], letters[1], letters[2]):
            return True
        at += width(byte_at(at))
    return False


@kernel
def _domain_size(start: int, stop: int, table: Any) -> int:
    """Bytes of the top-level domain at ``start`` that no word character follows; 0 for none."""
    at = start
    while at < stop and at - start < LONGEST_DOMAIN and 0x61 <= byte_at(at) <= 0x7A:
        at += 1
    size = at - start
    if size < 2 or (at < stop and table[decode(at)] & WORD_CHARACTER):
        return 0
    first = word_at(start) & low_bits(8 * size)
    second = word_at(start + 8) & low_bits(8 * max(size - 8, 0))
    third = word_at(start + 16) & low_bits(8 * max(size - 16, 0))
    return size if _is_domain(first, second, third) else 0


@kernel
def _without_hosts(start: int, stop: int, target: int, table: Any) -> tuple[int, int]:
    """Copy a text without URLs; returns where the copy ends and how many were left out."""
    urls, copied, at = 0, start, start
    while at < stop:
        found = equal(at, _POINT) & between(at + 1, 0x61, 0x7A) & low_bits(stop - at)
        if found == NONE:
            at += 64
            continue
        point = at + lowest(found)
        at = point + 1
        if point == copied or _BYTE_KINDS[byte_at(point - 1)] & _HOST == 0 or _domain_size(at, stop, table) == 0:
            continue
        host, least = point, max(copied, point - MOST_HOST)
        while host > least and _BYTE_KINDS[byte_at(host - 1)] & _HOST:
            host -= 1
        begin = host
        # A host name that goes on to the left is too long to be taken whole: nothing before it is.
        if host == copied or _BYTE_KINDS[byte_at(host - 1)] & _HOST == 0:
            begin = _before_spaces(copied, _before_scheme(copied, host), table)
        at = _path_end(at, stop)
        target = copy(copied, begin, target)
        copied, urls = at, urls + 1
    return copy(copied, stop, target), urls


@inlined
def _path_end(at: int, stop: int) -> int:
    while at < stop and _BYTE_KINDS[byte_at(at)] & _PATH:
        at += 1
    return at


@kernel
def _before_scheme(start: int, host: int) -> int:
    """Where http://, https:// or ftp:// begins that ends at ``host``; ``host`` where none does."""
    if host - start < 6 or byte_at(host - 1) != 0x2F or byte_at(host - 2) != 0x2F or byte_at(host - 3) != 0x3A:
        return host
    at = host - 3
    if byte_at(at - 1) == 0x70 and byte_at(at - 2) == 0x74 and byte_at(at - 3) == 0x66:
        return at - 3
    at -= byte_at(at - 1) == 0x73
    if at - start >= 4 and byte_at(at - 1) == 0x70 and byte_at(at - 2) == 0x74 and byte_at(at - 3) == 0x74 \
            and byte_at(at - 4) == 0x68:
        return at - 4
    return host


@kernel
def _before_spaces(start: int, at: int, table: Any) -> int:
    """``at`` without up to ten characters of whitespace before it."""
    for _ in range(MOST_SPACES):
        if at == start:
            break
        last = previous(start, at)
        if table[decode(last)] & SPACE == 0:
            break
        at = last
    return at


@kernel
def _without_numbers(start: int, stop: int, target: int, table: Any) -> tuple[int, int]:
    """Copy a text without IPv4 addresses; returns where the copy ends and how many were left out."""
    removed, copied, at = 0, start, start
    while at < stop:
        found = equal(at, _POINT) & between(at + 1, 0x30, 0x39) & low_bits(stop - at)
        if found == NONE:
            at += 64
            continue
        point = at + lowest(found)
        at = point + 1
        number = point
        while number > copied and point - number < 4 and 0x30 <= byte_at(number - 1) <= 0x39:
            number -= 1
        if not _is_number(number, point) or not _is_boundary(start, number, table) or not _three_follow(point, stop):
            continue
        scheme = _before_scheme(copied, number)
        begin = scheme if scheme < number and _is_boundary(start, scheme, table) else number
        begin = _before_spaces(copied, begin, table)
        at = _path_end(at, stop)
        target = copy(copied, begin, target)
        copied, removed = at, removed + 1
    return copy(copied, stop, target), removed


@inlined
def _is_number(start: int, stop: int) -> bool:
    """Whether digits are one or two, or three that begin with 0, 1 or 2."""
    size = stop - start
    return size == 1 or size == 2 or (size == 3 and byte_at(start) <= 0x32)


@inlined
def _is_boundary(start: int, at: int, table: Any) -> bool:
    """Whether no word character stands before ``at``."""
    return at == start or table[decode(previous(start, at))] & WORD_CHARACTER == 0


@kernel
def _three_follow(point: int, stop: int) -> bool:
    """Whether the point is followed by two numbers, each with a point, and a digit."""
    for _ in range(2):
        at = point + 1
        while at < stop and at - point < 5 and 0x30 <= byte_at(at) <= 0x39:
            at += 1
        if at >= stop or byte_at(at) != _POINT or not _is_number(point + 1, at):
            return False
        point = at
    return point + 1 < stop and 0x30 <= byte_at(point + 1) <= 0x39


@kernel
def _without_feeds(start: int, stop: int, target: int) -> int:
    """Copy a text with at most two line feeds in a row; returns where the copy ends."""
    copied, at = start, start
    while stop - at > 2:
        feeds = equal(at, LINE_FEED)
        found = feeds & equal(at + 1, LINE_FEED) & equal(at + 2, LINE_FEED) & low_bits(stop - at - 2)
        if found == NONE:
            at += 64
            continue
        third = at + lowest(found) + 2
        target = copy(copied, third, target)
        at = third
        while at < stop and byte_at(at) == LINE_FEED:
            at += 1
        copied = at
    return copy(copied, stop, target)
