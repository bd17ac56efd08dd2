"""Star and components where the pairs are in parts, each with the pairs of its own lower documents.

Star goes in rounds. In each, a part settles in rank order the documents whose highest neighbour that is not dropped is
settled, with what other parts told of theirs, and tells what it newly knows. A document is settled for good, so rounds
may end at any time: what is open then is settled in one pass over the pairs that are left, with the same result.
Components go by forests (see ``components.py``). Either way a dropped document has a *fate*: the one that is kept.

    settle ─► told to the parts that hold the document as an upper one ─► settle … ─► open pairs ─► fates
    members of a part, their exact copies among them ─► tallies by centre ─► sizes ─► verdicts
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.dedup.components import forest
from corpusmill.operators.dedup.keep import RULES, VERDICTS, ranked
from corpusmill.operators.schema import DOC_ID
from corpusmill.operators.text.simd import kernel

Integers = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]

OPEN, KEPT, DROPPED = 0, 1, 2

# What is told of a document to another part, ``to``.
TOLD = pa.schema([pa.field("to", pa.int64()), pa.field("ref", pa.int64()), pa.field("kept", pa.bool_())])

FATES = pa.schema([
    pa.field("to", pa.int64()),
    pa.field("ref", pa.int64()),  # of a dropped document: shard · 2^32 + row
    pa.field("centre", pa.int64()),  # ref of the one that is kept
    pa.field("centre_doc_id", DOC_ID),
    pa.field("similarity", pa.float32()),
])

# How many documents of a part name a centre, and whether a near one does; then of all parts, with the centre itself.
TALLIES = pa.schema([
    pa.field("to", pa.int64()),
    pa.field("centre", pa.int64()),
    pa.field("centre_doc_id", DOC_ID),
    pa.field("size", pa.int64()),
    pa.field("near", pa.bool_()),
])


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What a part knows: refs in order, the state of each, and the pair by which a dropped one was, or -1."""

    refs: Integers
    states: States
    matched: Integers


def settle(pairs: pa.Table, told: pa.Table, mine: tuple[int, int]) -> Settled:
    """Settle what can be, of near PAIR_MESSAGES and what others told (TOLD).

    ``mine``: the first ref of the part, and the first after it. An upper document of it that has no pair as a lower
    one is kept; of those of other parts is known what they told.
    """
    refs, _, rank, upper, lower = ranked(pairs)
    order = np.argsort(rank, kind="stable")
    by_lower = np.lexsort((rank[upper], rank[lower]))
    starts = np.searchsorted(rank[lower][by_lower], np.arange(len(refs) + 1))
    states = np.full(len(refs), OPEN, np.int8)
    own = (refs >= mine[0]) & (refs < mine[1])
    states[own & (np.bincount(lower, minlength=len(refs)) == 0)] = KEPT
    news = told.column("ref").to_numpy()
    place, known = find(refs, news)
    states[place[known]] = np.where(told.column("kept").to_numpy()[known], KEPT, DROPPED)
    states, matched = states[order], np.full(len(refs), -1, np.int64)
    _settle(starts, rank[upper][by_lower], states, matched)
    found = np.where(matched >= 0, by_lower[matched], -1) if len(by_lower) else matched
    return Settled(refs, states[rank], found[rank])


@kernel
def _settle(starts: Integers, upper: Integers, states: States, matched: Integers) -> None:
    """In rank order; documents without pairs stay as they are."""
    for place in range(len(states)):
        if states[place] != OPEN or starts[place] == starts[place + 1]:
            continue
        state = KEPT
        for pair in range(starts[place], starts[place + 1]):
            above = states[upper[pair]]
            if above == KEPT:
                state, matched[place] = DROPPED, pair
                break
            if above == OPEN:
                state = OPEN
                break
        states[place] = state


def news(before: Settled | None, now: Settled, asked: pa.Table) -> pa.RecordBatch:
    """What to tell the other parts that asked (``ref``, ``to``) for documents that are settled now, and were not before.

    One that is in no pair of this part is kept, which is told at first.
    """
    refs, to = asked.column("ref").to_numpy(), asked.column("to").to_numpy()
    place, known = find(now.refs, refs)
    states = np.full(len(refs), KEPT, np.int8)
    states[known] = now.states[place[known]]
    new = states != OPEN
    if before is not None:
        new &= known
        new[known] &= before.states[place[known]] == OPEN
    return pa.RecordBatch.from_arrays([pa.array(c) for c in (to[new], refs[new], states[new] == KEPT)], schema=TOLD)


def open_pairs(pairs: pa.Table, settled: Settled, told: pa.Table) -> npt.NDArray[np.bool_]:
    """Which pairs decide what is still open: those of open lower documents whose upper is not dropped.

    ``told``: what all parts told of what they had ``settled``, and no more: what a part settles and tells nobody would
    be missing from the pairs of the others.
    """
    _, _, _, upper, lower = ranked(pairs)
    states = settled.states.copy()
    place, known = find(settled.refs, told.column("ref").to_numpy())
    states[place[known]] = np.where(told.column("kept").to_numpy()[known], KEPT, DROPPED)
    chosen: npt.NDArray[np.bool_] = (settled.states[lower] == OPEN) & (states[upper] != DROPPED)
    return chosen


def spanning(pairs: pa.Table) -> npt.NDArray[np.bool_]:
    """Which pairs make a spanning forest of all."""
    refs, _, _, upper, lower = ranked(pairs)
    return forest(len(refs), upper, lower)


def fates(pairs: pa.Table, keep: str) -> pa.Table:
    """The FATES of the documents that near PAIR_MESSAGES drop, by one of RULES; ``to`` is null."""
    refs, doc_id, rank, upper, lower = ranked(pairs)
    similar = pairs.column("similarity").to_numpy()
    centre, similarity = RULES[keep](rank, upper, lower, similar)
    dropped = np.flatnonzero(centre >= 0)
    ids = doc_id.take(pa.array(centre[dropped]))
    return _fates(refs[dropped], refs[centre[dropped]], ids, similarity[dropped])


def matched_fates(pairs: pa.Table, settled: Settled) -> pa.Table:
    """The FATES of the documents that were settled as dropped by a pair of this part; ``to`` is null."""
    place = np.flatnonzero(settled.matched >= 0)
    by = pairs.take(pa.array(settled.matched[place]))
    return _fates(settled.refs[place], refs_of(by, "upper_"), _flat(by, "upper_doc_id"), by.column("similarity").to_numpy())


def directly(found: pa.Table, pairs: pa.Table) -> pa.Table:
    """FATES with the similarity of the pair that joins each document with its centre, null where none does."""
    refs, upper, lower = found.column("ref").to_numpy(), refs_of(pairs, "upper_"), refs_of(pairs)
    order = np.argsort(refs)
    place, known = find(refs[order], lower)
    place, rows = order[place[known]], np.flatnonzero(known)
    joins = found.column("centre").to_numpy()[place] == upper[rows]
    similarity = np.full(len(refs), np.nan, np.float32)
    similarity[place[joins]] = pairs.column("similarity").to_numpy()[rows[joins]]
    return _fates(refs, found.column("centre").to_numpy(), _flat(found, "centre_doc_id"), similarity)


def _fates(refs: Integers, centre: Integers, ids: pa.Array, similarity: npt.NDArray[np.float32]) -> pa.Table:
    columns = [pa.nulls(len(refs), pa.int64()), pa.array(refs), pa.array(centre), ids,
               pa.array(similarity, mask=np.isnan(similarity))]
    return pa.Table.from_arrays(columns, schema=FATES)


def members(received: pa.Table, copies: pa.Table, mine: tuple[int, int]) -> pa.Table:
    """FATES and ``near`` of all dropped documents of a part: those of near pairs, and ``copies`` (exact PAIR_MESSAGES).

    A copy has the fate of its upper document, and where that is kept it is the centre. ``received``: the FATES of
    documents of the part, and of upper ones of its copies.
    """
    refs = received.column("ref").to_numpy()
    own = received.filter(pa.array((refs >= mine[0]) & (refs < mine[1])))
    received = received.take(pa.array(order := np.argsort(refs, kind="stable")))
    upper = refs_of(copies, "upper_")
    place, gone = find(refs[order], upper)
    index = pa.array(place, mask=~gone)
    centre = pc.coalesce(received.column("centre").combine_chunks().take(index), pa.array(upper))
    ids = pc.coalesce(_flat(received, "centre_doc_id").take(index), _flat(copies, "upper_doc_id"))
    similarity = pc.if_else(pa.array(gone), _flat(received, "similarity").take(index), pa.scalar(1, pa.float32()))
    followed = pa.Table.from_arrays([pa.nulls(len(upper), pa.int64()), pa.array(refs_of(copies)), centre, ids, similarity],
                                    schema=FATES)
    near = np.concatenate([np.ones(own.num_rows, np.bool_), gone])
    return pa.concat_tables([own, followed]).append_column("near", pa.array(near))


def tally(rows: pa.Table, to: int | None = None) -> pa.Table:
    """TALLIES by centre: of members, each of which counts 1, where they are told ``to`` count; or the sum of tallies."""
    rows = rows if "size" in rows.column_names else rows.append_column("size", pa.array(np.ones(rows.num_rows, np.int64)))
    found = rows.group_by(["centre", "centre_doc_id"]).aggregate([("size", "sum"), ("near", "any")]).sort_by("centre")
    columns = [pa.array(np.full(found.num_rows, to or 0)), found["centre"], found["centre_doc_id"], found["size_sum"],
               found["near_any"]]
    return pa.Table.from_arrays(columns, schema=TALLIES)


def part_verdicts(mine: pa.Table, sizes: pa.Table, part: tuple[int, int], kind: str) -> pa.Table:
    """The VERDICTS of a part: on its members, and on the centres in it; ``sizes``: TALLIES of all parts.

    ``kind``: "near" or "semantic", of all pairs but the exact ones.
    """
    centres = sizes.column("centre").to_numpy()
    sizes = sizes.take(pa.array(order := np.argsort(centres)))
    place, _ = find(centres[order], mine.column("centre").to_numpy())
    size = _flat(sizes, "size").take(pa.array(place))
    dropped = _verdicts(mine.column("ref").to_numpy(), mine, size, pc.if_else(mine["near"], kind, "exact"), keep=False)
    own = sizes.filter(pa.array((centres[order] >= part[0]) & (centres[order] < part[1])))
    kept = _verdicts(own.column("centre").to_numpy(), own, own["size"], pc.if_else(own["near"], kind, "exact"), keep=True)
    return pa.concat_tables([dropped, kept])


def _verdicts(refs: Integers, rows: pa.Table, size: pa.Array, kind: pa.ChunkedArray, *, keep: bool) -> pa.Table:
    matched = pa.nulls(len(refs), DOC_ID) if keep else rows["centre_doc_id"]
    similarity = pa.nulls(len(refs), pa.float32()) if keep else rows["similarity"]
    return pa.Table.from_arrays([
        pa.array(refs >> 32), pa.array(refs & 0xFFFFFFFF), pa.array(np.full(len(refs), keep)),
        kind, rows["centre_doc_id"], size, matched, similarity,
    ], schema=VERDICTS)


def refs_of(pairs: pa.Table, prefix: str = "") -> Integers:
    """The refs of the lower documents of PAIR_MESSAGES, or with "upper_" of the upper ones."""
    shard, row = (pairs.column(prefix + name).to_numpy() for name in ("shard", "row"))
    found: Integers = shard << 32 | row
    return found


def find(values: Integers, wanted: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Where each wanted one is among values in order, and whether it is there."""
    if not len(values):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return place, values[place] == wanted


def _flat(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
