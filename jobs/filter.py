"""Decide what is kept, by rules over signals.

Reads annotations (``annotations=``), writes decisions: ``doc_id, keep, reason``. No text is read, so thresholds can be swept.
"""

import collections
import dataclasses
import sys
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.runtime import aligned, inputs, stage
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.quality.histogram import tally
from corpusmill.operators.quality.select import Rule, check, columns_read, parse_rules, select, values
from corpusmill.operators.schema import DECISIONS, DOCUMENTS


@dataclasses.dataclass
class Config(Common):
    """corpusmill filter."""

    annotations: str = MISSING  # a manifest
    quality: QualityConfig = dataclasses.field(default_factory=QualityConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A verdict and a reason for every document."""
    rules = parse_rules(config.quality.rules)
    found = inputs.resolve(store, {"annotations": config.annotations}, ["annotations", "documents"])
    chosen = {stage: found[stage] for stage in ("annotations", "documents")}
    signals = pa.schema([*DOCUMENTS, *_signals(found["annotations"])])
    check(rules, signals)
    parameters = {"rules": [describe(rule)["parameters"] for rule in rules], "version": Select.version,
                  "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("decisions", DECISIONS, parameters, chosen, inputs.view_of(found))
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    work = Select(rules, tuple(sorted(columns_read(rules) | {"doc_id", "source"})))
    return stage.run(here, made, aligned.tasks(store, made, text=False), found["annotations"].shards, work,
                     details={"rules": [rule.reason for rule in rules]}, empty_ok=config.allow_empty)


def _signals(annotations: Manifest) -> list[pa.Field]:
    types = {"int64": pa.int64(), "bool": pa.bool_(), "float": pa.float32(), "double": pa.float64(), "string": pa.string()}
    return [pa.field(name, types[kind]) for name, kind in annotations.schema if name != "doc_id" and kind in types]


@dataclasses.dataclass(frozen=True, slots=True)
class Select:
    """Applies the rules to one shard."""

    rules: tuple[Rule, ...]
    columns: tuple[str, ...]
    version = "2"

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Decisions of the shard."""
        own = set(DOCUMENTS.names)
        columns = {n: ("documents" if n in own else "annotations", n) for n in self.columns}
        rows = aligned.read(store, task.payload, columns)
        outcome = select(rows, self.rules)
        emit(encode([outcome.batch], DECISIONS))
        reasons = pc.fill_null(outcome.batch.column("reason"), "kept")
        return Facts(dict(outcome.counts) | by_source(rows.column("source"), reasons) | histograms(rows, self.rules))


def histograms(rows: pa.RecordBatch, rules: tuple[Rule, ...]) -> dict[str, int]:
    """Counts ``hist/REASON/BIN`` of what each rule bounds; further rules of one reason are REASON#2 and so on."""
    counts: dict[str, int] = {}
    for name, rule in zip(labels([rule.reason for rule in rules]), rules, strict=True):
        if rule.isin is None:
            found = tally(values(rows, rule), rule.min, rule.max)
            counts |= {f"{stage.HISTOGRAM}{name}/{where}": n for where, n in found.items()}
    return counts


def labels(reasons: Sequence[str]) -> list[str]:
    """A name for each rule: its reason, numbered where an earlier rule has the same."""
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for reason in reasons:
        seen[reason] += 1
        found.append(reason if seen[reason] == 1 else f"{reason}#{seen[reason]}")
    return found


if __name__ == "__main__":
    raise SystemExit(main(["filter", *sys.argv[1:]]))
