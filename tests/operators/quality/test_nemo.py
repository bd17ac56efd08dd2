"""Nemo against a plain-Python reference of Curator's definitions."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.quality.nemo import Nemo
from corpusmill.operators.quality.nemo_phrases import PHRASES
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.unicode import classes

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
ELLIPSES = ("...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more")
URL = re.compile(r"https?://(?:[a-zA-Z0-9$_@.&+/:=?#~!*(),-]|%[0-9a-fA-F]{2})+")


def is_known(character):
    """Whether this Python's Unicode classes the character as the pinned version does."""
    assigned = unicodedata.category(character) != "Cn"
    return assigned == bool(classes()[ord(character)]) or unicodedata.category(character)[0] in "CMNZ"


CHARACTERS = st.one_of(st.sampled_from("ab \n\n\n#.…•-⟨(]}9é中\u3000\u2028\x85٣²𝔘🙂\x00\x08%/"),
                       st.characters(codec="utf-8").filter(is_known))
WORDS = st.one_of(st.sampled_from([
    "a", "b", "ab", "The", "the", "of", "...", "[…]", "-»", "#", "##", "#a#b#", "#a#", "é", "中文", "7", "\n", "\n\n", "\n \n",
    "http://a.b/c", "https://x%20y.z,", "https://", "http://é", "Read", "more", "more..", "use", "Cookies", "terms of use",
    "the\x00", "…\x00"]),
    st.text(CHARACTERS, max_size=5))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=200), st.lists(WORDS, max_size=60).map(" ".join),
                  st.lists(st.sampled_from(["x y", "x y ", "• z", "read more", "Privacy Policy", "", "lorem  ipsum",
                                            "LOREM IPSUM"]), max_size=12).map("\n".join))


def lower(text):
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)


def reference(text):
    words, paragraphs = text.split(), text.split("\n\n")
    lines = [line for line in text.split("\n") if line.strip()]
    boilerplate = [p for p in paragraphs if any(phrase in lower(p) for phrase in PHRASES[:-1])]
    return {
        "chars": len(text),
        "plain_chars": len(re.findall(r"[a-zA-Z0-9\n?!,.]", text)),
        "digit_chars": sum(c.isdecimal() for c in text),
        "blank_chars": sum(c in "\t\n\r\b " for c in text),
        "bracket_chars": sum(c in "{}⟨⟩[]()" for c in text),
        "url_chars": sum(map(len, URL.findall(text))),
        "words": len(words),
        "word_chars": sum(map(len, words)),
        "max_word_chars": max(map(len, words), default=0),
        "symbol_words": sum(w in ELLIPSES or len(re.findall("#+", w)) / len(w) > 0.5 for w in words),
        "alpha_words": sum(any(c.isalpha() for c in w) for w in words),
        "stop_words": sum(w in STOP_WORDS for w in words),
        "filled_lines": len(lines),
        "line_chars": sum(map(len, lines)),
        "unique_lines": len(set(lines)),
        "unique_line_chars": sum(map(len, set(lines))),
        "unended_lines": sum(not line.strip().endswith((".", "?", "!", '"', "'")) for line in lines),
        "bullet_lines": sum(line.strip()[0] in "•‣⁃⁌⁍∙○●◘◦⦾⦿" for line in lines),
        "ellipsis_lines": sum(lower(line.strip()).endswith(ELLIPSES) for line in lines),
        "paragraphs": len(paragraphs),
        "paragraph_chars": sum(map(len, paragraphs)),
        "unique_paragraphs": len(set(paragraphs)),
        "unique_paragraph_chars": sum(map(len, set(paragraphs))),
        "boilerplate_paragraphs": len(boilerplate),
        "lorem_ipsum": int("lorem ipsum" in lower(text)),
        **{f"top_{n}gram_chars": top_chars(text, words, n) for n in (2, 3, 4)},
        **{f"duplicate_{n}gram_chars": later_chars(text, words, n) for n in range(5, 11)},
    }


def runs(words, n):
    return [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]


def top_chars(text, words, n):
    if len(words) < n:
        return len(text)
    (most, _), = Counter(runs(words, n)).most_common(1)
    return len(text) - len(text.replace(" ".join(most), ""))


def later_chars(text, words, n):
    """The characters marked, and a space between neighbours that one run holds both of."""
    if len(words) < n:
        return len(text)
    seen, marked, joined = set(), set(), set()
    for i, run in enumerate(runs(words, n)):
        if run in seen:
            marked |= set(range(i, i + n))
            joined |= set(range(i, i + n - 1))
        seen.add(run)
    return sum(len(words[i]) for i in marked) + len(joined)


def signals(values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = Nemo().open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.removeprefix("nemo."): n for name, n in row.items()} for row in columns]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=4))
@example(["a b " * 40, "a" * 100 + " b" + " " + "a" * 100 + " b", "", "\n\n\n", "x\n\n", "the end read MORE.."])
def test_counts_are_those_of_the_reference(values):
    assert signals(values) == [reference(text) for text in values]


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not here")
@pytest.mark.parametrize("domain", ["licences", "techdocs", "multilingual", "commit_messages"])
def test_counts_are_those_of_the_reference_on_real_text(domain):
    texts = pq.read_table(CORPUS / f"{domain}-00000.parquet", columns=["text"])["text"].to_pylist()[::101]
    assert signals(texts) == [reference(text) for text in texts]
