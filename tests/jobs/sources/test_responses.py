"""HTTP responses in archives."""

import gzip
import zlib
from itertools import pairwise

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.sources.responses import BadResponseError, body, parse

LIMIT = 1 << 20


def _response(content, *headers, status="HTTP/1.1 200 OK"):
    return parse("\r\n".join([status, *headers, "", ""]).encode() + content)


def _chunked(content, cuts):
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    parts = [content[a:b] for a, b in pairwise(edges)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"


def test_status_type_and_charset_are_read():
    found = _response(b"x", "Content-Type: Text/HTML; charset='koi8-r'", "X: y")
    assert (found.status, found.media_type, found.charset, found.content) == (200, "text/html", "koi8-r", b"x")
    assert _response(b"", status="HTTP/2 404").status == 404
    bare = parse(b"HTTP/1.0 301 Moved\nLocation: /\n\n")
    assert (bare.status, bare.media_type, bare.charset) == (301, "", "")


@pytest.mark.parametrize("block", [b"", b"<html>", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b"])
def test_what_is_no_response_is_refused(block):
    with pytest.raises(BadResponseError) as refused:
        parse(block)
    assert refused.value.reason == "bad_http"


PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
           "zstd": zstandard.compress, "identity": bytes}


@given(content=st.binary(max_size=500), encoding=st.sampled_from(sorted(PACKERS)), cuts=st.lists(st.integers(0, 500)))
def test_chunks_and_compression_are_undone(content, encoding, cuts):
    sent = _chunked(PACKERS[encoding](content), cuts)
    assert body(_response(sent, f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked"), LIMIT) == content


def test_raw_deflate_is_undone_too():
    packer = zlib.compressobj(wbits=-15)
    raw = packer.compress(b"page " * 50) + packer.flush()
    assert body(_response(raw, "Content-Encoding: deflate"), LIMIT) == b"page " * 50


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_what_the_crawler_decoded_already_is_taken_as_it_is(encoding):
    page = b"<html><body>decoded</body></html>"
    assert body(_response(page, f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked"), LIMIT) == page


def test_what_breaks_off_counts_as_far_as_it_goes():
    page = b"".join(b"line %d\n" % at for at in range(2000))
    cut = gzip.compress(page)[:-40]
    got = body(_response(cut, "Content-Encoding: gzip"), LIMIT)
    assert got
    assert page.startswith(got)
    assert body(_response(b"5\r\nhello\r\n9\r\nwor", "Transfer-Encoding: chunked"), LIMIT) == b"hellowor"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity"])
def test_a_bomb_is_oversize(encoding):
    bomb = PACKERS[encoding](bytes(40 << 20))
    with pytest.raises(BadResponseError) as refused:
        body(_response(bomb, f"Content-Encoding: {encoding}"), LIMIT)
    assert refused.value.reason == "oversize"


@given(junk=st.binary(max_size=200), encoding=st.sampled_from(sorted(PACKERS)))
def test_no_bytes_make_it_fail(junk, encoding):
    body(_response(junk, f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked"), LIMIT)
