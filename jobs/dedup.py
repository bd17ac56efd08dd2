"""Find duplicates; each dropped document names the kept one that it matched.

Reads documents (``documents=``) and, where given, decisions (``decisions=``: only kept rows take part, with their edited
text). Writes signatures (of all documents, so that sweeps share them), where they have bands the verified pairs, and
duplicates: ``doc_id, keep, kind, cluster_id, cluster_size, matched_doc_id, similarity``.
"""

import dataclasses
import sys
from typing import Any, cast

from omegaconf import MISSING

from corpusmill.jobs.deduping import semantic
from corpusmill.jobs.deduping.evidence import Evidence, Lanes, Shingles
from corpusmill.jobs.deduping.exact import exact_verdicts
from corpusmill.jobs.deduping.guard import LossGuard
from corpusmill.jobs.deduping.pairs import find_pairs
from corpusmill.jobs.deduping.signing import Sign, Signer, signatures_schema, signer_of
from corpusmill.jobs.deduping.verdicts import Assemble, pair_verdicts
from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime.config import Common, choose, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.bands import FEWEST, FIRST, NEIGHBOURS, WHOLE
from corpusmill.operators.dedup.cells import MOST
from corpusmill.operators.dedup.keep import pairs_schema
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.rank import Rank, parse
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.schema import DUPLICATES

CHOICES = {"verify": ("lanes", "exact"), "keep": ("star", "components"), "copies": ("keep_first", "drop_all")}
SHINGLE_BYTES = 1.4  # per byte of a document: a hash of 8 bytes for each word


@dataclasses.dataclass
class DedupConfig:
    """What counts as a duplicate, and which one stays."""

    signature: dict[str, Any] = MISSING  # by _target_
    threshold: float = 0.7  # similarity from which two documents are near duplicates; exact signatures have no use for it
    model: str = ""  # digest, file or manifest of the model whose cells dedup=semantic compares within; empty to learn one
    verify: str = "lanes"  # lanes: estimate it on the signatures | exact: compute it on the texts of candidates
    keep: str = "star"  # star: dropped iff a neighbour above is kept | components: the first of all that pairs join is kept
    copies: str = "keep_first"  # keep_first: the first of a cluster stays | drop_all: none of it does
    # which of two stays: source, {signal: NAME, best: high | low}, {date: oldest | newest}, {length: longest | shortest}
    rank: list[Any] = dataclasses.field(default_factory=lambda: ["source", "doc_id"])
    source_priority: list[str] = dataclasses.field(default_factory=list)  # earlier sources are kept first
    max_loss: float = 0.95  # share of a source's documents; a source that loses more stops the job
    allow_loss: bool = False  # whether it may

    def __post_init__(self) -> None:
        for name in ("threshold", "max_loss"):
            if not 0 < (value := getattr(self, name)) <= 1:
                raise ConfigError(f"dedup.{name} is {value}; it must be above 0 and at most 1")
        for name, known in CHOICES.items():
            choose(f"dedup.{name}", getattr(self, name), known)
        parse(self.rank, self.source_priority)


@dataclasses.dataclass
class Config(Common):
    """corpusmill dedup."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest; only what it keeps takes part
    annotations: str | None = None  # a manifest, of signals that rank and of edited text; decisions lead to it
    dedup: DedupConfig = dataclasses.field(default_factory=DedupConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Signatures, then pairs where they are near ones, then duplicates."""
    rank = parse(config.dedup.rank, config.dedup.source_priority)
    signer = signer_of(config.dedup.signature)
    check(config.dedup, signer)
    given = {"documents": config.documents, "decisions": config.decisions, "annotations": config.annotations}
    found = inputs.resolve(store, given, ["documents", *(["annotations"] if rank.signals else [])])
    if rank.signals:
        rank.check(dict(found["annotations"].schema))
    here, subset = session(config, store, engine), aligned.Subset(config.limit, config.sample).parameters()
    if isinstance(signer, Semantic):
        signer = semantic.fitted(here, signer, found, subset, config.dedup.model)
    signatures = sign(here, found, signer, subset)
    roles = ("documents", "decisions", *(["annotations"] if rank.signals else []))
    chosen = {name: found[name] for name in roles if name in found} | {"signatures": signatures}
    ranked = {"rank": [dataclasses.asdict(key) for key in rank.keys], "version": "2"}
    if kind := compared(config.dedup, signer):
        pairs = stage.Stage("pairs", pairs_schema(len(rank.keys)), kind | ranked, chosen, inputs.view_of(found))
        chosen = chosen | {"pairs": pairs_of(here, pairs, signer, config.dedup, rank)}
    parameters = {"keep": config.dedup.keep, "copies": config.dedup.copies} | ranked | {"version": "3"}
    made = stage.Stage("duplicates", DUPLICATES, parameters, chosen, inputs.view_of(found))
    return duplicates(here, made, config, rank)


def check(wanted: DedupConfig, signer: Signer) -> None:
    """Raise ConfigError for what is not to be had with these signatures."""
    if not isinstance(signer, Semantic):
        if wanted.model:
            raise ConfigError(f"dedup.model={wanted.model}: only dedup=semantic compares within the cells of a model")
        return
    if wanted.keep == "components":
        raise ConfigError("dedup.keep=components: not with dedup=semantic, which compares with kept documents alone, so that "
                          "its pairs join no chains; take dedup.keep=star, or components with dedup=minhash")
    if wanted.verify == "exact":
        raise ConfigError("dedup.verify=exact: not with dedup=semantic, which compares the words of documents and no n-grams; "
                          "leave dedup.verify=lanes, or verify with dedup=minhash")


def compared(wanted: DedupConfig, signer: Signer) -> dict[str, Any]:
    """How pairs are found and verified; empty where signatures give none."""
    if isinstance(signer, MinHash):
        return {"kind": "near", "threshold": wanted.threshold, "verify": wanted.verify, "first": [FIRST, WHOLE, FEWEST],
                "neighbours": NEIGHBOURS}
    return {"kind": "semantic", "threshold": wanted.threshold, "most": MOST} if isinstance(signer, Semantic) else {}


def pairs_of(here: Session, made: stage.Stage, signer: Signer, wanted: DedupConfig, rank: Rank) -> Manifest:
    """The pairs of signatures that are compared."""
    if isinstance(signer, Semantic):
        return semantic.find_pairs(here, made, signer, rank)
    minhash = cast("MinHash", signer)
    return find_pairs(here, made, minhash.bands, evidence_of(minhash, wanted, made.inputs["documents"]), rank)


def evidence_of(signer: MinHash, wanted: DedupConfig, documents: Manifest) -> Evidence:
    """What ``dedup.verify`` says."""
    if wanted.verify == "lanes":
        return Lanes(signer.lanes)
    return Shingles(signer, int(SHINGLE_BYTES * documents.bytes) // max(1, documents.rows))


def sign(here: Session, found: dict[str, Manifest], signer: Signer, subset: dict[str, float]) -> Manifest:
    """Signatures of all documents, at the view that the decisions were made on."""
    parameters = {"signature": describe(signer), "subset": subset, "version": "2"}
    made = stage.Stage("signatures", signatures_schema(signer), parameters, {"documents": found["documents"]},
                       inputs.view_of(found))
    if (done := stage.committed(here, made)) is not None:
        return done
    tasks = aligned.tasks(here.store, made, text=True)
    told = {"artifact": signer.artifact} if isinstance(signer, Semantic) else {}
    return stage.run(here, made, tasks, found["documents"].shards, Sign(signer), details=told)


def duplicates(here: Session, made: stage.Stage, config: Config, rank: Rank) -> Manifest:
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
        verdicts = pair_verdicts(here, made) if "pairs" in made.inputs else exact_verdicts(here, made, rank)
        assemble = Assemble(verdicts, config.dedup.copies == "drop_all")
        done = stage.run(here, made, tasks, made.inputs["signatures"].shards, assemble,
                         empty_ok=config.allow_empty, check=guard)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


if __name__ == "__main__":
    raise SystemExit(main(["dedup", *sys.argv[1:]]))
