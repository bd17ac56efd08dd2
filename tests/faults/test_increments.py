"""What is committed is not computed again: a second run, and a run after one file was added."""

import builds
import pytest

from corpusmill.jobs.runtime.store import open_store

pytestmark = pytest.mark.faults
BY_FILE = ("documents", "annotations", "decisions", "signatures")  # of one shard of documents alone


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Three builds on one store, the last with a file more: how each ended, and what was in the store after it."""
    folder = tmp_path_factory.mktemp("nights")
    corpus = builds.write_small_files(folder / "corpus", 8)
    store = open_store(str(folder / "root"))
    ended, seen = [], []
    for night in range(3):
        if night == 2:
            (corpus / "new.jsonl").write_bytes(builds.write_small_files(folder / "more", 9).joinpath("008.jsonl").read_bytes())
        ended.append(builds.build(store.root, corpus))
        seen.append(builds.objects(store))
    return ended, seen


def test_a_second_run_makes_nothing_and_is_quick(nights):
    """Not one object is new or changed, and every stage says that it is up to date."""
    ended, seen = nights
    assert ended[1].uri == ended[0].uri
    assert seen[1] == seen[0]
    assert ended[1].seconds < 20
    assert " tasks, " not in ended[1].err
    assert {f"{stage}: up to date" for stage in builds.STAGES} <= {line.partition(",")[0] for line in ended[1].err.splitlines()}


def test_an_added_file_is_all_that_is_ingested_and_annotated(nights):
    """One new bundle of one shard: one receipt more in each stage that works by shard, and nothing of before is touched."""
    ended, seen = nights
    assert ended[2].uri != ended[1].uri
    assert {path: data for path, data in seen[2].items() if path in seen[1]} == seen[1]
    new = {path for path in seen[2] if path not in seen[1]}
    for stage in BY_FILE:
        receipts = [path for path in new if path.startswith(f"{stage}/shards/") and path.endswith(".json")]
        assert len(receipts) == 1, (stage, receipts)
        assert len([path for path in new if path.startswith(f"{stage}/") and path.endswith("/manifest.json")]) == 1
