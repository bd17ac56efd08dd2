"""Count the tokens of every surviving document's final text.

Reads domains (``domains=``) and the text at their view, writes counts: ``doc_id, tokens``. The manifest holds documents,
tokens and bytes of each domain.
"""

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, artifacts, inputs, stage
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.schema import COUNTS
from corpusmill.operators.text.tokens import Count, Counter


@dataclasses.dataclass
class Config(Common):
    """corpusmill count."""

    domains: str = MISSING  # a manifest
    tokenizer: dict[str, Any] = MISSING  # the counter, by _target_


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """What one domain holds."""

    documents: int
    tokens: int
    bytes: int


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Tokens of every survivor."""
    counter: Counter = artifacts.pin(store, instantiate(config.tokenizer, "tokenizer"), keep=not config.plan)
    found = inputs.resolve(store, {"domains": config.domains}, ["domains", "documents"])
    chosen = {"documents": found["documents"], "domains": found["domains"]}
    tokenizer = describe(counter)
    tokenizer["parameters"].pop("path", None)  # the same vocabulary elsewhere is the same tokenizer
    parameters = {"tokenizer": tokenizer, "unit": counter.unit,
                  "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("counts", COUNTS, parameters, chosen, found["domains"].view, exact=counter.exact)
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    return stage.run(here, made, aligned.tasks(store, made, text=True), found["documents"].shards, Tally(counter),
                     details={"tokenizer": counter.name, "unit": counter.unit}, empty_ok=config.allow_empty)


def totals(counts: Manifest) -> dict[str, Totals]:
    """Documents, tokens and bytes of each domain of a counts dataset."""
    names = sorted(name.removeprefix("tokens/") for name in counts.counts if name.startswith("tokens/"))
    return {n: Totals(*(counts.counts[f"{what}/{n}"] for what in ("documents", "tokens", "bytes"))) for n in names}


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """Counts one shard."""

    counter: Counter

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Tokens of each survivor, null for the others."""
        count = _opened(self.counter, store)
        encoder = Encoder(COUNTS)
        sums: dict[str, int] = {"rows_in": 0, "kept": 0, "dropped.upstream": 0, "bytes_in": 0}
        columns = {"doc_id": ("documents", "doc_id"), "text": ("documents", "text"), "domain": ("domains", "domain")}
        for batch in aligned.read_text(store, task.payload, columns):
            alive = pc.is_valid(batch.column("domain"))
            survivors = batch.filter(alive)
            tokens = count(survivors.column("text"))
            mask = ~alive.to_numpy(zero_copy_only=False)
            values = np.zeros(batch.num_rows, np.int64)
            values[~mask] = tokens
            encoder.write(pa.RecordBatch.from_arrays([batch.column("doc_id"), pa.array(values, mask=mask)], schema=COUNTS))
            _add(sums, survivors, tokens)
            sums["rows_in"] += batch.num_rows
            sums["kept"] += survivors.num_rows
            sums["dropped.upstream"] += batch.num_rows - survivors.num_rows
        emit(encoder.finish())
        return Facts(sums)


def _add(sums: dict[str, int], survivors: pa.RecordBatch, tokens: np.ndarray) -> None:
    lengths = pc.binary_length(survivors.column("text"))
    table = pa.table({"domain": survivors.column("domain"), "tokens": pa.array(tokens), "bytes": lengths.cast(pa.int64())})
    grouped = table.group_by("domain").aggregate([("tokens", "sum"), ("bytes", "sum"), ("tokens", "count")])
    for row in grouped.to_pylist():
        for what, n in (("tokens", row["tokens_sum"]), ("bytes", row["bytes_sum"]), ("documents", row["tokens_count"])):
            name = f"{what}/{row['domain']}"
            sums[name] = sums.get(name, 0) + n
        sums["bytes_in"] += row["bytes_sum"]


@functools.lru_cache(maxsize=4)
def _opened(counter: Counter, store: Store) -> Count:
    files: dict[str, Path] = {name: artifacts.fetch(store, digest) for name, digest in counter.artifacts.items()}
    return counter.open(files)


if __name__ == "__main__":
    raise SystemExit(main(["count", *sys.argv[1:]]))
