"""Weights by cluster size against the published table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.mixture.rehydrate import Rehydration, copies_of, parse

FINEWEB2 = [[1, 1], [2, 2], [3, 3], [5, 5], [100, 8], [1000, 1]]


def test_weights_are_those_of_the_table():
    """FineWeb-2: {1: 1, 2: 2, 3: 3, 4: 3, 5-99: 5, 100-999: 8, >= 1000: 1}."""
    expected = {1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 99: 5, 100: 8, 999: 8, 1000: 1, 10**9: 1}
    assert parse(FINEWEB2).weigh(np.array(list(expected))).tolist() == list(expected.values())
    assert parse(FINEWEB2).most == 8


def test_without_a_table_and_below_it_documents_count_once():
    assert parse([]) == Rehydration()
    assert parse([]).weigh(np.array([1, 50])).tolist() == [1, 1]
    assert parse([[3, 4]]).weigh(np.array([2, 3])).tolist() == [1, 4]


@given(st.lists(st.integers(1, 5), max_size=20))
def test_every_document_has_as_many_copies_as_its_weight(weight):
    rows, copy = copies_of(np.array(weight, np.int64))
    assert list(zip(rows.tolist(), copy.tolist(), strict=True)) == [(i, k) for i, w in enumerate(weight) for k in range(w)]


@pytest.mark.parametrize(("table", "match"), [
    ([[1, 1], [1, 2]], "must rise"), ([[2, 1], [1, 2]], "must rise"), ([[0, 1]], "from 1 on"), ([[1, 0]], "weight from 1"),
    ([[1, 2.5]], "no row"), ([5], "no row"), (["52"], "no row"), ([[1, True]], "no row"), ([[1, 2, 3]], "no row"),
])
def test_what_is_no_table_is_refused(table, match):
    with pytest.raises(ConfigError, match=rf"mix\.rehydrate.*{match}"):
        parse(table)
