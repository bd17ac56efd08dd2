"""Url and UrlList against urllib and plain sets."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.select import Rule, select
from corpusmill.operators.quality.url import Url, UrlList
from corpusmill.operators.schema import DOCUMENTS

LISTS = Path(__file__).parent / "lists"
FIELDS = pa.schema([DOCUMENTS.field("url")])
HOSTS = ["example.com", "WWW.Example.com", "a.sub.example.org", "sub.example.org", "example.org", "whole.example.net",
         "x.co.uk", "b.x.co.uk", "co.uk", "uk", "localhost", "192.0.2.7", "[2001:db8::1]", "spaced.test.",
         "münchen.example.com", "", "a..b", ".a", "a..", "."]  # fmt: skip
WHOLE = st.builds(lambda scheme, user, host, port, path: f"{scheme}{user}{host}{port}{path}",
                  st.sampled_from(["http://", "HTTPS://", "//", "ftp+x://", "mailto:", "data:", ""]),
                  st.sampled_from(["", "u@", "u:p@"]),
                  st.sampled_from(HOSTS), st.sampled_from(["", ":80", ":", ":123456", ":x"]),
                  st.sampled_from(["", "/", "/page/", "/turnip/Marzi-pan?x=herring#f", "?q=a.b/c@d", "#x/y",
                                   "/é中🙂"]))  # fmt: skip


def run(operator, urls, path=None):
    files = {"list": path} if path else {}
    return operator.open(files)(pa.record_batch([pa.array(urls, pa.string())], schema=FIELDS)).batch


def hits(match, urls, name="hosts.txt"):
    return run(UrlList("x", match=match), urls, LISTS / name)["url_list.hits"].to_pylist()


def host_of(url):
    scheme, rest = re.match(r"((?:[a-z0-9+.-]*:)?)(.*)", url, re.I | re.S).groups()
    if scheme and not re.match(r"//|[0-9]{1,5}(?:[/?#\\]|$)", rest):
        return None
    authority = re.split(r"[/?#\\]", rest[2:] if rest.startswith("//") else url)[0].rpartition("@")[2]
    host = authority[:authority.find("]") + 1] if authority.startswith("[") else authority.partition(":")[0]
    host = re.sub("[A-Z]", lambda m: m[0].lower(), host.removesuffix("."))
    return host if all(host.split(".")) else None


@settings(max_examples=200)
@given(st.lists(st.one_of(st.none(), WHOLE), max_size=6))
@example(["http://[2001:db8::1]:80/x", "//u@h@Example.com:1#", None])
def test_hosts_are_those_of_a_plain_parser(urls):
    assert run(Url(), urls)["url.host"].to_pylist() == [None if url is None else host_of(url) for url in urls]


@given(st.sampled_from(["http://", "https://"]), st.sampled_from(HOSTS[:10]), st.sampled_from(["", ":8080"]),
       st.sampled_from(["", "/a?b#c"]))
def test_hosts_are_those_of_urllib(scheme, host, port, path):
    assert run(Url(), [scheme + host + port + path])["url.host"].to_pylist() == [urlsplit(scheme + host + port + path).hostname]


@pytest.mark.parametrize(("host", "domain"), [
    ("example.com", "example.com"), ("a.b.example.com", "example.com"), ("b.x.co.uk", "x.co.uk"), ("co.uk", None), ("uk", None),
    ("www.gov.pl", "www.gov.pl"), ("a.ac.jp", "a.ac.jp"), ("t.co", "t.co"), ("localhost", None), ("192.0.2.7", "192.0.2.7"),
    ("[2001:db8::1]", "[2001:db8::1]"), ("", None),
])  # fmt: skip
def test_the_registered_domain_by_the_rule(host, domain):
    assert run(Url(), [f"http://{host}/"])["url.domain"].to_pylist() == [domain]


@pytest.mark.parametrize(("host", "domain"), [
    ("a.b.example.com", "example.com"), ("a.b.ck", "a.b.ck"), ("b.ck", None), ("x.www.ck", "www.ck"), ("www.ck", "www.ck"),
    ("a.host.io.test", "a.host.io.test"), ("host.io.test", None), ("c.io.test", "io.test"), ("a.b.unlisted", "b.unlisted"),
])  # fmt: skip
def test_the_registered_domain_by_a_list_of_suffixes(tmp_path, host, domain):
    path = tmp_path / "suffixes.dat"
    path.write_text("// comment\ncom\ntest\n*.ck\n!www.ck\n\nhost.io.test // more\n")
    assert run(Url(path="x"), [f"//{host}"], path)["url.domain"].to_pylist() == [domain]


@settings(max_examples=150)
@given(st.lists(st.one_of(st.none(), WHOLE), max_size=6))
def test_lists_of_hosts_are_looked_up_as_sets_are(urls):
    listed = {"example.com", "sub.example.org", "whole.example.net", "spaced.test", "192.0.2.7"}
    hosts = [None if url is None else host_of(url) for url in urls]
    labels = [None if h is None else h.split(".") for h in hosts]
    assert hits("host", urls) == [None if h is None else int(h in listed) for h in hosts]
    assert hits("site", urls) == [None if p is None else sum(".".join(p[i:]) in listed for i in range(len(p))) for p in labels]
    domains = run(Url(), urls)["url.domain"].to_pylist()
    assert hits("domain", urls) == [None if h is None else int(d in listed) for h, d in zip(hosts, domains, strict=True)]


@settings(max_examples=150)
@given(st.lists(st.one_of(st.none(), WHOLE, st.text(st.characters(codec="utf-8"), max_size=20)), max_size=6))
def test_words_and_subwords_are_those_of_a_plain_search(urls):
    words = [None if u is None else set(re.split("[^a-zA-Z0-9]+", re.sub("[A-Z]", lambda m: m[0].lower(), u))) for u in urls]
    listed = {"turnip", "marzipan", "herring", "xy"}
    assert hits("word", urls, "url_words.txt") == [None if w is None else len(w & listed) for w in words]
    plain = [None if u is None else re.sub("[^a-z0-9]", "", re.sub("[A-Z]", lambda m: m[0].lower(), u)) for u in urls]
    assert hits("subword", urls, "url_words.txt") == [None if p is None else sum(w in p for w in listed) for p in plain]


@pytest.mark.parametrize(("url", "found"), [
    ("http://whole.example.net/page", 1), ("https://u@Whole.Example.net:443/page/#top", 1), ("whole.example.net/page/", 1),
    ("http://whole.example.net/page/2", 0), ("http://whole.example.net/Page", 0), ("http://example.com", 1),
])  # fmt: skip
def test_urls_are_compared_without_what_does_not_name_a_page(url, found):
    assert hits("url", [url]) == [found]


def test_without_a_url_no_rule_fires_and_that_is_counted():
    batch = run(UrlList("x"), [None, "http://example.com/", "http://other.test/", ""], LISTS / "hosts.txt")
    ids = pa.array([bytes(16)] * 4, pa.binary(16))
    outcome = select(pa.record_batch([ids, batch["url_list.hits"]], names=["doc_id", "url_list.hits"]),
                     [Rule("domain", "url_list.hits", max=0)])
    assert outcome.batch["keep"].to_pylist() == [True, False, True, True]
    assert outcome.counts["not_applicable.domain"] == 2


def test_millions_of_hosts_are_looked_up(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("\n".join(f"h{i}.example" for i in range(200_000)))
    found = run(UrlList("x", match="host"), [f"http://h{i}.example/" for i in range(190_000, 210_000)], path)
    assert sum(found["url_list.hits"].to_pylist()) == 10_000


@pytest.mark.parametrize("url", ["mailto:bob@example.com", "data:text/html,example.com", "urn:isbn:0", "about:blank",
                                 "javascript:void(0)", "http:/example.com", "http://a..b/", "http://.example.com/x", "file:///x"])
def test_a_url_without_a_host_is_in_no_list_of_hosts_or_urls(tmp_path, url):
    """``http://a..b/x`` was looked up as the path alone, and so found wherever another URL without a host had the same."""
    assert run(Url(), [url]).to_pylist() == [{"url": url, "url.host": None, "url.domain": None}]
    path = tmp_path / "list.txt"
    path.write_text(f"{url}\nfile:///html,example.com\nmailto\ndata\n")
    for match in ("domain", "host", "site", "url"):
        assert run(UrlList("x", match=match), [url], path)["url_list.hits"].to_pylist() == [None]


@pytest.mark.parametrize(("entry", "host", "domain", "exact", "site"), [
    ("example.org", "example.org", 1, 1, 1), ("example.org", "a.sub.example.org", 1, 0, 1),
    ("sub.example.org", "example.org", 0, 0, 0), ("sub.example.org", "sub.example.org", 0, 1, 1),
    ("sub.example.org", "a.sub.example.org", 0, 0, 1), ("http://Sub.example.org/page", "a.sub.example.org", 0, 0, 1),
    ("x.co.uk", "a.x.co.uk", 1, 0, 1), ("co.uk", "a.x.co.uk", 0, 0, 1), ("org", "example.org", 0, 0, 1),
    ("sub.example.org", "xsub.example.org", 0, 0, 0),
])  # fmt: skip
def test_what_an_entry_of_hosts_matches(tmp_path, entry, host, domain, exact, site):
    path = tmp_path / "list.txt"
    path.write_text(entry)
    found = [run(UrlList("x", match=match), [f"http://{host}/"], path)["url_list.hits"][0].as_py()
             for match in ("domain", "host", "site")]
    assert found == [domain, exact, site]


@pytest.mark.parametrize("match", ["domain", "host", "site", "url", "word", "subword"])
def test_a_byte_order_mark_is_no_part_of_the_first_entry(tmp_path, match):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffexample.com\n".encode())
    text = "http://example.com/" if match != "word" else "examplecom"
    assert run(UrlList("x", match=match), [text], path)["url_list.hits"].to_pylist() == [1]
    path = tmp_path / "suffixes.dat"
    path.write_bytes("\ufeffb.test\ntest\n".encode())
    assert run(Url(path="x"), ["//c.a.b.test"], path)["url.domain"].to_pylist() == ["a.b.test"]


def test_a_list_that_is_not_utf_8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfexample.com\nm\xfcnchen.example.com\n")
    for operator in (Url(path="urls.txt"), *(UrlList("urls.txt", match=match) for match in ("site", "url", "word", "subword"))):
        with pytest.raises(DataError, match=r"the list 'urls.txt' is not UTF-8: line 2 has the byte 0xfc"):
            run(operator, ["http://example.com"], path)


def test_a_host_longer_than_names_can_be_is_none():
    names = ["a." * 126 + "b", "a." * 127 + "b"]
    assert run(Url(), [f"http://{host}/" for host in names])["url.host"].to_pylist() == [names[0], None]


def test_an_unknown_match_is_refused_and_a_list_must_be_fetched():
    with pytest.raises(ConfigError, match=r"match must be one of domain, host.* got 'path'"):
        UrlList("x", match="path")
    with pytest.raises(ConfigError, match="the list 'x' has not been fetched"):
        UrlList("x").open({})
