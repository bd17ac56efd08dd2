"""Builds of the same thing at once: each is told that it succeeded, and there is one set of objects."""

import builds
import pytest
import verify

from corpusmill.jobs.runtime.store import open_store

pytestmark = pytest.mark.faults


def test_three_builds_of_the_same_thing_at_once_make_one_set_of_objects(tmp_path):
    """In different orders and partitions, so that they meet in every stage, and one cleans scratch that others read."""
    corpus, root, plain = builds.write_small_files(tmp_path / "corpus", 10), str(tmp_path / "root"), str(tmp_path / "plain")
    ways = (["engine.shuffle=1"], ["engine.shuffle=2", "engine.partitions=4"], [])
    running = [builds.Running(builds.command(root, corpus, "mix.shard_bytes=3kB", *way)) for way in ways]
    ended = [one.wait() for one in running]
    assert [one.code for one in ended] == [0, 0, 0], "".join(one.err for one in ended)
    assert len({one.uri for one in ended}) == 1
    assert verify.verify_store(open_store(root)).orphans == set()
    assert builds.build(plain, corpus, "mix.shard_bytes=3kB").code == 0
    assert builds.objects(root) == builds.objects(plain)


@pytest.mark.ray
def test_a_build_on_ray_and_one_in_a_process_share_what_they_make(tmp_path):
    """The second starts when the first has made some objects, and overtakes it."""
    corpus, root = builds.write_small_files(tmp_path / "corpus", 10), tmp_path / "root"
    first = builds.Running(builds.command(root, corpus, engine="ray"))
    assert first.until(lambda: len(list(root.glob("documents/shards/*.json"))) > 3)
    second = builds.Running(builds.command(root, corpus))
    ended = first.wait(), second.wait()
    assert [one.code for one in ended] == [0, 0], "".join(one.err for one in ended)
    assert ended[0].uri == ended[1].uri
    assert verify.verify_store(open_store(str(root))).orphans == set()
