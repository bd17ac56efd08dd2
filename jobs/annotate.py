"""Annotate documents with signals; edit their text where the chain has editing operators.

Reads documents (with ``documents=``, a manifest), writes annotations: ``doc_id`` and a column per signal, row-aligned, and a
sparse edit layer. Thresholds are no business of this job: see filter.
"""

import dataclasses
import functools
import sys
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, artifacts, inputs, kernels, learning, stage
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Task
from corpusmill.operators.contract import Apply, Chain, Operator, chain
from corpusmill.operators.schema import ANNOTATIONS, DOCUMENTS, EDITS


@dataclasses.dataclass
class QualityConfig:
    """How documents are judged."""

    operators: list[Any] = MISSING  # the chain, by _target_, in order
    rules: list[Any] = MISSING  # over its signals: signal, min / max / in, reason, when; or select
    cutoffs: str | None = None  # of selectors: a digest, a manifest or @name whose ones are applied; else they are learned


@dataclasses.dataclass
class Config(Common):
    """corpusmill annotate."""

    documents: str = MISSING  # a manifest
    quality: QualityConfig = dataclasses.field(default_factory=QualityConfig)


def operators(quality: QualityConfig) -> Chain:
    """The chain, checked end to end."""
    made: list[Operator] = [instantiate(node, f"quality.operators[{i}]") for i, node in enumerate(quality.operators)]
    return chain(made, DOCUMENTS)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Signals of every document."""
    steps = operators(config.quality)
    steps = Chain(tuple(artifacts.pin(store, op, keep=not config.plan) for op in steps.operators))
    found = inputs.resolve(store, {"documents": config.documents}, ["documents"])
    documents = found["documents"]
    subset = aligned.Subset(config.limit, config.sample).parameters()
    here = session(config, store, engine)
    steps = learning.fitted(here, steps, documents, subset)
    schema = pa.schema([*ANNOTATIONS, *steps.signals])
    parameters = {"operators": [artifacts.described(op) for op in steps.operators], "subset": subset}
    made = stage.Stage("annotations", schema, parameters, {"documents": documents},
                       exact=all(op.exact for op in steps.operators))
    if (done := stage.committed(here, made)) is not None:
        return done
    return stage.run(here, made, aligned.tasks(store, made, text=True), documents.shards, Annotate(steps, schema),
                     details={"edits": steps.edits}, empty_ok=config.allow_empty)


@dataclasses.dataclass(frozen=True, slots=True)
class Annotate:
    """Runs the chain over one shard."""

    steps: Chain
    schema: pa.Schema

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Signals, and the rows whose text changed."""
        apply = _opened(self.steps, store)
        signals, edits = Encoder(self.schema), Encoder(EDITS)
        counts = {"rows_in": 0, "kept": 0, "bytes_in": 0}
        read = {f.name for op in self.steps.operators for f in op.reads} & set(DOCUMENTS.names)
        columns = {name: ("documents", name) for name in DOCUMENTS.names if name in read | {"doc_id", "text"}}
        for batch in aligned.read_text(store, task.payload, columns):
            outcome = apply(batch)
            signals.write(outcome.batch.select(self.schema.names))
            edits.write(_edited(batch.column("text"), outcome.batch.column("text"), counts["rows_in"]))
            outcome_counts = dict(outcome.counts) | {"rows_in": batch.num_rows, "kept": outcome.batch.num_rows,
                                                     "bytes_in": batch.column("text").nbytes}
            for name, n in outcome_counts.items():
                counts[name] = counts.get(name, 0) + n
        emit(signals.finish(), edits.finish() if self.steps.edits else None)
        return Facts(counts)


@functools.lru_cache(maxsize=4)
def _opened(steps: Chain, store: Store) -> Apply:
    files = artifacts.files_of(store, steps)
    kernels.warm(steps, files)
    return steps.open(files)


def _edited(before: pa.StringArray, after: pa.StringArray, first: int) -> pa.RecordBatch:
    """The edit layer's rows: where the text is another."""
    rows = pc.indices_nonzero(pc.not_equal(before, after)) if before is not after else pa.array([], pa.uint64())
    texts = after.take(rows)
    return pa.RecordBatch.from_arrays([pc.add(rows.cast(pa.int64()), first), texts], schema=EDITS)


if __name__ == "__main__":
    raise SystemExit(main(["annotate", *sys.argv[1:]]))
