"""Datatrove against a plain-Python reading of datatrove's definitions, with the words of ``text.spacy``."""

import re
import unicodedata
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.spacy import words as spacy_words
from corpusmill.operators.text.spacy_classes import LETTER, SYMBOL, TERMINAL, classes

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
KNOWN = classes()
CHARACTERS = st.one_of(st.sampled_from("ab \n\n#.…•-!?9é中\u3000\u2028\x85\r\x1c\u200b٣²🙂\x00"),
                       st.characters(codec="utf-8").filter(lambda c: unicodedata.category(c) != "Cn"))
WORDS = st.one_of(
    st.sampled_from(["a", "b", "ab", "ba", "the", "THE", "with", "...", "…", "#x", "-", "don't", "1", "11", "\n", "\n\n", "•"]),
    st.text(CHARACTERS, max_size=6))
LINES = st.one_of(st.sampled_from(["a b", "- x", " • y ...", "a b ", "", " ", "c…", "é.", "end.", "long " * 9, "x\r"]),
                  st.text(CHARACTERS, max_size=30))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=200), st.lists(LINES, max_size=15).map("\n".join),
                  st.lists(WORDS, max_size=60).map(" ".join))


def has(character, bit):
    return bool(KNOWN[ord(character)] & bit)


def reference(text):
    words = spacy_words(text)
    plain = [word for word in words if not all(has(c, SYMBOL) for c in word)]
    lines, broken = text.split("\n"), text.splitlines()
    filled = [line for line in lines if line.strip()]
    pieces, paragraphs = re.split("\n+", text), re.split("\n{2,}", text.strip())
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    return {
        "chars": len(text), "line_feeds": len(lines) - 1, "line_chars": len(text) - len(lines) + 1,
        "words": len(words), "plain_words": len(plain), "plain_word_chars": sum(map(len, plain)),
        "alpha_words": sum(any(has(c, LETTER) for c in word) for word in words), "stop_words": len(STOP_WORDS & set(words)),
        "number_signs": text.count("#"), "ellipses": text.count("...") + text.count("…"),
        "lines": len(broken), "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in broken),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in broken),
        **later(paragraphs, "paragraph"), **later(pieces, "piece"),
        "filled_lines": len(filled), "terminal_lines": sum(has(line[-1], TERMINAL) for line in filled),
        "short_lines": sum(len(line) <= 30 for line in filled),
        "duplicate_line_chars": later(filled, "line")["duplicate_line_chars"],
        **{f"top_{n}gram_chars": top(words, n) for n in (2, 3, 4)},
        **{f"duplicate_{n}gram_chars": jumped(words, ends, n) for n in range(5, 11)},
    }


def later(items, name):
    copies = [item for i, item in enumerate(items) if item in set(items[:i])]
    return {f"{name}s": len(items), f"duplicate_{name}s": len(copies), f"duplicate_{name}_chars": sum(map(len, copies))}


def top(words, n):
    grams = [" ".join(words[i:i + n]) for i in range(len(words) - n + 1)]
    return max((len(gram) * k for gram, k in Counter(grams).most_common(1)), default=0)


def jumped(words, ends, n):
    known, found, at = set(), 0, 0
    while at + n <= len(words):
        gram = "".join(words[at:at + n])
        found, step = (found + ends[at + n] - ends[at], n) if gram in known else (found, 1)
        known.add(gram)
        at += step
    return found


def signals(values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = Datatrove().open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.removeprefix("datatrove."): n for name, n in row.items()} for row in columns]


@given(st.lists(TEXTS, max_size=5))
@example(["", "\n", "\n\n", " ", "a" * 64, "." * 64, "." * 63 + "a", "é" * 32 + " 1", "\n" * 130, "1 " * 64,
          "a b " * 300])
@example(["......", "...\n. . .\n…\n- x...\r\n•…\x85• y", "line one.\n\n" * 40, "\n\n\n a\n \nb\n\n\nc \n\n \n\nc",
          "\u2003" * 64])
@example(["1 11 1 1 1 2 11 1 1 1 1 2", "1 11 1 1 1 x " * 9, " ".join(map(str, range(3000))) * 2, "a\n" * 2000,
          "w" * 1100 + " z"])
@example(["it is a far, far better thing that I do, than I have ever done; " * 3 + "it is so. " * 4, "((((((" * 40,
          "\r\n\r\n" * 40])
def test_signals_are_those_of_the_reference(values):
    assert signals(values) == [reference(value) for value in values]


@pytest.mark.parametrize("n", range(58, 68))
@pytest.mark.parametrize("tail", ["é", "中.", "\u3000a", "\x85", "...", "…\n", "\n\n•", "\r\n", "\u2028-", " the", "\r"])
def test_signals_hold_across_the_edges_of_blocks(n, tail):
    values = [filler * n + tail + end for filler in ("a", ".", " ", "\n", "é") for end in ("", "b")]
    values += [("ab " * 40)[:n] + tail + " " + ("ab " * 40)[:n] + tail]
    assert signals(values) == [reference(value) for value in values]


def test_columns_carry_the_name_of_the_instance():
    assert Datatrove("raw").adds.names[:2] == ["raw.chars", "raw.line_feeds"]
