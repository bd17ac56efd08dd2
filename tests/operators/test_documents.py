"""Rows of any file as documents."""

import datetime as dt
import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.documents import Defaults, canonical, json_object
from corpusmill.operators.errors import SchemaError
from corpusmill.operators.schema import DOCUMENTS

DEFAULTS = Defaults("f.jsonl", "src")


def _run(columns, mapping=None, **options):
    batch = columns if isinstance(columns, pa.RecordBatch) else pa.RecordBatch.from_pydict(columns)
    mapping = mapping or {name: name for name in batch.schema.names}
    return canonical(batch, mapping, DEFAULTS, np.arange(batch.num_rows), **options)


def _reasons(bad):
    return [(row.row, row.reason) for row in bad]


def _u64(data):
    return len(data).to_bytes(8, "little")


def test_documents_have_the_schema_and_the_identity_that_is_documented():
    documents, bad = _run({"text": ["héllo", ""], "native_id": ["a", None], "license": ["MIT", None]})
    assert bad == []
    assert documents.schema == DOCUMENTS
    assert documents["native_id"].to_pylist() == ["a", "f.jsonl#1"]
    assert documents["source"].to_pylist() == ["src", "src"]
    prefix = _u64(b"src") + b"src" + _u64(b"a") + b"a" + _u64("héllo".encode())
    digest = hashlib.blake2b(prefix + bytes(-len(prefix) % 128) + "héllo".encode(), digest_size=16).digest()
    assert documents["doc_id"][0].as_py() == digest


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.large_binary(),
        pa.string_view(),
        pa.binary_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.binary()),
    ],
)
def test_text_may_be_any_kind_of_string(kind):
    """All types, also as a slice, give the documents that plain strings give."""
    values = ["x", "aé", None, "", "aé"]
    plain = pa.array(values, pa.binary() if "binary" in str(kind) else pa.string())
    column = plain.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else plain.cast(kind)
    batch = pa.RecordBatch.from_arrays([column], ["text"]).slice(1)
    documents, bad = _run(batch)
    assert documents["text"].to_pylist() == ["aé", "", "aé"]
    assert _reasons(bad) == [(1, "null_text")]


@given(
    st.lists(st.one_of(st.none(), st.binary(max_size=8), st.text(max_size=4).map(str.encode)), max_size=12),
    st.booleans(),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_every_row_is_a_document_or_bad_for_a_reason(values, as_string, start):
    """Strings are checked like bytes: Arrow lets any bytes be called a string."""
    column = pa.array(values, pa.binary())
    if as_string:
        column = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
    column = column.slice(min(start, len(column)))
    documents, bad = _run(pa.RecordBatch.from_arrays([column], ["text"]), max_document_bytes=6)
    expected, texts = [], []
    for row, value in enumerate(values[min(start, len(values)) :]):
        try:
            text = None if value is None else value.decode()
            reason = "null_text" if text is None else "oversize" if len(value) > 6 else None
        except UnicodeDecodeError:
            reason = "invalid_utf8"
        if reason:
            expected.append((row, reason))
        else:
            texts.append(text)
    assert _reasons(bad) == expected
    assert documents["text"].to_pylist() == texts
    documents.validate(full=True)


def test_a_bad_row_keeps_the_start_of_its_text():
    _, bad = _run({"text": [b"\xff" * 100_000]})
    assert bad[0].content == b"\xff" * 65536
    assert "byte 0" in bad[0].detail


def test_text_of_another_type_is_never_guessed_at():
    documents, bad = _run({"text": pa.array([1, None])})
    assert documents.num_rows == 0
    assert _reasons(bad) == [(0, "wrong_type"), (1, "null_text")]


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.int64()])
def test_integer_ids_become_strings(kind):
    documents, bad = _run({"text": ["a", "b"], "native_id": pa.array([7, None], kind)})
    assert documents["native_id"].to_pylist() == ["7", "f.jsonl#1"]
    assert not bad


@given(
    st.datetimes(
        timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))]),
        min_value=dt.datetime(2, 1, 1),
        max_value=dt.datetime(9998, 1, 1),
    )
)
def test_iso_dates_are_read_to_the_microsecond(moment):
    documents, bad = _run({"text": ["a"], "date": [moment.isoformat()]})
    assert not bad
    assert documents["date"][0].as_py() == moment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pa.array(["2020-02-29"]), dt.datetime(2020, 2, 29, tzinfo=dt.UTC)),
        (pa.array(["2020-01-01T10:00:00"]), dt.datetime(2020, 1, 1, 10, tzinfo=dt.UTC)),
        (pa.array(["2020-01-01 10:00:00Z"]), dt.datetime(2020, 1, 1, 10, tzinfo=dt.UTC)),
        (pa.array([dt.date(1969, 12, 31)]), dt.datetime(1969, 12, 31, tzinfo=dt.UTC)),
        (pa.array([dt.date(1969, 12, 31)]).cast(pa.date64()), dt.datetime(1969, 12, 31, tzinfo=dt.UTC)),
        (pa.array([-1], pa.timestamp("s")), dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        (pa.array([1500], pa.timestamp("ns", "Europe/Paris")), dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC)),
        (pa.array([""]), None),
        (pa.array([None], pa.string()), None),
        (pa.array([None]), None),
    ],
)
def test_dates_of_all_types(value, expected):
    documents, bad = _run({"text": ["a"], "date": value})
    assert not bad
    assert documents["date"][0].as_py() == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pa.array(["yesterday"]), "bad_date"),
        (pa.array(["2021-02-29"]), "bad_date"),
        (pa.array([1_600_000_000]), "wrong_type"),
        (pa.array([1 << 60], pa.timestamp("s")), "bad_date"),
        (pa.array([1 << 62], pa.timestamp("ms")), "bad_date"),
        (pa.array(["0001-01-01T00:00:00+14:00"]), "bad_date"),
        (pa.array([b"\xff"]), "invalid_utf8"),
    ],
)
def test_dates_that_say_nothing_are_bad(value, reason):
    _, bad = _run({"text": ["a"], "date": value})
    assert _reasons(bad) == [(0, reason)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_metadata_is_one_form_of_the_same_object(value):
    documents, bad = _run(
        {"text": ["a", "b"], "metadata": [json.dumps(value), json.dumps(value, indent=3, ensure_ascii=False)]}
    )
    assert not bad
    first, second = documents["metadata"].to_pylist()
    assert first == second
    assert json.loads(first) == value


def test_metadata_may_be_a_struct_or_a_map():
    struct = pa.array([{"b": dt.date(2020, 1, 1), "a": [1.5]}, None])
    assert _run({"text": ["x", "y"], "metadata": struct})[0]["metadata"].to_pylist() == [
        '{"a":[1.5],"b":"2020-01-01"}',
        None,
    ]
    pairs = pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))
    assert _run({"text": ["x"], "metadata": pairs})[0]["metadata"].to_pylist() == ['{"k":"v"}']


@pytest.mark.parametrize("value", ["[1]", "{", '{"a": NaN}', '"x"', '{"a": "\\ud800"}', "[" * 100_000])
def test_metadata_that_is_no_object_is_bad(value):
    documents, bad = _run({"text": ["a", "b"], "metadata": [value, None]})
    assert _reasons(bad) == [(0, "bad_metadata")]
    assert documents["text"].to_pylist() == ["b"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", None]), st.sampled_from(["2020-01-01", "x", None]), st.sampled_from(["{}", "?", None])
        ),
        max_size=20,
    ),
    st.integers(0, 20),
)
@settings(deadline=None)
def test_any_split_of_a_batch_gives_the_same_rows(rows, cut):
    """What a row becomes must not depend on the rows that it travels with."""
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(3)]
    batch = pa.RecordBatch.from_arrays(columns, ["text", "date", "metadata"])
    mapping = {name: name for name in batch.schema.names}
    whole, bad = canonical(batch, mapping, DEFAULTS, np.arange(len(rows)))
    cut = min(cut, len(rows))
    parts = [
        canonical(part, mapping, DEFAULTS, np.arange(start, start + part.num_rows))
        for start, part in ((0, batch.slice(0, cut)), (cut, batch.slice(cut)))
    ]
    assert pa.Table.from_batches([part for part, _ in parts]) == pa.Table.from_batches([whole])
    assert [row for _, rows in parts for row in rows] == bad
    assert whole.num_rows + len(bad) == len(rows)


def test_a_mapping_onto_nothing_is_an_error():
    with pytest.raises(SchemaError, match="there must be one column 'body'"):
        _run({"text": ["a"]}, {"text": "body"})
    with pytest.raises(SchemaError, match="no column of a document"):
        _run({"text": ["a"]}, {"text": "text", "title": "text"})


def test_json_objects_refuse_what_json_has_no_form_for():
    with pytest.raises(ValueError, match="bytes"):
        json_object({"a": b"x"})
