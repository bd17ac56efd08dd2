"""Candidate pairs against a plain walk over the buckets."""

import itertools
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.dedup import bands
from corpusmill.operators.dedup.bands import BAND_MESSAGES, CANDIDATES, band_messages, candidates
from corpusmill.operators.errors import SchemaError

WIDE = [0, 1, 1 << 32, (1 << 63) + 5, (1 << 64) - 1]


@st.composite
def corpora(draw):
    """(bands, rank, ref) of a few documents that share many bands; ranks may tie."""
    n, width = draw(st.integers(0, 12)), draw(st.integers(1, 3))
    values = draw(st.lists(st.lists(st.sampled_from(WIDE), min_size=width, max_size=width), min_size=n, max_size=n))
    ref = draw(st.permutations(range(n)))
    rank = [draw(st.sampled_from(WIDE)) for _ in range(n)]
    return (np.array(values, np.uint64).reshape(n, width), np.array(rank, np.uint64), np.array(ref, np.uint64) << np.uint64(31))


def reference(values, rank, ref, fresh, most, neighbours, whole, fewest):
    """(pairs, counts) of messages as band_messages sends them: the bands of a hash in any column are one bucket."""
    buckets = {}
    for row, (r, f) in enumerate(zip(rank.tolist(), ref.tolist(), strict=True)):
        for column, band in enumerate(values[row].tolist()):
            following = values[row, (column + 1) % values.shape[1]].item() >> 32
            buckets.setdefault(band, []).append(((r, f), following))
    pairs, all_pairs, compared, large, shared = set(), 0, 0, 0, 0
    for members in buckets.values():
        members.sort()
        first = min(most, max(fewest, most * whole // len(members)))
        shared += len(members) > 1
        large += len(members) > first
        held = sum(place[0] >> 56 < fresh for place, _ in members)
        all_pairs += len(members) * (len(members) - 1) // 2 - held * (held - 1) // 2
        chosen = [(i, j) for i, j in itertools.combinations(range(len(members)), 2) if i < first]
        rest = sorted(range(first, len(members)), key=lambda i: (members[i][1], members[i][0]))
        chosen += [(rest[i], rest[j]) for i, j in itertools.combinations(range(len(rest)), 2) if j - i <= neighbours]
        chosen = [(i, j) for i, j in chosen if max(members[i][0], members[j][0])[0] >> 56 >= fresh]
        compared += len(chosen)
        for i, j in chosen:
            upper, lower = sorted([members[i][0], members[j][0]])
            pairs.add((upper[1], lower[1]))
    return pairs, {"buckets": shared, "large_buckets": large, "bucket_pairs": all_pairs, "skipped_pairs": all_pairs - compared}


@given(corpora(), st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.sampled_from([1, 3, 100]), st.integers(1, 2),
       st.sampled_from([0, 1, 200]))
def test_candidates_are_those_of_the_reference(corpus, first, neighbours, slice_pairs, whole, fewest, fresh):
    values, rank, ref = corpus
    if values.shape[1] > 1:  # a document has no band twice
        values = values ^ np.arange(values.shape[1], dtype=np.uint64) << np.uint64(40)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FIRST", first), ("NEIGHBOURS", neighbours), ("SLICE_PAIRS", slice_pairs), ("WHOLE", whole),
                            ("FEWEST", fewest)):
            patch.setattr(bands, name, value)
        found, counts = candidates(band_messages(values, rank, ref), fresh)
    pairs, expected = reference(values, rank, ref, fresh, first, neighbours, whole, fewest)
    rows = list(zip(found.column("upper").to_pylist(), found.column("lower").to_pylist(), strict=True))
    assert found.schema == CANDIDATES
    assert (set(rows), len(rows), counts) == (pairs, len(pairs), expected)


@given(corpora(), st.randoms(use_true_random=False))
def test_order_and_chunks_of_the_messages_do_not_matter(corpus, random):
    messages = pa.Table.from_batches([band_messages(*corpus)])
    order = random.sample(range(messages.num_rows), messages.num_rows)
    chunks = [messages.take(pa.array(order[i : i + 3], pa.int64())) for i in range(0, len(order), 3)]
    shuffled = pa.concat_tables([BAND_MESSAGES.empty_table(), *chunks])
    assert candidates(shuffled)[0].equals(candidates(messages)[0])


@given(corpora(), st.data())
def test_keys_of_the_rank_stand_between_generation_and_id(corpus, data):
    """Whichever the keys, candidates are those of documents that are ranked by one number."""
    values, rank, ref = corpus
    keys = [np.array([data.draw(st.integers(-1, 1)) for _ in rank], np.int64) for _ in range(2)]
    order = sorted(range(len(rank)), key=lambda i: (rank[i] >> np.uint64(56), keys[0][i], keys[1][i], rank[i], ref[i]))
    dense = np.empty(len(rank), np.uint64)
    dense[order] = np.arange(len(rank))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bands, "FIRST", 2)
        patch.setattr(bands, "NEIGHBOURS", 1)
        found = candidates(band_messages(values, rank, ref, keys))
        assert found[0].equals(candidates(band_messages(values, dense, ref))[0])


def test_a_bucket_of_a_hundred_is_compared_in_full_and_none_is_quadratic():
    for n, pairs in ((100, 4950), (101, 5050), (10_000, 4950 + 9_900 * 100 + 4 * 9_900 - 10),
                     (50_000, 190 + 49_980 * 20 + 4 * 49_980 - 10)):
        ref = np.arange(n, dtype=np.uint64)
        found, counts = candidates(band_messages(np.full((n, 1), 7, np.uint64), ref, ref))
        assert found.num_rows == pairs
        assert counts["skipped_pairs"] == n * (n - 1) // 2 - pairs


def test_a_million_documents_of_one_bucket_take_time_in_proportion():
    """Time by document at up to ten times as many, where the square would take ten times as long; and the pairs are bounded.

    The better of two passes counts: new memory costs a first one up to three times as much.
    """
    took = []
    for n in (100_000, 200_000, 400_000, 1_000_000):
        ref = np.arange(n, dtype=np.uint64)
        following = np.random.default_rng(n).integers(0, 1 << 63, n, dtype=np.uint64)
        messages = band_messages(np.stack([np.full(n, 7, np.uint64), following], axis=1), ref, ref)
        seconds = []
        for _ in range(2):
            start = time.process_time()
            found, counts = candidates(messages)
            seconds.append((time.process_time() - start) / n)
        took.append(min(seconds))
        assert counts["large_buckets"] == 1
        assert found.num_rows < 14 * n
    assert max(took) < 5 * min(took)


def test_neighbours_are_those_that_also_share_the_next_band():
    """Families within one large bucket: each member meets its family, though it is not among the first."""
    n, families = 1000, 300
    rng = np.random.default_rng(4)
    following = rng.integers(0, 1 << 63, families, dtype=np.uint64)[rng.permutation(n) % families]
    ref = np.arange(n, dtype=np.uint64)
    found, _ = candidates(band_messages(np.stack([np.full(n, 7, np.uint64), following], axis=1), ref, ref))
    upper, lower = found.column("upper").to_numpy(), found.column("lower").to_numpy()
    rest = (upper >= bands.FIRST) & (lower >= bands.FIRST)
    assert (following[upper[rest]] == following[lower[rest]]).sum() >= 800


def test_other_columns_are_a_clear_error():
    with pytest.raises(SchemaError, match="no column 'band'"):
        candidates(pa.table({"digest": [1]}))
