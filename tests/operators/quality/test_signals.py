"""BasicSignals against a plain-Python reference."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.unicode import classes

SPECIAL = "\n\n\n  \t\r.!?\"-*a•●‣■zZ9é中한مÀǅ٣²\u0301\u200d\u2028\x85\xa0\u3000𝔘🙂\x00"


def is_known(character):
    """Whether this Python's Unicode classes the character as the pinned version does."""
    assigned = unicodedata.category(character) != "Cn"
    return assigned == bool(classes()[ord(character)]) or unicodedata.category(character)[0] in "CMNZ"


CHARACTERS = st.one_of(st.sampled_from(SPECIAL), st.characters(codec="utf-8").filter(is_known))
LINES = st.one_of(st.sampled_from(["a.", "- x", "• é!", "  a.  ", "", " ", "中" * 31, "b" * 30]), st.text(CHARACTERS))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=200), st.lists(LINES, max_size=12).map("\n".join))


def reference(text):
    categories = [unicodedata.category(c) for c in text]
    lines = text.split("\n")
    contents = [line.strip() for line in lines if line.strip()]
    repeated = [content for i, content in enumerate(contents) if content in contents[:i]]
    return {
        "bytes": len(text.encode()),
        "chars": len(text),
        "words": len(text.split()),
        "word_chars": sum(map(len, text.split())),
        "alpha_chars": sum(c.isalpha() for c in text),
        "digit_chars": sum(c.isdecimal() for c in text),
        "symbol_chars": sum(category[0] in "PS" for category in categories),
        "space_chars": sum(c.isspace() for c in text),
        "upper_chars": categories.count("Lu"),
        "alpha_words": sum(any(c.isalpha() for c in word) for word in text.split()),
        "lines": len(lines),
        "blank_lines": len(lines) - len(contents),
        "filled_lines": len(contents),
        "short_lines": sum(len(content) <= 30 for content in contents),
        "max_line_chars": max(map(len, lines)),
        "terminal_lines": sum(content[-1] in '.!?"' for content in contents),
        "bullet_lines": sum(content[0] in "-*•‣◦●○▪■" for content in contents),
        "duplicate_lines": len(repeated),
        "duplicate_line_chars": sum(map(len, repeated)),
    }


def signals(values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = BasicSignals().open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.removeprefix("text."): n for name, n in row.items()} for row in columns]


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=5))
@example(["", "a" * 64, "." * 64, "." * 63 + "a", "." * 128, "é" * 32 + " 1", "\n" * 130, "1 " * 64])
@example(["a\n" * 2000 + "\n".join(map(str, range(2000))), "a\n a\n\u3000a\n"])
def test_signals_are_those_of_the_reference(values):
    assert signals(values) == [reference(value) for value in values]


@pytest.mark.parametrize("n", range(58, 70))
@pytest.mark.parametrize("tail", ["é", "中.", "\u3000a", "𝔘\n", "\x85", " 7", "\n\n•"])
def test_signals_hold_across_the_edges_of_blocks(n, tail):
    values = [filler * n + tail + filler for filler in "a. 1\n"]
    assert signals(values) == [reference(value) for value in values]


def test_columns_carry_the_name_of_the_instance():
    assert BasicSignals("raw").adds.names[:2] == ["raw.bytes", "raw.chars"]
