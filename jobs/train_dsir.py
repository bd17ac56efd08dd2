"""Count the n-grams of the text that is wanted and of all text, for ``quality.importance.ImportanceWeight``.

Reads two datasets of documents (``target=`` and ``raw=``), whole; writes importance_model: both histograms, as an artifact.
"""

import dataclasses
import json
import sys

from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, artifacts, fitting, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import DataError
from corpusmill.operators.quality.importance import Histogram, to_bytes

VERSION = "1"


@dataclasses.dataclass
class Config(Common):
    """corpusmill train_dsir."""

    target: str = MISSING  # a manifest of documents: what is wanted
    raw: str = MISSING  # a manifest of documents: what there is
    buckets: int = 10_000  # that n-grams are hashed into


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Ratios of the n-grams' shares."""
    fit = Histogram(config.buckets)
    chosen = {name: manifests.resolve(store, getattr(config, name), "documents") for name in ("target", "raw")}
    subset = aligned.Subset(config.limit, config.sample).parameters()
    parameters = {"buckets": fit.buckets, "version": VERSION, "subset": subset}
    made = stage.Stage("importance_model", stage.NO_ROWS, parameters, chosen)
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    sources = {name: dataclasses.replace(made, inputs={"documents": documents}) for name, documents in chosen.items()}
    if here.plan:
        stage.print_plan(here, made, (task for one in sources.values() for task in aligned.tasks(store, one, text=True)))
    counts = {name: fitting.learn(here, one, fit, f"{made.name}: {name}") for name, one in sources.items()}
    for name, state in counts.items():
        if state is None:
            raise DataError(f"{name}={getattr(config, name)} has no documents")
    digest = artifacts.put(store, to_bytes(counts["target"], counts["raw"]))
    details = {"artifact": digest, "ngrams": {name: int(state.sum()) for name, state in counts.items()}}
    data = json.dumps(details, sort_keys=True, indent=1).encode()
    return stage.commit_file(here, made, f"model-{digest}.json", data, details)


if __name__ == "__main__":
    raise SystemExit(main(["train_dsir", *sys.argv[1:]]))
