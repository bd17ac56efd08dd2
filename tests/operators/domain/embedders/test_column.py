import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.embedders.column import Vectors, field_of
from corpusmill.operators.errors import ConfigError, DataError

IDS = [bytes([i]) * 16 for i in (7, 0, 255, 128)]
NUMBERS = st.floats(-1e3, 1e3, width=32)


def batch(*metadata):
    return pa.record_batch({"metadata": pa.array([m if isinstance(m, str | None) else json.dumps(m) for m in metadata])})


def table(vectors, ids=IDS, kind=None):
    return pa.table({"doc_id": pa.array(ids, pa.binary(16)), "embedding": pa.array(vectors, kind)})


def beside(tmp_path, vectors, **more):
    path = tmp_path / "packed"
    path.write_bytes(Vectors(path="v.parquet").pack(table(vectors, **more)))
    return Vectors(path="v.parquet", digest=str(tmp_path)), {"vectors": path}


@given(rows=st.lists(st.tuples(st.lists(NUMBERS, min_size=3, max_size=3), st.text()), min_size=1, max_size=6))
def test_vectors_in_the_metadata_are_taken_as_they_are(rows):
    found = Vectors().vectors(batch(*({"note": note, "embedding": vector} for vector, note in rows)), {})
    assert np.allclose(found, [vector for vector, _ in rows], rtol=1e-6)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 2), pa.large_list(pa.float16())])
def test_vectors_of_a_file_find_their_documents_in_any_order(tmp_path, kind):
    embedder, files = beside(tmp_path, [[7, 1], [0, 0], [9, 9], [8, -2]], kind=kind)
    wanted = pa.record_batch({"doc_id": pa.array([IDS[2], IDS[0], IDS[2]], pa.binary(16))})
    assert embedder.vectors(wanted, files).tolist() == [[9, 9], [7, 1], [9, 9]]
    assert (embedder.reads, embedder.artifacts) == ((), {"vectors": str(tmp_path)})


def test_documents_may_be_named_by_hexadecimal_digits():
    plain = Vectors().pack(table([[1.0], [2.0], [3.0], [4.0]]))
    named = pa.table({"doc_id": [one.hex() for one in IDS], "embedding": [[1.0], [2.0], [3.0], [4.0]]})
    assert Vectors().pack(named) == plain


def test_a_document_without_a_vector_is_named(tmp_path):
    embedder, files = beside(tmp_path, [[1.0]] * 4)
    with pytest.raises(DataError, match=r"2 of 3 documents have no vector in v\.parquet; the first is 0101"):
        embedder.vectors(pa.record_batch({"doc_id": pa.array([IDS[0], b"\1" * 16, b"\2" * 16], pa.binary(16))}), files)


@pytest.mark.parametrize(("rows", "told"), [
    (({"embedding": [1, 2]}, {}), "1 documents of 2 have none"), (({"embedding": [1, 2]}, None), "1 documents of 2 have none"),
    (({"embedding": [1, None]},), "nulls in it"),
    (({"embedding": [1, 2]}, {"embedding": [1]}), "different widths, or empty ones: 1, 2"),
    (({"embedding": []},), "empty ones"), (({"embedding": 3},), "'embedding' is not always list"),
    (({"embedding": ["a"]},), "'embedding' is not always list"), (('{"embedding": [NaN]}',), r"infinite, or none \(NaN\)"),
    (({"embedding": [1e300]},), "1 numbers are infinite"),
])
def test_what_is_no_vector_is_told(rows, told):
    with pytest.raises(DataError, match=told):
        Vectors().vectors(batch(*rows), {})


@pytest.mark.parametrize(("made", "told"), [
    (lambda: table([[1.0], [float("nan")], [2.0], [3.0]]), "1 numbers are infinite, or none"),
    (lambda: table([[1.0]] * 4, [IDS[0], IDS[1], IDS[0], IDS[2]]), "1 documents have two vectors; the first is 0707"),
    (lambda: table([1.0] * 4), "is double, where a list of numbers is needed"),
    (lambda: table([["x"]] * 4), "where a list of numbers is needed"),
    (lambda: pa.table({"doc_id": ["zz"], "embedding": [[1.0]]}), "give 32 hexadecimal digits"),
    (lambda: pa.table({"doc_id": [5], "embedding": [[1.0]]}), "doc_id is int64, where 16 bytes are needed"),
])
def test_a_file_that_will_not_do_is_told(made, told):
    with pytest.raises(DataError, match=told):
        Vectors().pack(made())


def test_a_field_of_the_metadata_is_null_where_it_is_not():
    rows = batch({"topic": "law"}, {"other": 1}, None, {"topic": None})
    assert field_of(rows.column("metadata"), "topic", pa.string()).to_pylist() == ["law", None, None, None]
    assert field_of(rows.column("metadata").slice(0, 0), "topic", pa.string()).to_pylist() == []


def test_a_column_needs_a_name():
    with pytest.raises(ConfigError, match=r"regroup\.embedder\.column=''"):
        Vectors(column="")
