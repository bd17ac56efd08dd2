"""Predictions, against those of fastText 0.9.2 for the same files.

The models in ``models/`` are of no use: random words of five alphabets and random weights in the library's format, dense
and quantised, with either loss. ``expected.json`` holds the texts, and what ``model.predict(text)`` gave for them.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.classifying import classify
from corpusmill.operators.text.fasttext import read

MODELS = Path(__file__).parent / "models"
EXPECTED = json.loads((MODELS / "expected.json").read_text())


def predicted(model, values):
    texts = Texts.of(pa.array(values, pa.string()))
    labels, probabilities = np.empty(len(texts), np.int32), np.empty(len(texts), np.float32)
    classify(texts.addresses, texts.lengths, model.vocabulary, model.ngrams, model.network, labels, probabilities)
    return [(model.labels[label] if label >= 0 else None, p) for label, p in zip(labels, probabilities.tolist(), strict=True)]


@pytest.mark.parametrize("name", EXPECTED["predictions"])
def test_labels_and_probabilities_are_those_of_the_library(name):
    """But for texts without words, where the library judges the end of the text alone; its sums may exceed 1."""
    model = read((MODELS / name).read_bytes(), name)
    for text, found, wanted in zip(
            EXPECTED["texts"], predicted(model, EXPECTED["texts"]), EXPECTED["predictions"][name], strict=True):
        if text.strip("\x00"):
            assert found == (wanted[0], pytest.approx(min(1, wanted[1]), abs=1e-5))
        else:
            assert found == (None, 0)


CHARACTERS = st.one_of(st.sampled_from("ab é中🙂\n\x00 "), st.characters(codec="utf-8"))
TEXTS = st.lists(st.text(CHARACTERS, max_size=80), min_size=1, max_size=5)


@given(TEXTS)
def test_a_text_is_judged_without_regard_to_its_neighbours(values):
    model = read((MODELS / "pruned.ftz").read_bytes(), "pruned.ftz")
    assert predicted(model, values) == [found for value in values for found in predicted(model, [value])]


def test_any_separator_will_do():
    model = read((MODELS / "tree.bin").read_bytes(), "tree.bin")
    assert len(set(predicted(model, [f"{s}abc{s}{s}éè{s}" for s in " \t\n\v\f\r\x00"]))) == 1
