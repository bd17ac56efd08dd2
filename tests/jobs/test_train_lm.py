"""``train_lm`` and what annotate makes of its model."""

import json
import random

import pytest

from corpusmill.jobs import train_lm
from corpusmill.jobs.runtime import artifacts
from corpusmill.operators.lm import training
from corpusmill.operators.lm.gpt import from_bytes

WORDS = ["the", "of", "and", "river", "mill", "grain", "boat", "stone", "town", "bridge", "water", "wheel", "flour"]
FIT = ("train_lm", "model.layers=1", "model.width=16", "model.heads=1", "model.context=16", "training.tokens=20000",
       "training.batch=16", "training.device=cpu", "training.rate=0.02", "model.held_out=0.2", "quiet=true")


def texts(seed, count):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=30)) for _ in range(count)]


@pytest.fixture
def ingested(mill, tmp_path, monkeypatch):
    """A function from name, texts and overrides to the URI of their documents."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))

    def ingest(name, values, *words):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": text, "source": "s", "native_id": text[:40]}) + "\n"
                                for text in values))
        return mill("ingest", "corpus=files", f"corpus.paths=[{path}]", f"name={name}", *words)

    return ingest


def test_the_model_is_the_same_for_any_shards_and_order(mill, ingested):
    values = texts(1, 60)
    one = mill.manifest(mill(*FIT, f"documents={ingested('one', values)}"))
    small = ("ingest.shard_bytes=4000", "ingest.row_group_bytes=1000")
    many = mill.run(*FIT, f"documents={ingested('many', values[::-1], *small)}", engine=("engine=inline", "engine.shuffle=3"))
    assert mill.lineage(many.uri)["documents"].shards > 1
    assert mill.manifest(many.uri).details == one.details
    assert (one.details["documents"], one.details["held_out"]) == (48, 12)
    model, _ = from_bytes(artifacts.fetch(mill.store, one.details["artifact"]).read_bytes())
    assert model.shape.parameters == one.details["parameters"]


def test_a_run_that_is_interrupted_goes_on_from_its_checkpoint(mill, ingested, monkeypatch):
    uri = ingested("docs", texts(1, 40))
    whole = mill(*FIT, f"documents={uri}")
    advance, taken = training.Trainer.advance, []

    def interrupted(self):
        taken.append(self.step)
        if len(taken) == 40:
            raise KeyboardInterrupt
        return advance(self)

    mill.store.delete(mill.manifest(whole).path)
    monkeypatch.setattr(train_lm, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training.Trainer, "advance", interrupted)
    assert mill.run(*FIT, f"documents={uri}").code == 130
    assert mill(*FIT, f"documents={uri}") == whole
    assert taken[:40] == list(range(40))
    assert taken[40] == 39
    assert not list(mill.store.list("language_model/" + mill.manifest(whole).key + "/scratch/"))


def test_text_that_is_like_what_was_learned_is_foretold_better(mill, ingested):
    mill(*FIT, "training.tokens=60000", f"documents={ingested('docs', texts(1, 60))}", "name=lm")
    strange = ["".join(random.Random(i).choices("qxzjkv 0123456789", k=150)) for i in range(5)]
    operator = "{_target_: corpusmill.operators.quality.language_model.LanguageModel, path: '@lm', device: cpu}"
    made = mill("annotate", f"documents={ingested('web', texts(2, 5) + strange)}", f"quality.operators=[{operator}]")
    found = sorted((row["lm.perplexity"], row["lm.least_log10_prob"] / row["lm.least_tokens"]) for row in mill.rows(made))
    assert found[5][0] > 3 * found[4][0]
    assert max(least for _, least in found[5:]) < min(least for _, least in found[:5])


def test_a_plan_writes_nothing_and_too_few_documents_are_refused(mill, ingested):
    uri = ingested("one", texts(1, 1))
    plan = mill.run(*FIT, f"documents={uri}", "plan=true")
    assert (plan.code, list(mill.store.list("language_model/"))) == (0, [])
    refused = mill.run(*FIT, f"documents={uri}")
    assert (refused.code, "1 documents are not enough" in refused.err) == (1, True)
    refused = mill.run(*FIT, f"documents={uri}", "model.held_out=1.0")
    assert (refused.code, "model.held_out=1.0" in refused.err) == (2, True)
