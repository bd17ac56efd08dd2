"""The content digest is of the values, not of their storage."""

import hashlib
import itertools
import json
import math
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blake3 import blake3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.text.content import ContentDigest, combine, content_digest, file_digest, key

unhurried = settings(deadline=None)  # the first example may compile a kernel

LEAVES = [
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float32(), st.sampled_from([0.5, -1.0, 3.0])),
    (pa.timestamp("us", tz="UTC"), st.integers(0, 2**50)),
    (pa.date32(), st.integers(0, 20_000)),
    (pa.string(), st.text(max_size=5)),
    (pa.large_string(), st.text(max_size=5)),
    (pa.binary(), st.binary(max_size=5)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.dictionary(pa.int8(), pa.string()), st.text(max_size=2)),
]


def nested(inner):
    return st.one_of(
        inner.map(lambda t: (pa.list_(t[0]), st.lists(st.none() | t[1], max_size=3))),
        inner.map(lambda t: (pa.large_list(t[0]), st.lists(st.none() | t[1], max_size=3))),
        inner.map(lambda t: (pa.list_(t[0], 2), st.lists(st.none() | t[1], min_size=2, max_size=2))),
        st.tuples(inner, inner).map(lambda t: (
            pa.struct([("a", t[0][0]), ("b", t[1][0])]),
            st.fixed_dictionaries({"a": st.none() | t[0][1], "b": st.none() | t[1][1]}))),
    )


kinds = st.recursive(st.sampled_from([*LEAVES, (pa.null(), st.none())]), nested, max_leaves=3)
plain_kinds = st.sampled_from([leaf for leaf in LEAVES if leaf[0] != pa.float32()])


@st.composite
def arrays(draw, rows):
    kind, values = draw(kinds)
    return pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 8))
    columns = draw(st.lists(arrays(rows), min_size=1, max_size=3))
    return pa.table(columns, [f"c{i}" for i in range(len(columns))])


def table_of(array: pa.Array, name: str = "x") -> pa.Table:
    return pa.table({name: array})


def digest_of(values: list, kind: pa.DataType) -> str:
    return content_digest(table_of(pa.array(values, kind)))


def digest_by_hand(data: bytes) -> str:
    return blake3(data).hexdigest()[:32]


@unhurried
@given(tables(), st.lists(st.integers(0, 8), max_size=4))
def test_any_cut_into_batches_gives_the_same_digest(table, cuts):
    digest = ContentDigest(table.schema)
    bounds = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    for start, end in itertools.pairwise(bounds):
        for batch in table.slice(start, end - start).to_batches():
            digest.update(batch)
    assert digest.hexdigest() == content_digest(table)


@unhurried
@given(tables(), st.integers(0, 3))
def test_a_slice_is_the_rows_that_it_shows(table, skipped):
    """Bytes and bits before and after the slice belong to other rows; a fresh copy has none."""
    part = table.slice(skipped, 4)
    fresh = pa.table([pa.array(c.to_pylist(), c.type) for c in part.columns], part.schema.names)
    assert content_digest(part) == content_digest(fresh)


@unhurried
@given(st.lists(st.none() | st.text(max_size=3), max_size=8))
def test_offset_width_and_dictionary_are_storage(values):
    kinds_of_string = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.large_string())]
    assert len({digest_of(values, kind) for kind in kinds_of_string}) == 1
    wrapped = [[value] for value in values]
    assert digest_of(wrapped, pa.list_(pa.string())) == digest_of(wrapped, pa.large_list(pa.large_string()))
    encoded = pa.array(values, pa.string()).dictionary_encode()
    assert content_digest(table_of(encoded)) == digest_of(values, pa.string())


def test_a_parquet_file_keeps_the_digest():
    """What is read back has other names of list items, other chunks and other buffers."""
    table = pa.table({
        "text": pa.array(["a", None, "c"] * 5, pa.large_string()), "labels": [[1], None, [None, 2]] * 5,
        "f": pa.array([0.5, None, math.nan] * 5), "s": [{"a": "x"}, None, {"a": None}] * 5,
    })
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=4, store_schema=False)
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()))
    assert content_digest(file.iter_batches(batch_size=3)) == content_digest(table)


@unhurried
@given(st.data(), plain_kinds)
def test_digests_are_equal_exactly_where_the_values_are(data, leaf):
    kind, values = leaf
    column = st.lists(st.none() | st.one_of(values, st.just(data.draw(values))), max_size=3)
    a, b = data.draw(column), data.draw(column)
    assert (digest_of(a, kind) == digest_of(b, kind)) == (a == b)


@unhurried
@given(st.data(), kinds)
def test_a_changed_value_changes_the_digest(data, kind_and_values):
    kind, values = kind_and_values
    rows = data.draw(st.lists(st.none() | values, min_size=1, max_size=4))
    at = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows[:at], data.draw(st.none() | values), *rows[at + 1 :]]
    assume(pa.array(rows, kind).to_pylist() != pa.array(changed, kind).to_pylist())
    assert digest_of(rows, kind) != digest_of(changed, kind)


@unhurried
@given(tables())
def test_one_more_row_changes_the_digest(table):
    grown = pa.table([pa.array([*c.to_pylist(), None], c.type) for c in table.columns], table.schema.names)
    assert content_digest(table) != content_digest(grown)


@pytest.mark.parametrize(("a", "b", "kind"), [
    (["ab", "c"], ["a", "bc"], pa.string()),
    (["", None], [None, ""], pa.string()),
    ([[1], [2, 3]], [[1, 2], [3]], pa.list_(pa.int64())),
    ([[], None], [None, []], pa.list_(pa.int64())),
    ([[None], []], [[], [None]], pa.list_(pa.int64())),
    ([0, None], [None, 0], pa.int64()),
    ([None], [{"a": None}], pa.struct([("a", pa.int64())])),
    ([0.0], [-0.0], pa.float64()),
    ([math.nan], [None], pa.float64()),
    (["a", "b"], ["b", "a"], pa.string()),
])
def test_values_that_are_easily_confused_are_told_apart(a, b, kind):
    assert digest_of(a, kind) != digest_of(b, kind)


def test_names_types_and_their_order_count():
    one, two = pa.array([1, 2]), pa.array([3, 4])
    tables_ = [
        pa.table({"x": one, "y": two}), pa.table({"y": two, "x": one}), pa.table({"x": two, "y": one}),
        pa.table({"x": one, "z": two}), pa.table({"x": one}), pa.table({"x": one.cast(pa.int32()), "y": two}),
        *(pa.table({"x": one, "y": two.cast(pa.timestamp(unit))}) for unit in ("us", "ms")),
    ]
    assert len({content_digest(table) for table in tables_}) == len(tables_)
    empty = [pa.string(), pa.binary(), pa.null(), pa.list_(pa.string()), pa.list_(pa.string(), 2), pa.binary(4),
             pa.struct([("a", pa.string())]), pa.struct([("b", pa.string())]), pa.timestamp("us", tz="UTC")]
    assert len({digest_of([], kind) for kind in empty}) == len(empty)


def test_nullability_and_metadata_do_not_count():
    field = pa.field("x", pa.int64())
    strict = pa.schema([field.with_nullable(False).with_metadata({"a": "b"})], metadata={"c": "d"})
    batches = [pa.record_batch([pa.array([1])], schema=schema) for schema in (strict, pa.schema([field]))]
    assert content_digest(batches[0]) == content_digest(batches[1])


def garbled(array: pa.Array) -> pa.Array:
    """The same values, with other bytes under the nulls."""
    validity, data = array.buffers()
    noise = np.frombuffer(data, np.uint8).copy()
    width = array.type.bit_width // 8
    for row in np.flatnonzero(array.is_null()):
        noise[row * width : (row + 1) * width] ^= 0xA5
    return pa.Array.from_buffers(array.type, len(array), [validity, pa.py_buffer(noise)])


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.timestamp("us"), pa.date32()])
def test_what_lies_under_a_null_does_not_count(kind):
    array = pa.array([1, None, 3], kind)
    assert content_digest(table_of(garbled(array))) == content_digest(table_of(array))


def test_text_and_lists_under_a_null_do_not_count():
    validity = pa.py_buffer(b"\x05")
    offsets = pa.py_buffer(np.array([0, 1, 3, 4], np.int32))
    text = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abcd"), validity, 1)
    assert content_digest(table_of(text)) == digest_of(["a", None, "d"], pa.string())
    items = pa.ListArray.from_arrays(pa.array([0, 1, 3, 4], pa.int32()), pa.array([1, 2, 3, 4]),
                                     mask=pa.array([False, True, False]))
    assert content_digest(table_of(items)) == digest_of([[1], None, [4]], pa.list_(pa.int64()))
    record = pa.StructArray.from_arrays([pa.array([1, 2])], ["a"], mask=pa.array([False, True]))
    assert content_digest(table_of(record)) == digest_of([{"a": 1}, None], record.type)


def test_every_nan_is_one_value():
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001], np.uint64)
    nans = [content_digest(table_of(pa.array(bits[i : i + 1].view(np.float64), from_pandas=False))) for i in range(3)]
    assert len(set(nans)) == 1


def test_digests_are_frozen():
    """They name what is stored; a change here makes every stored object unknown."""
    table = pa.table({
        "doc_id": pa.array([bytes(range(16)), bytes(16)], pa.binary(16)),
        "text": ["The quick", "brown fox"],
        "signal": pa.array([0.25, None], pa.float32()),
        "labels": pa.array([["a", None], None], pa.list_(pa.string())),
    })
    assert content_digest(table) == "f0961454140808dbc921c65ed5a2b142"
    assert key({"b": [1, 2.5, None, True], "a": "é"}) == digest_by_hand('{"a":"é","b":[1,2.5,null,true]}'.encode())


def test_the_definition_can_be_followed_by_hand():
    parts = [digest_by_hand(part) for part in (b"\1\0\1", struct.pack("<3q", 2, 0, 1), b"abc")]
    expected = {"columns": [["x", "string", parts]], "format": 1, "rows": 3}
    text = json.dumps(expected, separators=(",", ":"))
    assert digest_of(["ab", None, "c"], pa.string()) == digest_by_hand(text.encode())


def test_another_schema_is_refused():
    digest = ContentDigest(pa.schema([("x", pa.int64())]))
    with pytest.raises(SchemaError, match="it began with"):
        digest.update(pa.record_batch({"y": [1]}))
    with pytest.raises(SchemaError, match="without a schema"):
        content_digest([])
    with pytest.raises(SchemaError, match="decimal128"):
        ContentDigest(pa.schema([("x", pa.decimal128(5))]))


def test_a_batch_a_table_and_batches_agree():
    table = pa.table({"x": range(10)})
    batches = table.to_batches(max_chunksize=3)
    assert content_digest(table) == content_digest(batches) == content_digest(table.combine_chunks().to_batches()[0])


def test_combine_keeps_the_order():
    a, b = file_digest(b"a"), file_digest(b"b")
    assert len({combine([a, b]), combine([b, a]), combine([a]), combine([a, a]), combine([]), a}) == 6
    assert combine(iter([a, b])) == combine([a, b])


@pytest.mark.parametrize("wrong", ["", "xyz", "A" * 32, "0" * 31])
def test_combine_refuses_what_is_no_digest(wrong):
    with pytest.raises(DataError, match="32 lower-case hex characters"):
        combine([wrong])


@unhurried
@given(st.binary(max_size=3000))
def test_a_file_digest_is_blake3(data):
    expected = digest_by_hand(data)
    assert file_digest(data) == file_digest(memoryview(data)) == file_digest(pa.py_buffer(data)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=8)


@unhurried
@given(json_values, json_values)
def test_keys_are_equal_exactly_where_the_json_is(a, b):
    def reference(value: object) -> str:
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

    assert (key(a) == key(b)) == (reference(a) == reference(b))


@unhurried
@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=2, max_size=5))
def test_the_order_of_names_is_no_part_of_a_key(value):
    assert key(value) == key(dict(reversed(value.items())))


@pytest.mark.parametrize(("wrong", "message"), [
    ({"a": [1, math.nan]}, r"value.a\[1\] is nan"),
    ({"a": math.inf}, "value.a is inf"),
    ({1: 2}, "has the key 1"),
    ({"a": {"b": b"x"}}, "value.a.b is a bytes"),
    ({"a", "b"}, "value is a set"),
])
def test_what_json_does_not_have_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        key(wrong)
