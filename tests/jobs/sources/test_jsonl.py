"""JSON Lines."""

import gzip
import json
import os
from itertools import pairwise

import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.inflate import BrokenFileError
from corpusmill.jobs.sources.jsonl import LongLine, blocks
from corpusmill.jobs.sources.reading import Reading, read
from corpusmill.operators.errors import DataError, SchemaError

QUIET = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _read(folder, data, name="f.jsonl", **options):
    """Documents and bad rows of a file with this content."""
    (folder / name).write_bytes(data)
    [file] = find([str(folder / name)])
    pieces = list(read(file, Reading(**{"on_bad": "quarantine", **options})))
    documents = [row for piece in pieces for row in piece.documents.to_pylist()]
    return documents, [row for piece in pieces for row in piece.bad.to_pylist()]


def _lines(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


GOOD = st.fixed_dictionaries(
    {"text": st.text(max_size=12) | st.sampled_from(["2020-01-01", "1", "null"])},
    optional={
        "id": st.text(max_size=3),
        "url": st.none() | st.text(max_size=3),
        "other": st.integers() | st.text(max_size=2),
        "metadata": st.sampled_from(['{"b":1,"a":[2]}', None, ""]),
        "date": st.sampled_from(["2020-01-01", None]),
    },
)
BAD = st.sampled_from(
    [
        (b"{", "bad_json"),
        (b"[1]", "bad_json"),
        (b'{"id": "x"}', "missing_text"),
        (b'{"text": null}', "null_text"),
        (b'{"text": 1}', "wrong_type"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'{"text": "a", "date": "soon"}', "bad_date"),
        (b'{"text": "a", "date": 5}', "wrong_type"),
        (b'{"text": "a", "metadata": "[]"}', "bad_metadata"),
        (b'{"text": "a", "metadata": [1]}', "wrong_type"),
        (b'{"text": "a", "id": 1.5}', "wrong_type"),
        (b'{"text": "a", "id": true}', "wrong_type"),
    ]
)


@given(
    data=st.binary(max_size=200).map(lambda b: b.replace(b"\x00", b"\n")),
    size=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 200)),
)
def test_blocks_are_the_content_cut_between_lines(data, size, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data)), *range(0, len(data), size)})
    parts = list(blocks((data[a:b] for a, b in pairwise(edges)), size, 10_000))
    assert b"".join(parts) == data
    for at, part in enumerate(parts):
        assert part.endswith(b"\n") or at == len(parts) - 1
        assert len(part) <= size or part.count(b"\n", 0, -1) == 0


@given(lines=st.lists(st.integers(0, 40), max_size=15), size=st.integers(1, 10), ends=st.booleans())
def test_lines_beyond_the_limit_are_skipped_whole(lines, size, ends):
    data = b"\n".join(b"x" * n for n in lines) + b"\n" * ends
    parts = list(blocks((data[a : a + size] for a in range(0, len(data), size)), size, 20))
    kept = b"".join(part for part in parts if isinstance(part, bytes)).split(b"\n")
    seen = sum(isinstance(part, LongLine) for part in parts)
    long = sum(n > 20 for n in lines)
    assert long - (not ends) <= seen <= long
    assert sorted(len(line) for line in kept if line) == sorted(n for n in lines if 0 < n <= 20) + [21] * (long - seen)


def test_whole_lines_come_before_the_error_of_a_broken_file():
    def broken():
        yield b"a\nb\nc"
        raise BrokenFileError("truncated", "x")

    out = blocks(broken(), 100, 100)
    assert next(out) == b"a\nb\n"
    with pytest.raises(BrokenFileError):
        next(out)


@given(
    rows=st.lists(GOOD, min_size=1, max_size=8),
    batch=st.sampled_from([30, 200, 16 << 20]),
    blank=st.sampled_from([b"", b"\n", b" \r\n"]),
    end=st.booleans(),
    pack=st.sampled_from(
        [("f.jsonl", bytes), ("f.json.gz", gzip.compress), ("f.ndjson.zst", zstandard.ZstdCompressor().compress)]
    ),
)
@QUIET
def test_good_lines_become_the_documents_that_json_says(tmp_path, rows, batch, blank, end, pack):
    """The oracle is the json module, line by line; block sizes, blank lines and compression change nothing."""
    data = blank + blank.join(_lines([row]) for row in rows)
    name, compress = pack
    has_id = any("id" in row for row in rows)
    documents, bad = _read(tmp_path, compress(data if end else data.rstrip(b"\n")), name, batch_bytes=batch)
    assert bad == []
    assert [d["text"] for d in documents] == [row["text"] for row in rows]
    if batch > 1000:
        expected = [row["id"] if has_id and row.get("id") is not None else f"{name}#{n}" for n, row in enumerate(rows)]
        assert [d["native_id"] for d in documents] == expected
        assert [d["url"] for d in documents] == [row.get("url") for row in rows]
        assert [d["metadata"] for d in documents] == [
            '{"a":[2],"b":1}' if row.get("metadata") else None for row in rows
        ]


@given(
    rows=st.lists(st.one_of(GOOD.map(lambda row: (_lines([row])[:-1], None)), BAD), max_size=12),
    batch=st.sampled_from([64, 16 << 20]),
)
@QUIET
def test_only_the_bad_lines_are_bad(tmp_path, rows, batch):
    """A good line is a document among any others, and every line is counted."""
    documents, bad = _read(tmp_path, b"\n".join([b'{"text":"first"}', *(line for line, _ in rows)]), batch_bytes=batch)
    assert [(row["row"], row["reason"]) for row in bad] == [
        (n, reason) for n, (_, reason) in enumerate(rows, 1) if reason
    ]
    good = [json.loads(line) for line, reason in rows if not reason]
    assert [(d["text"], d["url"], d["date"] is None) for d in documents[1:]] == [
        (row["text"], row.get("url"), row.get("date") is None) for row in good
    ]


def test_columns_that_begin_late_are_read(tmp_path):
    """Columns were once taken from the first lines alone, and what began later was lost without a word."""
    rows = [{"text": "a"}] * 150 + [{"text": "b", "id": 5, "url": "u", "metadata": {"k": 1}}]
    documents, bad = _read(tmp_path, _lines(rows))
    assert not bad
    assert (documents[-1]["native_id"], documents[-1]["url"], documents[-1]["metadata"]) == ("5", "u", '{"k":1}')


def test_objects_as_metadata_keep_their_own_keys(tmp_path):
    """Parsed together, every object would have got the keys of all."""
    documents, bad = _read(
        tmp_path,
        _lines(
            [
                {"text": "a", "metadata": {"z": 1, "a": {"é": None}}},
                {"text": "b", "metadata": {"k": "v"}},
                {"text": "c"},
            ]
        ),
    )
    assert not bad
    assert [d["metadata"] for d in documents] == ['{"a":{"é":null},"z":1}', '{"k":"v"}', None]


@pytest.mark.parametrize("values", [["law", None, "health"], ["law", 2, {"a": [1.5]}], [None, "2020-01-01", True]])
def test_fields_that_are_kept_enter_the_metadata(tmp_path, values):
    rows = [{"text": "a", "topic": value, "metadata": '{"topic":"old","z":1}'} for value in values]
    documents, bad = _read(tmp_path, _lines([*rows, {"text": "b"}]), keep=("topic",))
    assert not bad
    assert [json.loads(d["metadata"]) if d["metadata"] else None for d in documents] == [
        *({"topic": "old" if value is None else value, "z": 1} for value in values), None]


def test_kept_fields_that_begin_late_are_an_error_where_none_of_the_first_lines_has_them(tmp_path):
    with pytest.raises(SchemaError, match=r"no column 'topic' \(corpus.keep\)"):
        _read(tmp_path, _lines([{"text": "a"}] * 150 + [{"text": "a", "topic": "b"}]), keep=("topic",))


def test_integer_ids_beyond_64_bits_stay_exact(tmp_path):
    documents, bad = _read(tmp_path, _lines([{"text": "a", "id": 1}, {"text": "b", "id": 10**30}]))
    assert not bad
    assert [d["native_id"] for d in documents] == ["1", str(10**30)]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    for rest in (b"", b"{\n"):
        documents, _ = _read(tmp_path, b"\xef\xbb\xbf" + _lines([{"text": "a"}]) + rest)
        assert [d["text"] for d in documents] == ["a"]


def test_mapped_columns(tmp_path):
    documents, _ = _read(
        tmp_path, _lines([{"body": "a", "uuid": "u", "text": 3}]), columns={"text": "body", "native_id": "uuid"}
    )
    assert (documents[0]["text"], documents[0]["native_id"]) == ("a", "u")


def test_a_missing_column_is_an_error_that_names_what_there_is(tmp_path):
    """Also where bad rows go to quarantine: a misspelt column must not empty a corpus."""
    with pytest.raises(SchemaError, match=r"corpus.columns='{text: NAME}'.*body, id"):
        _read(tmp_path, _lines([{"body": "a", "id": "1"}]))
    with pytest.raises(SchemaError, match="did you mean 'body'"):
        _read(tmp_path, _lines([{"body": "a"}]), columns={"text": "boddy"})


def test_the_first_bad_row_is_an_error_with_its_place(tmp_path):
    with pytest.raises(DataError, match=r"f\.jsonl, row 1: bad_json .*on_bad=quarantine"):
        _read(tmp_path, b'{"text":"a"}\n{"te\n', on_bad="fail")


@pytest.mark.parametrize(
    ("name", "compress"), [("f.jsonl.gz", gzip.compress), ("f.jsonl.zst", zstandard.ZstdCompressor().compress)]
)
def test_a_truncated_file_keeps_the_rows_before(tmp_path, name, compress):
    rows = [{"text": os.urandom(3000).hex()} for _ in range(300)]
    data = compress(_lines(rows))
    documents, bad = _read(tmp_path, data[: len(data) // 2], name)
    assert 100 < len(documents) < 200
    assert [d["text"] for d in documents] == [row["text"] for row in rows[: len(documents)]]
    assert [(row["row"], row["reason"]) for row in bad] == [(None, "truncated")]
    assert f"after {len(documents)} whole rows" in bad[0]["detail"]
    with pytest.raises(DataError, match="truncated"):
        _read(tmp_path, data[:-1], name, on_bad="fail")


def test_long_lines_and_long_texts_are_oversize(tmp_path):
    rows = [{"text": "a"}, {"text": "x" * 3_000_000}, {"text": "b"}, {"text": "y" * 2_000}]
    documents, bad = _read(tmp_path, _lines(rows), max_document_bytes=1_000)
    assert [d["text"] for d in documents] == ["a", "b"]
    assert [(row["row"], row["reason"], len(row["content"])) for row in bad] == [
        (1, "oversize", 65536),
        (3, "oversize", 2000),
    ]


def test_deep_nesting_is_a_bad_row_and_no_crash(tmp_path):
    documents, bad = _read(tmp_path, b'{"text":"a"}\n{"x":' + b"[" * 200_000 + b"\n")
    assert [d["text"] for d in documents] == ["a"]
    assert [row["reason"] for row in bad] == ["bad_json"]


def test_pieces_are_bounded_however_long_the_file(tmp_path):
    rows = [{"text": "x" * (n % 90), "n": n} for n in range(5_000)]
    (tmp_path / "f.jsonl").write_bytes(_lines(rows))
    [file] = find([str(tmp_path / "f.jsonl")])
    sizes = [sum(map(len, piece.documents["text"].to_pylist())) for piece in read(file, Reading(batch_bytes=1_000))]
    assert max(sizes) <= 1_000
    assert sum(sizes) == sum(len(row["text"]) for row in rows)


def test_an_empty_file_has_no_rows(tmp_path):
    assert _read(tmp_path, b"") == ([], [])
    assert _read(tmp_path, b"\n \n") == ([], [])


def test_parsing_at_once_and_line_by_line_agree(tmp_path):
    """The same lines, with and without one that forces the slow way."""
    rows = [
        {"text": t, "id": n, "date": "2020-01-02T03:04:05Z", "x": {"y": n}}
        for n, t in enumerate(["a", "\u0000", "é\n", "😀"])
    ]
    fast, _ = _read(tmp_path, _lines(rows))
    slow, bad = _read(tmp_path, _lines(rows) + b"{")
    assert fast == slow
    assert len(bad) == 1
    assert pa.table({"text": [d["text"] for d in fast]}).num_rows == 4
