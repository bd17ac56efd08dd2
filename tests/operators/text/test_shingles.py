"""Words, characters and shingles against a reference that walks over characters."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shingling import MASK, hash_of, mix, shingles_of, units_of

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.shingles import (
    CHARACTERS,
    CHUNK,
    UAX29,
    UNITS,
    begin,
    locate,
    lowered,
    mixed,
    next_shingles,
    only_shingle,
    scratch,
    weight_of_oldest,
    word_hash,
)

# Separators and letters whose UTF-8 differs in one byte, at both ends of every range, and what joins or breaks words.
SPECIAL = ("\x7f\x80\x85\xa0\xbf\xc0é\u0301\u07ff\u0800\u1680\u1fff\u2000\u2014\u2028\u207f\u2080\u2fff\u3000\u303f\u3040あア中"
           "\u9fff\ua000한\uffff🙂\u200d")
texts = st.text(st.one_of(st.sampled_from(SPECIAL), st.sampled_from("aAzZ@[`{09/:_' \r\n.-"), st.characters(codec="utf-8")),
                max_size=200)
units = st.sampled_from(UNITS)


def found_in(text, unit, ngram=5):
    """(words, hashes of shingles) of the kernels."""
    held = Texts.of(pa.array([text]))
    address, length, number = int(held.addresses[0]), int(held.lengths[0]), UNITS.index(unit)
    kept, oldest, shingles = scratch(number, ngram, length), weight_of_oldest(ngram), []
    begin(number, address, length, ngram, kept)
    for at in range(0, length, CHUNK):
        shingles += taken(kept, next_shingles(number, address, length, at, ngram, oldest, kept))
    return words_in(held, text, number), shingles + taken(kept, only_shingle(ngram, kept))


def taken(kept, count):
    return [int(high) << 32 | int(low) for high, low in zip(kept.high[:count], kept.low[:count], strict=True)]


def words_in(held, text, number):
    address, length, words = int(held.addresses[0]), int(held.lengths[0]), []
    kept = scratch(number, 1, length)
    begin(number, address, length, 1, kept)
    for at in range(0, length, CHUNK):
        filled = locate(number, address, length, at, kept) if number != CHARACTERS else 0
        words += [text.encode()[a:b].decode() for a, b in kept.spans[:filled].reshape(-1, 2)]
    return words if number != CHARACTERS else list(text)


@given(texts, units, st.integers(1, 6))
def test_words_and_shingles_are_those_of_the_reference(text, unit, ngram):
    assert found_in(text, unit, ngram) == (units_of(text, unit), shingles_of(text, ngram, unit))


@given(texts.filter(bool), st.integers(CHUNK - 70, CHUNK + 70), units)
def test_words_that_straddle_blocks_and_chunks_are_whole(text, before, unit):
    """A chunk ends within a word, within a character or within a separator."""
    padded = "x" * before + text * 3 + "y" * 3000
    assert found_in(padded, unit) == (units_of(padded, unit), shingles_of(padded, 5, unit))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("piece", ["a", "aaaa", "a ", "中", "a中", "\u3000", "é\u00a0", "ア😀"])
def test_long_runs_fit_the_scratch(piece, unit):
    text = piece * (CHUNK if UNITS.index(unit) != UAX29 else CHUNK // 2)
    assert found_in(text, unit, 64)[0] == units_of(text, unit)


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_without_units_has_no_shingle_and_a_short_one_has_one(unit):
    assert found_in("", unit)[1] == []
    assert len(found_in("a b", unit)[1]) == len(found_in("b a", unit)[1]) == 1
    assert found_in("a b", unit)[1] != found_in("b a", unit)[1]


@given(st.binary(min_size=1, max_size=70))
def test_the_hash_of_a_word_is_that_of_the_reference(word):
    held = np.frombuffer(word + bytes(64), np.uint8)
    assert int(np.uint64(word_hash(held.ctypes.data, len(word)))) == hash_of(word)


def test_words_that_differ_anywhere_differ_in_their_hash():
    """A byte of any place, and the length, of words that repeat themselves."""
    words = {b"a" * n for n in range(1, 65)} | {b"a" * i + b"b" + b"a" * (40 - i) for i in range(41)}
    assert len({hash_of(word) for word in words}) == len(words)


def test_eight_bytes_are_lowered_at_once():
    for byte in range(256):
        word = bytes([byte, 0x41, 0x5A, 0x40, 0x5B, 0xC1, byte, 0])
        expected = bytes(b + 32 if 0x41 <= b <= 0x5A else b for b in word)
        assert int(lowered(np.uint64(int.from_bytes(word, "little")))) == int.from_bytes(expected, "little")


@given(st.integers(0, MASK))
def test_mixing_is_that_of_the_reference(value):
    assert int(mixed(np.uint64(value))) == mix(value)
