import json
import time

import pytest

from corpusmill.jobs.runtime import heartbeat


def test_a_run_is_seen_while_it_lives(local):
    with heartbeat.running(local, "mix"):
        (run,) = heartbeat.runs(local)
        assert (run["job"], run["stale"]) == ("mix", False)
    assert heartbeat.runs(local) == []
    assert list(local.list()) == []


def test_a_run_that_fails_is_gone_too(local):
    with pytest.raises(KeyError), heartbeat.running(local, "mix"):
        raise KeyError
    assert heartbeat.runs(local) == []


def test_two_runs_of_one_job_are_two(local):
    with heartbeat.running(local, "mix"), heartbeat.running(local, "mix"):
        assert len(heartbeat.runs(local)) == 2


def test_it_beats_while_the_block_runs(local, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    with heartbeat.running(local, "mix"):
        first = heartbeat.runs(local)[0]["seen"]
        deadline = time.time() + 10
        while heartbeat.runs(local)[0]["seen"] == first and time.time() < deadline:
            time.sleep(0.01)
        assert heartbeat.runs(local)[0]["seen"] > first


def test_a_run_that_is_silent_for_a_minute_is_stale(local):
    local.write("running/x.json", json.dumps({"job": "mix", "seen": time.time() - 61}).encode())
    assert heartbeat.runs(local)[0]["stale"]


def test_a_job_that_only_looks_leaves_nothing(local):
    with heartbeat.running(local, "ls", enabled=False):
        assert list(local.list()) == []
