"""Ranks against Python's own order of tuples."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.dedup.rank import WORST, Key, Rank, parse, rank_names
from corpusmill.operators.errors import ConfigError

FLOATS = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, 5e-324, -5e-324]))
INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
KEYS = [{"signal": "quality.score", "best": "high"}, "source", {"date": "oldest"}, {"length": "longest"}, "doc_id"]


def places(values, high):
    """The place of each value in the order of rank, equal for equal ones; what is unknown is last."""
    known = sorted({v for v in values if v is not None and not math.isnan(v)}, reverse=high)
    return [known.index(v) if v is not None and not math.isnan(v) else len(known) for v in values]


@given(st.lists(FLOATS, max_size=20), st.booleans(), st.sampled_from([pa.float64(), pa.float32()]))
def test_floats_keep_their_order(values, high, kind):
    array = pa.array(values, pa.float64()).cast(kind, safe=False)
    encoded = Key("annotations", "s", high).encode(array)
    assert places(encoded.tolist(), False) == places(array.to_pylist(), high)


@given(st.lists(INTEGERS, max_size=20), st.booleans())
def test_integers_keep_their_order(values, high):
    """The worst of them ties with what is unknown."""
    encoded = Key("annotations", "s", high).encode(pa.array(values, pa.int64()))
    worst = -(2**63) if high else 2**63 - 1
    assert places(encoded.tolist(), False) == places([None if v == worst else v for v in values], high)
    assert all(code == WORST for code, value in zip(encoded.tolist(), values, strict=True) if value is None)


def test_truth_dates_and_sources_are_numbers_too():
    assert Key("annotations", "s", True).encode(pa.array([False, None, True])).argsort(kind="stable").tolist() == [2, 0, 1]
    dates = pa.array([30, None, 10], pa.timestamp("us", tz="UTC"))
    assert Key("documents", "date", True).encode(dates).argsort(kind="stable").tolist() == [0, 2, 1]
    assert Key("documents", "source", order=("b", "a")).encode(pa.array(["a", "c", "b"])).tolist() == [1, 2, 0]


def test_a_rank_is_read_and_encoded_key_by_key():
    rank = parse(KEYS, ["wiki"])
    assert rank.columns == {"rank_1": ("annotations", "quality.score"), "rank_2": ("documents", "source"),
                            "rank_3": ("documents", "date"), "rank_4": ("signatures", "length")}
    assert rank.signals == ["quality.score"]
    rows = pa.record_batch({"rank_1": [0.5, 0.75], "rank_2": ["web", "wiki"], "rank_3": [2, 1], "rank_4": [7, 9]})
    found = rank.encode(rows)
    assert list(found) == rank_names(4)
    assert all(values.dtype == np.int64 for values in found.values())
    assert [values.argmin() for values in list(found.values())[1:]] == [1, 1, 1, 1]


def test_source_says_nothing_where_none_is_named():
    assert parse(["source", "doc_id"]) == parse(["doc_id"]) == parse([]) == Rank()


@pytest.mark.parametrize(("entries", "sources", "match"), [
    (["sauce"], [], r"dedup\.rank\[0\]='sauce': write source, \{signal"),
    (["source", {"date": "latest"}], ["a"], r"dedup\.rank\[1\]=.*oldest or newest"),
    ([{"signal": "x"}], [], r"dedup\.rank\[0\].*best: high or low"),
    ([{"signal": "x", "best": "high", "worst": 1}], [], r"dedup\.rank\[0\]"),
    (["doc_id", "source"], ["a"], r"dedup\.rank\[0\]: doc_id ends a rank"),
    ([{"length": "longest"}, {"length": "shortest"}], [], r"dedup\.rank\[1\]: length is in the rank already"),
    ([{"date": "oldest"}], ["a"], r"dedup\.source_priority is given, but dedup\.rank does not name source"),
])
def test_what_is_no_rank_is_refused(entries, sources, match):
    with pytest.raises(ConfigError, match=match):
        parse(entries, sources)


def test_a_signal_that_is_not_there_or_no_number_is_refused():
    rank = parse([{"signal": "quality.scroe", "best": "high"}])
    with pytest.raises(ConfigError, match=r"no signal 'quality\.scroe'; there is length, quality\.score$"):
        rank.check({"doc_id": "fixed_size_binary[16]", "quality.score": "float", "length": "int64", "lang": "string"})
    with pytest.raises(ConfigError, match="is string; a rank takes numbers"):
        rank.check({"quality.scroe": "string"})
