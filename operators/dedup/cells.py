"""Star within k-means cells: sketches of one cell are compared, a tile at a time, with those that are kept above them.

The sketches are small integers, and float32 adds up their products without rounding: no tile, thread or processor changes a
result. Only kept documents are compared with, so a cell of n documents of which m are kept takes n · m products at most, and
a family of any size takes n. For each dropped document one pair is given, with the first in rank of the kept documents that
it matches; on these the star of ``keep.py`` decides as it would on all pairs.

    n documents of a cell, in rank order · D dimensions
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.keep import MESSAGES, pair_messages_schema
from corpusmill.operators.dedup.rank import keys_in, rank_fields, rank_names
from corpusmill.operators.schema import require
from corpusmill.operators.text.hashing import fixed_bytes
from corpusmill.operators.text.simd import kernel

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.int8]

MOST = 1 << 15  # documents of a cell that are compared; a larger one is cut
TILE = 1 << 10  # documents compared at once
KEPT = 1 << 12  # kept documents that they are compared with at once


def cell_messages(dimensions: int, keys: int) -> pa.Schema:
    """What a document sends to its cell; ``keys``: of the rank."""
    place = [MESSAGES.field(name) for name in ("doc_id", "shard", "row")]
    return pa.schema([pa.field("cell", pa.int32()), *rank_fields(keys), *place, pa.field("sketch", pa.binary(dimensions))])


def cell_pairs(messages: pa.Table | pa.RecordBatch, threshold: float, most: int = MOST) -> pa.Table:
    """The PAIR_MESSAGES of kind "semantic" of whole cells: one for each document that a kept one of its cell is similar to.

    Raises SchemaError for other columns.
    """
    schema = cell_messages(1, keys_in(messages.schema))
    require(messages, [f for f in schema if f.name != "sketch"], "messages of cells")
    table = pa.Table.from_batches([messages]) if isinstance(messages, pa.RecordBatch) else messages
    ordered = table.sort_by([(name, "ascending") for name in schema.names if name != "sketch"]).combine_chunks()
    cells = ordered.column("cell").to_numpy()
    sketches = fixed_bytes(ordered.column("sketch").combine_chunks()).view(np.int8)
    upper, similarity = np.full(len(cells), -1), np.zeros(len(cells), np.float32)
    cuts = np.flatnonzero(np.diff(cells, prepend=-1, append=-1)) if len(cells) else np.empty(0, np.int64)
    for begin, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        first = _firsts(ordered.column("sketch").slice(begin, end - begin)) + begin
        distinct = np.unique(first)
        for part in parts(sketches[distinct], most):
            rows = distinct[part]
            above, similarity[rows] = star(sketches[rows], threshold)
            upper[rows[above >= 0]] = rows[above[above >= 0]]
        copies = np.flatnonzero(first != np.arange(begin, end)) + begin
        _follow(copies, first[copies - begin], upper, similarity)
    lower = np.flatnonzero(upper >= 0)
    return _pairs(ordered, lower, upper[lower], similarity[lower])


def _firsts(sketches: pa.ChunkedArray) -> Integers:
    """For each document the first with an equal sketch."""
    codes = sketches.combine_chunks().dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    found: Integers = first[codes]
    return found


def _follow(copies: Integers, first: Integers, upper: Integers, similarity: Floats) -> None:
    """What has a sketch like an earlier one matches what that one does, and it where it is kept: at any threshold."""
    dropped = upper[first] >= 0
    upper[copies] = np.where(dropped, upper[first], first)
    similarity[copies] = np.where(dropped, similarity[first], np.float32(1))


def _pairs(ordered: pa.Table, lower: Integers, upper: Integers, similarity: Floats) -> pa.Table:
    names = [*rank_names(keys := keys_in(ordered.schema)), "doc_id", "shard", "row"]
    one, other = (ordered.select(names).take(pa.array(rows)) for rows in (lower, upper))
    found = {f"upper_{name}": other.column(name) for name in names} | {name: one.column(name) for name in names}
    found |= {"kind": pa.array(["semantic"] * len(lower), pa.string()), "similarity": pa.array(similarity)}
    schema = pair_messages_schema(keys)
    return pa.table([found[name] for name in schema.names], schema=schema)


def parts(sketches: Vectors, most: int) -> Iterator[Integers]:
    """The rows of a cell, cut until no part has more than ``most``, each in order.

    A part is cut at a value of the coordinate that differs most: the one that fewest documents are near to among those that
    leave a quarter on both sides. Documents of equal sketches stay together, whatever their number.
    """
    waiting = [np.arange(len(sketches))]
    while waiting:
        rows = waiting.pop()
        below = _below(sketches[rows]) if len(rows) > most else np.zeros(len(rows), np.bool_)
        if below.any():
            waiting += [rows[~below], rows[below]]
        else:
            yield rows


def _below(sketches: Vectors) -> npt.NDArray[np.bool_]:
    """The documents on the lower side of the cut; none where all sketches are equal."""
    n = len(sketches)
    sums = sketches.sum(axis=0, dtype=np.int64)
    squares = np.einsum("ij,ij->j", sketches, sketches, dtype=np.int64)
    column = sketches[:, int((n * squares - sums * sums).argmax())].astype(np.int64)
    counts = np.bincount(column + 128, minlength=257)
    before = np.cumsum(counts)[:-1]  # documents below each value
    beside = counts[:-1] + counts[1:]
    balanced = (4 * before >= n) & (4 * before <= 3 * n)
    cost = np.where(balanced, beside, 4 * n + np.abs(2 * before - n))
    return column < int(cost.argmin()) - 127


def star(sketches: Vectors, threshold: float) -> tuple[Integers, Floats]:
    """For each document (n, D), in rank order, the first kept one with a cosine of at least ``threshold``, and that cosine.

    -1 and 0 where it is kept itself.
    """
    n, count = len(sketches), 0
    lengths = np.sqrt(np.einsum("ij,ij->i", sketches, sketches, dtype=np.int64).astype(np.float64))
    upper, similarity = np.full(n, -1), np.zeros(n, np.float32)
    kept, places = np.empty(sketches.shape, np.float32), np.empty(n, np.int64)
    for first in range(0, n, TILE):
        tile = sketches[first : first + TILE].astype(np.float32)
        for start in range(0, count, KEPT):
            above = slice(start, min(start + KEPT, count))
            rows = np.flatnonzero(upper[first : first + len(tile)] < 0)
            _match(tile[rows] @ kept[above].T, rows + first, places[above], lengths, threshold, upper, similarity)
        rows = np.flatnonzero(upper[first : first + len(tile)] < 0)
        _match(tile[rows] @ tile[rows].T, rows + first, rows + first, lengths, threshold, upper, similarity)
        rows = rows[upper[rows + first] < 0]
        kept[count : count + len(rows)], places[count : count + len(rows)] = tile[rows], rows + first
        count += len(rows)
    return upper, similarity


@kernel
def _match(products: Floats, rows: Integers, above: Integers, lengths: Any, threshold: float, upper: Integers,
           similarity: Floats) -> None:
    """For each row the first of ``above`` that precedes it, is kept and is similar; ``products`` (rows, above)."""
    for i in range(len(rows)):
        row = rows[i]
        for j in range(len(above)):
            place = above[j]
            if place >= row:
                break
            if products[i, j] >= threshold * (lengths[row] * lengths[place]) and upper[place] < 0:
                upper[row] = place
                similarity[row] = min(np.float64(1), products[i, j] / (lengths[row] * lengths[place]))
                break
