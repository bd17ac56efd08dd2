"""Words as spaCy 3.8 gives them: its own answers, kept as data, and laws that hold for any text."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.text.spacy import rules, words
from corpusmill.operators.text.spacy_classes import RUNS, classes, encode
from corpusmill.operators.text.spacy_exceptions import exceptions
from corpusmill.operators.text.unicode import CODE_POINTS

# Made by benchmarks/agreement/spacy_answers.py: chunks that its seed draws, and what spaCy makes of them.
ANSWERS = json.loads((Path(__file__).parent / "models" / "spacy_answers.json").read_text())
CHUNKS = st.text(st.one_of(st.sampled_from("ab.A'’\"(,-–—:/…$%5°s#é中😀@_"),
                           st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp"])))


@pytest.mark.parametrize("kind", ANSWERS["answers"])
def test_chunks_are_split_as_by_spacy(kind):
    expected = ANSWERS["answers"][kind]
    assert {"".join(tokens): words("".join(tokens)) for tokens in expected} == {"".join(t): t for t in expected}


def test_exceptions_are_split_as_listed():
    assert {chunk: words(chunk) for chunk in exceptions()} == {chunk: list(tokens) for chunk, tokens in exceptions().items()}
    assert len(exceptions()) == 1343  # as many as spaCy lists without whitespace


@given(st.lists(CHUNKS, max_size=12), st.sampled_from([" ", "\n", "\t ", "\u3000", "\x85"]))
def test_words_are_those_of_each_chunk_for_itself(chunks, space):
    chunks = [part for chunk in chunks for part in chunk.split()]
    assert words(space.join(chunks)) == [word for chunk in chunks for word in words(chunk)]


@given(CHUNKS)
def test_words_tile_their_chunk(chunk):
    assert "".join(words(chunk)) == "".join(chunk.split())
    assert all(words(chunk))


@pytest.mark.parametrize("chunk", ["(" * 70_000, "." * 70_001, "a," * 40_000, "x" * 100_000, "é-" * 30_000,
                                   "@." * 30_000, "5km" * 9999])
def test_long_chunks_are_split_in_linear_time(chunk):
    assert "".join(words(chunk)) == chunk


def test_the_table_of_classes_is_what_its_text_says():
    assert encode(classes()[:CODE_POINTS]) == RUNS
    assert not rules().block.flags.writeable
