"""Cuts pieces out of texts, with the blank space that follows them, and says what was cut.

A cut ends where the next piece that stays begins; where none does, it begins where the last one ended, so that what
followed the last piece stays. A cut that would begin or end inside a character is made shorter.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.repeats import Pieces
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.editing import copy
from corpusmill.operators.text.simd import PADDING, between, byte_at, count_ones, kernel, low_bits

STAYS = -1


@dataclasses.dataclass(frozen=True, slots=True)
class Cuts:
    """Spans in document order: those of document ``d`` are ``offsets[d] … offsets[d + 1] - 1``.

    ``starts`` and ``ends`` are bytes of the text as it was, ``chars`` its code points between them, ``holders`` what
    ``Runs.holder`` says of the piece that is cut. Two spans touch where two holders do.
    """

    offsets: Integers
    starts: Integers
    ends: Integers
    chars: Integers
    holders: Integers


@dataclasses.dataclass(frozen=True, slots=True)
class Covered:
    """Runs of items by document and place: ``count`` items from ``at`` on; ``holder`` numbers who holds what stays."""

    row: Integers
    at: Integers
    count: Integers
    holder: Integers


def cuts(texts: Texts, pieces: Pieces, covered: Covered, width: int) -> Cuts:
    """Where the texts lose the pieces that the runs cover; a piece that several cover goes with the first."""
    holders = np.full(len(pieces.starts), STAYS, np.int64)
    _cover(covered.row, covered.at, covered.count, covered.holder, width, pieces.offsets, holders)
    most = int((holders != STAYS).sum())
    offsets = np.zeros(len(texts) + 1, np.int64)
    starts, ends, chars, owners = (np.empty(most, np.int64) for _ in range(4))
    _cut(texts.addresses, texts.lengths, pieces.offsets, pieces.starts, pieces.ends, holders, offsets, starts, ends, chars,
         owners)
    n = offsets[-1]
    return Cuts(offsets, starts[:n], ends[:n], chars[:n], owners[:n])


def without(texts: Texts, found: Cuts, rows: npt.NDArray[np.bool_]) -> pa.StringArray:
    """The texts of ``rows`` without what was cut."""
    kept = np.flatnonzero(rows)
    offsets = np.zeros(len(kept) + 1, np.int32)
    data = np.empty(int(texts.lengths[kept].sum()) + PADDING, np.uint8)
    _remove(texts.addresses, texts.lengths, kept, found.offsets, found.starts, found.ends, data.ctypes.data, offsets)
    return pa.StringArray.from_buffers(len(kept), pa.py_buffer(offsets), pa.py_buffer(data))


@kernel
def _cover(
    row: Integers, at: Integers, count: Integers, holder: Integers, width: int, first: Integers, holders: Integers
) -> None:
    last, reached = -1, 0
    for run in range(len(row)):
        d = row[run]
        if d != last:
            last, reached = d, 0
        end = at[run] + count[run] - 1 + width
        for piece in range(max(at[run], reached), end):
            holders[first[d] + piece] = holder[run]
        reached = max(reached, end)


@kernel
def _cut(
    addresses: Integers, lengths: Integers, first: Integers, piece_starts: Integers, piece_ends: Integers, holders: Integers,
    offsets: Integers, starts: Integers, ends: Integers, chars: Integers, owners: Integers,
) -> None:
    filled = 0
    for d in range(len(addresses)):
        piece, stop = first[d], first[d + 1]
        while piece < stop:
            if holders[piece] == STAYS:
                piece += 1
                continue
            begin = piece
            while piece < stop and holders[piece] != STAYS:
                piece += 1
            low = piece_starts[begin] if piece < stop or begin == first[d] else piece_ends[begin - 1]
            high = piece_starts[piece] if piece < stop else piece_ends[piece - 1]
            low = _onward(addresses[d], low, lengths[d])
            while high > low and high < lengths[d] and byte_at(addresses[d] + high) & 0xC0 == 0x80:
                high -= 1
            at = begin
            while at < piece and low < high:
                owner = holders[at]
                while at < piece and holders[at] == owner:
                    at += 1
                end = high
                if at < piece:
                    end = min(high, _onward(addresses[d], piece_starts[at] if piece < stop else piece_ends[at - 1], lengths[d]))
                if end > low:
                    starts[filled], ends[filled], owners[filled] = low, end, owner
                    chars[filled] = _characters(addresses[d] + low, end - low)
                    filled += 1
                    low = end
        offsets[d + 1] = filled


@kernel
def _onward(address: int, at: int, length: int) -> int:
    """The first place from ``at`` on where a character begins, or the text ends."""
    while at < length and byte_at(address + at) & 0xC0 == 0x80:
        at += 1
    return at


@kernel
def _characters(address: int, length: int) -> int:
    continued = 0
    for at in range(0, length, 64):
        continued += count_ones(between(address + at, 0x80, 0xBF) & low_bits(length - at))
    return length - continued


@kernel
def _remove(
    addresses: Integers, lengths: Integers, rows: Integers, first: Integers, starts: Integers, ends: Integers,
    data: int, offsets: Any,
) -> None:
    end = data
    for i in range(len(rows)):
        d, copied = rows[i], 0
        for span in range(first[d], first[d + 1]):
            end = copy(addresses[d] + copied, addresses[d] + starts[span], end)
            copied = ends[span]
        end = copy(addresses[d] + copied, addresses[d] + lengths[d], end)
        offsets[i + 1] = end - data
