"""A driver that is killed at any moment: what it left is whole, and the same command ends with the same content."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import builds
import pytest
import verify

from corpusmill.jobs.runtime.store import open_store

pytestmark = pytest.mark.faults
SETTINGS = ["mix.shard_bytes=3kB"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight files: as many tasks in most stages."""
    return builds.write_small_files(tmp_path_factory.mktemp("corpus"), 8)


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """The root of a build that nobody disturbed."""
    root = str(tmp_path_factory.mktemp("plain"))
    assert builds.build(root, corpus, *SETTINGS).code == 0
    return root


def test_a_build_killed_at_random_moments_ends_as_if_it_was_not(corpus, plain, tmp_path):
    """Twelve kills: three builds, each killed once in every quarter of its way, half the time while it writes an object."""
    total = len(builds.objects(plain))

    def trial(seed):
        root, rng = str(tmp_path / str(seed)), random.Random(seed)
        kills = 0
        for quarter in range(4):
            moment = int(total * (quarter + rng.random()) / 4)
            kills += _killed(root, corpus, moment, writing=quarter % 2 == seed % 2)
            _check(root, plain)
        ended = builds.build(root, corpus, *SETTINGS)
        assert ended.code == 0, ended.err
        _same(root, plain)
        return kills

    with ThreadPoolExecutor(2) as pool:
        kills = sum(pool.map(trial, range(3)))
    assert kills >= 10, "builds end before they are killed"


@pytest.mark.ray
def test_a_build_on_ray_killed_with_all_its_daemons_goes_on(corpus, plain, tmp_path):
    """Two kills of one build, the second further than the first; then it is left alone."""
    root, total = str(tmp_path), len(builds.objects(plain))
    for share in (0.2, 0.6):
        assert _killed(root, corpus, int(total * share), writing=False, engine="ray")
        _check(root, plain)
    ended = builds.build(root, corpus, *SETTINGS, engine="ray")
    assert ended.code == 0, ended.err
    _same(root, plain)


def _killed(root, corpus, moment, *, writing, engine="inline") -> bool:
    """Start a build, and kill it once it has put so many objects in place; whether it still ran."""
    running = builds.Running(builds.command(root, corpus, *SETTINGS, engine=engine))
    reached = running.until(lambda: _in_place(root) > moment) and (not writing or running.until(lambda: _unfinished(root)))
    running.kill()
    return reached


def _in_place(root) -> int:
    return sum(len(files) for folder, _, files in os.walk(root) if not folder.endswith((".tmp", ".preflight", "running")))


def _unfinished(root) -> bool:
    return any(file.name != "lock" for file in Path(root, ".tmp").iterdir())


def _check(root, plain) -> None:
    """Everything there is whole and what the undisturbed build has; scratch apart, which that one cleaned."""
    verify.verify_store(open_store(root))
    left, right = builds.objects(root), builds.objects(plain)
    assert {path for path in left if "/scratch/" not in path} <= set(right)


def _same(root, plain) -> None:
    assert builds.digests(root) == builds.digests(plain)
    assert builds.objects(root) == builds.objects(plain)
    assert verify.verify_store(open_store(root)).orphans == set()
