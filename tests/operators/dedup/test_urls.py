"""URLs as they are compared, against plain Python."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.dedup.urls import MOST, TRACKING, normalised_urls
from corpusmill.operators.quality.url_parsing import hosts
from corpusmill.operators.text.buffers import Texts

PIECES = ["http://", "https://", "//", "www.", "WWW.", "a.b", "Example.ORG", ".", "@", ":80", ":443", ":8080", ":", "/", "//x",
          "/Path", "?", "&", "=", "#", "utm_source=1", "UTM_x", "gclid=2", "gclids=3", "_ga", "b=1", "a=2", "a=1", "é", "%20",
          " ", "\\", "[::1]"]
urls = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def host_of(url):
    """As ``url_parsing`` finds it, which has tests of its own."""
    found = hosts(Texts.of(pa.array([url])))
    return bytes(memoryview(found.owners[0]))[: found.lengths[0]].decode()


def reference(url):
    host = None if url is None else host_of(url)
    if not host:
        return None
    url = url.strip("".join(map(chr, range(33))))
    at = url.lower().index(host, re.match(r"(?:[A-Za-z0-9+.-]*:?//)?(?:[^/?#\\\x00-\x20]*@)?", url).end())
    rest = url[at + len(host):].partition("#")[0]
    cut = next((i for i, c in enumerate(rest) if c in "/?\\" or c <= " "), len(rest))
    port, rest = rest[:cut].removeprefix("."), rest[cut:]
    path, _, query = rest.partition("?")
    parameters = [p for p in query.split("&") if p and not tracks(p)]
    host = host[4:] if host.startswith("www.") and len(host) > 4 else host
    told = "" if port in ("", ":", ":80", ":443") else port
    ordered = sorted(parameters, key=str.encode)
    return host + told + path.rstrip("/") + ("?" + "&".join(ordered) if ordered else "")


def tracks(parameter):
    name = parameter.partition("=")[0].lower().encode()
    return name in TRACKING[1:] or parameter.lower().startswith("utm_")


@given(st.lists(st.none() | urls, max_size=6), st.integers(0, 2))
@example(["http://u@www.a.b./", "www.http://www."], 0)
def test_urls_are_those_of_the_plain_reference(values, cut):
    values = [v for v in values if v is None or (v.count("@") < 2 and v.count("//") < 2)]
    found = normalised_urls(pa.array(values, pa.string())[cut:])
    found.validate(full=True)
    assert found.to_pylist() == [reference(value) for value in values[cut:]]


@pytest.mark.parametrize(("one", "other"), [
    ("https://www.example.org/page/", "http://EXAMPLE.org/page"),
    ("https://example.org/?b=2&a=1#part", "https://example.org?a=1&b=2"),
    ("https://example.org/x?utm_source=mail&utm_Medium=y&gclid=5", "example.org/x"),
    ("https://example.org:443/x?&&", "http://user:word@example.org:80/x?"),
    ("  https://example.org./x \n", "//example.org/x"),
])  # fmt: skip
def test_one_page_is_one_url(one, other):
    first, second = normalised_urls(pa.array([one, other])).to_pylist()
    assert first == second


@pytest.mark.parametrize(("one", "other"), [
    ("https://example.org/Page", "https://example.org/page"),
    ("https://example.org:8080/", "https://example.org/"),
    ("https://example.org/?a=1&a=2", "https://example.org/?a=1"),
    ("https://m.example.org/", "https://example.org/"),
    ("https://example.org/?gclids=1", "https://example.org/"),
    ("https://www.org", "https://org.org"), ("https://example.org/a//b", "https://example.org/a/b"),
])  # fmt: skip
def test_other_pages_are_other_urls(one, other):
    first, second = normalised_urls(pa.array([one, other])).to_pylist()
    assert first != second


def test_what_has_no_host_is_no_url():
    assert normalised_urls(pa.array([None, "", " ", "/path", "https:///x", "?a=1"])).to_pylist() == [None] * 6


def test_queries_of_many_parameters_stay_as_they_are():
    few, many = ("&".join(f"p{i}={i}" for i in reversed(range(n))) for n in (MOST, MOST + 1))
    found = normalised_urls(pa.array([f"a.b/?{few}", f"a.b/?{many}", "a.b/?" + "z&" * 100_000])).to_pylist()
    assert found[0] == "a.b?" + "&".join(sorted(few.split("&")))
    assert found[1] == f"a.b?{many}"
    assert len(found[2]) == 200_004
