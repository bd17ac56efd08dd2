"""What dropped documents were taken for, where that is published elsewhere."""

import pytest
from deduping import written

from corpusmill.jobs.reporting.examples import examples_of
from corpusmill.jobs.reporting.origins import ELSEWHERE, origins_of
from corpusmill.jobs.reporting.pairs import pairs_of
from corpusmill.jobs.runtime import manifest as manifests

WORDS = [f"w{i}" for i in range(60)]


@pytest.fixture(scope="module")
def compared(make_mill, tmp_path_factory):
    """(mill, documents that are published, duplicates of others against them)."""
    folder = tmp_path_factory.mktemp("compared")
    mill = make_mill(folder / "store")
    old = {f"old{i}": " ".join([f"o{i}", *WORDS[::i]]) for i in range(1, 4)}
    new = {f"new{i}": old[f"old{i}"] + " more" * (i < 3) for i in range(1, 4)} | {"own": "of its own", "copy": "of its own"}
    uris = [mill("ingest", "corpus=files", f"corpus.paths=[{written(folder / name, texts, 2)}]")
            for name, texts in (("old", old), ("new", new))]
    found = mill("dedup", f"documents={uris[1]}", "dedup=minhash", f"dedup.against=[{uris[0]}]")
    return mill, mill.manifest(uris[0]), found


def test_it_is_shown_with_its_dataset_and_its_text(compared):
    mill, old, found = compared
    near = mill.run("inspect", f"manifest={found}", "reason=near_duplicate").out
    assert near.count(f"published in {old.path}") == 2
    assert near.count(" was taken for ") == 2
    assert "old1" in near
    exact = mill.run("inspect", f"manifest={found}", "reason=exact_duplicate").out
    assert (exact.count(f"published in {old.path}"), exact.count("│ kept")) == (1, 1)
    pairs = examples_of(mill.store, mill.lineage(found)).pairs
    assert sorted(pair.dataset for pair in pairs) == ["", *[old.path] * 3]
    assert all(pair.kept.text for pair in pairs)
    made = mill.lineage(found)
    assert pairs_of(mill.store, made).precision is None, "of near pairs both of whose documents are the job's own"
    origins = origins_of(mill.store, made)
    column = origins.sources.index(ELSEWHERE)
    assert (sum(row[column] for row in origins.documents), origins.total) == (3, 4)
    report = mill.manifest(mill("report", f"manifest={found}"))
    assert f"Published in {old.path}".encode() in bytes(memoryview(mill.store.read(f"{report.folder}/report.html")))


@pytest.mark.parametrize("gone", ["manifest.json", "objects"])
def test_one_that_was_deleted_is_told_by_its_id(compared, gone):
    mill, old, found = compared
    shards = [shard.main.object for shard in manifests.shards(mill.store, old)]
    taken = {path: bytes(memoryview(mill.store.read(path))) for path in ([old.path] if gone == "manifest.json" else shards)}
    for path in taken:
        mill.store.delete(path)
    try:
        result = mill.run("inspect", f"manifest={found}", "reason=near_duplicate")
        assert result.code == 0, result.err
        assert result.out.count("no longer in this store") == 2
    finally:
        for path, data in taken.items():
            mill.store.write(path, data)
