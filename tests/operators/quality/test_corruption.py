"""Corruption against a plain-Python reference."""

import re
import unicodedata
from itertools import groupby, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.quality.corruption import Corruption
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.unicode import classes

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"


def is_known(character):
    """Whether this Python's Unicode classes the character as the pinned version does."""
    assigned = unicodedata.category(character) != "Cn"
    return assigned == bool(classes()[ord(character)]) or unicodedata.category(character)[0] in "CMNZ"


CHARACTERS = st.one_of(st.sampled_from("aab \n\n.é中ÃÂ©â€\u0085\x00\x7f\t\ufffd\ue000\U000f0000हि\u0301٣²🙂"),
                       st.characters(codec="utf-8").filter(is_known))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=200),
                  st.lists(st.sampled_from(["a", "b", "c", "no", "\n", "\n\n"]), max_size=40).map(" ".join))


def alphabetic(text):
    """Letters, whitespace, and what has no class and follows a letter."""
    total, after = 0, False
    for c in text:
        category = unicodedata.category(c)
        letter = category[0] == "L"
        classed = letter or category == "Nd" or category[0] in "PS" or c.isspace()
        after = letter or (after and not classed and ord(c) > 0x9F)
        total += after or c.isspace()
    return total


def repeats(line):
    words = line.split()
    return any(words[i:i + n] == words[i + n:i + 2 * n] and i + 2 * n <= len(words)
               for n in range(1, 5) for i in range(len(words)))


def reference(text):
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "chars": len(text),
        "alphabetic_chars": alphabetic(text),
        "control_chars": sum(unicodedata.category(c) == "Cc" and c not in "\t\n\r" for c in text),
        "replacement_chars": text.count("\ufffd"),
        "private_chars": sum(unicodedata.category(c) == "Co" for c in text),
        "mojibake": sum((a in "ÂÃ" and "\x80" <= b <= "\xbf") or a + b == "â€" for a, b in pairwise(text)),
        "longest_run": max((len(list(run)) for c, run in groupby(text) if not c.isspace()), default=0),
        "filled_lines": len(lines),
        "repeating_lines": sum(map(repeats, lines)),
    }


def signals(values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = Corruption().open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.removeprefix("corruption."): n for name, n in row.items()} for row in columns]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
@example(["of the of the", "a b c d a b c d", "x\nx", "", "\n", "aaaa    bb", "Ã©tÃ© â€œ"])
def test_counts_are_those_of_the_reference(values):
    assert signals(values) == [reference(text) for text in values]


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not here")
@pytest.mark.parametrize("domain", ["multilingual", "standards"])
def test_counts_are_those_of_the_reference_on_real_text(domain):
    texts = pq.read_table(CORPUS / f"{domain}-00000.parquet", columns=["text"])["text"].to_pylist()[::67]
    assert signals(texts) == [reference(text) for text in texts]


def test_utf_8_read_as_another_encoding_is_found():
    broken = "Ärger über “Anführung” ist größer".encode().decode("cp1252", errors="replace")
    assert signals([broken])[0]["mojibake"] >= 4
    assert re.search("[ÂÃ]", broken)
