"""The annotate job on the inline engine: operators that need a file."""

import json
import shutil
from pathlib import Path

import pytest

from corpusmill.jobs import annotate, ingest
from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.ingest import CorpusConfig
from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import ConfigError

MODELS = Path(__file__).parents[1] / "operators" / "text" / "models"
TEXTS = ["abc <b>éè</b>", "абв где", ""]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def documents(store, tmp_path):
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    config = ingest.Config(corpus=CorpusConfig(paths=[str(tmp_path / "texts.jsonl")]), quiet=True)
    return ingest.run(config, store, InlineEngine())


def annotated(store, documents, path, digest=""):
    operator = {"_target_": "corpusmill.operators.quality.langid.Language", "path": str(path), "digest": digest}
    config = annotate.Config(documents=documents.path, quality=QualityConfig(operators=[operator], rules=[]), quiet=True)
    return annotate.run(config, store, InlineEngine())


def test_the_model_travels_through_the_store(store, documents, tmp_path):
    shutil.copy(MODELS / "softmax.bin", tmp_path / "model")
    found = manifests.lineage(store, annotated(store, documents, tmp_path / "model"))
    columns = {"text": ("documents", "text"), "code": ("annotations", "language.code")}
    rows = [row for one in aligned.zipped(store, {name: found[name] for name in ("documents", "annotations")})
            for row in aligned.read(store, one, columns).to_pylist()]
    assert {row["text"]: row["code"] for row in rows} == dict(zip(TEXTS, ["bb", "cc", "und"], strict=True))


def test_the_same_model_elsewhere_is_the_same_work(store, documents, tmp_path):
    shutil.copy(MODELS / "pruned.ftz", tmp_path / "model")
    first = annotated(store, documents, tmp_path / "model")
    assert annotated(store, documents, MODELS / "pruned.ftz").path == first.path
    assert annotated(store, documents, MODELS / "tree.bin").path != first.path


def test_a_model_of_another_digest_is_refused(store, documents):
    with pytest.raises(ConfigError, match="is asked for"):
        annotated(store, documents, MODELS / "pruned.ftz", "0" * 32)
