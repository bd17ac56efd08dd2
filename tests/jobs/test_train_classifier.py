"""Training a classifier on the inline engine, and applying it by name."""

import json
import random

import pytest

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
    assert facts["counts"] == {"read": 124, "dropped.copies": 2, "dropped.beyond_per_class": 0, "dropped.several_classes": 2}
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


@pytest.mark.parametrize(("words", "message"), [
    ([], "give positives= and negatives="), (["positives=[x]", "negatives=[y]", "positive=hq"], "give one of the labels"),
    (["positives=[/no/such]", "negatives=[/no/such]"], "names no file"),
    (["positives=[x]", "negatives=[y]", "holdout=1"], "holdout"),
])  # fmt: skip
def test_what_cannot_be_trained_is_a_clear_error(mill, words, message):
    result = mill.run("train_classifier", *words)
    assert result.code == 2
    assert message in result.err


def test_a_manifest_without_a_model_is_a_clear_error(mill, classes):
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{classes['good']}]", "name=fine")
    result = mill.run("annotate", f"documents={documents}", "quality=classifier", "quality.operators.0.path=@fine")
    assert (result.code, "with which nothing was learned" in result.err) == (2, True)
