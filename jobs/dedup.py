"""Find duplicates; each dropped document names the kept one that it matched.

Reads documents (``documents=``) and, where given, decisions (``decisions=``: only kept rows take part, with their edited
text). Writes signatures (of all documents, so that sweeps share them), where they have bands the verified pairs, and
duplicates: ``doc_id, keep, kind, cluster_id, cluster_size, matched_doc_id, similarity``.
"""

import dataclasses
import sys
from typing import Any

from omegaconf import MISSING

from corpusmill.jobs.deduping import semantic
from corpusmill.jobs.deduping.exact import exact_verdicts
from corpusmill.jobs.deduping.guard import LossGuard
from corpusmill.jobs.deduping.pairs import find_pairs
from corpusmill.jobs.deduping.signing import Sign, Signer, signer_of
from corpusmill.jobs.deduping.verdicts import Assemble, pair_verdicts
from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.bands import FIRST, NEIGHBOURS
from corpusmill.operators.dedup.cells import MOST
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.schema import DUPLICATES, PAIRS


@dataclasses.dataclass
class DedupConfig:
    """What counts as a duplicate, and which one stays."""

    signature: dict[str, Any] = MISSING  # by _target_
    threshold: float = 0.7  # similarity from which two documents are near duplicates; exact signatures have no use for it
    model: str = ""  # digest, file or manifest of the model whose cells dedup=semantic compares within; empty to learn one
    source_priority: list[str] = dataclasses.field(default_factory=list)  # earlier sources are kept first
    max_loss: float = 0.95  # share of a source's documents; a source that loses more stops the job
    allow_loss: bool = False  # whether it may


@dataclasses.dataclass
class Config(Common):
    """corpusmill dedup."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest; only what it keeps takes part
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Signatures, then pairs where they are near ones, then duplicates."""
    for name in ("threshold", "max_loss"):
        if not 0 < (value := getattr(config.dedup, name)) <= 1:
            raise ConfigError(f"dedup.{name} is {value}; it must be above 0 and at most 1")
    given = {"documents": config.documents, "decisions": config.decisions}
    found = inputs.resolve(store, given, ["documents"])
    here = session(config, store, engine)
    signer = signer_of(config.dedup.signature)
    subset = aligned.Subset(config.limit, config.sample).parameters()
    if isinstance(signer, Semantic):
        signer = semantic.fitted(here, signer, found, subset, config.dedup.model)
    elif config.dedup.model:
        raise ConfigError(f"dedup.model={config.dedup.model}: only dedup=semantic compares within the cells of a model")
    signatures = sign(here, found, signer, subset)
    chosen = {name: found[name] for name in ("documents", "decisions") if name in found} | {"signatures": signatures}
    rank = {"source_priority": list(config.dedup.source_priority), "version": "1"}
    if isinstance(signer, MinHash):
        parameters = {"threshold": config.dedup.threshold, "first": FIRST, "neighbours": NEIGHBOURS} | rank
        pairs = stage.Stage("pairs", PAIRS, parameters, chosen, inputs.view_of(found))
        chosen = chosen | {"pairs": find_pairs(here, pairs, (signer.bands, signer.lanes))}
    if isinstance(signer, Semantic):
        compared = {"kind": "semantic", "threshold": config.dedup.threshold, "most": MOST}
        pairs = stage.Stage("pairs", PAIRS, compared | rank, chosen, inputs.view_of(found))
        chosen = chosen | {"pairs": semantic.find_pairs(here, pairs, signer)}
    made = stage.Stage("duplicates", DUPLICATES, {"keep": "star"} | rank | {"version": "2"}, chosen, inputs.view_of(found))
    return duplicates(here, made, config)


def sign(here: Session, found: dict[str, Manifest], signer: Signer, subset: dict[str, float]) -> Manifest:
    """Signatures of all documents, at the view that the decisions were made on."""
    parameters = {"signature": describe(signer), "subset": subset}
    made = stage.Stage("signatures", signer.schema, parameters, {"documents": found["documents"]}, inputs.view_of(found))
    if (done := stage.committed(here, made)) is not None:
        return done
    tasks = aligned.tasks(here.store, made, text=True)
    told = {"artifact": signer.artifact} if isinstance(signer, Semantic) else {}
    return stage.run(here, made, tasks, found["documents"].shards, Sign(signer), details=told)


def duplicates(here: Session, made: stage.Stage, config: Config) -> Manifest:
    """Verdicts by shard, then a row for each document."""
    guard = None if config.dedup.allow_loss else LossGuard(here.store, made.inputs["documents"], config.dedup.max_loss)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        if guard is not None:
            guard.adopted(done)
        return done
    tasks = aligned.tasks(here.store, made, text=False, order=True)
    if here.plan:
        stage.print_plan(here, made, tasks)
    try:
        if "pairs" in made.inputs:
            verdicts = pair_verdicts(here, made)
        else:
            verdicts = exact_verdicts(here, made, tuple(config.dedup.source_priority))
        done = stage.run(here, made, tasks, made.inputs["signatures"].shards, Assemble(verdicts),
                         empty_ok=config.allow_empty, check=guard)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


if __name__ == "__main__":
    raise SystemExit(main(["dedup", *sys.argv[1:]]))
