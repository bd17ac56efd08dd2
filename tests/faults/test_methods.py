"""Near-duplicates and learned domains keep the promise too: any order, partitioning, kill or store, the same content."""

import os
import random
from pathlib import Path

import builds
import pytest
import verify

from corpusmill.jobs.runtime.store import open_store

pytestmark = pytest.mark.faults
SETTINGS = [*builds.METHODS, "mix.shard_bytes=3kB", "mix.budget=2000", "dedup.verify=exact", "dedup.rank=[{length: longest}]",
            "mix.rehydrate=[[2,2]]"]
SCRIPT = Path(builds.__file__).with_name("killing.py")
# Works that only these methods have; those of the other stages are killed elsewhere.
PLACES = {"Pairs", "Look", "Assign", "Halves", "Verified", "Ask", "Round", "Rest", "Settle", "Fates", "Centres", "Sizes",
          "Verdicts"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight files of eight documents."""
    return builds.write_families(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """The root of a build that nobody disturbed."""
    root = str(tmp_path_factory.mktemp("plain"))
    ended = builds.build(root, corpus, *SETTINGS)
    assert ended.code == 0, ended.err
    return root


def test_the_build_has_something_to_get_wrong(plain):
    found = {m["stage"]: m for m in builds.manifests(open_store(plain)).values()}
    assert {*builds.STAGES, "pairs", "domain_model"} <= set(found)
    assert found["pairs"]["rows"] > 10
    assert found["duplicates"]["counts"]["dropped.near_duplicate"] > 8
    assert len(found["domains"]["details"]["cards"]) == 3


@pytest.mark.parametrize("way", [
    ["engine.shuffle=2", "engine.partitions=7"],
    pytest.param(["engine=ray", "engine.workers=4", "engine.partitions=3"], marks=pytest.mark.ray),
], ids=["shuffle-7", "ray-4"])
def test_no_way_of_computing_changes_a_digest(way, plain, corpus, tmp_path):
    ended = builds.build(tmp_path, corpus, *SETTINGS, *way)
    assert ended.code == 0, ended.err
    _same(str(tmp_path), plain)


def test_a_build_killed_at_random_moments_ends_as_if_it_was_not(corpus, plain, tmp_path):
    """Four kills, each further than the one before; whatever stands is whole."""
    rng, total, root = random.Random(1), len(builds.objects(plain)), str(tmp_path)
    for quarter in range(4):
        moment = int(total * (quarter + rng.random()) / 4)
        running = builds.Running(builds.command(root, corpus, *SETTINGS))
        running.until(lambda moment=moment: sum(len(files) for _, _, files in os.walk(root)) > moment)
        running.kill()
        verify.verify_store(open_store(root))
    assert builds.build(root, corpus, *SETTINGS).code == 0
    _same(root, plain)


@pytest.mark.ray
def test_a_worker_killed_in_every_stage_changes_nothing(corpus, plain, tmp_path):
    killed, marks = str(tmp_path / "killed"), tmp_path / "marks"
    marks.mkdir()
    words = builds.command(killed, corpus, *SETTINGS, "engine.partitions=3", "engine.workers=2", engine="ray")
    ended = builds.Running([str(marks), *words], SCRIPT).wait()
    assert ended.code == 0, ended.err
    assert {mark.name.partition("-")[0] for mark in marks.iterdir()} >= PLACES
    _same(killed, plain)


@pytest.mark.s3
def test_an_object_store_holds_the_same(corpus, plain, s3_store):
    endpoint, root = s3_store.options.endpoint, s3_store.root
    ended = builds.build(root, corpus, *SETTINGS, "store=s3", f"store.endpoint={endpoint}")
    assert ended.code == 0, ended.err
    assert builds.digests(s3_store) == builds.digests(plain)


def _same(root, plain):
    assert builds.digests(root) == builds.digests(plain)
    assert sorted(builds.objects(root)) == sorted(builds.objects(plain))
    assert verify.verify_store(open_store(root)).orphans == set()
