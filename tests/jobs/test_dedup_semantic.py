"""``dedup=semantic`` on the inline engine, against brute force in plain Python."""

import math
import random
from collections import Counter

import deduping
import numpy as np
import pytest
from deduping import written

from corpusmill.jobs.deduping import partitioned, verdicts
from corpusmill.jobs.runtime import aligned, artifacts
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import ConfigError, DataError

SEMANTIC = {"_target_": "corpusmill.operators.dedup.semantic.Semantic", "cells": 3}
SHARED = [f"common{i}" for i in range(300)]


def planted(seed=5):
    """About 300 texts by name: of each family the first, its sentences in another order, and one with other words besides."""
    draw, texts = random.Random(seed), {}
    for family in range(90):
        own = [f"f{family}x{i}" for i in range(40)]
        sentences = [" ".join(draw.choices(own, k=6) + draw.choices(SHARED, k=6)).capitalize() + "." for _ in range(12)]
        texts[f"f{family}"] = " ".join(sentences)
        texts[f"f{family}turned"] = "\n".join(reversed(sentences))
        if family % 2:
            texts[f"f{family}longer"] = " ".join([*sentences, f"Only here: w{family} ."])
        if family % 5 == 0:
            texts[f"f{family}copy"] = texts[f"f{family}"]
    texts |= {f"topic{i}": " ".join(draw.choices(SHARED, k=80)) for i in range(25)}
    return texts | {"marks1": "?", "marks2": "??"}


def documents(store, folder, **options):
    return deduping.documents(store, folder, **({"shard_bytes": "20KB", "row_group_bytes": "9KB"} | options))


def deduplicated(store, made, engine=None, partitions=None, signature=SEMANTIC, **options):
    return deduping.deduplicated(store, made, signature, engine, partitions, **({"threshold": 0.93} | options))


def rows_of(store, duplicates):
    """Name → row."""
    found = manifests.lineage(store, duplicates)
    columns = {name: ("duplicates", name) for name, _ in duplicates.schema} | {"name": ("documents", "native_id")}
    columns |= {name: ("signatures", name) for name in ("cell", "sketch")}
    roles = {n: found[n] for n in ("documents", "signatures", "duplicates")}
    return {row["name"]: row for one in aligned.zipped(store, roles) for row in aligned.read(store, one, columns).to_pylist()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """(texts, folder of files, store, documents, duplicates)."""
    folder, texts = tmp_path_factory.mktemp("semantic"), planted()
    store = open_store(str(folder / "store"))
    made = documents(store, written(folder / "files", texts))
    return texts, folder / "files", store, made, deduplicated(store, made)


def test_what_has_the_same_words_in_another_order_is_found_and_what_has_not_is_kept(corpus):
    texts, _, store, _, duplicates = corpus
    rows = rows_of(store, duplicates)
    kept = {name for name, row in rows.items() if row["keep"]}
    families = Counter(name.split("x")[0].rstrip("cdeglnoprtuy") for name in kept if name[0] == "f")
    assert families == {f"f{i}": 1 for i in range(90)}
    assert kept >= {name for name in texts if name.startswith(("topic", "marks"))}
    assert {row["kind"] for name, row in rows.items() if not row["keep"]} <= {"exact", "semantic"}
    assert duplicates.counts["dropped.semantic_duplicate"] > 120
    assert rows["f1turned"]["similarity"] is None or rows["f1turned"]["similarity"] > 0.93


def test_verdicts_are_those_of_brute_force(corpus):
    """Every pair of distinct texts of one cell is compared, in order of doc_id."""
    texts, _, store, _, duplicates = corpus
    rows = rows_of(store, duplicates)
    first = {}
    for name in sorted(texts, key=lambda n: rows[n]["doc_id"]):
        first.setdefault(texts[name], name)
    match = {}
    for lower in first.values():
        for upper in first.values():
            if upper == lower:
                break
            if upper not in match and rows[lower]["cell"] is not None and rows[lower]["cell"] == rows[upper]["cell"]:
                one, other = (np.frombuffer(rows[n]["sketch"], np.int8).astype(int).tolist() for n in (lower, upper))
                if sum(a * b for a, b in zip(one, other, strict=True)) >= 0.93 * math.hypot(*one) * math.hypot(*other):
                    match[lower] = upper
                    break
    want = {name: match.get(head, None if head == name else head) for name, head in ((n, first[texts[n]]) for n in texts)}
    matched = {rows[n]["doc_id"]: n for n in first.values()}
    assert {name: matched.get(row["matched_doc_id"]) for name, row in rows.items()} == want
    assert len({row["cell"] for row in rows.values()}) == 4


@pytest.mark.parametrize(("partitions", "shuffle"), [(3, None), (7, 5), (1, 6), (None, 8)])
def test_neither_partitions_nor_the_order_of_completion_change_a_byte(corpus, tmp_path, partitions, shuffle):
    _, files, store, _, duplicates = corpus
    other = open_store(str(tmp_path))
    again = deduplicated(other, documents(other, files), engine=InlineEngine(shuffle=shuffle), partitions=partitions)
    assert (again.key, again.digest) == (duplicates.key, duplicates.digest)
    pairs = [manifests.lineage(s, m)["pairs"] for s, m in ((store, duplicates), (other, again))]
    assert pairs[0].digest == pairs[1].digest
    assert not [e.path for stage in ("pairs", "duplicates") for e in other.list(f"{stage}/") if "/scratch/" in e.path]


def test_shards_cut_otherwise_give_the_same_verdicts(corpus, tmp_path):
    _, files, store, _, duplicates = corpus
    other = open_store(str(tmp_path / "store"))
    again = deduplicated(other, documents(other, files, shard_bytes="10MB", row_group_bytes="1MB"))
    assert rows_of(other, again) == rows_of(store, duplicates)


@pytest.mark.parametrize("rest", [0, 1 << 22])
def test_pairs_in_parts_give_the_verdicts_of_one_task(corpus, tmp_path, rest):
    """Too many pairs for one task: kinds and clusters cross the owners that they are parted among."""
    _, files, _, _, duplicates = corpus
    other = open_store(str(tmp_path / "store"))
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in ((verdicts, "ONE_TASK_BYTES", 0), (verdicts, "PART_BYTES", 10_000),
                                    (partitioned, "REST_PAIRS", rest)):
            patch.setattr(module, name, value)
        again = deduplicated(other, documents(other, files), engine=InlineEngine(shuffle=3), partitions=2)
    assert (again.key, again.digest, again.counts) == (duplicates.key, duplicates.digest, duplicates.counts)
    assert again.counts["dropped.semantic_duplicate"] > 120


def test_the_rank_says_which_of_a_family_stays(corpus):
    """Of each family the longest, and where none is longer the lowest doc_id of those that say the same."""
    texts, _, store, made, _ = corpus
    rows = rows_of(store, deduplicated(store, made, rank=[{"length": "longest"}]))
    kept = {name for name, row in rows.items() if row["keep"] and name[0] == "f"}
    assert kept >= {f"f{family}longer" for family in range(1, 90, 2)}
    assert len(kept) == 90
    for family in range(0, 90, 2):
        same = [n for n in (f"f{family}", f"f{family}turned", f"f{family}copy") if n in texts]
        assert kept & {*same} == {min(same, key=lambda n: rows[n]["doc_id"])}


def test_all_copies_may_be_dropped(corpus):
    """What has no duplicate is left; the first of each cluster is dropped for the same reason as those that name it."""
    _, _, store, made, duplicates = corpus
    found = deduplicated(store, made, copies="drop_all", allow_loss=True)
    rows, before = rows_of(store, found), rows_of(store, duplicates)
    assert {name for name, row in rows.items() if row["keep"]} == {name for name, row in before.items() if row["kind"] is None}
    assert not any(row["keep"] for name, row in rows.items() if name[0] == "f")
    assert found.counts["dropped.semantic_duplicate"] == duplicates.counts["dropped.semantic_duplicate"] + 90
    assert [{n: row[n] for n in row if n != "keep"} for row in rows.values()] == [
        {n: row[n] for n in row if n != "keep"} for row in before.values()]
    assert found.inputs["pairs"] == duplicates.inputs["pairs"]


def model_of(store, duplicates):
    return manifests.lineage(store, duplicates)["signatures"].details["artifact"]


def test_a_model_can_be_named_by_its_digest_or_by_what_was_made_with_it(corpus, tmp_path):
    _, files, store, made, duplicates = corpus
    digest = model_of(store, duplicates)
    assert deduplicated(store, made, model=digest).key == duplicates.key
    assert deduplicated(store, made, model=duplicates.path).key == duplicates.key
    elsewhere = open_store(str(tmp_path / "store"))
    artifacts.put(elsewhere, bytes(memoryview(store.read(artifacts.path(digest)))))
    assert deduplicated(elsewhere, documents(elsewhere, files), model=digest).digest == duplicates.digest
    assert not list(elsewhere.list("domain_model/"))


def test_a_threshold_is_another_set_of_pairs_on_the_same_signatures(corpus, tasks_run):
    _, _, store, made, duplicates = corpus
    strict = deduplicated(store, made, threshold=0.9999)
    assert 0 < strict.counts["dropped.semantic_duplicate"] < duplicates.counts["dropped.semantic_duplicate"]
    assert not tasks_run["Sign"]


def test_few_distinct_documents_are_fewer_cells(tmp_path):
    store = open_store(str(tmp_path / "store"))
    texts = {f"n{i}": f"the very same words {'!' * i}" for i in range(30)} | {"other": "something else"}
    duplicates = deduplicated(store, documents(store, written(tmp_path / "files", texts, 2)), allow_loss=True)
    assert duplicates.counts["kept"] == 2


def test_too_little_text_and_wrong_settings_are_named(corpus, tmp_path):
    _, _, store, made, _ = corpus
    empty = open_store(str(tmp_path / "store"))
    with pytest.raises(DataError, match="too little text; take dedup=minhash"):
        deduplicated(empty, documents(empty, written(tmp_path / "files", {f"n{i}": f"w{i}" for i in range(9)}, 1)))
    with pytest.raises(ConfigError, match=r"dedup\.model=.*only dedup=semantic"):
        deduplicated(store, made, signature={"_target_": "corpusmill.operators.dedup.exact.ExactSignature"}, model="x")
    with pytest.raises(ConfigError, match=r"dedup\.keep=components: not with dedup=semantic.*pairs join no chains"):
        deduplicated(store, made, keep="components")
    with pytest.raises(ConfigError, match=r"dedup\.verify=exact: not with dedup=semantic.*no n-grams"):
        deduplicated(store, made, verify="exact")
    with pytest.raises(ConfigError, match=r"dedup\.model=nowhere: there is no such file"):
        deduplicated(store, made, model="nowhere")
    with pytest.raises(ConfigError, match=r"dedup\.model=\S+: .* were not made by"):
        deduplicated(store, made, model=made.path)
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"dedup\.model=\S+other is not a model of domains"):
        deduplicated(store, made, model=str(tmp_path / "other"))


def test_the_preset_compares_what_decisions_keep(mill, tmp_path):
    """From the command line, with the preset; a filtered document takes no part."""
    texts = {f"p{i}": " ".join(sorted(SHARED[i : i + 60], reverse=bool(i % 2))) + f" tail{i}" for i in range(40)}
    texts |= {"a": " ".join(SHARED[:200]), "b": " ".join(reversed(SHARED[:200])), "c": " ".join(sorted(SHARED[:200]))}
    files = written(tmp_path / "files", texts, 1)
    made = mill("ingest", "corpus=files", f"corpus.paths=[{files}]", "corpus.columns={native_id: id}")
    names = {row["doc_id"]: row["native_id"] for row in mill.rows(made)}
    first = min((d for d, n in names.items() if n in "abc"))
    annotated = mill("annotate", f"documents={made}")
    wanted = ", ".join(name for doc_id, name in names.items() if doc_id != first)
    rule = f"{{reason: unwanted, signal: native_id, isin: [{wanted}]}}"
    decisions = mill("filter", f"annotations={annotated}", f"quality.rules=[{rule}]")
    duplicates = mill("dedup", f"decisions={decisions}", "dedup=semantic", "dedup.threshold=0.99")
    rows = {names[r["doc_id"]]: r for r in mill.rows(duplicates)}
    others = sorted((r for n, r in rows.items() if n in "abc" and n != names[first]), key=lambda r: r["doc_id"])
    assert rows[names[first]]["keep"] is None
    assert [(r["keep"], r["kind"]) for r in others] == [(True, "semantic"), (False, "semantic")]
    assert others[1]["matched_doc_id"] == others[0]["doc_id"]
    refused = mill.run("dedup", f"decisions={decisions}", "dedup=semantic", "dedup.keep=components")
    assert (refused.code, "dedup.keep=components: not with dedup=semantic" in refused.err) == (2, True), refused
    shown = mill.run("inspect", f"manifest={duplicates}", "reason=semantic_duplicate")
    assert (shown.code, others[1]["doc_id"].hex() in shown.out, "1 of 1 documents" in shown.out) == (0, True, True), shown
