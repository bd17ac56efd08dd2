"""Bare words against a reference that goes character by character."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from barewords import plain
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.text.bare import CHUNK, hash_words, tables
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.unicode import classes


def is_known(character):
    """Whether this Python's Unicode classes the character as the pinned version does."""
    assigned = unicodedata.category(character) != "Cn"
    return assigned == bool(classes()[ord(character)]) or unicodedata.category(character)[0] in "CMNZ"


SOME = "aZ09 _-'\n\r\t\x00éÉßİſμµσςЯяԱⴀ中の한ไ\u00ad\u200b\u200d\ufeff\u0301\u2028\u3000𝔘𠀀🙂’“—²"
CHARACTERS = st.one_of(st.sampled_from(SOME),
                       st.characters(codec="utf-8").filter(is_known))
TEXTS = st.text(CHARACTERS, max_size=200)


def hashed(values, breaks=False):
    """The hashes of the words of each text."""
    texts = Texts.of(pa.array(values, pa.string()))
    hashes, counts = np.empty(int(texts.lengths.sum()) + len(values), np.uint64), np.empty(len(values), np.int64)
    written = hash_words(texts.addresses, texts.lengths, tables(), breaks, hashes, counts)
    assert counts.sum() == written
    return [part.tolist() for part in np.split(hashes[:written], np.cumsum(counts)[:-1])]


def same(values):
    """The words found are those of the reference: as many, and equal where its words are equal."""
    words = [word for value in values for word in plain(value)]
    hashes = [h for part in hashed(values) for h in part]
    assert [len(part) for part in hashed(values)] == [len(plain(value)) for value in values]
    assert len(set(words)) == len(set(hashes)) == len(set(zip(words, hashes, strict=True)))


@given(st.lists(TEXTS, min_size=1, max_size=5))
@example(["Don't STOP", "don\u00adT stop", "ΟΔΟΣ οδος", "中文\u200b字", "\u200b \ufeff", "Ｆｕｌｌ ｆｕｌｌ"])
@example(["K \u0130i", "𠀀𠀁a𠀀"])
def test_words_are_those_of_the_reference(values):
    same(values)


@pytest.mark.parametrize("n", [*range(56, 68), *range(CHUNK - 5, CHUNK + 3)])
@pytest.mark.parametrize("tail", ["é", "中a中", "𠀀𠀀", "\u00ad", "—x", "\n", "b"])
def test_words_hold_across_the_edges_of_blocks_and_chunks(n, tail):
    same([*(filler * n + tail + filler * 3 + " x" for filler in ("a", " ", "\n")),
          "中" * (n // 3) + "b" * (n % 3) + tail + "z"])


def test_case_punctuation_and_invisible_characters_do_not_count():
    first, second = hashed(["“Straße”, ÉTÉ: it’s 3×4 …", "straße -- été it's\u200b 3*4!"])
    assert first == second
    assert len(first) == 6


def test_accents_and_digits_count():
    words = hashed(["été ete e\u0301te 1999 2000"])[0]
    assert len(set(words)) == 5


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_line_feeds_stand_among_the_words_where_they_are_asked_for(values):
    for value, found in zip(values, hashed(values, breaks=True), strict=True):
        assert [found[:i].count(0) for i, h in enumerate(found) if h] == [
            i for i, line in enumerate(value.split("\n")) for _ in plain(line)]
