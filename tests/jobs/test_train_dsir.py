"""``train_dsir`` and the weights that annotate gives with what it learned."""

import json
import random

import pytest

from corpusmill.jobs import annotate
from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.runtime.engine import InlineEngine

MILLS = ["river", "mill", "grain", "stone", "water", "wheel", "flour", "sack", "wheat", "grind"]
SHOPS = ["lamp", "shop", "price", "offer", "sale", "cheap", "order", "buy", "click", "today"]


def texts(words, seed, count):
    draw = random.Random(seed)
    return [" ".join(draw.choices(words, k=25)) for _ in range(count)]


@pytest.fixture
def ingested(mill, tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))

    def ingest(name, values, *words):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in values))
        return mill("ingest", "corpus=files", f"corpus.paths=[{path}]", f"name={name}", *words)

    return ingest


def test_documents_like_the_target_get_the_largest_weights(mill, ingested):
    target = ingested("target", texts(MILLS, 1, 40))
    raw = ingested("raw", texts(MILLS, 2, 8) + texts(SHOPS, 3, 32), "ingest.shard_bytes=1000", "ingest.row_group_bytes=500")
    made = mill.manifest(mill("train_dsir", f"target={target}", f"raw={raw}", "buckets=500", "name=like_mills"))
    assert made.details["ngrams"] == {"target": 40 * 49, "raw": 40 * 49}
    operator = {"_target_": "corpusmill.operators.quality.importance.ImportanceWeight", "path": "@like_mills"}
    config = annotate.Config(documents=raw, quality=QualityConfig(operators=[operator], rules=[]), quiet=True)
    rows = mill.rows(annotate.run(config, mill.store, InlineEngine()))
    weights = {row["doc_id"]: row["importance.log_weight"] for row in rows}
    wanted = {row["doc_id"] for row in mill.rows(mill.manifest(raw)) if row["text"].split()[0] in MILLS}
    assert set(sorted(weights, key=weights.get)[-8:]) == wanted


def test_what_is_learned_does_not_depend_on_the_shards(mill, ingested):
    target, values = ingested("target", texts(MILLS, 1, 5)), texts(SHOPS, 3, 60)
    found = [mill.manifest(mill("train_dsir", f"target={target}", f"raw={uri}")).details for uri in (
        ingested("one", values), ingested("many", values[::-1], "ingest.shard_bytes=900", "ingest.row_group_bytes=400"))]
    assert found[0] == found[1]


def test_wrong_settings_are_told(mill, ingested):
    uri = ingested("docs", texts(MILLS, 1, 5))
    for words, message in ((("buckets=1",), "buckets=1: give a whole number"), ((), "raw"),
                           ((f"raw={uri.replace('documents', 'mixture')}",), "there is no")):
        given = words if words and words[0].startswith("raw") else (*words, *((f"raw={uri}",) if words else ()))
        result = mill.run("train_dsir", f"target={uri}", *given)
        assert result.code == 2
        assert message in result.err
