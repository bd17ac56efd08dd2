"""The same inputs, configuration and artifacts give the same content, whatever engine, order or partitioning computes it."""

from pathlib import Path

import builds
import pyarrow.parquet as pq
import pytest
import verify

from corpusmill.jobs.runtime.store import open_store

pytestmark = pytest.mark.e2e
SHARED = Path(__file__).parents[3] / "shared" / "data" / "corpus"
WAYS = [
    pytest.param(["engine.shuffle=2", "engine.partitions=1"], id="shuffle-2-partitions-1"),
    pytest.param(["engine.partitions=7", "engine.shuffle=3"], id="shuffle-3-partitions-7"),
    pytest.param(["engine=ray", "engine.workers=2", "engine.partitions=5"], id="ray-2-partitions-5", marks=[pytest.mark.ray]),
]
CUTS = [
    pytest.param(["ingest.shard_bytes=1GB", "ingest.row_group_bytes=1GB"], id="one-shard-per-file"),
    pytest.param(["ingest.shard_bytes=2kB", "ingest.row_group_bytes=500"], id="tiny-shards"),
    pytest.param(["ingest.bundle_bytes=1GB"], id="one-bundle"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """About 200 documents in six files, bad rows among them."""
    return builds.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """The root of a build in one process, task after task."""
    root = str(tmp_path_factory.mktemp("plain"))
    assert builds.build(root, corpus).code == 0
    return root


def test_the_build_has_something_to_get_wrong(plain):
    """Duplicates, drops, edits, quarantine and several shards in every stage: else the other tests would say little."""
    found = {m["stage"]: m for m in builds.manifests(open_store(plain)).values()}
    assert {*builds.STAGES, "quarantine"} <= set(found)
    assert found["documents"]["rows"] == 199
    assert found["documents"]["shards"] > 12
    assert found["mixture"]["shards"] > 2
    assert found["duplicates"]["counts"]["dropped.exact_duplicate"] > 10
    assert found["decisions"]["counts"]["dropped.too_short"] > 5
    assert found["quarantine"]["rows"] == 5
    assert any(path.endswith("edits.parquet") for path in builds.objects(plain))


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_computing_changes_a_byte(way, plain, corpus, tmp_path):
    """Content digests of every dataset, the set of objects, and on one image also the bytes of each."""
    ended = builds.build(tmp_path, corpus, *way)
    assert ended.code == 0, ended.err
    assert builds.digests(str(tmp_path)) == builds.digests(plain)
    here, there = builds.objects(str(tmp_path)), builds.objects(plain)
    assert sorted(here) == sorted(there)
    assert [path for path in here if here[path] != there[path]] == []
    assert verify.verify_store(open_store(str(tmp_path))).orphans == set()


@pytest.mark.parametrize("cut", CUTS)
def test_how_documents_are_cut_into_shards_does_not_change_the_mixture(cut, plain, corpus, tmp_path):
    """Which duplicate survives, what is drawn and in which order rest on the documents alone."""
    ended = builds.build(tmp_path, corpus, *cut)
    assert ended.code == 0, ended.err
    assert _survivors(str(tmp_path)) == _survivors(plain)
    for stage in ("proportions", "mixture"):
        assert builds.digests(str(tmp_path))[stage] == builds.digests(plain)[stage]


@pytest.mark.corpus
@pytest.mark.skipif(not SHARED.is_dir(), reason="there is no corpus in ../shared/data/corpus")
def test_real_text_gives_the_same_anywhere(tmp_path):
    """The first rows of three files of the shared corpus: real duplicates, real lengths, the default tokenizer."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("multilingual", "techdocs", "licences"):
        first = next(pq.ParquetFile(SHARED / f"{name}-00000.parquet").iter_batches(60))
        with pq.ParquetWriter(corpus / f"{name}.parquet", first.schema) as file:
            file.write_batch(first)
    settings = ["tokenizer=default", "mix.unit=tokens", "mix.budget=50_000", "ingest.shard_bytes=200kB"]
    roots = str(tmp_path / "one"), str(tmp_path / "other")
    first = builds.build(roots[0], corpus, *settings)
    other = builds.build(roots[1], corpus, *settings, "engine.shuffle=5", "engine.partitions=4")
    assert (first.code, other.code) == (0, 0), first.err + other.err
    assert builds.digests(roots[0]) == builds.digests(roots[1])
    assert builds.objects(roots[0]) == builds.objects(roots[1])


def _survivors(root):
    """Which documents are kept, of which cluster, whatever shard they are in."""
    kept = [row for row in builds.rows(root, "duplicates") if row["keep"]]
    return sorted((row["doc_id"], row["cluster_id"], row["cluster_size"]) for row in kept)
