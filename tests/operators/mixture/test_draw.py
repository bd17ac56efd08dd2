import dataclasses
import functools
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import AlignmentError, DataError
from corpusmill.operators.mixture.budget import plan
from corpusmill.operators.mixture.draw import boundary, candidates, copies, cut, doc_words, histogram, merge
from corpusmill.operators.text.hashing import priorities

DOMAINS = 3


@dataclasses.dataclass(frozen=True)
class Document:
    domain: int
    priority: int
    doc_id: bytes
    tokens: int


# Few priorities and ids, so that bins are shared and ties are common; both ends of the range are among them.
documents = st.lists(st.builds(
    Document,
    domain=st.integers(-1, DOMAINS - 1),
    priority=st.sampled_from([0, 1, 2**52 - 1, 2**52, 2**63, 2**64 - 2, 2**64 - 1]) | st.integers(0, 2**64 - 1),
    doc_id=st.sampled_from([bytes(16), bytes(15) + b"\x01", b"\x01" + bytes(15), b"\xff" * 16]),
    tokens=st.integers(0, 5),
), max_size=40)
remainders = st.lists(st.integers(0, 60), min_size=DOMAINS, max_size=DOMAINS)


def columns(rows):
    return (np.array([d.domain for d in rows], np.int32), np.array([d.priority for d in rows], np.uint64),
            pa.array([d.doc_id for d in rows], pa.binary(16)), np.array([d.tokens for d in rows], np.int64))


def draw(shards, remainder, whole=(0,) * DOMAINS, bits=12):
    """The three passes over the shards; copies per shard."""
    whole, remainder = np.array(whole, np.int64), np.array(remainder, np.int64)
    loaded = [columns(rows) for rows in shards]
    total = functools.reduce(merge, [histogram(d, p, t, len(whole), bits) for d, p, _, t in loaded])
    ends = boundary(total, remainder)
    cuts = cut(pa.concat_tables([candidates(*shard, ends) for shard in loaded]), ends)
    return [copies(d, p, i, whole, cuts).tolist() for d, p, i, _ in loaded]


def sorted_reference(rows, remainder):
    """Sort everything; take groups of equal (priority, doc_id) while they fit."""
    taken = set()
    for domain in range(DOMAINS):
        own = sorted((d for d in rows if d.domain == domain), key=lambda d: (d.priority, d.doc_id))
        left = remainder[domain]
        for key, group in itertools.groupby(own, key=lambda d: (d.priority, d.doc_id)):
            left -= sum(d.tokens for d in group)
            if left < 0 or remainder[domain] == 0:
                break
            taken.add((domain, *key))
    return [int((d.domain, d.priority, d.doc_id) in taken) for d in rows]


def split(rows, at):
    edges = [0, *sorted(min(a, len(rows)) for a in at), len(rows)]
    return [rows[a:b] for a, b in itertools.pairwise(edges)]


@given(documents, remainders, st.lists(st.integers(0, 40), max_size=4), st.sampled_from([1, 2, 12, 32]))
def test_any_split_into_shards_draws_what_sorting_everything_would(rows, remainder, at, bits):
    drawn = draw(split(rows, at), remainder, bits=bits)
    assert list(itertools.chain(*drawn)) == sorted_reference(rows, remainder)


@given(documents, remainders, st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(rows, remainder, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    straight, shuffled = draw([rows], remainder)[0], draw([[rows[i] for i in order]], remainder)[0]
    assert [straight[i] for i in order] == shuffled


@given(documents, remainders, st.lists(st.integers(0, 3), min_size=DOMAINS, max_size=DOMAINS))
def test_a_document_gets_its_whole_epochs_or_one_more(rows, remainder, whole):
    drawn, again = draw([rows], remainder, whole)[0], sorted_reference(rows, remainder)
    assert drawn == [whole[d.domain] + more if d.domain >= 0 else 0 for d, more in zip(rows, again, strict=True)]


@given(documents, remainders, remainders)
def test_a_larger_remainder_only_lengthens_the_prefix(rows, remainder, more):
    small, large = draw([rows], remainder)[0], draw([rows], np.add(remainder, more))[0]
    assert all(a <= b for a, b in zip(small, large, strict=True))


@given(documents, remainders)
def test_what_is_drawn_falls_short_by_less_than_the_first_document_left_out(rows, remainder):
    drawn = draw([rows], remainder)[0]
    for domain, planned in enumerate(remainder):
        achieved = sum(d.tokens for d, n in zip(rows, drawn, strict=True) if n and d.domain == domain)
        left_out = sorted(((d.priority, d.doc_id), d.tokens) for d, n in zip(rows, drawn, strict=True)
                          if not n and d.domain == domain)
        assert achieved <= planned
        if planned and left_out:
            first = left_out[0][0]
            assert planned - achieved < sum(tokens for key, tokens in left_out if key == first)


def shard(domain_of, seed, n=400):
    """Documents with real priorities; lengths vary with the row."""
    rng = np.random.default_rng(7)
    ids = pa.array([rng.bytes(16) for _ in range(n)], pa.binary(16))
    tokens = rng.integers(0, 50, n)
    domain = np.array([domain_of(i) for i in range(n)], np.int32)
    return domain, priorities(ids, seed, "draw"), ids, tokens


@pytest.fixture(scope="module")
def thirds():
    return shard(lambda i: i % 3, seed=1)


def mix(documents, proportions, budget, max_epochs=4.0):
    domain, priority, ids, tokens = documents
    available = {name: int(tokens[domain == code].sum()) for code, name in enumerate("abc")}
    planned = plan(proportions, available, budget, max_epochs)
    ends = boundary(histogram(domain, priority, tokens, 3), np.array([d.remainder_tokens for d in planned.domains]))
    cuts = cut(candidates(domain, priority, ids, tokens, ends), ends)
    return planned, copies(domain, priority, ids, np.array([d.whole_epochs for d in planned.domains]), cuts)


@given(st.integers(1, 30_000), st.integers(1, 200))
def test_mixtures_are_nested_for_growing_budgets(thirds, budget, more):
    """Across roll-overs to the next epoch and across caps: no document is drawn less often for a larger budget."""
    proportions = {"a": 0.7, "b": 0.2, "c": 0.1}
    (_, small), (_, large) = (mix(thirds, proportions, b) for b in (budget, budget + more))
    assert (small <= large).all()


def test_every_document_gets_the_floor_or_the_ceiling_of_its_domains_epochs():
    documents = shard(lambda i: (0, 0, 0, 0, 1, 2)[i % 6], seed=3)
    domain, _, _, tokens = documents
    planned, drawn = mix(documents, {"a": 0.5, "b": 0.3, "c": 0.2}, 9_000)
    for code, d in enumerate(planned.domains):
        own = drawn[domain == code]
        assert set(own) <= {int(np.floor(d.epochs)), int(np.ceil(d.epochs))}
        assert 0 <= d.tokens - int((drawn * tokens)[domain == code].sum()) < 50


def test_seeds_draw_different_documents():
    one, two = (mix(shard(lambda i: i % 3, seed), {"a": 0.4, "b": 0.3, "c": 0.3}, 3_000)[1] for seed in (1, 2))
    assert (one != two).any()


def test_documents_without_tokens_join_the_prefix_and_an_empty_remainder_draws_none():
    rows = [Document(0, p, bytes(16), t) for p, t in ((1, 0), (2, 3), (3, 0), (4, 1))]
    assert draw([rows], [0, 0, 0]) == [[0, 0, 0, 0]]
    assert draw([rows], [2, 0, 0]) == [[1, 0, 0, 0]]
    assert draw([rows], [3, 0, 0]) == [[1, 1, 1, 0]]
    assert draw([rows], [4, 0, 0]) == [[1, 1, 1, 1]]


@given(documents, st.lists(st.integers(0, 40), max_size=4))
def test_merging_is_associative_and_commutative(rows, at):
    parts = [histogram(d, p, t, DOMAINS) for d, p, _, t in map(columns, split(rows, at))]
    forward, backward = functools.reduce(merge, parts), functools.reduce(lambda a, b: merge(b, a), parts)
    d, p, _, t = columns(rows)
    whole = histogram(d, p, t, DOMAINS)
    for other in (forward, backward, merge(*parts)):
        for name in ("cells", "tokens", "documents"):
            assert getattr(other, name).tolist() == getattr(whole, name).tolist()


@given(documents)
def test_a_histogram_counts_every_document_of_the_mixture_once(rows):
    d, p, _, t = columns(rows)
    counted = histogram(d, p, t, DOMAINS)
    inside = [row for row in rows if row.domain >= 0]
    assert int(counted.documents.sum()) == len(inside)
    assert int(counted.tokens.sum()) == sum(row.tokens for row in inside)
    assert counted.cells.tolist() == sorted({row.domain << 12 | row.priority >> 52 for row in inside})


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.integers(0, 3))
def test_words_sort_as_the_bytes_do(ids, skip):
    """Also for slices, whose buffer begins before them, and chunked arrays."""
    high, low = doc_words(pa.array([bytes(16)] * skip + ids, pa.binary(16)).slice(skip))
    assert sorted(range(len(ids)), key=ids.__getitem__) == np.lexsort((low, high)).tolist()
    chunked = doc_words(pa.chunked_array([pa.array(ids, pa.binary(16)), pa.array(ids, pa.binary(16))]))
    assert chunked[0].tolist() == [*high.tolist(), *high.tolist()]


def test_input_that_would_be_drawn_wrongly_is_refused():
    domain, priority, _, tokens = columns([Document(0, 5, bytes(16), 3)])
    with pytest.raises(DataError, match="domain code 0 in a mixture of 0 domains"):
        histogram(domain, priority, tokens, 0)
    with pytest.raises(DataError, match="from 1 to 32 bits"):
        histogram(domain, priority, tokens, 1, bits=40)
    with pytest.raises(DataError, match="-3 tokens"):
        histogram(domain, priority, -tokens, 1)
    with pytest.raises(AlignmentError, match="columns of 1, 1, 2 rows"):
        histogram(domain, priority, np.zeros(2, np.int64), 1)
    with pytest.raises(AlignmentError, match="with 12 bits and of 1 with 8"):
        merge(histogram(domain, priority, tokens, 1), histogram(domain, priority, tokens, 1, bits=8))
    with pytest.raises(AlignmentError, match="columns of 1, 2 rows"):
        boundary(histogram(domain, priority, tokens, 1), np.zeros(2, np.int64))
    with pytest.raises(DataError, match="1 documents have no doc_id"):
        doc_words(pa.array([None], pa.binary(16)))
