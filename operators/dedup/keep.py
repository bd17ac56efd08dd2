"""Which of the documents that pairs join are kept.

Star: in rank order a document is dropped iff a verified neighbour ranked above it is kept. A dropped document names the
highest such neighbour. The result is unique. In an exact group all match all, so its first in rank stays and the others
name it; over pairs a chain of drifting versions keeps every second one, where dropping on any neighbour above, kept or
not, would keep the first alone. That is what components do (see ``components.py``), for those who want it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusmill.operators.dedup.components import component_pairs
from corpusmill.operators.dedup.rank import keys_in, rank_fields, rank_names
from corpusmill.operators.dedup.ranking import places
from corpusmill.operators.errors import DataError
from corpusmill.operators.schema import DIGEST, DOC_ID, DUPLICATES, PAIRS, require
from corpusmill.operators.text.hashing import fixed_bytes

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# One row per document, gathered by digest. Rank is the columns after `digest`, in this order, with those of the keys
# (see ``rank.py``) after the generation; lower is better.
MESSAGES = pa.schema([
    pa.field("digest", DIGEST, nullable=False),
    pa.field("generation", pa.int64(), nullable=False),
    pa.field("doc_id", DOC_ID, nullable=False),
    pa.field("row_digest", DIGEST, nullable=False),
    pa.field("shard", pa.int64(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
])

VERDICTS = pa.schema([
    MESSAGES.field("shard"),
    MESSAGES.field("row"),
    pa.field("keep", pa.bool_(), nullable=False),
    *(DUPLICATES.field(n) for n in ("kind", "cluster_id", "cluster_size", "matched_doc_id", "similarity")),
])

# PAIRS on their way to the shard of the lower document.
PAIR_MESSAGES = pa.schema([MESSAGES.field("shard"), *PAIRS])


def messages_schema(keys: int) -> pa.Schema:
    """MESSAGES with the keys of a rank."""
    digest, _, *others = MESSAGES
    return pa.schema([digest, *rank_fields(keys), *others])


def pairs_schema(keys: int) -> pa.Schema:
    """PAIRS with the keys of a rank."""
    return pa.schema([*PAIRS, *rank_fields(keys)[1:], *rank_fields(keys, "upper_")[1:]])


def pair_messages_schema(keys: int) -> pa.Schema:
    """PAIR_MESSAGES with the keys of a rank."""
    return pa.schema([MESSAGES.field("shard"), *pairs_schema(keys)])


def star_groups(messages: pa.Table | pa.RecordBatch, fresh: int = 0) -> pa.Table:
    """The VERDICTS on MESSAGES, row by row: the first in rank of each group of equal digests stays.

    A group of one has no kind; its cluster is itself. So is that of a document of a generation before ``fresh``, unless
    it is the first: it stays in any case. Raises SchemaError for other columns, DataError for nulls.
    """
    columns = _columns(messages)
    first, size = _groups(columns)
    row = np.arange(len(first))
    stays = (columns["generation"].to_numpy() < fresh) & (first != row)
    size = np.where(stays, 1, size - np.bincount(first[stays], minlength=len(first))[first])
    first = np.where(stays, row, first)
    dropped = first != row
    canonical = columns["doc_id"].take(pa.array(first))
    verdicts = [
        columns["shard"],
        columns["row"],
        pa.array(~dropped),
        pc.if_else(pa.array(size > 1), pa.scalar("exact"), pa.scalar(None, pa.string())),
        canonical,
        pa.array(size),
        pc.if_else(pa.array(dropped), canonical, pa.scalar(None, DOC_ID)),
        pa.array(np.ones(len(first), np.float32), mask=~dropped),
    ]
    return pa.Table.from_arrays(verdicts, schema=VERDICTS)


def group_pairs(messages: pa.Table | pa.RecordBatch) -> pa.RecordBatch:
    """The PAIR_MESSAGES of MESSAGES: each document with the first in rank of its group of equal digests, but that one.

    Raises SchemaError for other columns, DataError for nulls.
    """
    columns = _columns(messages)
    first, _ = _groups(columns)
    lower = np.flatnonzero(first != np.arange(len(first)))
    one, other = ({n: c.take(pa.array(rows)) for n, c in columns.items()} for rows in (lower, first[lower]))
    found = {"kind": pa.array(["exact"]).take(pa.array(np.zeros(len(lower), np.int64))),
             "similarity": pa.array(np.ones(len(lower), np.float32))}
    found |= {f"upper_{name}": column for name, column in other.items()} | one
    schema = pair_messages_schema(keys_in(messages.schema))
    return pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)


def _columns(messages: pa.Table | pa.RecordBatch) -> dict[str, pa.Array]:
    """MESSAGES by name, the digest and then the rank, from its first column to its last."""
    require(messages, schema := messages_schema(keys_in(messages.schema)), "messages")
    return {name: _flat(messages, name) for name in schema.names}


def pair_verdicts(pairs: pa.Table, keep: str = "star") -> pa.Table:
    """The VERDICTS on the documents of PAIR_MESSAGES that end in a cluster of two or more.

    ``keep`` is one of RULES: the canonical documents of near pairs go through it; an exact copy follows its own
    canonical, and where that is dropped it names the same document, as near as it. A canonical's kind is "near" where a
    near one names it. Pairs of kind "semantic" are taken as near ones are, and the kind is then "semantic".
    Memory: about 250 bytes per pair. Raises SchemaError for other columns.
    """
    documents, doc_id, rank, upper, lower = ranked(pairs)
    kind = _flat(pairs, "kind")
    near = pc.not_equal(kind, "exact").to_numpy(zero_copy_only=False)
    similar = _flat(pairs, "similarity").to_numpy()
    canonical, similarity = RULES[keep](rank, upper[near], lower[near], similar[near])
    by_near = canonical >= 0
    _follow(upper[~near], lower[~near], canonical, similarity, by_near)
    name = "semantic" if pc.any(pc.equal(kind, "semantic")).as_py() else "near"
    return _verdicts(documents, doc_id, canonical, similarity, by_near, name)


def ranked(pairs: pa.Table) -> tuple[Integers, pa.Array, Integers, Integers, Integers]:
    """The documents of PAIR_MESSAGES: refs (shard · 2^32 + row) in order, doc_ids, places in rank; and by their index the
    upper and lower document of each pair. Raises SchemaError for other columns.
    """
    require(pairs, PAIR_MESSAGES, "pairs")
    ends = [_refs(pairs, "upper_shard", "upper_row"), _refs(pairs, "shard", "row")]
    documents, seen, index = np.unique(np.concatenate(ends), return_index=True, return_inverse=True)
    doc_id = _either(pairs, "doc_id").take(pa.array(seen))
    keys = [_either(pairs, name).take(pa.array(seen)).to_numpy() for name in rank_names(keys_in(pairs.schema))]
    rank = np.empty(len(documents), np.int64)
    rank[np.lexsort((documents, *reversed(_halves(doc_id)), *reversed(keys)))] = np.arange(len(documents))
    return documents, doc_id, rank, index[: len(ends[0])], index[len(ends[0]) :]


def _follow(upper: Integers, lower: Integers, canonical: Integers, similarity: Floats, by_near: npt.NDArray[np.bool_]) -> None:
    """Give exact copies (``lower``) the fate of their canonical (``upper``)."""
    gone = canonical[upper] >= 0
    similarity[lower] = np.where(gone, similarity[upper], np.float32(1))
    by_near[lower] = by_near[upper]
    canonical[lower] = np.where(gone, canonical[upper], upper)


def _verdicts(
    documents: Integers, doc_id: pa.Array, canonical: Integers, similarity: Floats, by_near: npt.NDArray[np.bool_], name: str
) -> pa.Table:
    dropped = canonical >= 0
    centre = np.where(dropped, canonical, np.arange(len(documents)))
    size = np.bincount(centre, minlength=len(documents))[centre]
    nearly = np.zeros(len(documents), np.bool_)
    nearly[canonical[by_near]] = True
    names = doc_id.take(pa.array(centre))
    found = pa.Table.from_arrays([
        pa.array(documents >> 32),
        pa.array(documents & 0xFFFFFFFF),
        pa.array(~dropped),
        pc.if_else(pa.array(by_near | nearly), name, "exact"),
        names,
        pa.array(size),
        pc.if_else(pa.array(dropped), names, pa.scalar(None, DOC_ID)),
        pa.array(similarity, mask=~dropped | np.isnan(similarity)),
    ], schema=VERDICTS)
    return found.filter(pa.array(size > 1))


def _refs(pairs: pa.Table, shard: str, row: str) -> Integers:
    found: Integers = _flat(pairs, shard).to_numpy() << 32 | _flat(pairs, row).to_numpy()
    return found


def _either(pairs: pa.Table, name: str) -> pa.Array:
    """The values of the upper documents, then those of the lower."""
    return pa.concat_arrays([_flat(pairs, f"upper_{name}"), _flat(pairs, name)])


def star_pairs(rank: Integers, left: Integers, right: Integers, similarity: Floats) -> tuple[Integers, Floats]:
    """For each document the kept one that it matched, or -1 where it is kept, and the similarity to it, or NaN.

    ``rank`` (documents) holds distinct numbers, lower is better; ``left``, ``right`` (pairs) are indices of documents,
    either way round, and ``similarity`` (pairs) what was verified; of a pair that is given twice the higher counts.
    Raises DataError for equal ranks, an index that is no document's, or a document paired with itself.
    """
    order, place = places(rank, left, right)
    upper, lower = np.minimum(place[left], place[right]), np.maximum(place[left], place[right])
    by_lower = np.lexsort((-similarity, upper, lower))
    starts = np.searchsorted(lower[by_lower], np.arange(len(rank) + 1))
    matched = _star(starts, upper[by_lower])
    found = np.full(len(rank), -1, np.int64)
    values = np.full(len(rank), np.nan, np.float32)
    dropped = matched >= 0
    found[order[dropped]] = order[upper[by_lower][matched[dropped]]]
    values[order[dropped]] = similarity[by_lower][matched[dropped]]
    return found, values


RULES = {"star": star_pairs, "components": component_pairs}


@njit(nogil=True, cache=True)
def _star(starts: Integers, upper: Integers) -> Integers:
    """For each place in rank order its first pair (pairs are sorted) whose upper end is kept, or -1."""
    matched = np.full(len(starts) - 1, -1, np.int64)
    for place in range(len(matched)):
        for pair in range(starts[place], starts[place + 1]):
            if matched[upper[pair]] < 0:
                matched[place] = pair
                break
    return matched


def _flat(messages: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    column = messages.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        raise DataError(f"messages: column {name!r} holds {column.null_count} nulls in {len(column)} rows")
    return column


def _groups(columns: dict[str, pa.Array]) -> tuple[Integers, Integers]:
    """For each row the index of its group's first in rank, and the size of the group."""
    digest = _halves(columns["digest"])
    rank = [part for name, column in columns.items() if name != "digest" for part in _sortable(column)]
    order = np.lexsort((*reversed(rank), *reversed(digest)))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.any([half[order][1:] != half[order][:-1] for half in digest], axis=0)
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts, append=len(order))
    first, size = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    first[order] = np.repeat(order[starts], sizes)
    size[order] = np.repeat(sizes, sizes)
    return first, size


def _sortable(column: pa.Array) -> list[npt.NDArray[Any]]:
    return [column.to_numpy()] if column.type == pa.int64() else _halves(column)


def _halves(column: pa.Array) -> list[npt.NDArray[Any]]:
    """16-byte values as two numbers that sort as the bytes do."""
    words = np.ascontiguousarray(fixed_bytes(column)).view(">u8").astype(np.uint64)
    return [words[:, 0], words[:, 1]]
