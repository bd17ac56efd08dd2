"""How the run of each stage went, from its run.json: never part of a digest."""

import dataclasses
import json
from typing import Any

from corpusmill.jobs.reporting.facts import Dataset, Facts
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """One stage's run; rates are None where some tasks were adopted, so that the wall time is not that of all rows."""

    role: str
    stage: str
    adopted: bool  # every task was committed before
    rows_per_second: float | None
    mb_per_second: float | None  # of the text or columns that went through
    run: dict[str, Any]  # the run.json


def timings(store: Store, facts: Facts) -> tuple[Timing, ...]:
    """Of every dataset that tasks made, in the order of the data."""
    found = ((dataset, _run(store, dataset)) for dataset in facts.datasets)
    return tuple(_timing(dataset, run) for dataset, run in found if run and run["tasks_run"] + run["tasks_adopted"])


def _run(store: Store, dataset: Dataset) -> dict[str, Any] | None:
    path = dataset.manifest.removesuffix("manifest.json") + "run.json"
    try:
        found: dict[str, Any] = json.loads(bytes(memoryview(store.read(path))))
    except Missing:
        return None
    return found


def _timing(dataset: Dataset, run: dict[str, Any]) -> Timing:
    wall = run["wall_seconds"]
    whole = wall > 0 and run["tasks_run"] > 0 and run["tasks_adopted"] == 0
    size = dataset.counts.get("bytes_in", dataset.bytes)
    return Timing(
        dataset.role, dataset.stage, run["tasks_run"] == 0 and run["tasks_adopted"] > 0,
        dataset.rows / wall if whole else None, size / wall / 1e6 if whole else None, run,
    )
