"""Folded words and shingles against a reference that walks over characters."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.shingles import (
    CHUNK,
    ROOM,
    hash_shingles,
    locate_folded,
    lowered,
    mixed,
    weight_of_oldest,
)

MASK = (1 << 64) - 1
# Separators and letters whose UTF-8 differs in one byte, at both ends of every range.
SPECIAL = "\x7f\x80\xa0\xbf\xc0é\u07ff\u0800\u1fff\u2000\u2014\u207f\u2080\u2fff\u3000\u303f\u3040あ中\u9fff\ua000한\uffff🙂"
texts = st.text(st.one_of(st.sampled_from(SPECIAL), st.sampled_from("aAzZ@[`{09/:_ \n.-"), st.characters(codec="utf-8")),
                max_size=200)


def words_of(text):
    """Words, with ASCII capitals lowered."""
    words, open_word = [], ""
    for character in text:
        point = ord(character)
        letter = character == "_" or (character.isalnum() if point < 0x80 else not (
            0x80 <= point <= 0xBF or 0x2000 <= point <= 0x207F or 0x3000 <= point <= 0x303F))
        alone = 0x3040 <= point <= 0x9FFF
        if open_word and (alone or not letter):
            words.append(open_word)
            open_word = ""
        if alone:
            words.append(character)
        elif letter:
            open_word += character.lower() if point < 0x80 else character
    return words + [open_word] * bool(open_word)


def fold(left, right):
    product = left * right
    return (product >> 64) ^ (product & MASK)


def mix(value):
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def hash_of(word):
    data = word.encode()
    value = 0x243F6A8885A308D3 ^ (len(data) * 0x9E3779B97F4A7C15 & MASK)
    for at in range(0, len(data), 8):
        value = fold(value ^ int.from_bytes(data[at : at + 8], "little"), 0xA0761D6478BD642F)
    return value


def shingles_of(text, ngram):
    """The hash of every run of ``ngram`` words; of all words where there are fewer, and none where there is none."""
    hashes = [hash_of(word) for word in words_of(text)]
    runs = [hashes[i : i + ngram] for i in range(max(1, len(hashes) - ngram + 1))] if hashes else []
    return [mix(sum(h * pow(0xD6E8FEB86659FD93, len(run) - 1 - i, 1 << 64) for i, h in enumerate(run)) & MASK) for run in runs]


def found_in(text, ngram=5):
    """(words, shingles) of the kernels."""
    texts_ = Texts.of(pa.array([text]))
    address, length = int(texts_.addresses[0]), int(texts_.lengths[0])
    state, rolling, recent = np.zeros(4, np.uint64), np.zeros(2, np.uint64), np.zeros(ngram, np.uint64)
    spans, hashes = np.empty(2 * ROOM, np.int64), np.empty(ROOM, np.uint64)
    words, shingles = [], []
    for at in range(0, length, CHUNK):
        filled = locate_folded(address, length, at, state, spans)
        words += [text.encode()[a:b].decode() for a, b in spans[:filled].reshape(-1, 2)]
        written = hash_shingles(address, spans, filled, recent, weight_of_oldest(ngram), rolling, hashes)
        shingles += hashes[:written].tolist()
    return words, shingles


def lower_ascii(word):
    return "".join(c.lower() if c < "\x80" else c for c in word)


@given(texts)
def test_words_are_those_of_the_reference(text):
    assert [lower_ascii(word) for word in found_in(text)[0]] == words_of(text)


@given(texts, st.integers(1, 6))
def test_shingles_are_those_of_the_reference(text, ngram):
    expected = shingles_of(text, ngram) if len(words_of(text)) >= ngram else []
    assert found_in(text, ngram)[1] == expected


@given(texts.filter(bool), st.integers(CHUNK - 70, CHUNK + 70))
def test_words_that_straddle_blocks_and_chunks_are_whole(text, before):
    """A chunk ends within a word, within a character or within a separator."""
    padded = "x" * before + text * 3 + "y" * 3000
    words, shingles = found_in(padded)
    assert [lower_ascii(word) for word in words] == words_of(padded)
    assert shingles == (shingles_of(padded, 5) if len(words) >= 5 else [])


@pytest.mark.parametrize("piece", ["a", "aaaa", "a ", "中", "a中", "\u3000", "é\u00a0"])
def test_long_runs_fit_the_scratch(piece):
    text = piece * CHUNK
    assert [lower_ascii(word) for word in found_in(text)[0]] == words_of(text)


def test_eight_bytes_are_lowered_at_once():
    for byte in range(256):
        word = bytes([byte, 0x41, 0x5A, 0x40, 0x5B, 0xC1, byte, 0])
        expected = bytes(b + 32 if 0x41 <= b <= 0x5A else b for b in word)
        assert int(lowered(np.uint64(int.from_bytes(word, "little")))) == int.from_bytes(expected, "little")


@given(st.integers(0, MASK))
def test_mixing_is_that_of_the_reference(value):
    assert int(mixed(np.uint64(value))) == mix(value)
