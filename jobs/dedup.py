"""Find duplicates; each dropped document names the kept one that it matched.

Reads documents (``documents=``) and, where given, decisions (``decisions=``: only kept rows take part, with their edited
text), and what is published already (``dedup.against=``, ``dedup.index=``), of which nothing is dropped. Writes signatures
(of all documents, so that sweeps share them), where they have bands the verified pairs, and duplicates: ``doc_id, keep, kind,
cluster_id, cluster_size, matched_doc_id, similarity``.
"""

import dataclasses
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
from omegaconf import MISSING

from corpusmill.jobs.deduping import against, semantic
from corpusmill.jobs.deduping.again import reader_of
from corpusmill.jobs.deduping.evidence import Evidence, Lanes, Shingles
from corpusmill.jobs.deduping.exact import GROUP_ROWS, exact_verdicts
from corpusmill.jobs.deduping.guard import LossGuard
from corpusmill.jobs.deduping.holdings import Comparison, Holding
from corpusmill.jobs.deduping.index import Index
from corpusmill.jobs.deduping.owners import Owners
from corpusmill.jobs.deduping.pairs import find_pairs
from corpusmill.jobs.deduping.publishing import add, compact
from corpusmill.jobs.deduping.signing import Signer, sign, signer_of
from corpusmill.jobs.deduping.verdicts import Assemble, pair_verdicts
from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, choose, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest, Reference, Shard
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import read_by_source
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.dedup.bands import FEWEST, FIRST, NEIGHBOURS, WHOLE
from corpusmill.operators.dedup.cells import MOST
from corpusmill.operators.dedup.keep import pairs_schema
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.rank import Rank, parse
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.schema import DUPLICATES
from corpusmill.operators.text.content import key as digest_key

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
    index: str = ""  # a name: of what is published, generation by generation; what is kept becomes the next one
    compact: bool = False  # merge the signatures of the index: fewer reads, the same results
    against: list[str] = dataclasses.field(default_factory=list)  # manifests of documents, or of duplicates and what they keep

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
    given = {"documents": config.documents, "decisions": config.decisions, "annotations": config.annotations}
    found = inputs.resolve(store, given, ["documents", *(["annotations"] if rank.signals else [])])
    if rank.signals:
        rank.check(dict(found["annotations"].schema))
    _say_unknown(config, found["documents"])
    here, (signer, index) = session(config, store, engine), check(config.dedup, config.name, store)
    subset = aligned.Subset(config.limit, config.sample).parameters()
    if isinstance(signer, Semantic):
        signer = semantic.fitted(here, signer, found, subset, config.dedup.model)
    signatures = sign(here, found, signer, subset)
    roles = ("documents", "decisions", *(["annotations"] if rank.signals else []))
    chosen = {name: found[name] for name in roles if name in found} | {"signatures": signatures}
    holdings = tuple(against.holding(here, text, found["documents"], signer) for text in config.dedup.against)
    work = Work(config.dedup, signer, rank, chosen, inputs.view_of(found), holdings)
    if index is None:
        return duplicates(here, config, work)
    identity = work.identity()
    if (known := index.known(identity)) is not None:
        note(f"@{index.name}: up to date, these documents are in it", config.quiet)
        if config.dedup.compact:
            compact(here, index, signer)
        return adopted(here, config, manifests.load(store, known.duplicates))
    held, published = index.beside(store, signatures, text=config.dedup.verify == "exact")
    made = duplicates(here, config, dataclasses.replace(work, holdings=holdings + held, published=published))
    add(here, index, signer, identity, made, compact=config.dedup.compact)
    return made


def _say_unknown(config: Config, documents: Manifest) -> None:
    """A source that ranks and is not there may be late tonight, or misspelt: no error, but not without a word."""
    there = read_by_source(dict(documents.counts))
    if absent := [source for source in config.dedup.source_priority if there and source not in there]:
        note(f"dedup.source_priority names {', '.join(absent)}, of which there are no documents; there is "
             f"{', '.join(sorted(there))}", config.quiet)


def check(options: DedupConfig, name: str, store: Store) -> tuple[Signer, Index | None]:
    """The signer and the index that the settings of a job name, whose result gets a ``name``. Raises ConfigError."""
    signer = signer_of(options.signature)
    check_signer(options, signer)
    if options.index and options.index == name:
        raise ConfigError(f"name={name} is also dedup.index: the name of an index points to nothing else")
    if options.index and options.keep == "components":
        raise ConfigError("dedup.keep=components: not with dedup.index, since a new document may join two that are published, "
                          "of which none may go; take dedup.keep=star")
    if options.index and options.copies == "drop_all":
        raise ConfigError("dedup.copies=drop_all: not with dedup.index, which knows what is published, not what was dropped: "
                          "later copies would stay; dedup the nights together, or take dedup.copies=keep_first")
    if options.index and not re.fullmatch(r"\w[\w.-]*", options.index):
        raise ConfigError(f"dedup.index={options.index!r}: a name has letters, digits, '_', '.' and '-', without the @")
    if options.compact and not options.index:
        raise ConfigError("dedup.compact=true compacts an index: give dedup.index=NAME, too")
    for text in options.against:
        against.resolve(store, text)
    return signer, Index.read(store, options.index, signer) if options.index else None


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What is compared with what, and how."""

    options: DedupConfig
    signer: Signer
    rank: Rank
    inputs: Mapping[str, Manifest]
    view: tuple[Reference, ...]
    holdings: tuple[Holding, ...]
    published: Mapping[int, Shard] = dataclasses.field(default_factory=dict)

    def pairs(self) -> Comparison:
        """The stage of verified pairs."""
        kind = compared(self.options, self.signer)
        return self._stage("pairs", pairs_schema(len(self.rank.keys)), kind, self.inputs, "2")

    def duplicates(self, found: Mapping[str, Manifest]) -> Comparison:
        """The stage of duplicates; ``found``: pairs, where there are."""
        keep, copies = self.options.keep, self.options.copies
        if copies == "drop_all" and isinstance(self.signer, MinHash):
            keep = "components"  # every end of a pair goes, also of a pair with a dropped document
        parameters = {"keep": keep, "copies": copies}
        return self._stage("duplicates", DUPLICATES, parameters, {**self.inputs, **found}, "3")

    def _stage(self, name: str, schema: pa.Schema, parameters: dict[str, Any], given: Mapping[str, Manifest],
               version: str) -> Comparison:
        parameters |= {"rank": [dataclasses.asdict(key) for key in self.rank.keys], "version": version}
        if self.holdings:
            parameters["against"] = [held.named() for held in self.holdings]
        return Comparison(name, schema, parameters, given, self.view, holdings=self.holdings, published=self.published)

    def identity(self) -> str:
        """Digest of all that results depend on."""
        return digest_key([self.pairs().key, self.duplicates({}).key])


def check_signer(wanted: DedupConfig, signer: Signer) -> None:
    """Raise ConfigError for what is not to be had with these signatures."""
    if not isinstance(signer, Semantic):
        if wanted.model:
            raise ConfigError(f"dedup.model={wanted.model}: only dedup=semantic compares within the cells of a model")
        for name, default in (("keep", "star"), ("verify", "lanes")):
            if not isinstance(signer, MinHash) and getattr(wanted, name) != default:
                raise ConfigError(f"dedup.{name}={getattr(wanted, name)}: of equal documents there is nothing to verify and no "
                                  f"chain; leave dedup.{name}={default}, or take dedup=minhash")
        return
    if wanted.against or wanted.index:
        raise ConfigError("dedup.against and dedup.index: not with dedup=semantic, which compares within the cells of one "
                          "corpus; leave them out, or compare with dedup=minhash")
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


def pairs_of(here: Session, made: Comparison, signer: Signer, wanted: DedupConfig, rank: Rank) -> Manifest:
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


def duplicates(here: Session, config: Config, work: Work) -> Manifest:
    """Pairs where they are near ones, verdicts by shard, then a row for each document."""
    found = {}
    if compared(work.options, work.signer):
        found = {"pairs": pairs_of(here, work.pairs(), work.signer, work.options, work.rank)}
    made = work.duplicates(found)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return adopted(here, config, done)
    tasks = made.tasks(here.store)
    if here.plan:
        stage.print_plan(here, made, tasks)
    try:
        drop_all, owners = config.dedup.copies == "drop_all", Owners.of(here.store, made, GROUP_ROWS)
        reader = reader_of(here, made, work.rank, owners) if drop_all or not found else None
        verdicts = exact_verdicts(here, made, reader, owners) if reader and not found else pair_verdicts(here, made)
        assemble = Assemble(verdicts, reader if drop_all else None)
        done = stage.run(here, made, tasks, made.inputs["signatures"].shards, assemble, details=made.details(),
                         empty_ok=config.allow_empty, check=guard_of(here, config, made.inputs["documents"]))
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


def guard_of(here: Session, config: Config, documents: Manifest) -> LossGuard | None:
    """What refuses to lose a source, unless that is allowed."""
    return None if config.dedup.allow_loss else LossGuard(here.store, documents, config.dedup.max_loss)


def adopted(here: Session, config: Config, done: Manifest) -> Manifest:
    """Duplicates that are committed, where the guard of this run lets them pass."""
    guard = guard_of(here, config, manifests.load(here.store, done.inputs["documents"]))
    if guard is not None:
        guard.adopted(done)
    return done


if __name__ == "__main__":
    raise SystemExit(main(["dedup", *sys.argv[1:]]))
