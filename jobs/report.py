"""Tell the story of a manifest: what came in, what was dropped and why, how the mixture compares with its plan.

Reads the manifests of its lineage (``manifest=``) and their run.json, and a few documents as examples. Writes
``report.json``, all facts that do not differ between runs, and ``report.html``, the same for people, with the timings.
"""

import dataclasses
import json
import sys
import time

from omegaconf import MISSING

from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.page import render
from corpusmill.jobs.reporting.timings import timings
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store

VERSION = "5"  # of facts and layout: part of the key, so that a new one is told anew


@dataclasses.dataclass
class Config(Common):
    """corpusmill report."""

    manifest: str = MISSING  # a manifest


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The report."""
    told = manifests.resolve(store, config.manifest)
    here = session(config, store, engine)
    made = stage.Stage("report", stage.NO_ROWS, {"version": VERSION}, {told.stage: told}, told.view)
    if (done := stage.committed(here, made)) is not None:
        return done
    if config.plan:
        stage.print_plan(here, made, [])
    started = time.time()
    facts = collect(store, told)
    ran = timings(store, facts)
    folder = f"{made.name}/{made.key}"
    store.write(f"{folder}/report.html", render(facts, ran))
    # The manifest's digest is that of report.json alone: timings differ from run to run.
    record = {"started": started, "wall_seconds": time.time() - started,
              "stages": {one.role: dataclasses.asdict(one) for one in ran}}
    store.write(f"{folder}/run.json", json.dumps(record, sort_keys=True, indent=1).encode())
    return stage.commit_file(here, made, "report.json", facts.to_json(), {"page": "report.html"})


if __name__ == "__main__":
    raise SystemExit(main(["report", *sys.argv[1:]]))
