"""Words by UAX #29 against the rules of the standard, applied one by one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from segmenting import words_of

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.segments import UNROLLED, count_segments, locate_segments
from corpusmill.operators.text.wordbreak import ALNUM, CLASS, CLASSES, PICTOGRAPHIC, properties

# Of each class a few characters, of every plane and script that has them.
SAMPLES = ("a1_.':,;\"é𝔘אבאカﾀ٣𝟘’·：，\u0308\u0300\u200d\u00ad\u200b\u2060🇫🇷🙂❤ℹ©中ह\u093f\u0e33ก½²Ⅷ‿"
           "\u202f\u3000\u2028\x85\xa0\r\n\t\x0b \x00")
TEXTS = st.one_of(st.text(st.sampled_from(SAMPLES), max_size=150), st.text(st.characters(codec="utf-8"), max_size=40),
                  st.text(st.sampled_from("ab1_.':, "), max_size=200))


def found(values):
    texts = Texts.of(pa.array(values, pa.string()))
    counts = np.empty(len(texts), np.int64)
    bitmaps = np.full((2, (texts.longest >> 6) + 1), 2**64 - 1, np.uint64)
    count_segments(texts.addresses, texts.lengths, properties(), bitmaps, counts)
    spans = np.empty(2 * counts.sum() + UNROLLED, np.int64)
    locate_segments(texts.addresses, texts.lengths, properties(), bitmaps, spans)
    pairs, words = iter(spans.tolist()), []
    for value, n in zip(values, counts, strict=True):
        encoded = value.encode()
        words.append([encoded[next(pairs):next(pairs)].decode() for _ in range(n)])
    return words


@given(st.lists(TEXTS, max_size=5))
@example(["", "_" * 63 + ":_ a", "_" * 64 + "a", "a" * 64, "a" * 63 + ".", "a" * 63 + ".b", "1" * 62 + ",2", "中" * 50])
@example(["אָ'", "א\"ב", "א'", "א' b", "1'1", "1:1", "a.\u200dℹ", "a.\u200d🙂", "\u0308a", " \u200dℹ", "\n\u0308a", "e\u0301’s"])
def test_words_are_those_of_the_rules(values):
    assert found(values) == [words_of(value) for value in values]


@pytest.mark.parametrize("n", range(58, 68))
@pytest.mark.parametrize("tail", ["a.b", "1,2", "_a_", ".a", "’s", "é.é", "中文", "a\u0301b", ": a", "_:_", "__ a"])
def test_words_hold_across_the_edges_of_blocks(n, tail):
    values = [(filler * n)[:n] + tail for filler in ("a", ". ", "_", "1", " ", "x_ ")]
    assert found(values) == [words_of(value) for value in values]


@pytest.mark.parametrize(("text", "words"), [
    # The standard's own example, and its notes on numbers, apostrophes and scripts without spaces.
    ("The quick (“brown”) fox can’t jump 32.3 feet, right?",
     ["The", "quick", "brown", "fox", "can’t", "jump", "32.3", "feet", "right"]),
    ("can't 3,456.789 l'objectif left-hand A_B e.g. 1:2",
     ["can't", "3,456.789", "l'objectif", "left", "hand", "A_B", "e.g", "1", "2"]),
    ("中文 カタカナ 한국어 ひら", ["中", "文", "カタカナ", "한국어", "ひ", "ら"]),
    ("צה\"ל ג'ון 👨\u200d👩\u200d👧 _x", ["צה\"ל", "ג'ון"]),
])  # fmt: skip
def test_words_are_those_of_the_standard(text, words):
    assert found([text]) == [words]


def test_classes_are_those_of_the_published_file():
    """Sizes of the classes in WordBreakProperty.txt of Unicode 14.0.0."""
    kinds = np.bincount(properties()[:0x110000] & CLASS, minlength=len(CLASSES))
    sizes = dict(zip(CLASSES, kinds.tolist(), strict=True))
    published = {"Newline": 5, "Extend": 2512, "Format": 64, "Katakana": 330, "Hebrew_Letter": 75, "ALetter": 29336,
                 "MidNumLet": 7, "MidLetter": 9, "MidNum": 15, "Numeric": 661, "ExtendNumLet": 11, "WSegSpace": 14}
    assert {name: sizes[name] for name in published} == published
    assert (properties() & PICTOGRAPHIC != 0).sum() == 3537


def test_letters_and_numbers_are_those_of_python():
    table = properties()
    differing = [point for point in range(0x110000) if chr(point).isalnum() != bool(table[point] & ALNUM)]
    # A newer Python knows characters that the pinned version does not assign.
    assert not any(table[point] for point in differing)
