"""Lineages made by hand: manifests in a store, with the counts that a test wants to tell of; and one with near duplicates."""

import dataclasses
import json
import random

import pytest

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.text.content import key


@dataclasses.dataclass(frozen=True)
class Lineage:
    """A store into which manifests are put."""

    store: object

    def put(self, stage, counts=None, *, inputs=(), details=None, parameters=None, rows=1, exact=True, role=None) -> Manifest:
        """Commit a manifest of one stage; ``inputs`` are manifests, or (role, manifest)."""
        roles = dict(i if isinstance(i, tuple) else (i.stage, i) for i in inputs)
        facts = [stage, role or "", counts or {}, details or {}, parameters or {}, sorted(roles)]
        one = Manifest(stage, key(facts), key([*facts, "content"]), rows, 100, 1, "", (),
                       {name: m.reference for name, m in roles.items()}, parameters or {}, (), counts or {}, exact,
                       details or {})
        return manifests.commit(self.store, one)


@pytest.fixture
def lineage(tmp_path):
    """An empty one."""
    return Lineage(open_store(str(tmp_path / "store")))


@pytest.fixture
def small(lineage):
    """A function that gives a mixture of two domains and all that it is made from, with names of one's choice."""
    def make(source="web", domain="prose", reason="too_short", **notes):
        documents = lineage.put("documents", {"rows_in": 103, "kept": 100, "dropped.bad_utf8": 3, "bytes_in": 2200,
                                              f"source/{source}/documents": 60, "source/code/documents": 40,
                                              **notes.get("documents", {})}, rows=100)
        rule = {"reason": reason, "signal": "text.chars", "min": 100, "max": None, "isin": None, "when": None}
        decisions = lineage.put(
            "decisions", {"rows_in": 100, "kept": 90, f"dropped.{reason}": 10, f"source/{source}/{reason}": 10,
                          f"source/{source}/kept": 50, "source/code/kept": 40, f"not_applicable.{reason}": 2},
            inputs=[documents], parameters={"rules": [rule]})
        duplicates = lineage.put(
            "duplicates", {"rows_in": 100, "kept": 80, "dropped.filtered": 10, "dropped.near_duplicate": 10,
                           f"source/{source}/filtered": 10, f"source/{source}/near_duplicate": 4,
                           f"source/{source}/kept": 46, "source/code/near_duplicate": 6, "source/code/kept": 34},
            inputs=[documents, decisions])
        domains = lineage.put(
            "domains", {"rows_in": 100, "kept": 80, "dropped.filtered": 10, "dropped.duplicate": 10, "bytes/kept": 1600,
                        "bytes/filtered": 100, "bytes/duplicate": 300},
            inputs=[documents, decisions, duplicates])
        counts = lineage.put(
            "counts", {"rows_in": 100, "kept": 80, "dropped.upstream": 20, f"tokens/{domain}": 300, f"bytes/{domain}": 1200,
                       f"documents/{domain}": 50, "tokens/code": 100, "bytes/code": 400, "documents/code": 30},
            inputs=[documents, domains], parameters={"unit": "tokens"}, details={"unit": "tokens"})
        proportions = lineage.put("proportions", inputs=[domains, counts], details={
            "proportions": {domain: 0.5, "code": 0.5}, "available": {domain: 300, "code": 100}, "unit": "tokens"})
        plan = {"budget": 1000, "max_epochs": 4.0, "total": 900, "shortfall": 100, "domains": [
            {"domain": domain, "proportion": 0.5, "available": 300, "tokens": 500, "epochs": 5 / 3, "whole_epochs": 1,
             "remainder_tokens": 200, "capped": False},
            {"domain": "code", "proportion": 0.5, "available": 100, "tokens": 400, "epochs": 4.0, "whole_epochs": 4,
             "remainder_tokens": 0, "capped": True}]}
        achieved = {domain: {"size": 480, "documents": 70, "tokens": 480}, "code": {"size": 400, "documents": 120,
                                                                                    "tokens": 400}}
        return lineage.put("mixture", {"rows_in": 190, "kept": 190}, rows=190,
                           inputs=[documents, domains, counts, proportions, ("sizes", counts)],
                           parameters={"budget": 1000}, details={"plan": plan, "achieved": achieved, "unit": "tokens"})
    return make


@pytest.fixture(scope="session")
def near(planted, make_mill, tmp_path_factory):
    """A mill with the corpus and other versions of its prose, and the URI of its duplicates."""
    folder, draw = tmp_path_factory.mktemp("near"), random.Random(3)
    prose = [record for record in planted.records if record["source"] == "web" and len(record["text"]) > 400]
    changes = [(i, *own) for i in range(len(prose)) for own in ((1, "web"), (2, "forum"), (draw.randint(3, 9), "blog"))]
    versions = [{"text": _edited(prose[i]["text"], n, draw), "source": source, "native_id": f"{source}-{i}-{n}"}
                for i, n, source in changes]
    (folder / "versions.jsonl").write_text("".join(json.dumps(record) + "\n" for record in versions))
    mill = make_mill(folder / "store")
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{planted.folder},{folder / 'versions.jsonl'}]",
                     "ingest.bundle_bytes=1", "ingest.shard_bytes=20000", "ingest.row_group_bytes=4000")
    return mill, mill("dedup", f"documents={documents}", "dedup=minhash")


def _edited(text, changed, draw):
    words = text.split(" ")
    for at in draw.sample(range(len(words)), changed):
        words[at] = "elsewhere"
    return " ".join(words)
