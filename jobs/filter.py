"""Decide what is kept, by rules over signals and by selectors.

Reads annotations (``annotations=``), writes decisions: ``doc_id, keep, reason``. No text is read, so thresholds can be swept.
Selectors that compare documents (``select: quantile``, ``top`` or ``gumbel``) first learn their cut-offs, which are a dataset
of their own, cutoffs.
"""

import collections
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.annotate import QualityConfig
from corpusmill.jobs.filtering import cutoffs
from corpusmill.jobs.filtering.retention import losses
from corpusmill.jobs.runtime import aligned, inputs, stage
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.quality.cutoffs import Applied
from corpusmill.operators.quality.histogram import tally
from corpusmill.operators.quality.select import Entry, Judge, Rule, check, parse_rules, select, values
from corpusmill.operators.schema import DECISIONS, DOCUMENTS


@dataclasses.dataclass
class Config(Common):
    """corpusmill filter."""

    annotations: str = MISSING  # a manifest
    quality: QualityConfig = dataclasses.field(default_factory=QualityConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A verdict and a reason for every document."""
    rules = parse_rules(config.quality.rules)
    pinned = cutoffs.pinned(store, rules, config.quality.cutoffs) if config.quality.cutoffs else ""
    found = inputs.resolve(store, {"annotations": config.annotations}, ["annotations", "documents"])
    chosen = {stage: found[stage] for stage in ("annotations", "documents")}
    check(rules, pa.schema([*DOCUMENTS, *_signals(found["annotations"])]))
    here = session(config, store, engine)
    parameters: dict[str, Any] = {"subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("decisions", DECISIONS, parameters, chosen, inputs.view_of(found))
    told: dict[str, Any] = {"rules": [describe(rule)["parameters"] for rule in rules], "version": Select.version}
    if cutoffs.selectors(rules):
        told["cutoffs"] = pinned or cutoffs.cutoffs_of(here, rules, made)
    made = dataclasses.replace(made, parameters=parameters | told)
    done = stage.committed(here, made)
    if done is None:
        done = _decide(here, made, rules, empty_ok=config.allow_empty)
    for loss in losses(done.counts):
        note(f"warning: {loss}", config.quiet)
    return done


def _decide(here: Session, made: stage.Stage, rules: tuple[Entry, ...], *, empty_ok: bool) -> Manifest:
    digest = made.parameters.get("cutoffs")
    work = Select(cutoffs.read(here.store, digest, rules) if digest else cutoffs.applied(rules, ()))
    return stage.run(here, made, aligned.tasks(here.store, made, text=False), made.inputs["annotations"].shards, work,
                     details={"rules": [rule.reason for rule in rules]} | _cuts(work.rules), empty_ok=empty_ok)


def _cuts(rules: Sequence[Judge]) -> dict[str, Any]:
    """What each selector kept of each group, and at which score, for reports; by the selector's place among the rules."""
    found = {str(i): [{"group": cut.group, "value": cut.value, "documents": cut.documents, "kept": cut.kept, "size": cut.size}
                      for cut in rule.cuts] for i, rule in enumerate(rules) if isinstance(rule, Applied)}
    return {"cuts": found} if found else {}


def _signals(annotations: Manifest) -> list[pa.Field]:
    types = {"int64": pa.int64(), "bool": pa.bool_(), "float": pa.float32(), "double": pa.float64(), "string": pa.string()}
    return [pa.field(name, types[kind]) for name, kind in annotations.schema if name != "doc_id" and kind in types]


@dataclasses.dataclass(frozen=True, slots=True)
class Select:
    """Applies the rules to one shard."""

    rules: tuple[Judge, ...]
    version = "3"

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Decisions of the shard."""
        rows = aligned.read(store, task.payload, cutoffs.columns_of(self.rules, "doc_id", "source"))
        outcome = select(rows, self.rules)
        emit(encode([outcome.batch], DECISIONS))
        reasons = pc.fill_null(outcome.batch.column("reason"), "kept")
        return Facts(dict(outcome.counts) | by_source(rows.column("source"), reasons) | histograms(rows, self.rules))


def histograms(rows: pa.RecordBatch, rules: Sequence[Judge]) -> dict[str, int]:
    """Counts ``hist/REASON/BIN`` of what each rule bounds; further rules of one reason are REASON#2 and so on.

    Dates have none: all of them would be in a bin or two.
    """
    counts: dict[str, int] = {}
    for name, rule in zip(labels([rule.reason for rule in rules]), rules, strict=True):
        if rule.values(rows) is None or (isinstance(rule, Rule) and rule.timed):
            continue
        low, high = rule.limits(rows) if isinstance(rule, Rule | Applied) else (None, None)
        counts |= {f"{stage.HISTOGRAM}{name}/{where}": n for where, n in tally(values(rows, rule), low, high).items()}
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
