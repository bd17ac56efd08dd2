"""Appending columns to a batch."""

import pyarrow as pa

from corpusmill.operators.text.columns import append


def test_columns_are_appended_with_their_fields_and_the_schemas_metadata():
    batch = pa.record_batch({"a": [1]}).replace_schema_metadata({"k": "v"})
    fields = pa.schema([pa.field("b", pa.int64())])
    found = append(batch, fields, [pa.array([2])])
    assert found.to_pydict() == {"a": [1], "b": [2]}
    assert found.schema.metadata == {b"k": b"v"}


def test_a_column_of_the_same_name_is_replaced():
    found = append(pa.record_batch({"_w": [1], "a": [3]}), pa.schema([pa.field("_w", pa.int64())]), [pa.array([2])])
    assert found.to_pydict() == {"a": [3], "_w": [2]}
