"""What is repeated, and which documents that drops: in rank order a document loses what one above it, that stays, holds.

An *item* is what can be repeated: a paragraph, a line, a window of tokens. An occurrence of an item is removed iff the same
item occurs in a document that ranks above and stays, or before in its own document without overlap. A document whose rest
is too small is dropped, and then what it holds counts for nobody: a removed item always has an occurrence that stays, or
that lies in a dropped document's own rest. This defines one result, document by document in rank order.

It is found in rounds, in which documents are kept, dropped or still open. What is removed of an open one lies between what
kept documents above it hold and what those not dropped hold; where both bounds say the same, it is decided. The highest
open document always is, and as identifiers are hashes, rounds grow with the logarithm of the corpus.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpusmill.operators.schema import DIGEST, DOC_ID, require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.hashing import fixed_bytes

Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Drops = Callable[[Integers, Integers], Integers]  # (removed, total) → 0, or the number of the reason to drop the document

# Consecutive items of one document that share a key; rank is (priority, doc_id, row_digest, ref), lower is better.
OCCURRENCES = pa.schema([
    pa.field("key", pa.uint64(), nullable=False),  # equal for equal items: they meet by it
    pa.field("ref", pa.uint64(), nullable=False),  # shard << 32 | row
    pa.field("priority", pa.int64(), nullable=False),  # of the source
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("row_digest", DIGEST, nullable=False),
    pa.field("at", pa.int32(), nullable=False),  # the first one's place in the document
    pa.field("size", pa.int32(), nullable=False),  # of each item's first piece
    pa.field("total", pa.int32(), nullable=False),  # of all pieces of the document
    pa.field("hashes", pa.list_(pa.field("item", pa.uint64(), nullable=False)), nullable=False),
])

# A document that is not kept, sent to where its items are; others there are kept.
STATES = pa.schema([OCCURRENCES.field("key"), OCCURRENCES.field("ref"), pa.field("open", pa.bool_(), nullable=False)])

FIRST, REPEATED, SURELY = range(3)  # verdicts: it stays; a document not dropped has it above; a kept one has
RUNS = pa.schema([
    OCCURRENCES.field("ref"),
    OCCURRENCES.field("key"),
    OCCURRENCES.field("at"),
    pa.field("count", pa.int32(), nullable=False),  # consecutive items of one verdict
    OCCURRENCES.field("size"),
    OCCURRENCES.field("total"),
    pa.field("verdict", pa.int8(), nullable=False),
    pa.field("first_doc_id", DOC_ID),  # of the document that holds what stays; null for FIRST
])

KEPT, OPEN, DROPPED = range(3)
_GOLDEN, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_NEVER = -1
# Of an item in its group: how often it occurs; the document that had it last, and where first; the highest that is not
# dropped, and the highest that is kept.
_TIMES, _LAST, _OWN, _UPPER, _KEPT = range(5)


@dataclasses.dataclass(frozen=True, slots=True)
class Pieces:
    """What texts consist of: those of document ``d`` are ``offsets[d] … offsets[d + 1] - 1``, spans in bytes of its text."""

    offsets: Integers
    starts: Integers
    ends: Integers


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """Runs of consecutive items that share a key; ``row`` is the document's place in the batch, the rest as OCCURRENCES."""

    row: Integers
    key: Words
    at: Integers
    size: Integers
    total: Integers
    offsets: Integers
    hashes: Words


class Trimming(Protocol):
    """A kind of repetition; a frozen dataclass. An item is ``width`` consecutive pieces."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def width(self) -> int:
        """Pieces of an item."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a document may be dropped; ``drops`` gives numbers from 1."""

    def drops(self, removed: Integers, total: Integers) -> Integers:
        """0 where so much of a document may be removed, else the reason's number; more removed never saves a document."""

    def pieces(self, texts: Texts) -> Pieces:
        """What the texts consist of."""

    def sightings(self, batch: pa.RecordBatch) -> Words:
        """A key for every item that might be repeated, not each once; columns ``text`` and ``source``."""

    def items(self, batch: pa.RecordBatch, repeated: Words) -> Items:
        """The items whose key is among ``repeated``, which is sorted, in order."""


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """What is known of documents: refs, sorted, that are dropped and open; the others are kept, or all open."""

    dropped: Words
    open: Words
    begun: bool = True

    @classmethod
    def unknown(cls) -> "Standing":
        """Before the first round."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.uint64), begun=False)

    def of(self, refs: Words) -> npt.NDArray[np.int8]:
        """KEPT, OPEN or DROPPED."""
        found = np.full(len(refs), KEPT if self.begun else OPEN, np.int8)
        found[_among(refs, self.open)] = OPEN
        found[_among(refs, self.dropped)] = DROPPED
        return found


def judge(occurrences: pa.Table, standing: Standing, width: int, *, only_open: bool) -> pa.RecordBatch:
    """The RUNS of all items that occur twice or more, by ref and place; ``only_open``: those of open documents alone.

    ``occurrences`` are all of their keys, in any order. Time and memory are linear in the items, but for sorting the rows.
    """
    require(occurrences, OCCURRENCES, "occurrences")
    if only_open:
        key = occurrences.column("key").to_numpy()
        wanted = np.unique(key[standing.of(occurrences.column("ref").to_numpy()) == OPEN])
        occurrences = occurrences.filter(pa.array(_among(key, wanted)))
    rows = {name: occurrences.column(name).combine_chunks() for name in OCCURRENCES.names}
    refs, doc_id, doc = _ranked(rows)
    at, key = rows["at"].to_numpy().astype(np.int64), rows["key"].to_numpy()
    offsets, hashes = rows["hashes"].offsets.to_numpy().astype(np.int64), rows["hashes"].values.to_numpy()
    order = np.lexsort((at, doc, key))
    begins = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1])) if len(key) else np.empty(0, np.int64)
    verdicts, firsts = np.full(len(hashes), _NEVER, np.int8), np.full(len(hashes), _NEVER, np.int32)
    _judge(np.append(begins, len(key)), order, doc, standing.of(refs), offsets, hashes, at, width, only_open, verdicts, firsts)
    return _runs(rows, offsets, at, verdicts, firsts, doc_id)


def _ranked(rows: dict[str, pa.Array]) -> tuple[Words, pa.Array, Integers]:
    """The documents' refs and ids in rank order, and the place of each row's document among them."""
    _, seen, index = np.unique(rows["ref"].to_numpy(), return_index=True, return_inverse=True)
    at = pa.array(seen)
    parts = [rows["priority"].take(at).to_numpy(), *_halves(rows["doc_id"].take(at)), *_halves(rows["row_digest"].take(at)),
             rows["ref"].take(at).to_numpy()]
    order = np.lexsort(tuple(reversed(parts)))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return parts[-1][order], rows["doc_id"].take(pa.array(seen[order])), place[index]


def _halves(column: pa.Array) -> list[Words]:
    """16-byte values as two numbers that sort as the bytes do."""
    words = np.ascontiguousarray(fixed_bytes(column)).view(">u8").astype(np.uint64)
    return [words[:, 0], words[:, 1]]


def _among(refs: Words, some: Words) -> Flags:
    """Whether each is among ``some``, which is sorted."""
    place = np.minimum(np.searchsorted(some, refs), max(0, len(some) - 1))
    found: Flags = some[place] == refs if len(some) else np.zeros(len(refs), np.bool_)
    return found


@njit(nogil=True, cache=True)
def _judge(
    groups: Integers, order: Integers, doc: Integers, state: Any, offsets: Integers, hashes: Words, at: Integers, width: int,
    only_open: bool, verdicts: Any, firsts: Integers,
) -> None:
    """Fill the verdict on each item, and the document that holds what stays; items that occur once have none."""
    entries, largest = np.empty(len(hashes), np.int64), 0
    for g in range(len(groups) - 1):
        items = 0
        for place in range(groups[g], groups[g + 1]):
            items += offsets[order[place] + 1] - offsets[order[place]]
        largest = max(largest, items)
    slots, table, notes = np.empty(4 * largest + 2, np.int64), np.empty(largest, np.uint64), np.empty((5, largest), np.int64)
    for g in range(len(groups) - 1):
        rows = order[groups[g] : groups[g + 1]]
        wanted = not only_open
        for run in rows:
            wanted = wanted or state[doc[run]] == OPEN
        if wanted:
            _number(rows, offsets, hashes, slots, table, notes, entries)
            _decide(rows, doc, state, offsets, at, width, only_open, entries, notes, verdicts, firsts)


@njit(nogil=True, cache=True)
def _number(rows: Integers, offsets: Integers, hashes: Words, slots: Integers, table: Words, notes: Integers,
            entries: Integers) -> None:
    """Number the different items of a group, and count each in ``notes[_TIMES]``."""
    items, size, filled = 0, 2, 0
    for run in rows:
        items += offsets[run + 1] - offsets[run]
    while size < 2 * items:
        size *= 2
    slots[:size] = 0
    for run in rows:
        for i in range(offsets[run], offsets[run + 1]):
            slot = np.int64((hashes[i] * _GOLDEN) >> _SHIFT) & (size - 1)
            while slots[slot] != 0 and table[slots[slot] - 1] != hashes[i]:
                slot = (slot + 1) & (size - 1)
            if slots[slot] == 0:
                table[filled] = hashes[i]
                notes[:, filled] = _NEVER
                notes[_TIMES, filled] = 0
                filled += 1
                slots[slot] = filled
            entries[i] = slots[slot] - 1
            notes[_TIMES, entries[i]] += 1


@njit(nogil=True, cache=True)
def _decide(
    rows: Integers, doc: Integers, state: Any, offsets: Integers, at: Integers, width: int, only_open: bool,
    entries: Integers, notes: Integers, verdicts: Any, firsts: Integers,
) -> None:
    """Go through a group in rank order; ``notes`` hold of each item where it was seen."""
    for run in rows:
        d = doc[run]
        for i in range(offsets[run], offsets[run + 1]):
            e, here = entries[i], at[run] + i - offsets[run]
            if notes[_LAST, e] != d:
                notes[_LAST, e], notes[_OWN, e] = d, here
            upper, kept = notes[_UPPER, e], notes[_KEPT, e]
            if notes[_TIMES, e] > 1 and (not only_open or state[d] == OPEN):
                above = upper >= 0 and upper != d
                firsts[i] = upper if above else d
                if here >= notes[_OWN, e] + width or (kept >= 0 and kept != d):
                    verdicts[i] = SURELY
                else:
                    verdicts[i] = REPEATED if above else FIRST
            if upper < 0 and state[d] != DROPPED:
                notes[_UPPER, e] = d
            if kept < 0 and state[d] == KEPT:
                notes[_KEPT, e] = d


def _runs(rows: dict[str, pa.Array], offsets: Integers, at: Integers, verdicts: Any, firsts: Any,
          doc_id: pa.Array) -> pa.RecordBatch:
    """RUNS: consecutive items of a row with one verdict and one holder."""
    order = np.lexsort((at, rows["ref"].to_numpy()))
    most = _collect(order, offsets, verdicts, firsts, np.empty((4, 0), np.int64))
    found = np.empty((4, most), np.int64)
    _collect(order, offsets, verdicts, firsts, found)
    row, begin, count, item = found
    verdict, taken = verdicts[item], pa.array(row)
    holder = pa.array(firsts[item], mask=verdict == FIRST)
    columns = {name: rows[name].take(taken) for name in ("ref", "key", "size", "total")}
    columns |= {"at": pa.array((at[row] + begin).astype(np.int32)), "count": pa.array(count.astype(np.int32)),
                "verdict": pa.array(verdict), "first_doc_id": doc_id.take(holder)}
    return pa.RecordBatch.from_arrays([columns[name] for name in RUNS.names], schema=RUNS)


@njit(nogil=True, cache=True)
def _collect(order: Integers, offsets: Integers, verdicts: Any, firsts: Any, found: Integers) -> int:
    """Write row, first item in it, number of items and first item of each run, where there is room; returns how many."""
    filled = 0
    for row in order:
        i = offsets[row]
        while i < offsets[row + 1]:
            begin = i
            while i < offsets[row + 1] and verdicts[i] == verdicts[begin] and firsts[i] == firsts[begin]:
                i += 1
            if verdicts[begin] == _NEVER:
                continue
            if filled < found.shape[1]:
                found[0, filled], found[1, filled] = row, begin - offsets[row]
                found[2, filled], found[3, filled] = i - begin, begin
            filled += 1
    return filled


def removed(runs: pa.Table | pa.RecordBatch, width: int, least: int) -> tuple[Words, Integers, Integers]:
    """Refs of the documents in RUNS, sorted; what items of the verdict ``least`` or above remove of each; its total.

    An item covers ``width`` pieces, and a piece that several cover is removed once; pieces of one item have one size.
    """
    columns = {name: _flat(runs, name).to_numpy() for name in ("ref", "at", "count", "size", "total", "verdict")}
    order = np.lexsort((columns["at"], columns["ref"]))
    ref, at, count, size, total = (columns[n][order].astype(np.int64 if n != "ref" else np.uint64)
                                   for n in ("ref", "at", "count", "size", "total"))
    refs, starts = np.unique(ref, return_index=True)
    sums = np.zeros(len(refs), np.int64)
    _cover(np.append(starts, len(ref)), at, at + count - 1 + width, size, columns["verdict"][order] >= least, sums)
    return refs, sums, total[starts]


@njit(nogil=True, cache=True)
def _cover(starts: Integers, at: Integers, end: Integers, size: Integers, taken: Flags, sums: Integers) -> None:
    for d in range(len(sums)):
        covered = 0
        for run in range(starts[d], starts[d + 1]):
            if taken[run]:
                sums[d] += max(0, end[run] - max(at[run], covered)) * size[run]
                covered = max(covered, end[run])


def settle(runs: pa.Table | pa.RecordBatch, width: int, drops: Drops) -> pa.RecordBatch:
    """The STATES to send on the documents of RUNS: those now dropped, and those still open."""
    refs, at_most, total = removed(runs, width, REPEATED)
    _, at_least, _ = removed(runs, width, SURELY)
    may, must = drops(at_most, total) > 0, drops(at_least, total) > 0
    ref, key = _flat(runs, "ref").to_numpy(), _flat(runs, "key").to_numpy()
    told = np.flatnonzero(_among(ref, refs[may]))
    order = told[np.lexsort((key[told], ref[told]))]
    ref, key = ref[order], key[order]
    new = np.ones(len(ref), np.bool_)
    new[1:] = (ref[1:] != ref[:-1]) | (key[1:] != key[:-1])
    ref, key = ref[new], key[new]
    return pa.RecordBatch.from_arrays([pa.array(key), pa.array(ref), pa.array(~_among(ref, refs[must]))], schema=STATES)


def _flat(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
