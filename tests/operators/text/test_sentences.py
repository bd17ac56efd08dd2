"""Sentence counts against what spaCy and Punkt say of the same text, and laws that hold for any text."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.sentences import count_by_spaces, marks
from corpusmill.operators.text.spacy import rules, words
from corpusmill.operators.text.spacy_classes import FULL_STOP, PUNCTUATION, classes
from corpusmill.operators.text.spacy_sentences import count_by_tokens

# Text, sentences by spaCy 3.8.18 (blank English with its sentencizer) and by Punkt's English model.
COUNTED = [
    ("One sentence.", 1, 1), ("Two of them. Here they are.", 2, 2), ("No mark at all", 1, 1),
    ("Really? Yes! Good.", 3, 3),
    ("Wait... then go.", 1, 1), ("Mr. Smith met Dr. Jones.", 1, 1), ("J. Smith came. He left.", 2, 2),
    ("It is 3.5 km. Then 4.", 2, 2), ("See 1. Foo and 2. bar.", 3, 2), ('He said "Go." Then he left.', 2, 2),
    ('"Go!" he said.', 2, 2), ("End.Next one.", 2, 1), ("See www.Example.com. It works.", 2, 2),
    ("The U.S. Army is big. NASA. Done.", 3, 3), ("At 37°C. After that.", 2, 2), ("A (short one.) Next.", 2, 2),
    ("Great!😀 Next.", 2, 1), ("What?! No way.", 2, 2), ("你好。 再见。 完。", 3, 1), ("foo.  bar", 2, 2),
    ("Vitamin C. is good.", 1, 1),
    ("Use a, b, etc. and more. Yes.", 3, 3), ("Fig. 3 shows it. See p. 12.", 3, 3), ("It cost $5. We paid.", 2, 2),
    ("He left (at 5 p.m.). She stayed.", 2, 2), ("- item one. - item two.", 2, 2), ("“Quoted.” And more.", 2, 2),
    ("x", 1, 1),
    (". . .", 1, 1), ("end. 'quoted' start", 2, 2), ("v1.2. Next", 2, 2), ("hello world !  Next", 2, 2), ("", 1, 0),
    ("Long ago--St. Anthony came. He went.", 2, 2), ("Use os.Setenv() or t.Setenv().", 2, 1),
]  # fmt: skip
FULL_STOPS = {chr(point) for point in np.flatnonzero(classes() & FULL_STOP)}
TEXTS = st.text(st.one_of(st.sampled_from("aB .?!\"'()…1é。\u3000\u00a0"), st.characters(codec="utf-8")), max_size=120)


def counted(text, count):
    texts = Texts.of(pa.array([text]))
    at = int(texts.addresses[0]), int(texts.lengths[0])
    return count(*at, marks()) if count is count_by_spaces else count(*at, rules().address, rules().most, marks())


def sentencized(text):
    """spaCy's sentencizer over spaCy's words, and its tokens of whitespace: a run of it without the one space after a word."""
    sentences, ended, at = 1, False, 0
    for chunk in re.split(r"(\s+)", text):
        tokens = [chunk[at > 0 and chunk[0] == " ":]] if chunk.isspace() else words(chunk)
        for token in filter(None, tokens):
            point = ord(token) if len(token) == 1 else -1
            if ended and not all(classes()[ord(c)] & PUNCTUATION for c in token) and not classes()[point] & FULL_STOP:
                sentences, ended = sentences + 1, False
            ended |= bool(classes()[point] & FULL_STOP)
        at += len(chunk)
    return sentences


@pytest.mark.parametrize(("text", "spacy", "punkt"), COUNTED)
def test_counts_are_those_of_the_systems(text, spacy, punkt):
    assert (counted(text, count_by_tokens), counted(text, count_by_spaces)) == (spacy, punkt)


@pytest.mark.parametrize(("text", "spacy"), [
    ("'Mr. Hall, I believe?' He said.", 2), ("[Mail](mailto:A.Smith@hhs.gov).** Now.", 2), ("x" * 5000 + ".Y. Then.", 2),
])  # fmt: skip
def test_words_are_split_as_spacy_splits_them(text, spacy):
    """Rules of our own for what a full stop is part of were wrong in 2 of 100 documents."""
    assert counted(text, count_by_tokens) == sentencized(text) == spacy


@pytest.mark.parametrize("size", range(58, 68))
def test_counts_hold_across_the_edges_of_blocks(size):
    for text, spacy, punkt in COUNTED[:8]:
        filled = ("word " * 14)[:size] + " " + text
        assert (counted(filled, count_by_tokens), counted(filled, count_by_spaces)) == (spacy, punkt)


@given(TEXTS)
@example("." * 200)
@example("a. " * 100)
@example("\x00. \x00")
def test_a_text_of_whole_sentences_put_together_has_their_sum(text):
    """A line break between two texts that end and begin plainly adds their counts, whatever they are."""
    first = f"{text} so it ends here."
    both = f"{first} Then so on."
    assert counted(both, count_by_tokens) == counted(first, count_by_tokens) + 1
    assert counted(both, count_by_spaces) == counted(first, count_by_spaces) + 1


@given(TEXTS)
def test_there_are_no_more_sentences_than_marks(text):
    """A sentence but the last needs a mark that ends it."""
    assert 1 <= counted(text, count_by_tokens) <= 1 + sum(c in FULL_STOPS for c in text)
    assert counted(text, count_by_tokens) == sentencized(text)
    assert counted(text, count_by_spaces) <= 1 + sum(c in ".?!" for c in text)
    assert (counted(text, count_by_spaces) == 0) == (not text.strip())


def test_every_full_stop_by_itself_ends_a_sentence():
    """As a token; spaCy's lists are of single characters."""
    assert [stop for stop in FULL_STOPS if counted(f"word {stop} word", count_by_tokens) != 2] == []


def test_marks_are_shared_and_cannot_be_changed():
    assert marks().dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        marks()[0] = 1
