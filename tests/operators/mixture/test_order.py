import collections

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.errors import AlignmentError, ConfigError, SchemaError
from corpusmill.operators.mixture.order import order_keys, shard_of, shards_for, sort
from corpusmill.operators.schema import MIXTURE

uint64s = st.integers(0, 2**64 - 1)


@given(st.lists(uint64s, max_size=20), st.integers(1, 2**31))
@example([0, 2**64 - 1, 2**63, 2**63 - 1], 2**31)
@example([0x5555555555555555, 0x5555555555555556], 3)
def test_shards_are_exact_equal_ranges_of_keys(keys, shards):
    assert shard_of(np.array(keys, np.uint64), shards).tolist() == [key * shards >> 64 for key in keys]


@pytest.mark.parametrize("shards", [0, 2**31 + 1])
def test_a_number_of_shards_out_of_range_is_refused(shards):
    with pytest.raises(ConfigError, match="from 1 to 2\\^31 shards"):
        shard_of(np.zeros(1, np.uint64), shards)


def test_shards_hold_about_the_bytes_asked_for():
    assert [shards_for(total, 100) for total in (0, 1, 100, 101, 1000)] == [1, 1, 1, 2, 10]
    with pytest.raises(ConfigError, match="above 0, got 0"):
        shards_for(10, 0)


rows = st.lists(st.tuples(
    st.sampled_from([bytes(16), bytes(15) + b"\x80", b"\x80" + bytes(15)]),  # doc_id
    st.sampled_from(["code", "web", "wéb", "a"]),  # domain
    st.integers(0, 2),  # epoch
    st.sampled_from([0, 7, 2**63, 2**64 - 1]),  # key
), max_size=30)


def table(rows):
    return pa.table({
        "doc_id": pa.array([r[0] for r in rows], pa.binary(16)),
        "text": pa.array([r[0].hex() for r in rows], pa.string()),
        "source": pa.array(["s"] * len(rows), pa.string()),
        "domain": pa.array([r[1] for r in rows], pa.string()),
        "epoch": pa.array([r[2] for r in rows], pa.int32()),
        "tokens": pa.array([1] * len(rows), pa.int64()),
    }, schema=MIXTURE), np.array([r[3] for r in rows], np.uint64)


@given(rows)
def test_rows_are_sorted_by_key_then_document_epoch_and_domain(rows):
    ordered = sort(*table(rows))
    expected = sorted(rows, key=lambda r: (r[3], r[0], r[2], r[1].encode()))
    assert [(r["doc_id"], r["domain"], r["epoch"]) for r in ordered.to_pylist()] == [r[:3] for r in expected]
    assert ordered.schema == MIXTURE


@given(rows, st.randoms(use_true_random=False), st.integers(0, 30))
def test_neither_order_nor_chunks_of_the_input_matter(rows, random, at):
    shuffled = list(rows)
    random.shuffle(shuffled)
    (a, a_keys), (b, b_keys) = table(rows), table(shuffled)
    chunked = pa.concat_tables([b.slice(0, at), b.slice(at)])
    assert sort(chunked, b_keys).combine_chunks().equals(sort(a, a_keys).combine_chunks())


def test_a_batch_comes_back_as_a_batch():
    rows, keys = table([(bytes(16), "web", 0, 9), (bytes(16), "web", 1, 3)])
    ordered = sort(rows.to_batches()[0], keys)
    assert isinstance(ordered, pa.RecordBatch)
    assert ordered["epoch"].to_pylist() == [1, 0]


def test_rows_that_do_not_fit_are_refused():
    rows, keys = table([(bytes(16), "web", 0, 9)])
    with pytest.raises(AlignmentError, match="1 rows with 2 keys"):
        sort(rows, np.zeros(2, np.uint64))
    with pytest.raises(SchemaError, match="no column 'epoch'"):
        sort(rows.drop_columns("epoch"), keys)


def copied(domains=4, documents=20_000, epochs=3):
    """Every document of every domain, ``epochs`` times: domain and epoch of each copy, and its key."""
    rng = np.random.default_rng(11)
    ids = pa.array([rng.bytes(16) for _ in range(documents)], pa.binary(16))
    row = np.tile(np.arange(documents), epochs)
    epoch = np.repeat(np.arange(epochs, dtype=np.int32), documents)
    return row, row * domains // documents, epoch, order_keys(ids.take(pa.array(row)), epoch, seed=5)


def chi_square(labels, bins):
    """Pearson's statistic of labels against equal stretches of the mixture, and its degrees of freedom."""
    counts = np.array([np.bincount(part, minlength=labels.max() + 1) for part in np.array_split(labels, bins)])
    expected = counts.sum(0) / bins
    return ((counts - expected) ** 2 / expected).sum(), (bins - 1) * (counts.shape[1] - 1)


def test_domains_and_epochs_are_spread_over_the_whole_mixture():
    """Input sorted by domain and epoch comes out mixed: chi-square within 5 standard deviations of its mean."""
    _, domain, epoch, keys = copied()
    order = np.argsort(keys)
    for labels in (domain, epoch):
        statistic, freedom = chi_square(labels[order], bins=100)
        assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


def test_copies_of_a_document_fall_far_apart():
    """The mean distance of two uniform positions is a third of the length; fixed by the hash, so no test by chance."""
    row, _, _, keys = copied()
    places = collections.defaultdict(list)
    for place, document in enumerate(row[np.argsort(keys)]):
        places[document].append(place)
    gaps = [abs(p[0] - p[1]) for p in places.values()] + [abs(p[1] - p[2]) for p in places.values()]
    firsts = np.mean([p[2] - p[0] for p in places.values()]) / row.size
    assert 0.24 < np.mean(gaps) / row.size < 0.26  # neighbours among three uniform places: a quarter
    assert 0.49 < firsts < 0.51  # the range of three: a half


def test_seeds_order_differently_and_the_same_seed_equally():
    ids, epoch = pa.array([bytes([n] * 16) for n in range(50)], pa.binary(16)), np.zeros(50, np.int32)
    one, again, two = (order_keys(ids, epoch, seed) for seed in (1, 1, 2))
    assert one.tolist() == again.tolist()
    assert np.argsort(one).tolist() != np.argsort(two).tolist()
