"""Results that are published under a version never change: a new result needs a new version."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from corpusmill.operators.quality.badwords import BadWords
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.quality.url import Url, UrlList
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise

TEXTS = [
    "", "plain\n", "Ünïcode “quoted”, 中文\u3000한국어 ٣ 🙂\u200b \r\n\r\n\r\n\r\n\r\nend\x0c",
    "• one.\n• one.\n- two?\n  \n" * 9,
    "\n".join(f"line {i % 7} of many, with {i} words" for i in range(300)), "x" * 70_000, "\x00\x1c\x85\xad" * 20,
]  # fmt: skip
PERSONAL = [
    "bob@example.com, 93.184.216.34 and 10.0.0.1; 2a00:1450::1\n+44 20 7946 0958 (212) 555-0100 tel. 020 7946 0958\n" * 3,
    "é 4111 1111 1111 1111; GB82 WEST 1234 5698 7654 32, token='aB3dE5fG7hJ9kL1mN3pQ5' AKIAIOSFODNN7EXAMPLE 中",
    "A turnip, TURNIPS, one-eyed pickled herring; 菠萝",
]  # fmt: skip
URLS = [None, "", "http://u@WWW.Example.com:80/Turnip/?q#f", "//sub.example.org./", "b.x.co.uk/herring", "http://[2001:db8::1]/"]
TESTS = Path(__file__).parents[1] / "operators"
MODEL, LISTS = TESTS / "text" / "models" / "pruned.ftz", TESTS / "quality" / "lists"
PUBLISHED = {
    ("Normalise", "1"): "ce0e92d35550599fe7b8200b0ac96aba",
    ("BasicSignals", "1"): "afec30020dcea1908cce09d53e66cf8c",
    ("Compression", "1"): "d2a691f8bcf9404fed6b365619cb81d1",
    ("Gopher", "1"): "97e69c939810999afae6ef0fab1f3bc2",
    ("Language", "1"): "94c9a3258b94099e656542774324f2d8",
    ("TextLayer", "1"): "7d59f70f956bab16136567624c3ff753",
}


@pytest.mark.parametrize("operator", [Normalise(), BasicSignals(), Compression(), Gopher(), Language(), TextLayer()],
                         ids=lambda op: type(op).__name__)
def test_results_are_those_published_under_this_version(operator):
    """Failing here: raise the operator's ``version`` and add its line, which keeps old receipts from being reused."""
    batch = pa.record_batch([pa.array(TEXTS, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open({"model": MODEL})(batch)
    found = hashlib.sha256(repr((outcome.batch.to_pydict(), outcome.counts)).encode()).hexdigest()[:32]
    assert found == PUBLISHED.get((type(operator).__name__, operator.version))


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
