"""Every preset of near-duplicates, from its configuration to duplicates over a small corpus."""

import json
import random
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_module

from corpusmill.jobs import dedup, ingest
from corpusmill.jobs.ingest import CorpusConfig, IngestConfig
from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import strict
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.main import register
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.dedup.minhash import MinHash

FOLDER = Path(__file__).parents[2] / "conf" / "dedup"
PRESETS = [p.stem for p in sorted(FOLDER.glob("*.yaml")) if "MinHash" in p.read_text()]
# bands × rows as published, or as datasketch's optimiser cuts 128 minima.
PUBLISHED = {
    "minhash": (14, 8), "fineweb": (14, 8), "refinedweb": (450, 20), "slimpajama": (9, 13), "curator": (20, 13),
    "textdedup": (24, 10), "redpajama_0.7": (14, 9), "redpajama_0.8": (9, 13), "redpajama_0.9": (5, 25), "gpt3": (10, 1),
}


def planted():
    """Texts by name: families of a long text, one that goes on, one in capitals; short and empty ones, none alike."""
    draw, texts = random.Random(5), {}
    for family in range(12):
        words = ["".join(draw.choices("abcdefghij", k=7)) for _ in range(400)]
        texts |= {f"long{family}": " ".join(words), f"more{family}": " ".join([*words, "added"]),
                  f"case{family}": " ".join(words).upper()}
    texts |= {f"short{i}": f"just {'abcdefghij'[i]}" for i in range(10)} | {f"marks{i}": " " * i for i in range(1, 4)}
    return texts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    rows = [{"id": name, "text": text} for name, text in planted().items()]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = open_store(str(folder / "store"))
    config = ingest.Config(corpus=CorpusConfig(paths=[str(folder / "texts.jsonl")], columns={"native_id": "id"}),
                           ingest=IngestConfig(shard_bytes="40KB", row_group_bytes="20KB"), quiet=True)
    return store, ingest.run(config, store, InlineEngine())


def composed(preset, documents):
    register("dedup")
    with initialize_config_module("corpusmill.conf", version_base="1.3", job_name="test"):
        return strict(dedup.Config, compose("dedup", [f"dedup={preset}", f"documents={documents}", "quiet=true"]))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_finds_what_it_should(preset, corpus):
    """Texts that go on are dropped, or what they go on from; capitals count where nothing is folded; short texts all stay."""
    store, documents = corpus
    made = dedup.run(composed(preset, documents.path), store, InlineEngine())
    found = manifests.lineage(store, made)
    columns = {"keep": ("duplicates", "keep"), "id": ("documents", "native_id")}
    kept = {row["id"] for one in aligned.zipped(store, {n: found[n] for n in ("documents", "duplicates")})
            for row in aligned.read(store, one, columns).to_pylist() if row["keep"]}
    folds = yaml.safe_load((FOLDER / f"{preset}.yaml").read_text())["signature"]["profile"] != "none"
    for family in range(12):
        names = {f"long{family}", f"more{family}", f"case{family}"}
        assert len(names & kept) == (1 if folds else 2)
    assert {name for name in planted() if name.startswith(("short", "marks"))} <= kept


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_published_bands_and_its_signature_says_all_it_depends_on(preset, corpus):
    signature = composed(preset, corpus[1].path).dedup.signature
    made = MinHash(**{key: value for key, value in signature.items() if key != "_target_"})
    assert (made.bands, made.rows) == PUBLISHED[preset]


def test_the_manifest_names_what_signatures_depend_on(corpus):
    store, documents = corpus
    found = manifests.lineage(store, dedup.run(composed("redpajama_0.8", documents.path), store, InlineEngine()))["signatures"]
    assert found.parameters["signature"]["parameters"] == {
        "ngram": 13, "shingles": "words", "profile": "redpajama", "scheme": "affine32", "bands": 9, "rows": 13, "lanes": 128,
        "seed": 1}
    assert found.parameters["signature"]["version"] == MinHash().version
