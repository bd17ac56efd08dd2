"""A stage: tasks in, a dataset with a manifest out."""

import collections
import dataclasses
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import receipts
from corpusmill.jobs.runtime.manifest import Manifest, Reference
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.tasks import Done, Session, Task, Work, run_tasks
from corpusmill.operators.errors import CorpusmillError, DataError, Missing
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.text.content import key as digest_key

NO_ROWS = pa.schema([])
HISTOGRAM = "hist/"  # begins the names of counts that only the manifest holds: there are too many for a row per shard


class Planned(CorpusmillError):
    """``plan=true``: the plan was printed and nothing was run."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """What a dataset is made of: its key is the digest of this."""

    name: str
    schema: pa.Schema
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Manifest] = dataclasses.field(default_factory=dict)
    view: tuple[Reference, ...] = ()
    exact: bool = True
    source: str = ""  # digest of what is read where the input is no dataset

    @property
    def key(self) -> str:
        """Key of the dataset."""
        return self.task_key(self.source, *(f"{n}={m.digest}" for n, m in sorted(self.inputs.items())),
                             *(f"layer={r.digest}" for r in self.view))

    def task_key(self, *contents: str) -> str:
        """Key of one task, by the content that it reads."""
        return digest_key({"stage": self.name, "parameters": self.parameters, "contents": contents})

    @property
    def partial(self) -> bool:
        """Whether it holds only some of the shards of its documents (``limit`` or ``sample``)."""
        return bool(self.parameters.get("subset")) or any(m.details.get("partial") for m in self.inputs.values())


def committed(session: Session, stage: Stage) -> Manifest | None:
    """The stage's manifest where it is there already."""
    found = manifests.find(session.store, stage.name, stage.key)
    if found is not None:
        note(f"{stage.name}: up to date, {found.rows:,} rows", session.quiet)
    return found


def run(session: Session, stage: Stage, tasks: Iterable[Task], total: int, work: Work, *, renumber: bool = False,
        details: Mapping[str, Any] | None = None, empty_ok: bool = False,
        check: Callable[[pa.Table, Mapping[str, int]], None] | None = None) -> Manifest:
    """Compute what has no receipt, then commit the manifest.

    ``renumber``: a task may give any number of shards, numbered in the order of the tasks; else each task gives one, which
    keeps the task's ordinal. ``check`` sees the index and the counts, and may refuse by raising. Raises DataError for an
    empty dataset unless ``empty_ok``.
    """
    if session.plan:
        print_plan(session, stage, tasks)
    counts: collections.Counter[str] = collections.Counter()

    def rows() -> Iterator[tuple[int, str, receipts.Output, Mapping[str, int]]]:
        for done in run_tasks(session, stage.name, tasks, total, work, stage.name):
            counts.update(done.receipt.counts)
            yield from index_of(done, renumber)

    started = time.time()
    index = manifests.index_rows(rows())
    if renumber:
        index = index.set_column(0, "ordinal", pa.array(np.arange(index.num_rows)))
    if check is not None:
        check(index, counts)
    return commit(session, stage, index, counts, details=details, empty_ok=empty_ok, started=started)


def index_of(done: Done, renumber: bool) -> Iterator[tuple[int, str, receipts.Output, Mapping[str, int]]]:
    """The rows of a dataset's index that a task gives; its counts, without histograms, stand with the first."""
    told = {name: n for name, n in done.receipt.counts.items() if not name.startswith(HISTOGRAM)}
    for i, output in enumerate(done.receipt.outputs):
        counts = told if i == 0 else {}
        ordinal = (done.ordinal << 20) + i if renumber else done.ordinal
        yield ordinal, done.documents or output.main.content, output, counts


def commit(session: Session, stage: Stage, index: pa.Table, counts: Mapping[str, int], *,
           details: Mapping[str, Any] | None = None, empty_ok: bool = False, started: float = 0.0) -> Manifest:
    """Write the index and then the manifest; counts must balance."""
    rows = pc.sum(index.column("rows")).as_py() or 0
    if rows == 0 and not empty_ok:
        raise DataError(f"{stage.name} is empty: no row came out ({dict(counts) or 'no input'}); see what dropped them, or "
                        "allow it with allow_empty=true")
    receipts.check_balance(counts, stage.name)
    folder = f"{stage.name}/{stage.key}"
    facts = dict(details or {}) | ({"partial": True} if stage.partial else {})
    made = Manifest(
        stage.name, stage.key, manifests.dataset_digest(index, stage.schema), rows,
        pc.sum(index.column("bytes")).as_py() or 0, index.num_rows, manifests.write_index(session.store, folder, index),
        tuple((f.name, str(f.type)) for f in stage.schema),
        {name: m.reference for name, m in sorted(stage.inputs.items())}, stage.parameters, stage.view,
        dict(sorted(counts.items())), stage.exact, facts,
    )
    made = manifests.commit(session.store, made)
    write_run(session, made, started)
    return made


def commit_file(session: Session, stage: Stage, name: str, data: bytes, details: Mapping[str, Any]) -> Manifest:
    """A dataset of one small file in its own folder; its digest is that of the file."""
    if session.plan:
        note(f"plan of {stage.name}: one file of {len(data):,} bytes, written by this process", session.quiet)
        raise Planned(stage.name)
    session.store.write(f"{stage.name}/{stage.key}/{name}", data)
    facts = dict(details) | {"file": name} | ({"partial": True} if stage.partial else {})
    made = Manifest(stage.name, stage.key, file_digest(data), 0, len(data), 0, "", (),
                    {role: m.reference for role, m in sorted(stage.inputs.items())}, stage.parameters, stage.view, {},
                    stage.exact, facts)
    return manifests.commit(session.store, made)


def write_run(session: Session, made: Manifest, started: float) -> None:
    """``run.json``: how it went, exchanges included, for reports; the first run's stays."""
    phases = [name for name in session.wall if name.partition(":")[0] == made.stage]
    record = {
        "started": started, "wall_seconds": sum(session.wall[p] for p in phases),
        "task_seconds": float(sum(session.busy[p] for p in phases)), "tasks_run": sum(session.tasks_run[p] for p in phases),
        "tasks_adopted": sum(session.tasks_adopted[p] for p in phases), "workers": session.engine.workers,
        "machine": platform.machine(), "system": platform.platform(), "python": platform.python_version(),
        "cpus": os.cpu_count(), "pyarrow": pa.__version__,
    }
    session.store.put_if_absent(f"{made.folder}/run.json", json.dumps(record, sort_keys=True, indent=1).encode())


def adopt_if_gone(session: Session, stage: Stage, error: Missing) -> Manifest:
    """Another run of the same thing may have committed and cleaned its scratch under us: then its result is ours."""
    found = manifests.find(session.store, stage.name, stage.key)
    if found is None:
        raise error
    return found


def print_plan(session: Session, stage: Stage, tasks: Iterable[Task], receipts_in: str = "") -> None:
    """Say what a run would take, and raise Planned."""
    listed = list(tasks)
    missing = [t for t in listed if receipts.find(session.store, receipts_in or stage.name, t.key) is None]
    memory = max((t.memory for t in missing), default=0)
    total = sum(t.size for t in missing)
    note(f"plan of {stage.name}: {len(listed):,} tasks, {len(listed) - len(missing):,} of them committed; to run: "
         f"{len(missing):,} tasks that read {total / 1e6:,.1f} MB, about {len(listed) + 5 * len(missing) + 4:,} requests, "
         f"{memory / 1e6:,.1f} MB at most for one task besides its worker, {session.engine.workers} workers")
    raise Planned(stage.name)
