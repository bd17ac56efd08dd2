"""Web archives as documents, with warcio as the writer."""

import datetime as dt
import gzip
import io
import json
from functools import partial

import pytest
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpusmill.jobs.sources.extraction import extraction
from corpusmill.jobs.sources.files import find
from corpusmill.jobs.sources.reading import Reading, read
from corpusmill.operators.errors import DataError

# warcio leaves its temporary files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
SENTENCE = "This page says number {} in a sentence that is long enough to count as the main text of a page."


class Archive:
    """A WARC file that grows record by record."""

    def __init__(self, gz=True):
        self.out = io.BytesIO()
        self.starts = []
        self._writer = WARCWriter(self.out, gzip=gz)

    def add(self, kind, url, body, content_type="text/plain", http=None, **headers):
        self.starts.append(self.out.tell())
        record = self._writer.create_warc_record(
            url, kind, payload=io.BytesIO(body), warc_content_type="" if http else content_type, http_headers=http,
            warc_headers_dict={"WARC-Date": "2024-04-12T10:20:30Z"} | {k.replace("_", "-"): v for k, v in headers.items()})
        self._writer.write_record(record)
        return self

    def page(self, number, status="200 OK", content_type="text/html; charset=utf-8", body=None, sent=(), **headers):
        usual = f"<html lang=en><body><p>{SENTENCE.format(number)}</p></body></html>".encode()
        body = usual if body is None else body
        fields = [("Content-Type", content_type)] if content_type else []
        http = StatusAndHeaders(status, [*fields, *sent], protocol="HTTP/1.1")
        return self.add("response", f"https://example.org/{number}", body, http=http, **headers)

    @property
    def data(self):
        return self.out.getvalue()


def _read(folder, data, name="crawl/x.warc.gz", **options):
    """Documents, bad rows, and counts of the rest."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    [file] = find([str(path)])
    pieces = list(read(file, Reading(**{"on_bad": "quarantine", **options})))
    dropped = {}
    for piece in pieces:
        for reason, n in piece.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + n
    return ([row for piece in pieces for row in piece.documents.to_pylist()],
            [row for piece in pieces for row in piece.bad.to_pylist()], dropped)


def test_a_page_becomes_a_document_with_what_is_known_of_it(tmp_path):
    archive = Archive().page(1, sent=[("Content-Language", "en-GB")], WARC_Truncated="length",
                             WARC_Identified_Content_Language="eng,deu",
                             WARC_Record_ID="<urn:uuid:12345678-1234-1234-1234-123456789abc>")
    [document], bad, dropped = _read(tmp_path, archive.data)
    assert not bad
    assert not dropped
    assert document["text"] == SENTENCE.format(1)
    assert document["url"] == "https://example.org/1"
    assert document["date"] == dt.datetime(2024, 4, 12, 10, 20, 30, tzinfo=dt.UTC)
    assert document["native_id"] == "12345678-1234-1234-1234-123456789abc"
    assert document["source"] == "crawl"
    assert document["license"] is None
    assert json.loads(document["metadata"]) == {
        "charset": "utf-8", "html_lang": "en", "language": "eng,deu", "content_language": "en-GB", "truncated": "length"}


def test_a_common_crawl_path_names_the_source(tmp_path):
    name = "crawl-data/CC-MAIN-2024-18/segments/1712296815919.75/warc/CC-MAIN-20240412101354-00000.warc.gz"
    [document], _, _ = _read(tmp_path, Archive().page(1).data, name)
    assert document["source"] == "CC-MAIN-2024-18"
    [document], _, _ = _read(tmp_path, Archive().page(1).data, name, source="mine", license="CC0-1.0")
    assert (document["source"], document["license"]) == ("mine", "CC0-1.0")


def test_records_that_are_no_pages_are_counted_by_reason_and_not_set_aside(tmp_path):
    archive = Archive().add("warcinfo", None, b"software: x\r\n", "application/warc-fields")
    archive.add("request", "https://example.org/1", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request")
    archive.page(1).add("metadata", "https://example.org/1", b"fetchTimeMs: 1\r\n", "application/warc-fields")
    archive.page(2, status="301 Moved Permanently").page(3, status="404 Not Found")
    archive.page(4, content_type="application/pdf", body=b"%PDF").page(5, body=b"<html><body><script>x()</script>")
    archive.page(6, content_type="").page(7, content_type="", body=b"\x89PNG").page(8, content_type="application/xhtml+xml")
    archive.add("response", "dns:example.org", b"20240412\nexample.org. 1 IN A 1.1.1.1", "text/dns")
    documents, bad, dropped = _read(tmp_path, archive.data, on_bad="fail")
    assert [d["url"][-1] for d in documents] == ["1", "6", "8"]
    assert not bad
    assert dropped == {"no_page": 4, "http_status": 2, "not_html": 2, "empty_page": 1}


@pytest.mark.parametrize(("encoding", "pack"), [
    ("gzip", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes),
])
def test_chunks_and_compression_are_undone(tmp_path, encoding, pack):
    content = pack(f"<html><body><p>{SENTENCE.format(1)}</p>".encode())
    sent = b"".join(b"%x\r\n%s\r\n" % (len(content[at : at + 30]), content[at : at + 30]) for at in range(0, len(content), 30))
    headers = [("Content-Encoding", encoding), ("Transfer-Encoding", "chunked")]
    archive = Archive().page(1, body=sent + b"0\r\n\r\n", sent=headers)
    [document], bad, _ = _read(tmp_path, archive.data)
    assert document["text"] == SENTENCE.format(1)
    assert not bad


@pytest.mark.parametrize(("charset", "declared", "meta"), [
    ("koi8-r", "koi8-r", ""), ("windows-1251", "", "windows-1251"), ("windows-1251", "", ""), ("utf-8", "koi8-r", "koi8-r"),
])
def test_charsets_are_found(tmp_path, charset, declared, meta):
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 4
    head = f"<meta charset={meta}>" if meta else ""
    archive = Archive().page(1, body=f"<html><head>{head}</head><body><p>{text}</p>".encode(charset),
                             content_type=f"text/html; charset={declared}" if declared else "text/html")
    [document], _, _ = _read(tmp_path, archive.data)
    assert document["text"] == text.strip()


def test_one_broken_record_never_loses_the_rest(tmp_path):
    archive = Archive()
    for number in range(6):
        archive.page(number)
    data = bytearray(archive.data)
    data[archive.starts[2] + 60 : archive.starts[2] + 90] = b"\xff" * 30
    documents, bad, _ = _read(tmp_path, bytes(data))
    assert [d["url"][-1] for d in documents] == ["0", "1", "3", "4", "5"]
    assert [row["reason"] for row in bad] == ["unreadable_member"]
    with pytest.raises(DataError, match=r"x\.warc\.gz.*unreadable_member"):
        _read(tmp_path, bytes(data), on_bad="fail")


def test_every_record_is_a_document_a_bad_row_or_counted(tmp_path):
    archive = Archive().add("warcinfo", None, b"a: b\r\n", "application/warc-fields").page(1)
    archive.page(2, status="no status").page(3, WARC_Date="some day").add("conversion", "https://example.org/4", b"caf\xe9")
    archive.add("conversion", "https://example.org/5", "Text: Größe".encode()).page(6)
    documents, bad, dropped = _read(tmp_path, archive.data)
    assert [d["url"][-1] for d in documents] == ["1", "5", "6"]
    assert [(row["row"], row["reason"]) for row in bad] == [(2, "bad_http"), (3, "bad_date"), (4, "invalid_utf8")]
    assert "https://example.org/2" in bad[0]["detail"]
    assert dropped == {"no_page": 1}


def test_a_truncated_file_keeps_what_came_before(tmp_path):
    archive = Archive().page(1).page(2).page(3)
    documents, bad, _ = _read(tmp_path, archive.data[: archive.starts[2] + 300])
    assert [d["url"][-1] for d in documents] == ["1", "2"]
    assert [row["reason"] for row in bad] == ["truncated"]


def test_a_record_of_a_wrong_length_says_so(tmp_path):
    archive = Archive(gz=False).page(1).page(2)
    at = archive.data.index(b"Content-Length: ")
    data = archive.data[: at + 16] + b"9" + archive.data[at + 16 :]
    documents, bad, _ = _read(tmp_path, data, "crawl/x.warc")
    assert [d["text"] for d in documents] == [SENTENCE.format(1), SENTENCE.format(2)]
    assert [json.loads(d["metadata"]).get("repaired") for d in documents] == ["length", None]
    assert not bad


def test_a_hostile_page_is_set_aside_with_its_address(tmp_path, monkeypatch):
    monkeypatch.setattr("corpusmill.jobs.sources.warc.extraction", partial(extraction, cpu_seconds=1))
    archive = Archive().page(1).page(2, body=b"<div>" * 150_000).page(3).page(4, body=b"<p>" + b"x" * (17 << 20))
    documents, bad, _ = _read(tmp_path, archive.data)
    assert [d["url"][-1] for d in documents] == ["1", "3"]
    assert [(row["row"], row["reason"]) for row in bad] == [(1, "extraction_timeout"), (3, "oversize")]
    assert "https://example.org/2" in bad[0]["detail"]


def test_wet_files_give_their_texts_as_they_are(tmp_path):
    archive = Archive().add("warcinfo", None, b"a: b\r\n", "application/warc-fields")
    archive.add("conversion", "https://example.org/1", "Title\nZeile: Größe\n".encode(), WARC_Identified_Content_Language="deu")
    archive.page(2).add("conversion", "https://example.org/3", b"")
    documents, bad, dropped = _read(tmp_path, archive.data, "crawl/x.warc.wet.gz")
    assert [(d["text"], d["url"][-1]) for d in documents] == [("Title\nZeile: Größe\n", "1"), ("", "3")]
    assert json.loads(documents[0]["metadata"]) == {"language": "deu"}
    assert documents[1]["metadata"] is None
    assert documents[0]["date"] == dt.datetime(2024, 4, 12, 10, 20, 30, tzinfo=dt.UTC)
    assert not bad
    assert dropped == {"no_page": 2}


def test_resources_are_taken_as_what_they_are(tmp_path):
    archive = Archive().add("resource", "https://example.org/1", f"<p>{SENTENCE.format(1)}</p>".encode(), "text/html")
    archive.add("resource", "https://example.org/2", b"plain", "text/plain").add("resource", "x:3", b"\x89PNG", "image/png")
    documents, _, dropped = _read(tmp_path, archive.data)
    assert [d["text"] for d in documents] == [SENTENCE.format(1), "plain"]
    assert dropped == {"not_html": 1}


@pytest.mark.parametrize("limit", [200, 10_000])
def test_pieces_hold_no_more_text_than_a_batch(tmp_path, limit):
    archive = Archive()
    for number in range(12):
        archive.page(number)
    (tmp_path / "x.warc.gz").write_bytes(archive.data)
    [file] = find([str(tmp_path / "x.warc.gz")])
    pieces = list(read(file, Reading(batch_bytes=limit)))
    assert sum(piece.documents.num_rows for piece in pieces) == 12
    assert all(sum(map(len, piece.documents["text"].to_pylist())) <= limit for piece in pieces)


def test_the_limit_on_documents_holds_for_texts(tmp_path):
    archive = Archive().add("conversion", "https://example.org/1", b"x" * 5000)
    archive.add("conversion", "https://example.org/2", b"y" * 50)
    documents, bad, _ = _read(tmp_path, archive.data, "crawl/x.wet.gz", max_document_bytes=1000)
    assert [d["text"] for d in documents] == ["y" * 50]
    assert [(row["row"], row["reason"]) for row in bad] == [(0, "oversize")]


def test_bad_rows_do_not_pile_up_in_memory(tmp_path):
    archive = Archive()
    for number in range(20):
        archive.page(number, status="no status")
    (tmp_path / "x.warc.gz").write_bytes(archive.data)
    [file] = find([str(tmp_path / "x.warc.gz")])
    pieces = list(read(file, Reading(batch_bytes=1000, on_bad="quarantine")))
    assert sum(piece.bad.num_rows for piece in pieces) == 20
    assert max(sum(map(len, piece.bad["content"].to_pylist())) for piece in pieces) <= 1000
