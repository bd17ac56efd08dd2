"""Training a classifier on the inline engine, and applying it by name."""

import json
import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs import train_classifier

GOOD = [
    "the", "river", "carries", "sand", "and", "stories", "past", "old", "mills", "where", "people", "once",
    "ground", "wheat", "into", "flour",
]
BAD = [
    "win", "cash", "now", "click", "cheap", "pills", "free", "offer", "prize", "urgent", "call", "money",
    "guaranteed", "deal",
]
FAST = ("training.buckets=5000", "training.dimensions=8", "training.epochs=20")


@pytest.fixture
def classes(tmp_path):
    """Files of two kinds of sentences, with copies and a text that is in both."""
    rng, found = random.Random(3), {}
    for name, words in (("good", GOOD), ("bad", BAD)):
        texts = [" ".join(rng.choices(words, k=12)) for _ in range(60)]
        rows = [*texts, texts[0], "neither here nor there"]
        found[name] = tmp_path / f"{name}.jsonl"
        found[name].write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    return found


def trained(mill, classes, *words):
    return mill.run("train_classifier", f"positives=[{classes['good']}]", f"negatives=[{classes['bad']}]", *FAST, *words)


def test_a_classifier_is_learned_kept_and_applied_by_its_name(mill, classes, monkeypatch, tmp_path):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    first = trained(mill, classes, "name=good", "keep=[0.4]")
    assert first.code == 0, first.err
    facts = mill.manifest(first.uri).details
    assert facts["counts"] == {"read": 124, "dropped.not_sampled": 0, "dropped.copies": 2, "dropped.beyond_per_class": 0,
                               "dropped.several_classes": 2}
    together = {name: facts["trained"][name] + facts["held_out"][name] for name in facts["labels"]}
    assert together == {"positive": 60, "negative": 60}
    assert any(one["precision"] >= 0.9 and one["recall"] >= 0.8 for one in facts["cuts"])
    assert f"accuracy {facts['accuracy']:.3f}" in first.out
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{classes['good']},{classes['bad']}]")
    chain = ("quality=classifier", "quality.operators.0.path=@good")
    decisions = mill("filter", f"annotations={mill('annotate', f'documents={documents}', *chain)}", *chain)
    assert mill.manifest(decisions).counts["kept"] >= 60


def test_the_same_inputs_are_not_learned_twice_and_give_the_same_model(mill, classes):
    first = trained(mill, classes)
    again = trained(mill, classes)
    assert "up to date" in again.err
    assert again.uri == first.uri
    other = trained(mill, classes, "training.seed=1")
    assert mill.manifest(other.uri).details["artifact"] != mill.manifest(first.uri).details["artifact"]


def test_several_classes_and_manifests_of_documents(mill, classes):
    named = mill("ingest", "corpus=files", f"corpus.paths=[{classes['good']}]", "name=fine")
    made = mill("train_classifier", f"classes={{fine: ['@fine'], poor: ['{classes['bad']}']}}", "positive=fine", *FAST)
    found = mill.manifest(made)
    assert [one.path for one in found.inputs.values()] == [mill.manifest(named).path]
    assert found.details["labels"] == ["fine", "poor"]


def test_texts_are_cut_as_they_are_read_and_may_be_of_any_size_together(mill, classes, monkeypatch):
    """What is held is the part that is learned from, of a type that can hold more than 2 GiB; equal parts are one text."""
    seen, learned = [], train_classifier.learned
    monkeypatch.setattr(train_classifier, "learned", lambda examples, *rest: seen.append(examples) or learned(examples, *rest))
    with classes["good"].open("a") as file:
        file.writelines(json.dumps({"text": "the river of " + ending}) + "\n" for ending in ("sand", "wheat", "flour"))
    made = mill.manifest(trained(mill, classes, "training.sample=13").uri)
    text = seen[0].column("text")
    assert text.type == pa.large_string()
    assert max(len(one.encode()) for one in text.to_pylist()) <= 13
    assert text.to_pylist().count("the river of ") == 1
    assert made.details["counts"]["dropped.copies"] >= 4


@given(st.lists(st.text(st.sampled_from("aé€🙂"), max_size=9), max_size=6), st.integers(1, 12))
def test_a_text_is_cut_between_characters(values, size):
    found = train_classifier.cut(pa.array(values, pa.string()), size)
    assert found.to_pylist() == [value.encode()[:size].decode("utf-8", "ignore") for value in values]


def test_every_text_that_was_read_is_learned_from_or_counted(mill, classes):
    facts = mill.manifest(trained(mill, classes, "sample=0.7", "per_class=30").uri).details
    counts = facts["counts"]
    assert 0 < counts["dropped.not_sampled"] < 80
    assert counts["dropped.beyond_per_class"] > 0
    used = sum(facts["trained"].values()) + sum(facts["held_out"].values())
    assert counts["read"] == used + sum(n for name, n in counts.items() if name.startswith("dropped."))


@pytest.mark.parametrize(("words", "message"), [
    (["positives=5", "negatives=[y]"], "positives=5: give a path, glob or @name, or a list of them"),
    (["positives=[x]", "negatives={a: b}"], "negatives={'a': 'b'}: give a path"),
    (["classes={fine: [1], poor: [y]}"], "classes.fine=[1]: give a path"),
    (["classes={fine: [], poor: [y]}"], "classes.fine=[]: give a path"),
    (["classes=[x,y]"], "got ['x', 'y']"), (["classes={a: x, b: y}", "positives=[x]"], "with two labels or more; got both"),
    (["classes={a b: x, c: y}"], "classes: 'a b' must be a text without blanks"),
    (["classes={1: x, c: y}"], "classes: 1 must be a text without blanks"),
    (["classes={good: [/no/such], poor: [y]}", "positive=good"], "classes.good: '/no/such' names no file"),
    (["positives=[x]", "negatives=[/no]", "columns=body"], "columns='body': give {text: BODY}"),
    (["positives=[x]", "negatives=[/no]", "columns={texd: body}"], "error: columns.texd: documents have text"),
    ([], "give positives= and negatives="), (["positives=[x]", "negatives=[y]", "positive=hq"], "give one of the labels"),
    (["positives=[/no/such]", "negatives=[/no/such]"], "positives: '/no/such' names no file"),
    (["positives=[x]", "negatives=[y]", "holdout=1"], "holdout"),
])  # fmt: skip
def test_what_cannot_be_trained_is_a_clear_error(mill, words, message):
    result = mill.run("train_classifier", *words)
    assert result.code == 2
    assert message in result.err


def test_a_column_that_the_files_do_not_have_is_told_by_this_jobs_setting(mill, classes):
    result = trained(mill, classes, "columns={text: body}")
    assert result.code == 1
    assert "has no column 'body' (columns.text)" in result.err


def test_a_manifest_without_a_model_is_a_clear_error(mill, classes):
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{classes['good']}]", "name=fine")
    result = mill.run("annotate", f"documents={documents}", "quality=classifier", "quality.operators.0.path=@fine")
    assert (result.code, "with which nothing was learned" in result.err) == (2, True)
