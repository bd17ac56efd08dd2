"""Domains of several parts, from the clusters of the survivors and the columns beside them.

Quality bins are learned from a sample of values, and then combinations are counted: two passes over columns, without text.
What is learned is an artifact, committed as the dataset ``domain_keys``; a nightly build pins it with ``regroup.keying``.
"""

import collections
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.regrouping.survivors import crossed
from corpusmill.jobs.runtime import aligned, artifacts, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.domain.keys import CLUSTER, QUALITY, SOURCE, Keys, Learned
from corpusmill.operators.domain.kmeans import KMeans, threshold_of
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOMAINS
from corpusmill.operators.text.hashing import priorities

VERSION = "1"
SAMPLE = 200_000  # values that quantiles are taken of: their share is then right to ± 0.2 %


def keyed(here: Session, labeller: KMeans, clusters: Manifest, found: Mapping[str, Manifest]) -> Manifest:
    """The dataset domains: the clusters, divided by the other keys. Raises ConfigError for a signal that is not there."""
    keys = labeller.parts
    chosen = {"clusters": clusters} | {name: found[name] for name in ("documents", "annotations") if name in found}
    if not keys.signals:
        chosen.pop("annotations", None)
    checked(keys, found.get("annotations"))
    base = Stage("domain_keys", stage.NO_ROWS, {"keys": dataclasses.asdict(keys), "subset": clusters.parameters["subset"],
                                                "version": VERSION}, chosen, clusters.view)
    digest = named(here, labeller.keying) if labeller.keying else _learned(here, base, keys, labeller.seed)
    applied = Learned.from_bytes(artifacts.fetch(here.store, digest).read_bytes(), f"regroup.keying={digest}")
    checked(applied.keys, found.get("annotations"))
    parameters = {"keys": digest, "subset": clusters.parameters["subset"], "version": VERSION}
    made = dataclasses.replace(base, name="domains", schema=DOMAINS, parameters=parameters)
    if (done := stage.committed(here, made)) is not None:
        return done
    details = {name: clusters.details[name] for name in ("artifact", "cards", "choice") if name in clusters.details}
    return stage.run(here, made, aligned.tasks(here.store, made, text=False), clusters.shards, Key(applied),
                     details=details | {"keys": digest}, empty_ok=True)


def checked(keys: Keys, annotations: Manifest | None) -> None:
    """Raise ConfigError for a signal that no annotations have."""
    have = [name for name, _ in annotations.schema if name != "doc_id"] if annotations is not None else []
    for part, signal in keys.signals.items():
        if signal not in have:
            setting = "quality" if part == QUALITY else part
            there = f"the annotations have {', '.join(have)}" if have else "no annotations are in the lineage of the inputs"
            raise ConfigError(f"regroup.keys has {part}, but there is no signal regroup.{setting}={signal}: {there}")


def named(here: Session, text: str) -> str:
    """The digest of what a digest or a manifest names. Raises ConfigError where it names none."""
    if text.startswith("@") or manifests.split_uri(text) is not None:
        given = manifests.lineage(here.store, manifests.resolve(here.store, text)).get("domains")
        if given is None or "keys" not in given.details:
            raise ConfigError(f"regroup.keying={text}: no domains of several parts are in its lineage")
        return str(given.details["keys"])
    if not re.fullmatch("[0-9a-f]{32}", text) or not here.store.exists(artifacts.path(text)):
        raise ConfigError(f"regroup.keying={text}: there is no such artifact; give a digest, a manifest or @NAME")
    return text


def _learned(here: Session, made: Stage, keys: Keys, seed: int) -> str:
    """The digest of the bins and combinations of these survivors, learned now or before."""
    made = dataclasses.replace(made, parameters=dict(made.parameters) | {"seed": seed})
    done = manifests.find(here.store, made.name, made.key)
    if done is not None:
        note(f"{made.name}: up to date", here.quiet)
        return str(done.details["artifact"])
    tasks = functools.partial(aligned.tasks, here.store, made, text=False)
    if here.plan:
        stage.print_plan(here, made, tasks())
    edges: tuple[float, ...] = ()
    if QUALITY in keys.keys:
        clusters = made.inputs["clusters"]
        look = Values(here.store, keys.quality, threshold_of(SAMPLE, clusters.counts.get("kept", clusters.rows)), seed)
        edges = keys.edges(np.sort(np.concatenate([np.zeros(0), *here.engine.map(look, tasks())])))
    counts: collections.Counter[str] = collections.Counter()
    for found in here.engine.map(Count(here.store, keys, edges), tasks()):
        counts.update(found)
    learned = Learned.of(keys, edges, counts)
    digest = artifacts.put(here.store, learned.to_bytes())
    note(f"{made.name}: {len(learned.domains):,} of {len(counts):,} combinations are domains", here.quiet)
    return str(stage.commit_file(here, made, "keys.json", learned.to_bytes(), {"artifact": digest}).details["artifact"])


@dataclasses.dataclass(frozen=True, slots=True)
class Values:
    """The values of a signal of one shard's survivors that are drawn by their ids, but for null and NaN."""

    store: Store
    signal: str
    threshold: int
    seed: int

    def __call__(self, task: Task) -> npt.NDArray[np.float64]:
        """In the order of the rows."""
        columns = {"doc_id": ("clusters", "doc_id"), CLUSTER: ("clusters", "domain"), "value": ("annotations", self.signal)}
        rows = aligned.read(self.store, task.payload, columns)
        rows = rows.filter(pc.is_valid(rows.column(CLUSTER)))
        values = pc.cast(rows.column("value"), pa.float64()).to_numpy(zero_copy_only=False)
        drawn = priorities(rows.column("doc_id"), self.seed, "quality_bin") <= np.uint64(self.threshold)
        found: npt.NDArray[np.float64] = values[drawn & ~np.isnan(values)]
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """How many documents of one shard have each combination."""

    store: Store
    keys: Keys
    edges: tuple[float, ...]

    def __call__(self, task: Task) -> dict[str, int]:
        """By combination."""
        combined = self.keys.combined(_parts(self.store, task, self.keys), self.edges)
        return {one["values"]: one["counts"] for one in pc.value_counts(combined.drop_null()).to_pylist()}


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """The domain of each survivor of one shard."""

    learned: Learned

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Null for the others."""
        parts = _parts(store, task, self.learned.keys)
        labels = self.learned.label(parts)
        emit(encode([pa.record_batch([parts["doc_id"], labels], schema=DOMAINS)], DOMAINS))
        return Facts(dict(_counted(task, labels)) | crossed(parts[SOURCE].filter(pc.is_valid(labels)), labels.drop_null()))


def _counted(task: Task, labels: pa.StringArray) -> Iterator[tuple[str, int]]:
    """What the clusters counted, but for what is told by domain, and documents by domain."""
    for name, n in task.payload.shards["clusters"].counts.items():
        if not name.startswith("domain/"):
            yield name, n
    for one in pc.value_counts(labels.drop_null()).to_pylist():
        yield f"domain/{one['values']}/documents", one["counts"]


def _parts(store: Store, task: Task, keys: Keys) -> dict[str, pa.Array]:
    """By part, also the ids and the source."""
    columns = {"doc_id": ("clusters", "doc_id"), CLUSTER: ("clusters", "domain"), SOURCE: ("documents", "source")}
    columns |= {part: ("annotations", signal) for part, signal in keys.signals.items()}
    rows = aligned.read(store, task.payload, columns)
    return {name: rows.column(name) for name in rows.schema.names}
