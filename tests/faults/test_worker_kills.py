"""A worker that is killed loses nothing: Ray runs its task again, and the task's result is the same."""

from pathlib import Path

import builds
import pytest
import verify

from corpusmill.jobs.runtime.store import open_store

pytestmark = [pytest.mark.faults, pytest.mark.ray]
SCRIPT = Path(builds.__file__).with_name("killing.py")
PLACES = {"Ingest", "Annotate", "Select", "Sign", "Messages", "Judge", "Assemble", "Label", "Tally", "Histograms",
          "Candidates", "Draw", "Shuffle"}


def test_a_worker_killed_in_every_stage_changes_nothing(tmp_path):
    """SIGKILL before a task's work, between its objects and its receipt, and between its receipt and its answer."""
    corpus = builds.write_small_files(tmp_path / "corpus", 8)
    settings = ["mix.shard_bytes=3kB", "engine.partitions=3"]
    plain, killed, marks = str(tmp_path / "plain"), str(tmp_path / "killed"), tmp_path / "marks"
    marks.mkdir()
    assert builds.build(plain, corpus, *settings).code == 0
    words = builds.command(killed, corpus, *settings, "engine.workers=2", engine="ray")
    ended = builds.Running([str(marks), *words], SCRIPT).wait()
    assert ended.code == 0, ended.err
    kills = [mark.name.split("-") for mark in marks.iterdir()]
    assert {place for place, _ in kills} == PLACES
    assert {moment for _, moment in kills} == {"untouched", "written", "committed"}
    assert builds.digests(killed) == builds.digests(plain)
    assert builds.objects(killed) == builds.objects(plain)
    assert verify.verify_store(open_store(killed)).orphans == set()
