"""Results on personal data and lists that are published under a version never change: a new result needs a new version."""

import hashlib

import pyarrow as pa
import pytest
from roster import TESTS, TEXTS

from corpusmill.operators.quality.badwords import BadWords
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.url import Url, UrlList
from corpusmill.operators.schema import DOCUMENTS

PERSONAL = [
    "bob@example.com, 93.184.216.34 and 10.0.0.1; 2a00:1450::1\n+44 20 7946 0958 (212) 555-0100 tel. 020 7946 0958\n" * 3,
    "é 4111 1111 1111 1111; GB82 WEST 1234 5698 7654 32, token='aB3dE5fG7hJ9kL1mN3pQ5' AKIAIOSFODNN7EXAMPLE 中",
    "A turnip, TURNIPS, one-eyed pickled herring; 菠萝",
]  # fmt: skip
URLS = [None, "", "http://u@WWW.Example.com:80/Turnip/?q#f", "//sub.example.org./", "b.x.co.uk/herring", "http://[2001:db8::1]/"]
LISTS = TESTS / "quality" / "lists"


@pytest.mark.parametrize(("operator", "name", "published"), [
    (PII(), "", "4e644581fa758d6deeb1f0cfcd528f75"),
    (BadWords("x"), "words.txt", "8d2568a839247d12a5d5ebd20c782bee"),
    (BadWords("x", boundaries=False), "words.txt", "18c4b5660c3a5c403b0dd87aa23fcba7"),
], ids=repr)  # fmt: skip
def test_results_on_personal_data_are_those_published_under_version_1(operator, name, published):
    batch = pa.record_batch([pa.array(TEXTS + PERSONAL, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    assert operator.version == "1"
    assert digest_of(operator, name, batch) == published


@pytest.mark.parametrize(("operator", "name", "published"), [
    (Url(), "", "942ab85aea9c4d28002c6058f3f63e95"),
    (UrlList("x"), "hosts.txt", "f63370e180da3c9633b21a45701c7231"),
    (UrlList("x", match="domain"), "hosts.txt", "21c53856513ff4abdc7d71bdcfda0af9"),
    (UrlList("x", match="host"), "hosts.txt", "1148ceba0a0cfd7834ec18a81af1b386"),
    (UrlList("x", match="url"), "hosts.txt", "1148ceba0a0cfd7834ec18a81af1b386"),
    (UrlList("x", match="word"), "url_words.txt", "5ba0fe67c0b1968fc2c22b2f7dbbd2f7"),
    (UrlList("x", match="subword"), "url_words.txt", "5ba0fe67c0b1968fc2c22b2f7dbbd2f7"),
], ids=repr)  # fmt: skip
def test_results_on_urls_are_those_published_under_version_1(operator, name, published):
    batch = pa.record_batch([pa.array(URLS, pa.string())], schema=pa.schema([DOCUMENTS.field("url")]))
    assert operator.version == "1"
    assert digest_of(operator, name, batch) == published


def digest_of(operator, name, batch):
    outcome = operator.open({"list": LISTS / name} if name else {})(batch)
    return hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()[:32]
