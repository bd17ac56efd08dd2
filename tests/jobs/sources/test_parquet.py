"""Parquet files."""

import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.reading import Reading, read
from corpusmill.operators.errors import DataError, SchemaError

QUIET = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _pieces(path, **options):
    [file] = find([str(path)])
    return list(read(file, Reading(**{"on_bad": "quarantine", **options})))


def _rows(pieces):
    return (
        [row for piece in pieces for row in piece.documents.to_pylist()],
        [row for piece in pieces for row in piece.bad.to_pylist()],
    )


def _written(folder, table, **options):
    path = folder / "laws-00000.parquet"
    pq.write_table(table, path, **options)
    return path


@given(
    texts=st.lists(st.none() | st.text(max_size=20), max_size=30),
    group=st.integers(1, 12),
    batch=st.integers(1, 60),
    dictionary=st.booleans(),
    kind=st.sampled_from([pa.string(), pa.large_string(), pa.binary()]),
)
@QUIET
def test_rows_are_documents_or_bad_whatever_the_row_groups(tmp_path, texts, group, batch, dictionary, kind):
    path = _written(
        tmp_path,
        pa.table({"text": pa.array(texts, pa.string()).cast(kind), "id": range(len(texts))}),
        row_group_size=group,
        use_dictionary=dictionary,
    )
    pieces = _pieces(path, batch_bytes=batch)
    documents, bad = _rows(pieces)
    assert [(d["native_id"], d["text"]) for d in documents] == [
        (str(n), t) for n, t in enumerate(texts) if t is not None
    ]
    assert [(row["row"], row["row_group"], row["reason"]) for row in bad] == [
        (n, n // group, "null_text") for n, t in enumerate(texts) if t is None
    ]
    for piece in pieces:
        sizes = [len(text.encode()) for text in piece.documents["text"].to_pylist()]
        assert sum(sizes) <= batch or len([size for size in sizes if size]) == 1


def test_columns_are_found_by_their_names(tmp_path):
    table = pa.table(
        {
            "id": ["x", None],
            "text": ["a", "b"],
            "source": ["s", None],
            "license": [None, "MIT"],
            "metadata": [{"k": 1}, None],
            "words": [1, 2],
        }
    )
    documents, bad = _rows(_pieces(_written(tmp_path, table), license="CC0"))
    assert not bad
    assert [d["native_id"] for d in documents] == ["x", "laws-00000.parquet#1"]
    assert [d["source"] for d in documents] == ["s", "laws"]
    assert [d["license"] for d in documents] == ["CC0", "MIT"]
    assert [d["metadata"] for d in documents] == ['{"k":1}', None]


def test_columns_that_are_kept_enter_the_metadata(tmp_path):
    path = _written(tmp_path, pa.table({
        "text": ["a", "b", "c"], "metadata": ['{"topic":"old","lang":"de"}', None, None], "topic": ["law", "health", None],
        "score": pa.array([0.5, float("nan"), None]), "parts": [[1, 2], [], None]}))
    documents, bad = _rows(_pieces(path, keep=("topic", "score", "parts")))
    assert [d["metadata"] for d in documents] == ['{"lang":"de","parts":[1,2],"score":0.5,"topic":"law"}', None]
    assert [(row["row"], row["reason"]) for row in bad] == [(1, "bad_metadata")]
    assert [d["metadata"] for d in _rows(_pieces(path))[0]] == ['{"lang":"de","topic":"old"}', None, None]
    assert _rows(_pieces(path, keep=("text",)))[0][1]["metadata"] == '{"text":"b"}'
    with pytest.raises(SchemaError, match=r"no column 'topics' \(corpus.keep\); did you mean 'topic'"):
        _pieces(path, keep=("topics",))


def test_a_template_wins_over_a_source_column(tmp_path):
    documents, _ = _rows(
        _pieces(_written(tmp_path, pa.table({"text": ["a"], "source": ["s"]})), source="my/{dataset}/{stem}")
    )
    assert documents[0]["source"] == "my/laws/laws-00000"


def test_a_column_that_is_missing_is_an_error_in_any_case(tmp_path):
    path = _written(tmp_path, pa.table({"body": ["a"], "id": [1]}))
    with pytest.raises(SchemaError, match=r"no column 'text'.*corpus\.columns='{text: NAME}'.*body, id"):
        _pieces(path)
    with pytest.raises(SchemaError, match=r"'boddy' \(corpus\.columns\.text\); did you mean 'body'"):
        _pieces(path, columns={"text": "boddy"})
    assert _rows(_pieces(path, columns={"text": "body"}))[0][0]["text"] == "a"


def test_the_first_bad_row_is_an_error_with_its_place(tmp_path):
    path = _written(tmp_path, pa.table({"text": ["a", "b", "c", None]}), row_group_size=2)
    with pytest.raises(DataError, match=r"laws-00000\.parquet, row group 1, row 3: null_text"):
        _pieces(path, on_bad="fail")


def test_strings_that_are_not_utf8_are_bad_rows(tmp_path):
    raw = pa.array([b"ok", b"\xff\xfe", b"fine"])
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 3, raw.buffers())})
    documents, bad = _rows(_pieces(_written(tmp_path, table)))
    assert [d["text"] for d in documents] == ["ok", "fine"]
    assert [(row["row"], row["reason"], row["content"]) for row in bad] == [(1, "invalid_utf8", b"\xff\xfe")]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_one_bad_file(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)
    documents, bad = _rows(_pieces(tmp_path / "x.parquet"))
    assert documents == []
    assert [(row["row"], row["row_group"], row["reason"]) for row in bad] == [(None, None, "unreadable_file")]
    with pytest.raises(DataError, match=r"x\.parquet: unreadable_file"):
        _pieces(tmp_path / "x.parquet", on_bad="fail")


@pytest.mark.parametrize("checksums", [True, False])
def test_damage_anywhere_is_never_an_empty_success(tmp_path, checksums):
    """Cut files and flipped bytes: every row is a document, a bad row, or in a part that is named as unreadable."""
    rows = 400
    texts = [f"{n} " + "lorem ipsum " * (n % 30) for n in range(rows)]
    path = _written(
        tmp_path, pa.table({"text": texts}), row_group_size=100, compression="zstd", write_page_checksum=checksums
    )
    good = path.read_bytes()
    rng = random.Random(7)
    for trial in range(150):
        data = bytearray(good)
        if trial % 3 == 0:
            del data[rng.randrange(len(data)) :]
        else:
            for _ in range(rng.randrange(1, 20)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            documents, bad = _rows(_pieces(path))
        except SchemaError:
            continue  # the name of the text column was hit
        lost = [row for row in bad if row["row"] is None]
        assert lost or len(documents) + len(bad) == rows or bytes(data[-4096:]) != good[-4096:]
        assert documents or bad
        if checksums and bytes(data[-4096:]) == good[-4096:]:
            assert {d["text"] for d in documents} <= set(texts)
        if lost:
            with pytest.raises(DataError, match=r"unreadable|null_text|invalid_utf8"):
                _pieces(path, on_bad="fail")


def test_a_row_group_that_breaks_off_does_not_take_the_others(tmp_path):
    texts = [np.random.default_rng(n).bytes(300).hex() for n in range(300)]
    path = _written(
        tmp_path, pa.table({"text": texts}), row_group_size=100, use_dictionary=False, write_page_checksum=True
    )
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 255
    path.write_bytes(data)
    documents, bad = _rows(_pieces(path))
    assert [d["text"] for d in documents] == texts[:100] + texts[200:]
    assert [(row["row_group"], row["row"], row["reason"]) for row in bad] == [(1, None, "unreadable_row_group")]
    assert "from 100 on, 100 in all" in bad[0]["detail"]


def test_a_long_document_travels_alone(tmp_path):
    texts = ["a" * 10, "b" * 5000, "c" * 10, "d" * 10]
    pieces = _pieces(_written(tmp_path, pa.table({"text": texts})), batch_bytes=1000)
    assert ["b" * 5000] in [piece.documents["text"].to_pylist() for piece in pieces]


def test_oversize_texts_are_bad_rows(tmp_path):
    documents, bad = _rows(_pieces(_written(tmp_path, pa.table({"text": ["a", "b" * 11]})), max_document_bytes=10))
    assert [d["text"] for d in documents] == ["a"]
    assert [row["reason"] for row in bad] == ["oversize"]


_CHILD = """
import resource, sys
from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.reading import Reading, read
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
[small, large] = find(sys.argv[1:])
for _ in read(small, Reading()): pass
before = peak()
total = sum(piece.documents.num_rows for piece in read(large, Reading(batch_bytes=4 << 20)))
print(total, (peak() - before) // 1024)
"""


@pytest.mark.parametrize("repeated", [False, True])
def test_memory_does_not_grow_with_the_file(tmp_path, repeated):
    """One row group of 400 MB of text; and one of 2 GB that its dictionary packs into 200 kB."""
    small, large = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(pa.table({"text": ["a"]}), small)
    if repeated:
        words = pa.array(["x" * 100_000, "y" * 100_000])
        codes = pa.array(np.arange(20_000) % 2, pa.int32())
        table = pa.table({"text": pa.DictionaryArray.from_arrays(codes, words)})
        pq.write_table(table, large, row_group_size=20_000)
    else:
        block = pa.table({"text": [f"{n:06}" * 1700 for n in range(4_000)]})
        pq.write_table(pa.concat_tables([block] * 10), large, row_group_size=1 << 20, use_dictionary=False)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(small), str(large)], capture_output=True, text=True, check=True
    )
    rows, grown_mib = map(int, done.stdout.split())
    assert rows == (20_000 if repeated else 40_000)
    assert grown_mib < 150
