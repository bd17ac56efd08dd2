"""Connected components against a plain walk."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.dedup.components import component_pairs, forest, roots
from corpusmill.operators.errors import DataError

unhurried = settings(deadline=None)  # the first example may compile a kernel
COUNT = 12
PAIRS = st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)).filter(lambda p: p[0] != p[1]), max_size=20)


def walked(count, pairs):
    """The lowest of the documents that each can reach."""
    reach = [{i} for i in range(count)]
    for _ in range(count):
        for a, b in pairs:
            reach[a] = reach[b] = reach[a] | reach[b]
    return [min(one) for one in reach]


def ends(pairs):
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


@unhurried
@given(PAIRS, st.randoms(use_true_random=False))
def test_roots_are_those_of_a_plain_walk_whatever_the_order(pairs, random):
    expected = walked(COUNT, pairs)
    assert roots(COUNT, *ends(pairs)).tolist() == expected
    random.shuffle(pairs)
    assert roots(COUNT, *ends([(b, a) if random.random() < 0.5 else (a, b) for a, b in pairs])).tolist() == expected


@unhurried
@given(st.lists(PAIRS, max_size=4))
def test_the_forests_of_parts_have_the_components_of_the_whole(parts):
    joined = []
    for part in parts:
        left, right = ends(part)
        chosen = np.flatnonzero(forest(COUNT, left, right))
        assert len(chosen) == COUNT - len(set(walked(COUNT, part)))
        joined += [(int(left[i]), int(right[i])) for i in chosen]
    assert roots(COUNT, *ends(joined)).tolist() == walked(COUNT, [pair for part in parts for pair in part])


@unhurried
@given(PAIRS, st.permutations(range(COUNT)))
def test_the_first_in_rank_stays_and_the_others_name_it(pairs, rank):
    similarity = np.linspace(0.5, 1, len(pairs), dtype=np.float32)
    found, values = component_pairs(np.array(rank), *ends(pairs), similarity)
    components = walked(COUNT, pairs)
    for i in range(COUNT):
        first = min((j for j in range(COUNT) if components[j] == components[i]), key=rank.__getitem__)
        assert found[i] == (-1 if first == i else first)
        direct = [value for pair, value in zip(pairs, similarity, strict=True) if {*pair} == {i, first}]
        assert np.isnan(values[i]) if first == i or not direct else values[i] == max(direct)


def test_a_chain_of_a_million_is_one_component_at_once():
    """Neither its order nor its length may cost more than in proportion."""
    count = 1_000_000
    links = np.random.default_rng(3).permutation(count - 1)
    start = time.process_time()
    for order in (np.arange(count - 1), links, np.arange(count - 1)[::-1]):
        assert not roots(count, order + 1, order).any()
    assert time.process_time() - start < 10


def test_a_document_paired_with_itself_is_refused():
    with pytest.raises(DataError, match="document 1 is paired with itself"):
        component_pairs(np.array([0, 1]), np.array([1]), np.array([1]), np.ones(1, np.float32))
