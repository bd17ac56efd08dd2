"""Give every surviving document its domain: a column of the documents, or the cluster of texts that it is nearest to.

Reads documents (``documents=``) and, where given, decisions, duplicates and trims; what they drop has no domain, and is in
no later stage. Writes domains: ``doc_id, domain``; with ``regroup=kmeans`` also domain_model, the artifact that was learned.
"""

import collections
import dataclasses
import functools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.regrouping import iterating, keying
from corpusmill.jobs.regrouping.survivors import BYTES, columns, counted, outcomes, spread, survivors
from corpusmill.jobs.runtime import aligned, artifacts, embedders, exchange, inputs, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import Encoder, encode
from corpusmill.jobs.runtime.store import Store, open_store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.domain import kmeans
from corpusmill.operators.domain.carried import Carried
from corpusmill.operators.domain.embedders.column import Vectors
from corpusmill.operators.domain.embedders.embedder import Embedder
from corpusmill.operators.domain.embedders.registry import described as embedder_described
from corpusmill.operators.domain.kmeans import KMeans, Learn, Seen, threshold_of
from corpusmill.operators.domain.label import Column
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.schema import DOMAINS
from corpusmill.operators.text.content import file_digest

NOTHING = pa.RecordBatch.from_pylist([], schema=kmeans.READS)
READS = ("documents", "decisions", "duplicates", "trims")


@dataclasses.dataclass
class Config(Common):
    """corpusmill regroup."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest
    duplicates: str | None = None  # a manifest
    trims: str | None = None  # a manifest
    annotations: str | None = None  # a manifest: signals that keys are read from, and the text that they saw
    regroup: dict[str, Any] = MISSING  # the labeller, by _target_


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Domains of the survivors; where they have several parts, from the dataset clusters."""
    labeller: Column | Carried | KMeans = instantiate(config.regroup, "regroup")
    given = {name: getattr(config, name) for name in (*READS, "annotations")}
    found = inputs.resolve(store, given, ["documents"])
    chosen = {name: found[name] for name in READS if name in found}
    subset = aligned.Subset(config.limit, config.sample).parameters()
    here = session(config, store, engine)
    learned, exact = isinstance(labeller, KMeans), True
    work: Label | Assign
    if isinstance(labeller, KMeans):
        labeller = with_files(here, labeller)
        if labeller.parts.combine:
            keying.checked(labeller.parts, found.get("annotations"))
        living = stage.Stage("domain_model", stage.NO_ROWS, {"subset": subset}, chosen, inputs.view_of(found), exact=False)
        digest = model_of(here, labeller, living)
        embedder = labeller.embedder if here.plan else _embedder(labeller, _model(store, digest))
        facts, exact = {"cards": []} if here.plan else _model(store, digest).facts, embedder.exact
        described = {"class": describe(labeller)["class"], "version": labeller.version, "artifact": digest}
        described |= {"files": dict(embedder.artifacts)} if embedder.artifacts else {}
        details, work = {"artifact": digest} | _told(facts), Assign(digest, embedder)
    else:
        if (BYTES, "int64") in getattr(found.get("annotations"), "schema", ()):
            chosen["annotations"] = found["annotations"]  # tells how much text each stage dropped
        described, details, work = describe(labeller), {}, Label(labeller)
    several = isinstance(labeller, KMeans) and labeller.parts.combine
    made = stage.Stage("clusters" if several else "domains", DOMAINS, {"labeller": described, "subset": subset}, chosen,
                       inputs.view_of(found), exact)
    if (done := stage.committed(here, made)) is None:
        done = stage.run(here, made, aligned.tasks(store, made, text=learned), found["documents"].shards, work, details=details,
                         empty_ok=config.allow_empty)
    return keying.keyed(here, labeller, done, found) if isinstance(labeller, KMeans) and several else done


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What manifests and the cards file tell of a model."""
    return {name: facts[name] for name in ("cards", "choice") if name in facts}


def with_files(here: Session, labeller: KMeans) -> KMeans:
    """The labeller, its embedder with the digests of the files that it needs."""
    return dataclasses.replace(labeller, embedder=embedders.pinned(here.store, labeller.embedder, keep=not here.plan))


def _embedder(labeller: KMeans, model: Model) -> Embedder:
    """That of the model; of vectors in a file those that are given now, since other documents have them elsewhere."""
    given, own = labeller.embedder, model.embedder
    if type(given) is not type(own) or given.artifacts == own.artifacts:
        return own
    if not isinstance(given, Vectors):
        raise ConfigError(f"regroup.artifact was learned with other files of {type(own).__name__} ({dict(own.artifacts)}) than "
                          f"regroup.embedder names ({dict(given.artifacts)}): leave regroup.embedder out")
    return given


def model_of(here: Session, labeller: KMeans, survivors: stage.Stage, *, fewer: bool = False) -> str:
    """The digest of the model to apply: the one that is named, the one that was learned from these documents, or a new one.

    What is learned is committed, as a dataset of its own, before anything uses it: torch may give other bits elsewhere.
    ``fewer``: as in ``kmeans.Learn``.
    """
    if labeller.artifact:
        return named(here, labeller.artifact, "regroup.artifact")
    previous = named(here, labeller.previous, "regroup.previous") if labeller.previous else ""
    labeller = dataclasses.replace(labeller.clustering, previous=previous)
    told = describe(labeller)
    told["parameters"]["embedder"] = embedder_described(labeller.embedder)
    parameters = {"labeller": told} | ({"fewer": True} if fewer else {}) | dict(survivors.parameters)
    made = dataclasses.replace(survivors, parameters=parameters)
    done = manifests.find(here.store, made.name, made.key)
    if done is None:
        tasks = functools.partial(aligned.tasks, here.store, made, text=True)
        if here.plan:
            stage.print_plan(here, made, tasks())
        data = _learn(here, labeller, made, tasks, fewer)
        facts = Model.from_bytes(data).facts
        told = {name: facts[name] for name in ("documents", "sampled")} | _told(facts)
        cards = json.dumps(told, ensure_ascii=False, indent=1).encode()
        digest = artifacts.put(here.store, data)
        # Named by the digest: of two runs that learn at once, one must not write over the cards of the other's model.
        done = stage.commit_file(here, made, f"cards-{digest}.json", cards, {"artifact": digest})
        exchange.clean(here, done)
    else:
        note(f"{made.name}: up to date", here.quiet)
    return str(done.details["artifact"])


def named(here: Session, text: str, setting: str, *stages: str) -> str:
    """The digest of a model of domains given as such, as a file, or by a manifest that was made with it.

    A file is kept in the store, for the workers, unless this is but a plan. ``stages``: those besides domains whose manifests
    tell a model.
    """
    store = here.store
    if text.startswith("@") or manifests.split_uri(text) is not None:
        lineage = manifests.lineage(store, manifests.resolve(store, text))
        for made in (lineage[stage] for stage in ("domains", *stages) if stage in lineage):
            if "artifact" in made.details:
                return str(made.details["artifact"])
        raise ConfigError(f"{setting}={text}: its domains were not made by regroup=kmeans")
    if re.fullmatch("[0-9a-f]{32}", text):
        if not store.exists(artifacts.path(text)):
            raise ConfigError(f"{setting}={text}: there is no {store.uri(artifacts.path(text))}")
        return text
    folder, _, name = text.rpartition("/")
    try:
        data = bytes(memoryview(open_store(folder or ".").read(name)))
        return file_digest(data) if here.plan else artifacts.put(store, data)
    except Missing as error:
        raise ConfigError(f"{setting}={text}: there is no such file; give a file, a digest or @NAME") from error


def living(rows: int, inputs: Mapping[str, Manifest]) -> int:
    """About how many of so many rows no input drops."""
    return min([rows, *(rows * m.counts["kept"] // max(1, m.rows) for m in inputs.values() if "kept" in m.counts)])


def _learn(here: Session, labeller: KMeans, made: stage.Stage, tasks: Callable[[], Iterator[Task]], fewer: bool) -> bytes:
    rows = shards = 0
    for task in tasks():
        rows, shards = rows + task.payload.rows, shards + 1
    # Of the rows that are read about this many are alive, so one pass finds a sample of about the size that is asked for.
    alive = round(living(rows, made.inputs) * (1 - labeller.held_out))
    fit = Learn(labeller, threshold_of(labeller.sample, alive), fewer=fewer)
    total = fit.partial(NOTHING)
    with here.progress(made.name, shards) as bar:
        for seen, nbytes in here.engine.map(Look(here.store, fit), tasks()):
            total = fit.merge(total, seen)
            bar.advance(seen.documents, nbytes)
    note(f"{made.name}: clustering {total.sample.num_rows:,} of {total.documents:,} documents", here.quiet)
    if labeller.previous:
        path = artifacts.fetch(here.store, labeller.previous)
        fit = dataclasses.replace(fit, previous=Model.from_bytes(path.read_bytes(), f"regroup.previous={labeller.previous}"))
    if labeller.over == "sample":
        return fit.finish(total)
    return fit.finish(total, functools.partial(iterating.refined, here, made, labeller, tasks))


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the survivors of one shard tell; nothing is committed."""

    store: Store
    fit: Learn

    def __call__(self, task: Task) -> tuple[Seen, int]:
        """And how many bytes of text they are."""
        embedder = self.fit.parameters.embedder
        fit = dataclasses.replace(self.fit, files=embedders.files(self.store, embedder))
        seen, nbytes = fit.partial(NOTHING), 0
        for alive in survivors(self.store, task.payload, embedder):
            seen = fit.merge(seen, fit.partial(alive))
            nbytes += alive.column("text").nbytes
        return seen, nbytes


@dataclasses.dataclass(frozen=True, slots=True)
class Assign:
    """The domain of each survivor of one shard, by a model."""

    artifact: str
    embedder: Embedder

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """A domain for each survivor, null for the others."""
        model = _model(store, self.artifact)
        files, reads = embedders.files(store, self.embedder), self.embedder.reads
        encoder = Encoder(DOMAINS)
        counts: collections.Counter[str] = collections.Counter({"kept": 0})
        for rows in aligned.read_text(store, task.payload, columns(task.payload.shards, "text", *reads)):
            outcome = outcomes(rows)
            alive = pc.equal(outcome, "kept")
            kept = rows.filter(alive)
            text = kept.column("text")
            labels, words = model.label(kept, files)
            encoder.write(spread(rows.column("doc_id"), alive, labels))
            counts["bytes_in"] += rows.column("text").nbytes
            counts.update(counted(rows, outcome, labels, pc.binary_length(rows.column("text"))))
            counts.update(_by_domain(labels, {"bytes": pc.binary_length(text), "words": pa.array(words)}))
        emit(encoder.finish())
        return Facts(dict(counts))


@functools.lru_cache(maxsize=2)
def _model(store: Store, digest: str) -> Model:
    return Model.from_bytes(artifacts.fetch(store, digest).read_bytes(), f"regroup.artifact={digest}")


def _by_domain(labels: pa.StringArray, sizes: Mapping[str, pa.Array]) -> dict[str, int]:
    """``domain/<name>/documents`` and the sums of ``sizes``."""
    rows = pa.table({"domain": labels} | dict(sizes))
    sums = rows.group_by("domain").aggregate([("domain", "count"), *((name, "sum") for name in sizes)]).to_pylist()
    found = {f"domain/{one['domain']}/documents": one["domain_count"] for one in sums}
    return found | {f"domain/{one['domain']}/{name}": one[f"{name}_sum"] for one in sums for name in sizes}


@dataclasses.dataclass(frozen=True, slots=True)
class Label:
    """Domains of one shard."""

    labeller: Column | Carried

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """A domain for each survivor, null for the others."""
        wanted = columns(task.payload.shards, self.labeller.reads)
        rows = aligned.read(store, task.payload, wanted)
        outcome = outcomes(rows)
        alive = pc.equal(outcome, "kept")
        labels = self.labeller.label(rows.column(self.labeller.reads).filter(alive))
        emit(encode([spread(rows.column("doc_id"), alive, labels)], DOMAINS))
        return Facts(counted(rows, outcome, labels, rows.column(BYTES) if BYTES in wanted else None))


if __name__ == "__main__":
    raise SystemExit(main(["regroup", *sys.argv[1:]]))
