"""Many shards through scheduling, receipts and manifests: the driver's memory and time per shard.

    python benchmarks/bench_shards.py [--shards 1000 10000 100000] [--engine ray|inline] [--json FILE]

Each size runs in a process of its own: a stage of n one-row shards is computed and committed, a second stage is computed over
it, and the first is looked up again task by task, as a nightly run does.
"""

import argparse
import dataclasses
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

import pyarrow as pa

from corpusmill.jobs.runtime import aligned, stage
from corpusmill.jobs.runtime.config import EngineConfig, make_engine
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.tasks import Facts, Session, Task

SCHEMA = pa.schema([("doc_id", pa.binary(16)), ("n", pa.int64())])


@dataclasses.dataclass(frozen=True)
class Tiny:
    def __call__(self, store, task, emit):
        n = task.payload if isinstance(task.payload, int) else task.ordinal
        doc_id = pa.array([n.to_bytes(16, "big")], SCHEMA.field(0).type)
        row = pa.RecordBatch.from_arrays([doc_id, pa.array([n])], schema=SCHEMA)
        emit(encode([row], SCHEMA))
        return Facts({"rows_in": 1, "kept": 1})


def measure(shards, kind):
    with tempfile.TemporaryDirectory(dir=options_dir()) as root:
        here = Session(open_store(root), make_engine(EngineConfig(kind=kind)), quiet=True)
        first = stage.Stage("documents", SCHEMA, {"bench": shards})
        marks = [("start", 0.0, rss())]

        def mark(name, started):
            marks.append((name, time.monotonic() - started, rss()))

        started = time.monotonic()
        made = stage.run(here, first, tasks(first, shards), shards, Tiny())
        mark("compute", started)
        started = time.monotonic()
        second = stage.Stage("domains", SCHEMA, {"bench": shards}, {"documents": made})
        stage.run(here, second, aligned.tasks(here.store, second, text=False), shards, Tiny())
        mark("compute over it", started)
        started = time.monotonic()
        again = stage.Stage("documents", SCHEMA, {"bench": shards}, source="night")
        done = stage.run(here, again, tasks(first, shards), shards, Tiny())
        assert done.digest == made.digest
        mark("look up again", started)
        here.engine.close()
    return [{"step": n, "seconds": round(s, 2), "ms_per_shard": round(1e3 * s / shards, 3), "driver_peak_mb": round(m, 1)}
            for n, s, m in marks]


def options_dir():
    """In memory where that can be: a disk that syncs every object would be all that is measured."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def tasks(of, shards):
    return (Task(i, of.task_key(str(i)), f"shard {i}", 1 << 20, i) for i in range(shards))


def rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--engine", default="ray")
    parser.add_argument("--json")
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.engine)))
        return
    results = {}
    for shards in options.shards:
        out = subprocess.run([sys.executable, __file__, "--one", str(shards), "--engine", options.engine], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        results[shards] = json.loads(out.splitlines()[-1])
        for row in results[shards]:
            print(f"{shards:>8,}  {row['step']:<16} {row['seconds']:>8.1f} s  {row['ms_per_shard']:>7.3f} ms/shard  "
                  f"driver peak {row['driver_peak_mb']:,.0f} MB", flush=True)
    if options.json:
        record = {"machine": platform.processor() or platform.machine(), "engine": options.engine, "results": results}
        with open(options.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
