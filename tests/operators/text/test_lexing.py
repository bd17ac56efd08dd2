"""Tokens against a plain reference on strings."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.lexing import BLOCK, BOUNDARY, count_tokens, lex, points
from corpusmill.operators.text.unicode import DIGIT, LETTER, SPACE, SYMBOL, classes

CASED = [*range(0x590), *range(0x10A0, 0x1100), *range(0x1E00, 0x2000)]
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U00031fff]")
TEXTS = st.lists(st.text(st.one_of(st.sampled_from("abE \n\r\u3000é中カ0٣.!-_\u200b\u0301\x00🙂\u2028"),
                                   st.characters(codec="utf-8")), max_size=80), max_size=5)


def kind(char):
    flags = int(classes()[ord(char)])
    if flags & SPACE or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0:
        return ""
    if UNSPACED.match(char) and flags & LETTER:
        return "alone"
    return "run" if flags & SYMBOL else "word"


def folded(char):
    if classes()[ord(char)] & DIGIT:
        return "0"
    return char.lower() if ord(char) in CASED and len(char.lower()) == 1 else char


def reference(text):
    """Tokens as strings, None where a line ends."""
    tokens, before = [], ""
    for line in text.split("\n"):
        count = len(tokens)
        before = ""
        for char in line:
            now = kind(char)
            if now == "word" and before == "word":
                tokens[-1] += folded(char)
            elif now and not (now == "run" and before == "run" and tokens[-1] == char):
                tokens.append(folded(char))
            before = now
        tokens += [None] * (len(tokens) > count)
    return tokens


def lexed(text, room=BLOCK):
    texts = Texts.of(pa.array([text], pa.string()))
    at, end, last, block, found = texts.addresses[0], texts.addresses[0] + texts.lengths[0], BOUNDARY, np.empty(room, "u8"), []
    while True:
        at, filled = lex(at, end, last, points(), block)
        found += block[:filled].tolist()
        if filled < room:
            return found
        last = block[room - 1]


@given(TEXTS)
@example(["É́ 1999-12!!! ...…\n\n \nカナ中a中_b\u200bc\x85d\x00e"])
def test_tokens_are_those_of_the_reference(values):
    spelt = [reference(text) for text in values]
    hashes = [lexed(text) for text in values]
    pairs = {pair for words, found in zip(spelt, hashes, strict=True) for pair in zip(words, found, strict=True)}
    assert len({word for word, _ in pairs}) == len(pairs) == len({h for _, h in pairs})
    assert all((word is None) == (h == BOUNDARY) for word, h in pairs)
    counts = np.empty(len(values), np.int64)
    texts = Texts.of(pa.array(values, pa.string()))
    count_tokens(texts.addresses, texts.lengths, points(), counts)
    assert counts.tolist() == [len(words) for words in spelt]


@pytest.mark.parametrize("room", [1, 2, 3, 7])
@given(text=st.text("ab .\n中", max_size=60))
def test_a_text_may_be_read_in_pieces(room, text):
    assert lexed(text, room) == lexed(text)


def test_case_numbers_of_equal_shape_and_repeated_symbols_are_one():
    assert lexed("In 1984!!!") == lexed("in 2024!") != lexed("in 19844!")
    assert lexed(unicodedata.normalize("NFC", "É")) == lexed("é")
    assert len(lexed("a!?!")) == 5
