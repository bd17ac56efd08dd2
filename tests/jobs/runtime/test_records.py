import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusmill.jobs.runtime.records import parse
from corpusmill.operators.errors import DataError

RECORDS = [{"q": "é 中", "n": [1, 2]}, {"q": "b", "n": []}]
LINES = "\n".join(json.dumps(r) for r in RECORDS).encode()


def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), sink)
    return sink.getvalue()


@pytest.mark.parametrize("data", [
    LINES, LINES + b"\r\n\n", b"\xef\xbb\xbf" + LINES, json.dumps(RECORDS, indent=1).encode(), gzip.compress(LINES),
    zstandard.compress(LINES), zstandard.compress(LINES[:9]) + zstandard.compress(LINES[9:]), parquet(),
], ids=["lines", "CRLF", "BOM", "array", "gzip", "zstd", "frames", "Parquet"])  # fmt: skip
def test_records_are_the_same_in_every_form(data):
    assert parse(data, "name") == RECORDS


@pytest.mark.parametrize(("data", "message"), [
    (LINES + b"\n{", "name: line 3 is no JSON: "), (b"3", "name: line 1 is no JSON object"),
    (b"[3]", "name: entry 0 of the array"), (b"[", "name: the file is no JSON"),
    (gzip.compress(LINES)[:-9], "name cannot be read"), (b"PAR1 and no more", "name cannot be read"),
    (zstandard.compress(LINES)[:-5], "name cannot be read: it breaks off"), (b"\xff", "name: line 1 is no JSON"),
    (b"[" * 100_000, "is no JSON"),
])
def test_a_broken_file_is_named(data, message):
    with pytest.raises(DataError, match=message):
        parse(data, "name")


def test_an_empty_file_has_no_records():
    assert parse(b"", "name") == []
