"""RemoveUrls against DCLM's rules written as regular expressions."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.domains import DOMAINS
from corpusmill.operators.text.urls import RemoveUrls

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
NAMES = "|".join(DOMAINS)
URL = re.compile(rf"\s{{0,10}}(?:(?:https?|ftp)://)?[-a-zA-Z0-9@:%._+~#=]{{1,256}}\.(?:{NAMES})\b[-a-zA-Z0-9()@:%_+.~#?&/=]*")
ADDRESS = re.compile(
    r"\s{0,10}\b(?:(?:https?|ftp)://)?(?:[0-2]?[0-9]{1,2}\.){3}[0-2]?[0-9]{1,2}[-a-zA-Z0-9()@:%_+.~#?&/=]*")
FIRST = re.compile(f"(?:{NAMES})", re.I)
PIECES = st.one_of(
    st.sampled_from([
        "https://www.example.org/path?q=(1)", "ftp://a.net", "xhttp://b.com", "http://c.de", "example.com",
        "Example.COM", "a.comx", "a.com-b",
        "a.com_", "mail@host.co.uk", "end.In", "e.g.", "i.e", "file.py", ".com", "..com", "a..com", "10.0.0.1",
        "http://192.168.1.1:80/x", "256.1.1.1",
        "300.1.1.1", "1.2.3", "1.2.3.4.5", "12345.6.7.8", "v1.2.3.4", "1.300.2.3", "é1.2.3.4", "a.comé", "éa.com",
        "\u00a0", "\u3000\u3000", " " * 12,
        "\n", "\n\n\n", "\n\n\n\n", "The", "For", "\u017fo", "ht\u212a", "//", ":", "x" * 257, "a.b." * 70,
        "a.xn--p1ai",
    ]),
    st.text(st.one_of(st.sampled_from("ab.:/ 1\né"), st.characters(codec="utf-8")), max_size=12),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=10).map("".join)


def reference(text, everywhere=True):
    urls = addresses = 0
    if everywhere or FIRST.match(text):
        text, urls = URL.subn("", text)
    text, addresses = ADDRESS.subn("", text)
    fewer = re.sub("\n{3,}", "\n\n", text)
    return fewer, {"urls": urls, "ip_addresses": addresses, "line_feeds": len(text) - len(fewer)}


def edited(values, operator):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = operator.open({})(batch)
    outcome.batch.validate(full=True)
    rows = outcome.batch.to_pylist()
    found = [(row.pop("text"), {name.removeprefix("urls."): n for name, n in row.items()}) for row in rows]
    assert outcome.counts == {"edited": sum(text != value for value, (text, _) in zip(values, found, strict=True))}
    return found


@pytest.mark.parametrize("everywhere", [True, False])
@given(st.lists(TEXTS, max_size=5))
@example(["", "x" * 300 + ".com", "x" * 256 + ".com/" + "y" * 300, " http://" + "x" * 257 + ".org",
          "a.b." * 100 + "com z"])
@example(["see http://a.com  http://b.com\n\n\n\nThe 1.2.3.4", "x." * 40 + "com " * 30, "\n" * 200, "a\n\n\n" * 40])
@example(["1.2.3.4é", "é1.2.3.4", "xhttp://1.2.3.4", "http://1.2.3.4", "1.2.3.4 5.6.7.8", "1.1.1.1.1.1.1.1",
          "0" * 62 + " 1.2.3.4"])
def test_texts_and_counts_are_those_of_the_reference(everywhere, values):
    assert edited(values, RemoveUrls(everywhere=everywhere)) == [reference(value, everywhere) for value in values]


@pytest.mark.parametrize("size", range(58, 70))
@pytest.mark.parametrize("tail", [" http://a.com/b c", " a.b.org", " 1.2.3.4 x", "\n\n\n\nx", "\n\n\n"])
def test_rules_hold_across_the_edges_of_blocks(size, tail):
    values = [filler * size + tail for filler in ("é", "a", " ", ".", "\n")]
    assert edited(values, RemoveUrls()) == [reference(value) for value in values]


@pytest.mark.corpus
def test_real_documents_become_what_the_reference_says():
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string())
        values = [text for text in column.to_pylist()[2::max(1, len(column) // 20)] if len(text) < 30_000]
        assert edited(values, RemoveUrls()) == [reference(value) for value in values]
