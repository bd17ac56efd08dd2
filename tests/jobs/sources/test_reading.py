"""The one entry to all readers."""

import gzip
import io
import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime.store import StoreOptions, open_store
from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.reading import Reading, read, read_bundle
from corpusmill.operators.errors import StoreError
from corpusmill.operators.schema import DOCUMENTS, QUARANTINE

ROWS = [{"text": "one", "id": "1"}, {"text": "zwei ä", "id": "2"}, {"text": "", "id": "3"}]


def _write(folder):
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "a.parquet")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)))
    (folder / "c.txt").write_text("text")


def test_a_bundle_may_mix_formats(tmp_path):
    _write(tmp_path)
    pieces = list(read_bundle(find([str(tmp_path)]), Reading()))
    assert [t for piece in pieces for t in piece.documents["text"].to_pylist()] == [row["text"] for row in ROWS] * 2 + [
        "text"
    ]
    for piece in pieces:
        assert piece.documents.schema == DOCUMENTS
        assert piece.bad.schema == QUARANTINE


def test_the_same_rows_are_the_same_documents_in_every_format(tmp_path):
    _write(tmp_path)
    columns, lines, _ = find([str(tmp_path)])
    reading = Reading(source="s")
    assert [p.documents for p in read(columns, reading)] == [p.documents for p in read(lines, reading)]


def test_a_reading_travels_to_workers():
    reading = Reading(columns={"text": "body"}, options=StoreOptions(endpoint="http://127.0.0.1:1"))
    assert pickle.loads(pickle.dumps(reading)) == reading


@pytest.mark.s3
def test_a_store_gives_the_documents_of_a_folder(tmp_path, s3_server, aws_credentials):
    import boto3

    _write(tmp_path)
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket="reading")
    options = StoreOptions(endpoint=s3_server, region="us-east-1")
    store = open_store("s3://reading/in", options)
    for path in tmp_path.iterdir():
        store.upload(path.name, path)
    reading = Reading(options=options, source="s")
    there = [piece.documents for piece in read_bundle(find(["s3://reading/in/*"], options), reading)]
    assert there == [piece.documents for piece in read_bundle(find([str(tmp_path)]), reading)]
    assert sum(batch.num_rows for batch in there) == 7


class _Failing(io.BytesIO):
    """A file whose store breaks after some reads."""

    left = 0

    def read(self, size=-1):
        type(self).left -= 1
        if type(self).left < 0:
            raise StoreError("the store went away")
        return super().read(size)


@pytest.mark.parametrize("reads", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("name", ["a.parquet", "b.jsonl.gz", "c.txt"])
def test_a_store_that_fails_is_never_taken_for_a_bad_file(tmp_path, monkeypatch, name, reads):
    """With bad files set aside, an outage would otherwise lose good ones for ever."""
    _write(tmp_path)
    [file] = find([str(tmp_path / name)])
    content = (tmp_path / name).read_bytes()
    monkeypatch.setattr(_Failing, "left", reads)
    monkeypatch.setattr("corpusmill.jobs.sources.files._open", lambda *_: pa.PythonFile(_Failing(content), "r"))
    try:
        pieces = list(read(file, Reading(on_bad="quarantine")))
    except StoreError as error:
        assert "went away" in str(error)  # noqa: PT017
    else:
        assert sum(piece.documents.num_rows for piece in pieces) == (1 if name == "c.txt" else 3)
