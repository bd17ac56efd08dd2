"""Show what is committed, and what is running."""

import dataclasses
import json
import sys
import time

from corpusmill.jobs.runtime import heartbeat
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing


@dataclasses.dataclass
class Config(Common):
    """corpusmill status."""


STAGES = ("documents", "quarantine", "learned", "annotations", "cutoffs", "decisions", "signatures", "pairs",
          "duplicates", "index_signatures", "index", "trims", "domain_model", "clusters", "domain_keys", "domains", "counts",
          "proportions", "mixture", "report", "classifier", "perplexity_model", "language_model", "embedders",
          "importance_model")


def run(config: Config, store: Store, engine: Engine) -> None:
    """Committed datasets by stage, then the runs that are alive."""
    for stage in STAGES:
        for entry in store.list(f"{stage}/"):
            if entry.path.endswith("/manifest.json"):
                made = manifests.loads(store.read(entry.path))
                print(f"{stage:<12} {made.rows:>12,} rows {made.shards:>7,} shards {made.bytes / 1e6:>12,.1f} MB  "  # noqa: T201
                      f"{_when(store, made)}  {store.uri(made.path)}")
    runs = heartbeat.runs(store)
    for one in runs:
        alive = "silent for a minute: it was killed, or its machine is gone" if one["stale"] else "running"
        seconds = time.time() - one["started"]
        print(f"{one['job']:<12} {alive}, for {seconds:,.0f} s, process {one['pid']} on {one['host']}")  # noqa: T201
    if not runs:
        print("nothing is running")  # noqa: T201


def _when(store: Store, made: manifests.Manifest) -> str:
    try:
        started = json.loads(bytes(memoryview(store.read(f"{made.folder}/run.json"))))["started"]
    except Missing:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(started))


if __name__ == "__main__":
    raise SystemExit(main(["status", *sys.argv[1:]]))
