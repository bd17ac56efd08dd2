"""The HTTP response in a WARC record: status, headers, and the body as the server meant it."""

import dataclasses
import re
import zlib
from collections.abc import Callable, Mapping

import brotli  # type: ignore[import-untyped]
import zstandard

from corpusmill.jobs.sources.records import parse_headers

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


class BadResponseError(Exception):
    """A record that holds no response that can be read; ``reason`` is what the quarantine records."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """Headers by their name in lower case; ``content`` is still chunked and compressed as it was sent."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        """Such as ``text/html``; empty where the server named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """What the header Content-Type says; empty where it says nothing."""
        found = _CHARSET.search(self.headers.get("content-type", ""))
        return found[1] if found else ""


def parse(block: bytes) -> Response:
    """The response in a record's block. Raises BadResponseError."""
    status = _STATUS.match(block)
    if status is None:
        raise BadResponseError("bad_http", f"no status line, but {block[:40]!r}")
    end = _HEADER_END.search(block)
    if end is None:
        raise BadResponseError("bad_http", "the headers have no end")
    return Response(int(status[1]), parse_headers(block[: end.start()]), block[end.end() :])


def body(response: Response, limit: int) -> bytes:
    """The body without chunks and compression, of at most ``limit`` bytes. Raises BadResponseError.

    Crawlers store bodies that they have decoded already under headers that say otherwise, so what is not in the encoding that
    its header names is taken as it is. What breaks off counts as far as it goes, as in a browser.
    """
    content = response.content
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        content = _unchunked(content)
    for encoding in reversed(response.headers.get("content-encoding", "").lower().split(",")):
        decoder = _DECODERS.get(encoding.strip())
        if decoder is not None:
            content = decoder(content, limit)
        if len(content) > limit:
            raise BadResponseError("oversize", f"a body of more than {limit} bytes")
    return content


def _unchunked(content: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while (head := _CHUNK.match(content, at)) is not None:
        size = int(head[1], 16)
        if not size:
            return b"".join(parts)
        parts.append(content[head.end() : head.end() + size])
        at = head.end() + size
        at += 2 if content.startswith(b"\r\n", at) else 1 if content.startswith(b"\n", at) else 0
    # Nothing was a chunk: it has been decoded; something was: the rest is as broken as it is to a browser.
    return b"".join(parts) if parts else content


def _gunzip(content: bytes, limit: int) -> bytes:
    return _inflate(content, limit, 31) or b"" if content.startswith(b"\x1f\x8b") else content


def _deflate(content: bytes, limit: int) -> bytes:
    """Some servers send it with zlib's header, as they should, and some without."""
    tries = (_inflate(content, limit, wbits) for wbits in (15, -15))
    return next((found for found in tries if found is not None), content)


def _inflate(content: bytes, limit: int, wbits: int) -> bytes | None:
    """As far as it goes; None where it does not begin."""
    inflater, size = zlib.decompressobj(wbits), 0
    parts: list[bytes] = []
    while content and not inflater.eof and size <= limit:
        try:
            out = inflater.decompress(content, 1 << 20)
        except zlib.error:
            return b"".join(parts) or None
        parts.append(out)
        size += len(out)
        content = inflater.unconsumed_tail
    return b"".join(parts)


def _unbrotli(content: bytes, limit: int) -> bytes:
    decoder, size = brotli.Decompressor(), 0
    parts: list[bytes] = []
    try:
        while not decoder.is_finished() and size <= limit:
            out = decoder.process(content, output_buffer_limit=1 << 20)
            if not out and not content:
                break
            content = b""
            parts.append(out)
            size += len(out)
    except brotli.error:  # what it gave before counts; nothing: it has been decoded already
        return b"".join(parts) or content
    return b"".join(parts)


def _unzstd(content: bytes, limit: int) -> bytes:
    try:
        return zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_reader(content).read(limit + 1)
    except zstandard.ZstdError:
        return content


_DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip, "x-gzip": _gunzip, "deflate": _deflate, "br": _unbrotli, "zstd": _unzstd,
}
