"""Kernels over URLs: hosts, registered domains, words, and the lists that they are looked up in.

A list is the sorted 64-bit hashes of its entries: with five million entries a lookup is wrong once in 3 · 10^12.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.simd import PADDING, byte_at, inlined, kernel, put_byte

SLASH, QUERY, HASH, BACKSLASH, AT, COLON, OPEN, CLOSE, DOT = b"/?#\\@:[]."

LONGEST_HOST = 253  # bytes, RFC 1035: a longer one would make looking up all domains above it slow
# Labels that stand between a registered name and a country's code: co.uk, com.br, ac.jp.
CATEGORIES = ("ac", "co", "com", "edu", "gob", "gouv", "gov", "govt", "go", "id", "info", "ltd", "me", "mil", "ne", "net",
              "nhs", "nom", "or", "org", "plc", "police", "sch")  # fmt: skip


@inlined
def lower(byte: int) -> int:
    """An ASCII letter in lower case, another byte as it is."""
    return byte + 0x20 if 0x41 <= byte <= 0x5A else byte


@inlined
def is_alnum(byte: int) -> bool:
    """An ASCII letter or digit."""
    return 0x30 <= byte <= 0x39 or 0x61 <= byte | 0x20 <= 0x7A


@kernel
def find_hosts(addresses: Integers, lengths: Integers, starts: Integers, ends: Integers, tails: Integers) -> None:
    """Where the host of each URL is, without user, port and a final full stop; ``tails``: where its fragment begins.

    A URL without ``//`` is read as if it began with its host, but one that begins with a scheme (``mailto:``) has none. Nor
    has one with an empty label (``a..b``). Space and control characters at both ends do not count. Where there is no host
    all three are equal.
    """
    for d in range(len(addresses)):
        starts[d], ends[d], tails[d] = _host(addresses[d], lengths[d])


@kernel
def _host(address: int, length: int) -> Any:
    start, stop = 0, length
    while start < stop and byte_at(address + start) <= 0x20:
        start += 1
    while stop > start and byte_at(address + stop - 1) <= 0x20:
        stop -= 1
    at = start
    while at < stop and (is_alnum(byte_at(address + at)) or byte_at(address + at) in (0x2B, 0x2D, DOT)):
        at += 1
    named = at
    at += at < stop and byte_at(address + at) == COLON
    if at + 1 < stop and byte_at(address + at) == SLASH and byte_at(address + at + 1) == SLASH:
        start = at + 2
    elif at > named and not _is_port(address, at, stop):
        return start, start, start
    end = start
    while end < stop and not ends_authority(byte_at(address + end)):
        if byte_at(address + end) == AT:
            start = end + 1
        end += 1
    tail = end
    while tail < stop and byte_at(address + tail) != HASH:
        tail += 1
    close = COLON if start == end or byte_at(address + start) != OPEN else CLOSE
    at = start
    while at < end and byte_at(address + at) != close:
        at += 1
    end = at + (close == CLOSE and at < end)
    end -= end > start and byte_at(address + end - 1) == DOT
    return (start, end, tail) if _is_host(address, start, end) else (start, start, start)


@kernel
def _is_port(address: int, at: int, stop: int) -> bool:
    """Whether one to five digits stand here and the authority ends behind them."""
    end = at
    while end < stop and 0x30 <= byte_at(address + end) <= 0x39:
        end += 1
    return 1 <= end - at <= 5 and (end == stop or ends_authority(byte_at(address + end)))


@kernel
def _is_host(address: int, start: int, end: int) -> bool:
    """Whether it has 1 to LONGEST_HOST bytes and no empty label."""
    before = DOT
    for at in range(start, end):
        byte = byte_at(address + at)
        if byte == DOT and before == DOT:
            return False
        before = byte
    return 1 <= end - start <= LONGEST_HOST and before != DOT


@inlined
def ends_authority(byte: int) -> bool:
    """What ends user, host and port."""
    return byte in (SLASH, QUERY, HASH, BACKSLASH) or byte <= 32


@kernel
def _write(addresses: Integers, starts: Integers, middles: Integers, ends: Integers, tails: Integers, data: int,
           offsets: Integers) -> None:
    """Write ``starts … middles`` of each document in lower case and ``ends … tails`` as it is, one after another."""
    out = data
    for d in range(len(addresses)):
        for at in range(starts[d], middles[d]):
            out = put_byte(out, lower(byte_at(addresses[d] + at))) + 1
        for at in range(ends[d], tails[d]):
            out = put_byte(out, byte_at(addresses[d] + at)) + 1
        offsets[d + 1] = out - data


def written(addresses: Integers, starts: Integers, middles: Integers, ends: Integers, tails: Integers) -> Texts:
    """What ``_write`` writes; nothing is between one text and the next in memory."""
    size = int((middles - starts).sum() + np.maximum(tails - ends, 0).sum())
    data, offsets = np.empty(size + PADDING, np.uint8), np.zeros(len(addresses) + 1, np.int64)
    _write(addresses, starts, middles, ends, tails, data.ctypes.data, offsets)
    return Texts(offsets[:-1] + data.ctypes.data, np.diff(offsets), (data,))


def hosts(texts: Texts) -> Texts:
    """The hosts in lower case, empty where there is none."""
    starts, ends, tails = np.zeros((3, len(texts)), np.int64)
    find_hosts(texts.addresses, texts.lengths, starts, ends, tails)
    return written(texts.addresses, starts, ends, tails, tails)


def canonical(texts: Texts) -> Texts:
    """URLs without scheme, user, port, fragment and final slashes, their hosts in lower case."""
    starts, ends, tails = np.zeros((3, len(texts)), np.int64)
    find_hosts(texts.addresses, texts.lengths, starts, ends, tails)
    paths = np.empty(len(texts), np.int64)
    _find_paths(texts.addresses, ends, tails, paths)
    return written(texts.addresses, starts, ends, paths, tails)


@kernel
def _find_paths(addresses: Integers, ends: Integers, tails: Integers, paths: Integers) -> None:
    """Where the path begins after the port; moves ``tails`` before final slashes."""
    for d in range(len(addresses)):
        at = ends[d]
        while at < tails[d] and not ends_authority(byte_at(addresses[d] + at)):
            at += 1
        while tails[d] > at and byte_at(addresses[d] + tails[d] - 1) == SLASH:
            tails[d] -= 1
        paths[d] = at


def lowered(texts: Texts) -> Texts:
    """All of each text, its ASCII letters in lower case."""
    none = np.zeros(len(texts), np.int64)
    return written(texts.addresses, none, texts.lengths, none, none)


@kernel
def squeeze(addresses: Integers, lengths: Integers, targets: Integers, kept: Integers) -> None:
    """Write the ASCII letters, in lower case, and digits of each text to its target; ``kept`` is how many."""
    for d in range(len(addresses)):
        out = targets[d]
        for at in range(lengths[d]):
            byte = byte_at(addresses[d] + at)
            if is_alnum(byte):
                out = put_byte(out, lower(byte)) + 1
        kept[d] = out - targets[d]


def squeezed(texts: Texts) -> Texts:
    """What ``squeeze`` writes."""
    data, kept = np.empty(int(texts.lengths.sum()) + PADDING, np.uint8), np.empty(len(texts), np.int64)
    targets = np.cumsum(texts.lengths) - texts.lengths + data.ctypes.data
    squeeze(texts.addresses, texts.lengths, targets, kept)
    return Texts(targets, kept, (data,))


@kernel
def hash_all(addresses: Integers, lengths: Integers, hashes: Any) -> None:
    """The hash of each text."""
    for d in range(len(addresses)):
        hashes[d] = hash_span(addresses[d], lengths[d])


def hashed(texts: Texts) -> Any:
    """The sorted hashes of the texts that are not empty."""
    hashes = np.empty(len(texts), np.uint64)
    hash_all(texts.addresses, texts.lengths, hashes)
    return np.unique(hashes[texts.lengths > 0])


@kernel
def _position(hashes: Any, key: Any) -> int:
    """Where the key is among sorted hashes; -1 where it is not."""
    low, high = 0, len(hashes)
    while low < high:
        middle = (low + high) >> 1
        if hashes[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(hashes) and hashes[low] == key else -1


@kernel
def count_listed(addresses: Integers, lengths: Integers, listed: Any, parents: bool, hits: Integers) -> None:
    """How many of each host and, with ``parents``, of the domains above it are listed."""
    for d in range(len(addresses)):
        hits[d], at, length = 0, 0, lengths[d]
        while at < length:
            hits[d] += _position(listed, hash_span(addresses[d] + at, length - at)) >= 0
            at = _next_label(addresses[d], at, length) if parents else length


@inlined
def _next_label(address: int, at: int, length: int) -> int:
    """Where the label after the one at ``at`` begins; ``length`` where there is none."""
    while at < length and byte_at(address + at) != DOT:
        at += 1
    return min(at + 1, length)


@kernel
def count_words(addresses: Integers, lengths: Integers, listed: Any, hits: Integers) -> None:
    """How many different listed words each text in lower case has; words are runs of ASCII letters and digits."""
    seen = np.full(len(listed), -1, np.int64)
    for d in range(len(addresses)):
        hits[d] = at = 0
        while at < lengths[d]:
            end = at
            while end < lengths[d] and is_alnum(byte_at(addresses[d] + end)):
                end += 1
            place = _position(listed, hash_span(addresses[d] + at, end - at)) if end > at else -1
            if place >= 0 and seen[place] != d:
                seen[place] = d
                hits[d] += 1
            at = end + 1


@kernel
def find_domains(addresses: Integers, lengths: Integers, exact: Any, wild: Any, exceptions: Any, starts: Integers) -> None:
    """Where in each host its registered domain begins: one label before the public suffix; -1 where there is none.

    Hosts that are addresses are their own domains. The suffix is the longest in the tables, a wildcard's with one label
    more, an exception's with one less; else the last label.
    """
    for d in range(len(addresses)):
        address, length = addresses[d], lengths[d]
        if length and _is_address(address, length):
            starts[d] = 0
            continue
        before, at, starts[d] = -1, 0, -1
        while at < length:
            after = _next_label(address, at, length)
            key = hash_span(address + at, length - at)
            if _position(exceptions, key) >= 0:
                starts[d] = at
                break
            parent = after < length and _position(wild, hash_span(address + after, length - after)) >= 0
            if parent or _position(exact, key) >= 0 or after == length:
                starts[d] = before
                break
            before, at = at, after


@kernel
def _is_address(address: int, length: int) -> bool:
    """Whether a host is an IP address: in brackets, or of digits and full stops."""
    if byte_at(address) == OPEN:
        return True
    for at in range(length):
        byte = byte_at(address + at)
        if not (0x30 <= byte <= 0x39 or byte == DOT):
            return False
    return True


@kernel
def find_lines(address: int, size: int, starts: Integers, lengths: Integers) -> int:
    """Address and length of every line that is neither blank nor begins with #, without space at its ends; how many."""
    found = at = 0
    while at < size:
        end = at
        while end < size and byte_at(address + end) != 0x0A:
            end += 1
        first, last = at, end
        while first < last and byte_at(address + first) <= 0x20:
            first += 1
        while last > first and byte_at(address + last - 1) <= 0x20:
            last -= 1
        if first < last and byte_at(address + first) != HASH:
            starts[found], lengths[found] = address + first, last - first
            found += 1
        at = end + 1
    return found


def lines(data: bytes) -> Texts:
    """The entries of a list: one a line."""
    memory = np.frombuffer(data + bytes(PADDING), np.uint8)
    most = data.count(b"\n") + 1
    starts, lengths = np.empty((2, most), np.int64)
    found = find_lines(memory.ctypes.data, len(data), starts, lengths)
    return Texts(starts[:found], lengths[:found], (memory,))
