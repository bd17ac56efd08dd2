"""Cut out of texts what occurs before: paragraphs, lines, or runs of tokens; drop documents of which too little is left.

Reads documents (``documents=``) and, where given, decisions and duplicates: only rows that both keep take part, with their
edited text. Writes trims: ``doc_id, keep, reason, removed, spans``, where each span names the document that holds the first
occurrence, and a sparse edit layer. Regrouping (``trims=``), counting and the mixture then see the texts as they are cut.
"""

import dataclasses
import sys
from typing import Any

from omegaconf import MISSING

from corpusmill.jobs.deduping.trimming import Trim, final_runs
from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.repeats import Trimming
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.schema import TRIMS

READS = ("documents", "decisions", "duplicates")


@dataclasses.dataclass
class TrimConfig:
    """What is cut."""

    method: dict[str, Any] = MISSING  # by _target_; {}: nothing is
    source_priority: list[str] = dataclasses.field(default_factory=list)  # in earlier sources the first occurrence stays


@dataclasses.dataclass
class Config(Common):
    """corpusmill trim."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest; only what it keeps takes part
    duplicates: str | None = None  # a manifest; only what it keeps takes part
    trim: TrimConfig = dataclasses.field(default_factory=TrimConfig)


def method_of(config: TrimConfig) -> Trimming:
    """What ``trim.method`` names. Raises ConfigError where it names another operator, or none."""
    if not config.method:
        raise ConfigError("trim.method is empty, so nothing would be cut: choose trim=paragraphs or trim=substrings")
    method: Trimming = instantiate(config.method, "trim.method")
    if not hasattr(method, "sightings"):
        raise ConfigError(f"trim.method._target_={config.method['_target_']!r} cuts nothing; take one of "
                          "corpusmill.operators.dedup, as trim=paragraphs and trim=substrings do")
    return method


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """What is repeated, then rows and edits shard by shard."""
    method = method_of(config.trim)
    found = inputs.resolve(store, {name: getattr(config, name) for name in READS}, ["documents"])
    chosen = {name: found[name] for name in READS if name in found}
    parameters = {"method": describe(method), "source_priority": list(config.trim.source_priority), "version": "1",
                  "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("trims", TRIMS, parameters, chosen, inputs.view_of(found))
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    tasks = aligned.tasks(store, made, text=True, order=True)
    if here.plan:
        stage.print_plan(here, made, tasks)
    try:
        work = Trim(method, final_runs(here, made, method))
        done = stage.run(here, made, tasks, found["documents"].shards, work, details={"edits": True},
                         empty_ok=config.allow_empty)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


if __name__ == "__main__":
    raise SystemExit(main(["trim", *sys.argv[1:]]))
