"""Star, over exact groups and over pairs, against a plain reference."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairing import pair_table, pair_tables

from corpusmill.operators.dedup.keep import (
    MESSAGES,
    VERDICTS,
    group_pairs,
    messages_schema,
    pair_messages_schema,
    pair_verdicts,
    star_groups,
    star_pairs,
)
from corpusmill.operators.errors import DataError, SchemaError

unhurried = settings(deadline=None)  # the first example may compile a kernel

wide = st.sampled_from([bytes(16), b"\x00" * 15 + b"\x01", b"\xff" * 16, b"\x01" + bytes(15), b"\x80" + bytes(15)])
keyed = st.integers(-1, 1)
rows = st.lists(st.tuples(wide, st.integers(0, 1), keyed, keyed, wide, wide, st.integers(0, 2)), max_size=30).map(
    lambda drawn: [(*row, i) for i, row in enumerate(drawn)])
RANKED = messages_schema(2)


def messages(rows_: list[tuple]) -> pa.Table:
    return pa.table([pa.array([row[i] for row in rows_], f.type) for i, f in enumerate(RANKED)], schema=RANKED)


def expected_groups(rows_: list[tuple], fresh: int = 0) -> list[dict]:
    verdicts = []
    for row in rows_:
        group = sorted(other[1:] for other in rows_ if other[0] == row[0])
        group = [row[1:]] if row[1] < fresh and row[1:] != group[0] else [group[0], *(o for o in group[1:] if o[0] >= fresh)]
        keep = group[0] == row[1:]
        verdicts.append({
            "shard": row[6], "row": row[7], "keep": keep, "kind": "exact" if len(group) > 1 else None,
            "cluster_id": group[0][3], "cluster_size": len(group),
            "matched_doc_id": None if keep else group[0][3], "similarity": None if keep else 1.0,
        })
    return verdicts


@unhurried
@given(rows, st.integers(0, 2))
def test_a_group_keeps_its_first_in_rank_and_what_came_before(rows_, fresh):
    result = star_groups(messages(rows_), fresh)
    assert result.schema == VERDICTS
    assert result.to_pylist() == expected_groups(rows_, fresh)


@unhurried
@given(rows, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_order_nor_chunks_nor_slices_matter(rows_, random, size):
    shuffled = random.sample(rows_, len(rows_))
    tables = [messages(shuffled[i : i + size]) for i in range(0, len(shuffled), size)]
    table = pa.concat_tables([messages(rows_[:2]), *tables]).slice(len(rows_[:2]))
    assert star_groups(table).to_pylist() == expected_groups(shuffled)
    by_row = star_groups(table).sort_by("row")
    assert by_row.combine_chunks() == star_groups(messages(rows_)).combine_chunks()


def test_a_record_batch_is_as_good_as_a_table():
    rows_ = [(bytes(16), 0, 0, 0, bytes([i]) * 16, bytes(16), 0, i) for i in range(3)]
    assert star_groups(messages(rows_).to_batches()[0]).to_pylist() == expected_groups(rows_)


@pytest.mark.parametrize("equal", [True, False])
def test_a_million_messages_take_seconds(equal):
    """One digest for all is the hot key of a crawl (an empty page, a notice); nothing may be quadratic in it."""
    count = 1_000_000
    words = np.random.default_rng(5).integers(0, 2**63, (count, 2))
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(words)])
    same = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(np.zeros_like(words))])
    zeros, numbers = pa.array(np.zeros(count, np.int64)), pa.array(np.arange(count))
    result = star_groups(pa.table([same if equal else ids, zeros, ids, same, zeros, numbers], schema=MESSAGES))
    kept = result["keep"].to_numpy()
    assert kept.sum() == (1 if equal else count)
    if equal:
        first = min(range(count), key=words.astype("<i8").view("V16")[:, 0].tolist().__getitem__)
        assert kept[first]


def test_messages_without_a_column_or_with_nulls_are_refused():
    table = messages([(bytes(16), 0, 0, 0, bytes(16), bytes(16), 0, 0)])
    with pytest.raises(SchemaError, match="messages has no column 'generation'"):
        star_groups(table.drop_columns(["generation"]))
    nothing = pa.table([pa.nulls(1, f.type) if f.name == "doc_id" else table[f.name] for f in RANKED], RANKED.names)
    with pytest.raises(DataError, match="column 'doc_id' holds 1 nulls in 1 rows"):
        star_groups(nothing)


def expected_pairs(rank: list[int], pairs: dict[tuple[int, int], float]) -> tuple[list[int], list[float]]:
    matched, values = [-1] * len(rank), [math.nan] * len(rank)
    similarity = {**pairs, **{(b, a): value for (a, b), value in pairs.items()}}
    for document in sorted(range(len(rank)), key=rank.__getitem__):
        kept_above = [other for other in range(len(rank)) if (document, other) in similarity
                      and rank[other] < rank[document] and matched[other] < 0]
        if kept_above:
            matched[document] = min(kept_above, key=rank.__getitem__)
            values[document] = similarity[document, matched[document]]
    return matched, values


def arrays(pairs: dict[tuple[int, int], float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ends = np.array(list(pairs), np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1], np.array(list(pairs.values()), np.float32)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 7))
    rank = draw(st.permutations(range(count)))
    edges = [pair for pair in itertools.combinations(range(count), 2) if draw(st.booleans())]
    turned = {(b, a) if draw(st.booleans()) else (a, b): draw(st.sampled_from([0.5, 0.75, 1.0])) for a, b in edges}
    return [7 * place - 20 for place in rank], turned


@unhurried
@given(graphs())
def test_star_is_that_of_the_plain_reference(graph):
    rank, pairs = graph
    matched, values = star_pairs(np.array(rank), *arrays(pairs))
    expected, similarity = expected_pairs(rank, pairs)
    assert matched.tolist() == expected
    np.testing.assert_array_equal(values, np.array(similarity, np.float32))


@unhurried
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_and_the_repetition_of_pairs_do_not_matter(graph, random):
    rank, pairs = graph
    again = [*pairs.items(), *(((b, a), value) for (a, b), value in pairs.items())]
    random.shuffle(again)
    ends = np.array([pair for pair, _ in again], np.int64).reshape(-1, 2)
    got = star_pairs(np.array(rank), ends[:, 0], ends[:, 1], np.array([value for _, value in again], np.float32))
    for a, b in zip(got, star_pairs(np.array(rank), *arrays(pairs)), strict=True):
        np.testing.assert_array_equal(a, b)


@unhurried
@given(graphs())
def test_the_kept_are_independent_and_every_dropped_one_touches_them(graph):
    """The two laws that make the result unique, stated without rank order."""
    rank, pairs = graph
    matched = star_pairs(np.array(rank), *arrays(pairs))[0]
    assert not any(matched[a] < 0 and matched[b] < 0 for a, b in pairs)
    for document, other in enumerate(matched):
        assert other < 0 or (matched[other] < 0 and {(document, other), (other, document)} & set(pairs))


def test_a_drift_chain_keeps_every_second_version():
    """Dropping on any higher neighbour, kept or not, would keep 1 of these 10,000 versions."""
    count = 10_000
    links = np.arange(count - 1)
    matched, similarity = star_pairs(np.arange(count), links, links + 1, np.full(count - 1, 0.8, np.float32))
    assert (matched[::2] == -1).all()
    assert (matched[1::2] == np.arange(0, count, 2)).all()
    assert np.isnan(similarity[::2]).all()


def test_of_a_pair_given_twice_the_higher_similarity_counts():
    ends = np.array([0, 1]), np.array([1, 0])
    assert star_pairs(np.array([0, 1]), *ends, np.array([0.7, 0.9], np.float32))[1][1] == np.float32(0.9)


def test_pairs_that_make_no_sense_are_refused():
    one = np.ones(1, np.float32)
    with pytest.raises(DataError, match="two documents have one rank"):
        star_pairs(np.array([1, 1]), np.array([0]), np.array([1]), one)
    with pytest.raises(DataError, match="documents 0 to 2, but there are 2"):
        star_pairs(np.array([0, 1]), np.array([0]), np.array([2]), one)
    with pytest.raises(DataError, match="document 1 is paired with itself"):
        star_pairs(np.array([0, 1]), np.array([1]), np.array([1]), one)


@unhurried
@given(rows)
def test_group_pairs_name_each_copy_and_the_first_of_its_group(rows_):
    expected = []
    for row in rows_:
        first = min(other[1:] for other in rows_ if other[0] == row[0])
        if first != row[1:]:
            expected.append({
                "shard": row[6], "doc_id": row[4], "row": row[7], "generation": row[1], "rank_1": row[2], "rank_2": row[3],
                "upper_doc_id": first[3], "upper_shard": first[5], "upper_row": first[6], "upper_generation": first[0],
                "upper_rank_1": first[1], "upper_rank_2": first[2], "kind": "exact", "similarity": 1.0,
            })
    found = group_pairs(messages(rows_))
    assert found.schema == pair_messages_schema(2)
    assert found.to_pylist() == [{name: row[name] for name in found.schema.names} for row in expected]


def component_of(one, near):
    """All that pairs join with a document, itself among them."""
    found = {one}
    while more := {other for pair in near if found & {*pair} for other in pair} - found:
        found |= more
    return found


def expected_verdicts(near, copies, keep="star", near_kind="near") -> list[dict]:
    """The documents in clusters, by shard and row."""
    documents = sorted({one for pair in near for one in pair} | {first for _, first in copies})
    matched: dict = {}
    for one in documents if keep == "components" else []:
        if (first := min(component_of(one, near))) != one:
            matched[one] = (first, near.get((first, one)), near_kind)
    for one in documents if keep == "star" else []:
        above = [(upper, value) for (upper, lower), value in near.items() if lower == one and upper not in matched]
        if above:
            matched[one] = (*min(above), near_kind)
    for copy, first in copies:
        matched[copy] = matched.get(first, (first, 1.0, "exact"))
    verdicts = []
    for one in {*documents, *matched}:
        centre = matched[one][0] if one in matched else one
        naming = [kind for upper, _, kind in matched.values() if upper == centre]
        if naming:
            kind = matched[one][2] if one in matched else near_kind if near_kind in naming else "exact"
            verdicts.append({
                "shard": one[2], "row": one[3], "keep": one not in matched, "kind": kind, "cluster_id": centre[1],
                "cluster_size": 1 + len(naming), "matched_doc_id": centre[1] if one in matched else None,
                "similarity": matched[one][1] if one in matched else None,
            })
    return sorted(verdicts, key=lambda v: (v["shard"], v["row"]))


@unhurried
@given(pair_tables(), st.sampled_from([("star", "near"), ("components", "near"), ("star", "semantic")]),
       st.randoms(use_true_random=False))
def test_verdicts_on_pairs_are_those_of_the_plain_reference(drawn, way, random):
    (near, copies), (keep, kind) = drawn, way
    pairs = [(lower, upper, kind, value) for (upper, lower), value in near.items()]
    pairs += [(copy, first, "exact", 1.0) for copy, first in copies]
    random.shuffle(pairs)
    found = pair_verdicts(pair_table(pairs), keep)
    assert found.schema == VERDICTS
    assert found.to_pylist() == expected_verdicts(near, copies, keep, kind)
