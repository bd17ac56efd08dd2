"""Web archives: the pages of Common Crawl's WARC files as text, and the texts of its WET files.

Rows are the records of a file, counted from 0. A record that is no page is counted by the reason:

    no_page        a record of another kind: warcinfo, request, metadata, revisit; in WET files whatever is no conversion
    http_status    a response other than 200: redirects, errors
    not_html       a response of another media type
    empty_page     a page in which the extractor finds no text

and a bad row has one of these reasons, beside those of a document:

    malformed_record     something stands where a record should
    unreadable_member    a broken gzip member
    truncated            the file breaks off in the record
    bad_http             a response record without a response
    oversize             a record, body or page beyond its limit
    extraction_failed, extraction_timeout, extraction_crashed    see ``extraction``
"""

import collections
import dataclasses
import re
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from corpusmill.jobs.sources import responses
from corpusmill.jobs.sources.extraction import MAX_PAGE_BYTES, Extraction, ExtractionError, extraction
from corpusmill.jobs.sources.files import SourceFile, opened
from corpusmill.jobs.sources.pieces import Piece, Reading, defaults_of, piece, unreadable
from corpusmill.jobs.sources.records import MAX_BODY, Record, named, records
from corpusmill.jobs.sources.responses import BadResponseError
from corpusmill.operators.documents import QUARANTINED_BYTES, BadRow, Defaults, canonical, json_object

_HTML = {"text/html", "application/xhtml+xml"}
_STARTS = (b"<!doctype html", b"<html")
_COLUMNS = ("text", "native_id", "url", "date", "metadata")
_CRAWL = re.compile(r"/(CC-[A-Z]+-\d{4}(?:-\d{2})?)/")

_Page = tuple[bytes, dict[str, str]]  # text in UTF-8, facts


class _NoDocumentError(Exception):
    """A record that is no page; the message is the reason."""


def read_warc(file: SourceFile, reading: Reading) -> Iterator[Piece]:
    """The documents of response and conversion records; resource records that are HTML or plain text are taken as they are."""
    with extraction() as extract:
        yield from _read(file, reading, _Pages(extract))


def read_wet(file: SourceFile, reading: Reading) -> Iterator[Piece]:
    """The documents of conversion records."""
    yield from _read(file, reading, _Pages(None))


@dataclasses.dataclass(frozen=True, slots=True)
class _Pages:
    """A record as text and facts; without an extraction, only where it is plain text."""

    extract: Extraction | None

    def __call__(self, record: Record) -> _Page:
        kind = record.headers.get("warc-type", "").lower()
        media = record.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "conversion" or (self.extract is not None and kind == "resource" and media == "text/plain"):
            _whole(record)
            return record.body, {}
        if self.extract is None or kind not in ("response", "resource"):
            raise _NoDocumentError("no_page")
        if kind == "resource":
            if media not in _HTML:
                raise _NoDocumentError("not_html")
            _whole(record)
            return _some(self.extract(record.body))
        if media and not media.startswith("application/http"):
            raise _NoDocumentError("no_page")
        return _some(self._response(record, self.extract))

    def _response(self, record: Record, extract: Extraction) -> _Page:
        response = responses.parse(record.body)
        if response.status != 200:
            raise _NoDocumentError("http_status")
        media = response.media_type
        if media not in _HTML and (media or not response.content.lstrip()[:15].lower().startswith(_STARTS)):
            raise _NoDocumentError("not_html")
        _whole(record)
        text, facts = extract(responses.body(response, MAX_PAGE_BYTES), response.charset)
        if "content-language" in response.headers:
            facts["content_language"] = response.headers["content-language"]
        return text, facts


def _some(page: _Page) -> _Page:
    if not page[0]:
        raise _NoDocumentError("empty_page")
    return page


def _whole(record: Record) -> None:
    if record.cut:
        raise BadResponseError("oversize", f"a record of {record.headers.get('content-length', 'many')} bytes")


def _read(file: SourceFile, reading: Reading, pages: _Pages) -> Iterator[Piece]:
    batch = _Batch(file, reading)
    with opened(file, reading.options) as handle:
        found = records(handle, file.name, min(MAX_BODY, reading.max_document_bytes))
        for row, record in enumerate(found):
            if isinstance(record, Record):
                yield from batch.add(row, record, pages)
            elif record.lost:
                yield from batch.flush()
                yield unreadable(file, reading, record.reason, f"after {row} records: {record.detail}")
            else:
                yield from batch.set_aside(BadRow(row, record.reason, record.detail, record.content))
    yield from batch.flush()


class _Batch:
    """What waits to be a piece."""

    def __init__(self, file: SourceFile, reading: Reading) -> None:
        self._file = file
        self._reading = reading
        self._defaults = _defaults(file, reading)
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[str, list[bytes | str | None]] = {name: [] for name in _COLUMNS}
        self._rows: list[int] = []
        self._dropped: collections.Counter[str] = collections.Counter()
        self._bytes = 0
        self._bad: list[BadRow] = []

    def add(self, row: int, record: Record, pages: _Pages) -> Iterator[Piece]:
        """The record as a document, a bad row or a count; the pieces that it completes."""
        try:
            text, facts = pages(record)
        except _NoDocumentError as none:
            self._dropped[str(none)] += 1
            return
        except (BadResponseError, ExtractionError) as error:
            detail = f"{named(record.headers)}: {error}"
            yield from self.set_aside(BadRow(row, error.reason, detail, record.body[:QUARANTINED_BYTES]))
            return
        yield from self._make_room(len(text))
        self._rows.append(row)
        for name, value in _fields(record, text, facts).items():
            self._columns[name].append(value)

    def set_aside(self, bad: BadRow) -> Iterator[Piece]:
        """A bad row; the pieces that it completes."""
        yield from self._make_room(len(bad.content or b""))
        self._bad.append(bad)

    def _make_room(self, size: int) -> Iterator[Piece]:
        if self._bytes and self._bytes + size > self._reading.batch_bytes:
            yield from self.flush()
        self._bytes += size

    def flush(self) -> Iterator[Piece]:
        """What there is."""
        if not (self._rows or self._bad or self._dropped):
            return
        types = {name: pa.string() for name in _COLUMNS} | {"text": pa.binary()}
        batch = pa.RecordBatch.from_arrays([pa.array(self._columns[n], t) for n, t in types.items()], names=list(_COLUMNS))
        documents, more = canonical(
            batch, {name: name for name in _COLUMNS}, self._defaults, np.array(self._rows, np.int64),
            self._reading.max_document_bytes)
        bad = sorted([*self._bad, *more], key=lambda row: row.row)
        done = piece(self._file, self._reading, documents, bad, dropped=self._dropped)
        self._clear()
        yield done


def _fields(record: Record, text: bytes, facts: Mapping[str, str]) -> dict[str, bytes | str | None]:
    headers = record.headers
    known = {"language": headers.get("warc-identified-content-language"), "truncated": headers.get("warc-truncated"),
             "repaired": "length" if record.repaired else None}
    metadata = {name: value for name, value in known.items() if value} | dict(facts)
    return {
        "text": text,
        "native_id": headers.get("warc-record-id", "").strip("<>").removeprefix("urn:uuid:") or None,
        "url": headers.get("warc-target-uri", "").strip("<>") or None,
        "date": headers.get("warc-date"),
        "metadata": json_object(metadata) if metadata else None,
    }


def _defaults(file: SourceFile, reading: Reading) -> Defaults:
    """Where the setting names no source, Common Crawl's crawl as its path tells it, or else the folder."""
    crawl = _CRAWL.search(file.uri)
    if reading.source is None and crawl is not None:
        reading = dataclasses.replace(reading, source=crawl[1])
    return defaults_of(file, reading, text_file=True)
