"""``train_perplexity`` and what annotate and filter make of its model."""

import json
import random

import numpy as np
import pytest

from corpusmill.jobs.runtime import artifacts
from corpusmill.jobs.train_perplexity import percentiles
from corpusmill.operators.quality.ngrams import Model

WORDS = [
    "the", "of", "and", "river", "mill", "grain", "boat", "stone", "town", "bridge", "water", "wheel", "flour",
    "sack", "lamp", "road", "hill", "snow", "field",
]


def texts(seed, count):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, range(19, 0, -1), k=30)) for _ in range(count)]


@pytest.fixture
def ingested(mill, tmp_path, monkeypatch):
    """A function from name, texts and overrides to the URI of their documents, in several shards."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))

    def ingest(name, values, *words):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": text, "source": "s", "native_id": text[:40]}) + "\n"
                                for text in values))
        return mill("ingest", "corpus=files", f"corpus.paths=[{path}]", f"name={name}", *words)

    return ingest


SMALL = ("ingest.shard_bytes=4000", "ingest.row_group_bytes=1000")
FIT = ("train_perplexity", "model.held_out=0.2", "quiet=true")


def test_the_model_is_the_same_for_any_shards_and_order(mill, ingested):
    values = texts(1, 120)
    one = mill.manifest(mill(*FIT, f"documents={ingested('one', values)}"))
    result = mill.run(*FIT, f"documents={ingested('many', values[::-1], *SMALL)}", engine=("engine=inline", "engine.shuffle=3"))
    many = mill.manifest(result.uri)
    assert mill.lineage(result.uri)["documents"].shards > 3
    assert many.details == one.details
    assert 80 < many.details["model"]["documents"] < 110
    assert many.details["scored"]["documents"] == 120 - many.details["model"]["documents"]
    model = Model.from_bytes(artifacts.fetch(mill.store, many.details["artifact"]).read_bytes())
    assert model.facts == many.details["model"]


def test_a_first_look_draws_its_sample_from_the_shards_that_it_looks_at(mill, ingested):
    """And not the part of them that it would draw of all; of documents, of kept ones, and of a reference."""
    values = texts(1, 400)
    uri = ingested("docs", values, *SMALL)
    rule = "{reason: odd, signal: source, not_in: [s], when: {native_id: ['the*', 'of*']}}"
    decisions = mill("filter", f"annotations={mill('annotate', f'documents={uri}')}", f"quality.rules=[{rule}]")
    look = ("model.sample=20", "limit=40", "model.held_out=0")
    alone = mill.manifest(mill(*FIT, f"documents={uri}", *look)).details
    assert 10 < alone["model"]["documents"] < 30
    kept = mill.manifest(mill(*FIT, f"decisions={decisions}", f"reference={uri}", *look)).details
    assert 10 < kept["model"]["documents"] < 30
    assert 10 < kept["scored"]["documents"] < 30


def test_a_run_is_not_repeated_and_a_plan_writes_nothing(mill, ingested):
    uri = ingested("docs", texts(1, 40))
    plan = mill.run(*FIT, f"documents={uri}", "plan=true")
    assert (plan.code, list(mill.store.list("perplexity_model/"))) == (0, [])
    first = mill(*FIT, f"documents={uri}")
    assert mill(*FIT, f"documents={uri}") == first
    assert mill(*FIT, f"documents={uri}", "model.order=2") != first


def test_a_rule_on_a_percentile_of_the_reference_drops_what_is_stranger(mill, ingested):
    mill(*FIT, f"documents={ingested('docs', texts(1, 200))}", "name=lm")
    strange = [" ".join(random.Random(i).sample([f"{w}{w}" for w in WORDS] * 2, 30)) for i in range(10)]
    web = ingested("web", texts(2, 30) + strange)
    told = mill.manifest(mill(*FIT, "documents=@docs", f"reference={web}", "name=lm")).details["percentiles"]
    operator = "{_target_: corpusmill.operators.quality.perplexity.Perplexity, path: '@lm'}"
    made = mill("annotate", f"documents={web}", f"quality.operators=[{operator}]")
    rows = sorted(row["perplexity.perplexity"] for row in mill.rows(made))
    assert rows[27] == pytest.approx(told["p70"])  # the 28th of 40: p70 by nearest rank
    assert rows[30] > 2 * rows[29]
    rule = f"{{reason: tail, signal: perplexity.perplexity, max: {told['p70']}}}"
    assert mill.manifest(mill("filter", f"annotations={made}", f"quality.rules=[{rule}]")).counts["dropped.tail"] == 12


def test_dropped_documents_are_not_learned_from(mill, ingested):
    values = [*texts(1, 30), "0123456789 " * 40]
    uri = ingested("docs", values)
    decisions = mill("filter", f"annotations={mill('annotate', f'documents={uri}')}")
    kept = mill.manifest(mill(*FIT, f"decisions={decisions}", "model.held_out=0"))
    assert kept.details["model"]["documents"] == 30
    assert kept.details["scored"]["documents"] == 0
    assert kept.details["percentiles"] == {}


@pytest.mark.parametrize(("words", "message"), [
    (("model.order=9",), "model.order=9: give a whole number from 1 to 6"),
    (("model.held_out=1",), "model.held_out=1.0"),
    (("model.sample=x",), "model.sample='x' is not a count"),
    (("model.ordr=2",), "did you mean 'order'"),
])
def test_wrong_settings_are_told(mill, ingested, words, message):
    result = mill.run(*FIT, f"documents={ingested('docs', texts(1, 3))}", *words)
    assert result.code == 2
    assert message in result.err


def test_a_name_without_a_model_is_told(mill, ingested):
    uri = ingested("docs", texts(1, 3))
    operator = "{_target_: corpusmill.operators.quality.perplexity.Perplexity, path: '@docs'}"
    result = mill.run("annotate", f"documents={uri}", f"quality.operators=[{operator}]")
    assert result.code == 2
    assert "@docs is a manifest of documents, with which nothing was learned" in result.err


def test_percentiles_are_by_nearest_rank():
    found = percentiles(np.array([5, 1, 4, 2, 3], np.float32))
    assert (found["p20"], found["p30"], found["p60"], found["p95"]) == (1, 2, 3, 5)
    assert percentiles(np.empty(0, np.float32)) == {}
