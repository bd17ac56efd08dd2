"""Quality classifiers, against what fastText 0.9.2 predicts by the same files.

The models are of no use: random words of five alphabets, trained by the library with n-grams of words, and with every loss.
``expected_runs.json`` holds texts (a piece, and how often it stands) and the library's ``predict(text, k=-1)`` for them.
"""

import functools
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.classifier import Classifier
from corpusmill.operators.schema import DOCUMENTS

MODELS = Path(__file__).parents[1] / "text" / "models"
EXPECTED = json.loads((MODELS / "expected_runs.json").read_text())
LABELS = ("aa", "bb", "cc", "dd", "ee")
each_model = pytest.mark.parametrize("name", EXPECTED["predictions"])


def judged(values, model="runs.bin", **parameters):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    operator = Classifier(**({"positive": "aa"} | parameters))
    return operator.open({"model": MODELS / model})(batch).batch.to_pydict()


@each_model
def test_every_label_has_the_probability_that_the_library_gives(name):
    found = judged([piece * times for piece, times in EXPECTED["texts"]], name, labels=LABELS)
    for row, wanted in enumerate(EXPECTED["predictions"][name]):
        for label in LABELS:  # the library leaves out what a tree gives less than 1e-5
            assert found[f"quality.score.{label}"][row] == pytest.approx(min(1, wanted.get(label, 0)), abs=1.1e-5)
        ranked = sorted(wanted.values(), reverse=True)
        if ranked[0] > ranked[1]:
            assert found["quality.label"][row] == max(wanted, key=wanted.get)
        assert found["quality.score"][row] == found["quality.score.aa"][row]


@each_model
@settings(deadline=None, max_examples=60)
@given(text=st.text(st.one_of(st.sampled_from("ab é中🙂\x00\u2028\r\u0301\u200bא "), st.characters(codec="utf-8"))))
def test_any_text_is_judged_as_the_library_judges_it(name, text):
    library = pytest.importorskip("fasttext", reason="no fastText to compare with")
    model = loaded(library, name)
    labels, wanted = model.predict(text.replace("\n", " "), k=-1)
    found = judged([text], name, labels=LABELS)
    for label, probability in zip(labels, wanted, strict=True):
        assert found[f"quality.score.{label.removeprefix('__label__')}"] == [pytest.approx(min(1, probability), abs=1.1e-5)]


@functools.cache
def loaded(library, name):
    return library.load_model(str(MODELS / name))


def test_line_ends_are_blanks():
    scores = {judged([f"abc{s}abd{s}ha"])["quality.score"][0] for s in (" ", "\n", "\r\n", "\t", "\n\n")}
    assert len(scores) == 1


def test_without_a_positive_label_the_score_is_that_of_the_label():
    found = judged(["abc ha", "где"], positive="", labels=LABELS)
    assert found["quality.score"] == [found[f"quality.score.{label}"][i] for i, label in enumerate(found["quality.label"])]


def test_columns_are_named_after_the_operator():
    assert [*judged(["a"], labels=("bb",))][1:] == ["quality.label", "quality.score", "quality.score.bb"]
    assert Classifier(name="edu").adds.names == ["edu.label", "edu.score"]


def test_a_label_that_the_model_lacks_is_a_clear_error():
    with pytest.raises(ConfigError, match=r"the model has no label 'hq'; there is .*: give it as positive"):
        judged(["a"], positive="hq")


def test_labels_are_a_list():
    with pytest.raises(ConfigError, match="labels must be a list of different labels; got 'aa'"):
        Classifier(labels="aa")


def test_a_model_that_is_not_given_is_a_clear_error():
    with pytest.raises(ConfigError, match="there is no model to apply"):
        Classifier().open({})
