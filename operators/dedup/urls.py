"""URLs as they are compared: what differs only in how a page was reached is one URL."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.quality.url_parsing import COLON, DOT, QUERY, SLASH, ends_authority, find_hosts, lower
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.simd import PADDING, byte_at, inlined, kernel, put_byte

AND, EQUALS = b"&="
TRACKING = (b"utm_", b"_ga", b"_gl", b"dclid", b"fbclid", b"gclid", b"igshid", b"mc_cid", b"mc_eid", b"msclkid", b"yclid")
MOST = 256  # parameters of a query that are put in order; one with more stays as it is

_NAMES = np.frombuffer(b"".join(TRACKING), np.uint8)
_CUTS = np.cumsum([0, *map(len, TRACKING)])


def normalised_urls(url: pa.StringArray) -> pa.StringArray:
    """The URLs without what says how a page was reached; null where there is none, or it has no host.

    Without scheme, user, port 80 or 443, fragment and final slashes of the path; the host in lower case, without ``www.`` and
    a final full stop; parameters of the query in the order of their bytes, without empty ones and those of ``TRACKING``
    (``utm_`` and whatever follows; the others by their full name; in any case of letters). Path and parameters are compared
    byte by byte: neither case nor percent signs are changed.
    """
    known = url.is_valid().to_numpy(zero_copy_only=False)
    texts = Texts.of(url.fill_null(""), "url")
    starts, ends, tails = np.zeros((3, len(texts)), np.int64)
    find_hosts(texts.addresses, texts.lengths, starts, ends, tails)
    data, offsets = np.empty(int(texts.lengths.sum()) + PADDING, np.uint8), np.zeros(len(texts) + 1, np.int32)
    scratch = np.empty((2, MOST), np.int64)
    _normalise(texts.addresses, starts, ends, tails, _NAMES, _CUTS, scratch, data.ctypes.data, offsets)
    there = np.packbits(known & (ends > starts), bitorder="little")
    return pa.StringArray.from_buffers(len(url), pa.py_buffer(offsets), pa.py_buffer(data), pa.py_buffer(there))


@kernel
def _normalise(addresses: Integers, starts: Integers, ends: Integers, tails: Integers, names: Any, cuts: Integers,
               scratch: Integers, data: int, offsets: npt.NDArray[np.int32]) -> None:
    out = data
    for d in range(len(addresses)):
        address, start, end, tail = addresses[d], starts[d], ends[d], tails[d]
        if end > start:
            start += 4 * (end - start > 4 and _is_www(address + start))
            for at in range(start, end):
                out = put_byte(out, lower(byte_at(address + at))) + 1
            path = end
            while path < tail and not ends_authority(byte_at(address + path)):
                path += 1
            end += end < path and byte_at(address + end) == DOT
            if not _is_usual(address + end, path - end):
                out = _copy(address, end, path, out)
            query = path
            while query < tail and byte_at(address + query) != QUERY:
                query += 1
            stop = query
            while stop > path and byte_at(address + stop - 1) == SLASH:
                stop -= 1
            out = _copy(address, path, stop, out)
            out = _write_query(address, query, tail, names, cuts, scratch, out)
        offsets[d + 1] = out - data


@inlined
def _is_www(address: int) -> bool:
    for at in range(3):
        if byte_at(address + at) | 0x20 != 0x77:
            return False
    return byte_at(address + 3) == DOT


@inlined
def _is_usual(address: int, length: int) -> bool:
    """Whether a port, with its colon, is one that need not be told."""
    if length <= 1:
        return length == 0 or byte_at(address) == COLON
    if byte_at(address) != COLON:
        return False
    if length == 3:
        return byte_at(address + 1) == 0x38 and byte_at(address + 2) == 0x30
    return length == 4 and byte_at(address + 1) == byte_at(address + 2) == 0x34 and byte_at(address + 3) == 0x33


@inlined
def _copy(address: int, start: int, end: int, out: int) -> int:
    for at in range(start, end):
        out = put_byte(out, byte_at(address + at)) + 1
    return out


@kernel
def _write_query(address: int, query: int, tail: int, names: Any, cuts: Integers, scratch: Integers, out: int) -> int:
    """Write the parameters of the query, which begins at its question mark; ``scratch`` takes where they begin and end."""
    count, start = 0, query + 1
    while start < tail:
        end = start
        while end < tail and byte_at(address + end) != AND:
            end += 1
        if end > start and not _tracks(address + start, end - start, names, cuts):
            if count == scratch.shape[1]:
                return _copy(address, query, tail, out)
            place = count
            while place and _precedes(address, start, end, scratch[0, place - 1], scratch[1, place - 1]):
                scratch[0, place], scratch[1, place] = scratch[0, place - 1], scratch[1, place - 1]
                place -= 1
            scratch[0, place], scratch[1, place] = start, end
            count += 1
        start = end + 1
    for i in range(count):
        out = put_byte(out, AND if i else QUERY) + 1
        out = _copy(address, scratch[0, i], scratch[1, i], out)
    return out


@kernel
def _precedes(address: int, start: int, end: int, other: int, stop: int) -> bool:
    """Whether the bytes ``start … end`` come before ``other … stop``."""
    while start < end and other < stop:
        one, two = byte_at(address + start), byte_at(address + other)
        if one != two:
            return one < two
        start, other = start + 1, other + 1
    return start == end and other < stop


@kernel
def _tracks(address: int, length: int, names: Any, cuts: Integers) -> bool:
    """Whether a parameter's name is listed; of the first in the list only the beginning counts."""
    for i in range(len(cuts) - 1):
        size = cuts[i + 1] - cuts[i]
        if length < size or (i > 0 and length > size and byte_at(address + size) != EQUALS):
            continue
        same = True
        for at in range(size):
            same = same and lower(byte_at(address + at)) == names[cuts[i] + at]
        if same:
            return True
    return False
