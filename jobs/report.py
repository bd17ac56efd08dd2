"""Tell the story of a manifest."""

import dataclasses
import json
import sys

from omegaconf import MISSING

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store


@dataclasses.dataclass
class Config(Common):
    """corpusmill report."""

    manifest: str = MISSING  # a manifest


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The report."""
    told = manifests.resolve(store, config.manifest)
    here = session(config, store, engine)
    made = stage.Stage("report", stage.NO_ROWS, {"version": "1"}, {told.stage: told}, told.view)
    return stage.commit_file(here, made, "report.json", json.dumps(told.counts).encode(), {})


if __name__ == "__main__":
    raise SystemExit(main(["report", *sys.argv[1:]]))
