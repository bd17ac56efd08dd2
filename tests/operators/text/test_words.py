"""Words, whitespace and characters against str.split() and len()."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.words import UNROLLED, characters, count_words, decode, locate_words, width

SPACES = [chr(point) for point in range(0x110000) if chr(point).isspace()]
LETTERS = ["a", "Z", "9", ".", "é", "ß", "中", "한", "م", "\u0301", "\u200d", "𝔘", "🙂", "\u2027", "\u2030", "\u180e"]
TEXTS = st.text(st.one_of(st.sampled_from(SPACES + LETTERS), st.characters(codec="utf-8")), max_size=200)


def words_of(values):
    texts = Texts.of(pa.array(values, pa.string()))
    counts = np.empty(len(values), np.int64)
    count_words(texts.addresses, texts.lengths, counts)
    spans = np.empty(int(counts.sum()) * 2 + UNROLLED, np.int32)
    locate_words(texts.addresses, texts.lengths, spans)
    pairs, found = spans[:-UNROLLED].reshape(-1, 2).tolist(), []
    for value, count in zip(values, counts.tolist(), strict=True):
        found.append([value.encode()[start:stop].decode() for start, stop in pairs[:count]])
        pairs = pairs[count:]
    return found


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
@example(["", " ", "a", "a" * 64, "a" * 64 + " ", " " * 64 + "b", ""])
def test_words_are_those_of_str_split(values):
    assert words_of(values) == [value.split() for value in values]


@pytest.mark.parametrize("space", SPACES, ids=lambda c: f"U+{ord(c):04X}")
def test_whitespace_is_found_wherever_it_straddles_a_block(space):
    values = ["x" * n + space + "y" for n in range(58, 68)] + ["é" * n + space for n in range(28, 34)]
    assert words_of(values) == [value.split() for value in values]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_characters_are_code_points(values):
    assert characters(Texts.of(pa.array(values, pa.string()))).tolist() == [len(value) for value in values]


@settings(deadline=None)
@given(st.characters(codec="utf-8"))
def test_decode_gives_the_code_point_and_width_its_bytes(character):
    texts = Texts.of(pa.array([character], pa.string()))
    assert decode(int(texts.addresses[0])) == ord(character)
    assert width(character.encode()[0]) == texts.lengths[0]
