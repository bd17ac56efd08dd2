"""BadWords against regular expressions entry by entry, and case against Python's own."""

import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.badwords import BadWords
from corpusmill.operators.quality.badwords_matching import automaton, count_matches
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.unicode import DIGIT, LETTER, classes

LIST = Path(__file__).parent / "lists" / "words.txt"
ENTRIES = {"turnip", "turnips", "marzipan", "pickled herring", "herring", "one-eyed", "straße", "ёлка", "菠萝", "萝", "🥦", "a"}
FIELDS = pa.schema([DOCUMENTS.field("text")])
PIECES = [*ENTRIES, "TURNIP", "Pickled  herring", "Ёлка", "STRASSE", "aA", "\u212a", "²", "_", "-", " ", "\n", "\x00", "é",
          "e\u0301", "\u200b", "中", "ב", "🙂", "."]  # fmt: skip
MADE = st.lists(st.one_of(st.sampled_from(PIECES), st.text(st.characters(codec="utf-8"), max_size=3)), max_size=12).map("".join)


def counts(texts, path=LIST, **parameters):
    batch = pa.record_batch([pa.array(texts, pa.string())], schema=FIELDS)
    found = BadWords(str(path), **parameters).open({"list": Path(path)})(batch).batch
    return list(zip(found["badwords.hits"].to_pylist(), found["badwords.words"].to_pylist(), strict=True))


def is_word(character):
    return character == "_" or bool(classes()[ord(character)] & (LETTER | DIGIT))


def expected(text, entries, bounded):
    """Each entry's occurrences, looked for at every character."""
    lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    found = {}
    for entry in entries:
        for at in range(len(lowered) - len(entry) + 1):
            end = at + len(entry)
            beside = lowered[max(at - 1, 0):at] + lowered[end:end + 1]
            if lowered[at:end] == entry and not (bounded and any(map(is_word, beside))):
                found[entry] = found.get(entry, 0) + 1
    return sum(found.values()), len(found)


@settings(max_examples=150)
@given(st.lists(MADE, max_size=4), st.booleans())
@example(["turnipsturnips turnips", "a a_a a²a ²a"], True)
@example(["菠萝萝菠萝aaa", ""], False)
def test_counts_are_those_of_a_search_for_each_entry(texts, bounded):
    assert counts(texts, boundaries=bounded) == [expected(text, ENTRIES, bounded) for text in texts]


@settings(max_examples=100)
@given(st.sets(st.text("abAé ", min_size=1, max_size=5).map(str.lower), max_size=8), st.text("abAé Bc", max_size=40),
       st.booleans())
def test_any_list_is_found_whole(entries, text, bounded):
    found = automaton(entries, bounded)
    texts, hits, distinct = Texts.of(pa.array([text], pa.string())), np.empty(1, np.int64), np.empty(1, np.int64)
    count_matches(texts.addresses, texts.lengths, *found.arrays, hits, distinct)
    assert (hits[0], distinct[0]) == expected(text, entries, bounded)


@settings(max_examples=150)
@given(MADE)
def test_a_document_has_hits_where_the_expression_of_c4_matches(text):
    if any((c.isnumeric() and not c.isdecimal() and not c.isalpha()) or len(c.lower()) > 1 for c in text):
        return  # where the documented definitions differ
    pattern = re.compile(r"(?:\W|^)({})(?:\W|$)".format("|".join(map(re.escape, ENTRIES))))
    if all(c.isalnum() == bool(classes()[ord(c)] & (LETTER | DIGIT)) for c in text):  # characters newer than Unicode 14
        assert (counts([text])[0][0] > 0) == (pattern.search(text.lower()) is not None)


def test_every_capital_that_python_knows_is_folded():
    """Of single characters; the list of exceptions is complete."""
    pairs = [(chr(i), chr(i).lower()) for i in range(sys.maxunicode + 1)
             if not 0xD800 <= i < 0xE000 and len(chr(i).lower()) == 1 and chr(i).lower() != chr(i)]
    alphabet = automaton({small for _, small in pairs}, bounded=False).codes
    assert [capital for capital, small in pairs if alphabet[ord(capital)] & 0x7FFF != alphabet[ord(small)] & 0x7FFF] == []


def test_a_list_is_read_with_its_comments_and_spaces(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff# a comment\r\n\r\n  Turnip \r\nred\n".encode())
    assert counts(["turnip RED # comment"], path) == [(2, 2)]


def test_an_empty_list_finds_nothing(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# nothing\n")
    assert counts(["turnip", ""], path) == [(0, 0), (0, 0)]


@pytest.mark.parametrize(("text", "hits"), [
    ("Σοφός", 1), ("ΣΟΦΌΣ", 1), ("σοφόσ", 1), ("ςοφός", 1), ("σοφό", 0), ("σοφόςα", 0),
])  # fmt: skip
@pytest.mark.parametrize("entry", ["σοφός", "ΣΟΦΌΣ", "σοφόσ"])
def test_a_final_sigma_is_a_sigma(tmp_path, entry, text, hits):
    path = tmp_path / "list.txt"
    path.write_text(entry)
    assert counts([text], path) == [(hits, hits)]


def test_a_list_that_cannot_be_used_is_refused(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("x" * 63)
    with pytest.raises(ConfigError, match="at most 62 characters; got 63"):
        counts(["x"], path)
    path.write_bytes(b"a\nb\xff")
    with pytest.raises(DataError, match=r"list.txt' is not UTF-8: line 2 has the byte 0xff"):
        counts(["x"], path)


def test_without_its_list_the_operator_does_not_open():
    with pytest.raises(ConfigError, match="the list 'x' has not been fetched"):
        BadWords("x").open({})
