"""Pairs of documents, drawn by Hypothesis, as the tables that say which are kept take them."""

import itertools

import pyarrow as pa
from hypothesis import strategies as st

from corpusmill.operators.dedup.keep import pair_messages_schema
from corpusmill.operators.dedup.rank import rank_names


@st.composite
def pair_tables(draw):
    """Documents (rank, doc_id, shard, row): canonical ones with near pairs, and copies of each."""
    count = draw(st.integers(1, 6))
    places = draw(st.permutations([(shard, row) for shard in range(3) for row in range(8)]))
    ranks = draw(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=count, max_size=count))
    ids = draw(st.permutations(range(count)))
    documents = [(rank, bytes([i]) * 16, *place) for rank, i, place in zip(ranks, ids, places, strict=False)]
    near = {tuple(sorted(pair)): draw(st.sampled_from([0.75, 0.875, 1.0]))
            for pair in itertools.combinations(documents, 2) if draw(st.booleans())}
    copies = [(((*one[0][:2], one[0][2] + draw(st.integers(0, 1))), one[1], *place), one)
              for place in places[count:] if draw(st.booleans()) for one in [draw(st.sampled_from(documents))]]
    return near, copies


def pair_table(pairs) -> pa.Table:
    """PAIR_MESSAGES of (lower, upper, kind, similarity)."""
    rows_ = []
    for lower, upper, kind, value in pairs:
        row = {"shard": lower[2], "row": lower[3], "doc_id": lower[1], "upper_shard": upper[2], "upper_row": upper[3],
               "upper_doc_id": upper[1], "kind": kind, "similarity": value}
        for prefix, one in (("", lower), ("upper_", upper)):
            row |= {prefix + name: number for name, number in zip(rank_names(2), one[0], strict=True)}
        rows_.append(row)
    return pa.Table.from_pylist(rows_, schema=pair_messages_schema(2))
