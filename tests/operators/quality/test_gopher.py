"""Gopher against a plain-Python reference."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from segmenting import words_of

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.unicode import classes

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "corpus"
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
ELLIPSES = "...", ". . .", "…"


def is_known(character):
    """Whether this Python's Unicode classes the character as the pinned version does."""
    assigned = unicodedata.category(character) != "Cn"
    return assigned == bool(classes()[ord(character)]) or unicodedata.category(character)[0] in "CMNZ"


CHARACTERS = st.one_of(st.sampled_from("ab \n\n#.…•-*●9é中\u3000\u2028\x85٣²𝔘🙂\x00"),
                       st.characters(codec="utf-8").filter(is_known))
WORDS = st.one_of(
    st.sampled_from(["a", "b", "ab", "The", "THE", "with", "of", "...", "…", "#x", "-", "é", "中文", "7", "😀", "\n", "\n\n"]),
    st.text(CHARACTERS))
LINES = st.one_of(st.sampled_from(["a b", "- x", " ● y ...", "a b ", "", " ", "c. . .", "é…", "long " * 9]),
                  st.text(CHARACTERS))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=200), st.lists(LINES, max_size=15).map("\n".join),
                  st.lists(WORDS, max_size=60).map(" ".join))


def reference(text, parts=None):
    """The signals; ``parts`` are the words of n-grams, those of ``split`` where it is None."""
    words = text.split()
    parts = words if parts is None else parts
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    paragraphs = [piece.strip() for piece in re.split(r"\n{2,}", text) if piece.strip()]
    lower = [re.sub("[A-Z]", lambda letter: letter[0].lower(), word) for word in words]
    return {
        "words": len(words),
        "alnum_words": sum(word[0].isalpha() or word[0].isdecimal() for word in words),
        "alpha_words": sum(any(c.isalpha() for c in word) for word in words),
        "word_chars": sum(map(len, words)),
        "stop_words": sum(word in STOP_WORDS for word in lower),
        "distinct_stop_words": len(STOP_WORDS & set(lower)),
        "symbols": sum(text.count(symbol) for symbol in ("#", *ELLIPSES)),
        "filled_lines": len(lines),
        "bullet_lines": sum(line[0] in "●•*-" for line in lines),
        "ellipsis_lines": sum(line.endswith(ELLIPSES) for line in lines),
        "line_chars": sum(map(len, lines)),
        **copies(lines, "duplicate_lines", "duplicate_line_chars"),
        "paragraphs": len(paragraphs),
        "paragraph_chars": sum(map(len, paragraphs)),
        **copies(paragraphs, "duplicate_paragraphs", "duplicate_paragraph_chars"),
        **{f"top_{n}gram_chars": top(parts, n) for n in (2, 3, 4)},
        **{f"duplicate_{n}gram_chars": covered(parts, n) for n in range(5, 11)},
        "alnum_tokens": sum(token[:1].isalnum() for token in re.split("[ \t-\r\0]", text)),
        "ngram_words": len(parts),
        "ngram_chars": sum(map(len, parts)),
    }


def copies(pieces, number, characters):
    repeated = [(n, piece) for piece, n in Counter(pieces).items() if n > 1]
    return {number: sum(n for n, _ in repeated), characters: sum(n * len(piece) for n, piece in repeated)}


def grams(words, n):
    return [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]


def top(words, n):
    counted = Counter(grams(words, n))
    most = max(counted.values(), default=1)
    return most * max(sum(map(len, gram)) for gram, k in counted.items() if k == most) if most > 1 else 0


def covered(words, n):
    found = grams(words, n)
    counted = Counter(found)
    places = {i + k for i, gram in enumerate(found) if counted[gram] > 1 for k in range(n)}
    return sum(len(words[i]) for i in places)


def signals(values, operator=None):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    columns = (operator or Gopher()).open({})(batch).batch.drop_columns(["text"]).to_pylist()
    return [{name.removeprefix("gopher."): n for name, n in row.items()} for row in columns]


@given(st.lists(TEXTS, max_size=5))
@example(["", "a" * 64, "." * 64, "." * 63 + "a", "." * 128, "é" * 32 + " 1", "\n" * 130, "1 " * 64, "x " * 500, "a b " * 300])
@example(["......", "...\n. . .\n. . . . .\n…\n. . . .", "line one.\n\n" * 40, "\n\n\n a\n \nb\n\n\nc \n\n\nc", "\u2003" * 64])
@example(["a\n" * 2000 + "\n\n".join(map(str, range(2000))), " ".join(map(str, range(3000))) * 2, "w" * 1100 + " z"])
def test_signals_are_those_of_the_reference(values):
    assert signals(values) == [reference(value) for value in values]


BY_SEGMENTS = Gopher(ngrams="uax29")
PIECES = ["can't", "e.g. this", "3.14", "the", "a_b", "_c", "中文", "naïve", "(so)", "–", "1,2;3", "\n"]
PLAIN = st.lists(st.one_of(st.sampled_from(PIECES),
                           st.text(st.sampled_from("ab1_.,:;'’ é中\n"), max_size=9)), max_size=80).map(" ".join)


@given(st.lists(PLAIN, max_size=4))
@example(["中" * 400 + "。" + "中" * 400, "a.b.c " * 100, "can't can t " * 50, "", "_a " * 70, "…\n" * 50])
def test_ngrams_are_of_the_words_of_uax_29(values):
    assert signals(values, BY_SEGMENTS) == [reference(value, words_of(value)) for value in values]


def test_other_words_for_ngrams_are_a_clear_error():
    with pytest.raises(ConfigError, match="ngrams must be one of space, uax29; got 'spacy'"):
        Gopher(ngrams="spacy")


@pytest.mark.parametrize("n", range(56, 70))
@pytest.mark.parametrize("tail", ["é", "中.", "\u3000a", "𝔘\n", "\x85", "...", ". . .", "…\n", "\n\n•", " The the", " ²"])
def test_signals_hold_across_the_edges_of_blocks(n, tail):
    values = [filler * n + tail + filler for filler in ("a", ".", " ", "1", "\n", "é")]
    values += [("ab " * 40)[:n] + tail + " " + ("ab " * 40)[:n] + tail]
    assert signals(values) == [reference(value) for value in values]


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
def test_stop_words_are_whole_words_in_any_case(word):
    found, = signals([f"{word} {word.upper()} {word.title()} {word}. x{word} {word}s {word[:-1]} {word[:-1]}\x13"])
    assert (found["stop_words"], found["distinct_stop_words"]) == (3, 1)


@pytest.mark.corpus
def test_signals_of_real_documents_are_those_of_the_reference():
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    for file in files:
        column = pq.read_table(file, columns=["text"])["text"].cast(pa.string())
        values = [text for text in column.to_pylist()[3::max(1, len(column) // 40)]
                  if len(text) < 100_000]
        assert signals(values) == [reference(value) for value in values]


def test_columns_carry_the_name_of_the_instance():
    assert Gopher("raw").adds.names[:2] == ["raw.words", "raw.alnum_words"]
