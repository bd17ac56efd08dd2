"""Give every surviving document its domain.

Reads documents (``documents=``) and, where given, decisions and duplicates; what they drop has no domain, and is in no later
stage. Writes domains: ``doc_id, domain``.
"""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, inputs, stage
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest, Shard
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.domain.label import Column
from corpusmill.operators.schema import DOMAINS

BYTES = "text.bytes"  # the signal that holds a text's length
READS = ("documents", "decisions", "duplicates")


@dataclasses.dataclass
class Config(Common):
    """corpusmill regroup."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest
    duplicates: str | None = None  # a manifest
    regroup: dict[str, Any] = MISSING  # the labeller, by _target_


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Domains of the survivors."""
    labeller: Column = instantiate(config.regroup, "regroup")
    given = {name: getattr(config, name) for name in READS}
    found = inputs.resolve(store, given, ["documents"])
    chosen = {name: found[name] for name in READS if name in found}
    if (BYTES, "int64") in getattr(found.get("annotations"), "schema", ()):
        chosen["annotations"] = found["annotations"]  # tells how much text each stage dropped
    parameters = {"labeller": describe(labeller), "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("domains", DOMAINS, parameters, chosen, inputs.view_of(found))
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    return stage.run(here, made, aligned.tasks(store, made, text=False), found["documents"].shards, Label(labeller),
                     empty_ok=config.allow_empty)


@dataclasses.dataclass(frozen=True, slots=True)
class Label:
    """Domains of one shard."""

    labeller: Column

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """A domain for each survivor, null for the others."""
        rows = aligned.read(store, task.payload, self._columns(task.payload.shards))
        outcome = _outcome(rows)
        alive = pc.equal(outcome, "kept").to_numpy(zero_copy_only=False)
        emit(encode([self._domains(rows, alive)], DOMAINS))
        counts = {"rows_in": rows.num_rows, "kept": int(alive.sum())}
        for one in pc.value_counts(outcome).to_pylist():
            if one["values"] != "kept":
                counts[f"dropped.{one['values']}"] = one["counts"]
        if BYTES in rows.schema.names:
            grouped = pa.table({"outcome": outcome, "bytes": rows.column(BYTES)}).group_by("outcome")
            counts |= {f"bytes/{r['outcome']}": r["bytes_sum"] for r in grouped.aggregate([("bytes", "sum")]).to_pylist()}
        return Facts(counts | by_source(rows.column("source"), outcome))

    def _columns(self, present: Mapping[str, Shard]) -> dict[str, tuple[str, str]]:
        columns = {"doc_id": ("documents", "doc_id"), "source": ("documents", "source"),
                   "value": ("documents", self.labeller.column)}
        columns |= {name: (name, "keep") for name in ("decisions", "duplicates") if name in present}
        return columns | ({BYTES: ("annotations", BYTES)} if "annotations" in present else {})

    def _domains(self, rows: pa.RecordBatch, alive: np.ndarray) -> pa.RecordBatch:
        labels = self.labeller.label(rows.column("value").filter(pa.array(alive)))
        place = np.cumsum(alive) - 1
        domain = labels.take(pa.array(place, mask=~alive))
        return pa.RecordBatch.from_arrays([rows.column("doc_id"), domain], schema=DOMAINS)


def _outcome(rows: pa.RecordBatch) -> pa.Array:
    """"kept", or the stage that dropped the row."""
    outcome = pa.array(np.full(rows.num_rows, "kept"), pa.string())
    for name, reason in (("duplicates", "duplicate"), ("decisions", "filtered")):
        if name in rows.schema.names:
            outcome = pc.if_else(pc.fill_null(rows.column(name), False), outcome, reason)
    return outcome


if __name__ == "__main__":
    raise SystemExit(main(["regroup", *sys.argv[1:]]))
