import json
import time

from corpusmill.jobs.runtime import heartbeat


def test_committed_datasets_are_listed_in_the_order_of_the_data(built):
    mill, uri = built
    lines = mill.run("status").out.splitlines()
    stages = [line.split()[0] for line in lines[:-1]]
    order = ["documents", "annotations", "decisions", "signatures", "duplicates", "domains", "counts", "proportions", "mixture"]
    assert [stage for stage in dict.fromkeys(stages) if stage in order] == order
    assert any(line.endswith(uri) for line in lines)
    assert lines[-1] == "nothing is running"


def test_runs_are_shown_while_they_live_and_dead_ones_as_such(mill):
    with heartbeat.running(mill.store, "mix"):
        assert "mix          running" in mill.run("status").out
        dead = {"job": "build", "host": "elsewhere", "pid": 7, "started": time.time() - 500, "seen": time.time() - 400}
        mill.store.write("running/build-x.json", json.dumps(dead).encode())
        out = mill.run("status").out
    assert "build        silent for a minute" in out
    assert "process 7 on elsewhere" in out
    assert "mix" not in mill.run("status").out


def test_an_empty_store_says_so_and_stays_empty(mill):
    assert mill.run("status").out == "nothing is running\n"
    assert not mill.root.exists()
