"""What a report tells, collected from the manifests of a lineage, and a few documents. No run differs.

Timings are apart, in ``timings``.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from corpusmill.jobs.filtering.retention import Loss, losses
from corpusmill.jobs.reporting.domains import Domain, crossed_of, domains_of
from corpusmill.jobs.reporting.examples import Examples, examples_of
from corpusmill.jobs.reporting.funnel import Source, Step, sources_of, steps_of
from corpusmill.jobs.reporting.measures import Clusters, Histogram, clusters_of, histograms_of
from corpusmill.jobs.reporting.origins import Origins, origins_of
from corpusmill.jobs.reporting.pairs import PairFacts, pairs_of
from corpusmill.jobs.reporting.retention import Sweep, sweeps_of
from corpusmill.jobs.reporting.weights import Weighing, weighing_of
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.mixture.budget import Plan

FORMAT = "corpusmill.report/1"
ORDER = ("documents", "quarantine", "annotations", "decisions", "signatures", "pairs", "duplicates", "trims",
         "domain_model", "clusters", "domain_keys", "domains", "counts", "sizes", "tokens", "runs",
         "law", "proportions", "mixture")


@dataclasses.dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the lineage."""

    role: str
    stage: str
    key: str
    digest: str
    manifest: str  # path under the root
    rows: int
    bytes: int  # of Arrow values
    shards: int
    exact: bool
    partial: bool
    view: tuple[str, ...]  # keys of the edit layers over the documents' text
    inputs: Mapping[str, str]  # role -> key
    parameters: Mapping[str, Any]
    counts: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a report tells but the timings."""

    told: str  # path of the manifest
    stage: str
    unit: str  # that the domains are measured in
    steps: tuple[Step, ...]
    sources: tuple[Source, ...]
    domains: tuple[Domain, ...]
    plan: Mapping[str, Any]  # budget, total, shortfall, max_epochs and notice; empty without a mixture
    unread: Mapping[str, int]  # files or parts of files that nobody could read, by reason
    quarantine: str  # path of the manifest of bad rows; "" where there are none
    not_applicable: Mapping[str, int]  # rows that a rule could not judge, by the rule's reason
    datasets: tuple[Dataset, ...]
    histograms: tuple[Histogram, ...] = ()
    clusters: Clusters | None = None
    origins: Origins | None = None  # sources of duplicates
    pairs: PairFacts | None = None  # near ones
    cards: tuple[Mapping[str, Any], ...] = ()  # of domains that were learned: see operators/domain/cards.py
    choice: tuple[Mapping[str, Any], ...] = ()  # of the number of those: see operators/domain/choice.py
    crossed: tuple[tuple[str, str, int], ...] = ()  # documents by source and domain, in order
    examples: Examples = dataclasses.field(default_factory=Examples)  # documents to look at
    sweeps: tuple[Sweep, ...] = ()  # what other thresholds would keep
    losses: tuple[Loss, ...] = ()  # sources that lost over their share
    weighing: Weighing | None = None  # laws, proportions and their course

    def dataset(self, role: str) -> Dataset | None:
        """The dataset in a role."""
        return next((d for d in self.datasets if d.role == role), None)

    @property
    def counted(self) -> str:
        """The unit that documents were counted in."""
        counts = self.dataset("counts")
        return str(counts.parameters.get("unit", "tokens")) if counts else "tokens"

    @property
    def held(self) -> int:
        """What the mixture holds, in its unit."""
        return sum(d.achieved or 0 for d in self.domains)

    def to_json(self) -> bytes:
        """As deterministic JSON."""
        return json.dumps({"format": FORMAT} | dataclasses.asdict(self), sort_keys=True, indent=1).encode()


def collect(store: Store, told: Manifest) -> Facts:
    """The facts of a manifest and all that it was made from. Raises what ``manifest.lineage`` raises."""
    made = manifests.lineage(store, told)
    bad = str(made["documents"].details.get("quarantine", "")) if "documents" in made else ""
    listed = {**made, "quarantine": manifests.resolve(store, bad)} if bad else made
    return Facts(
        told.path, told.stage, _unit(made), steps_of(made), sources_of(made), domains_of(made), _plan(made),
        _named(made, "documents", "unread."), bad, _named(made, "decisions", "not_applicable."), _datasets(listed),
        histograms_of(made), clusters_of(made), origins_of(store, made), pairs_of(store, made),
        _learned(made, "cards"), _learned(made, "choice"), crossed_of(made), examples_of(store, made),
        sweeps_of(store, made), losses(made["decisions"].counts) if "decisions" in made else (),
        weighing_of(store, made),
    )


def _learned(made: Mapping[str, Manifest], what: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(made["domains"].details.get(what, ())) if "domains" in made else ()


def _unit(made: Mapping[str, Manifest]) -> str:
    for role in ("mixture", "proportions", "counts"):
        if role in made and "unit" in made[role].details:
            return str(made[role].details["unit"])
    return "tokens"


def _plan(made: Mapping[str, Manifest]) -> dict[str, Any]:
    if "mixture" not in made:
        return {}
    written = made["mixture"].details["plan"]
    plan = Plan.from_json(json.dumps(written))
    return {name: written[name] for name in ("budget", "total", "shortfall", "max_epochs")} | {"notice": plan.notice}


def _named(made: Mapping[str, Manifest], role: str, prefix: str) -> dict[str, int]:
    counts = made[role].counts if role in made else {}
    return {name.removeprefix(prefix): n for name, n in sorted(counts.items()) if name.startswith(prefix) and n}


def _datasets(made: Mapping[str, Manifest]) -> tuple[Dataset, ...]:
    """In the order of the data, each once: a mixture's sizes are often its counts."""
    place = {role: i for i, role in enumerate(ORDER)}
    once: dict[str, str] = {}
    for role in sorted(made, key=lambda role: (place.get(role, len(place)), role)):
        once.setdefault(made[role].path, role)
    return tuple(_dataset(role, made[role]) for role in once.values())


def _dataset(role: str, one: Manifest) -> Dataset:
    return Dataset(
        role, one.stage, one.key, one.digest, one.path, one.rows, one.bytes, one.shards, one.exact,
        bool(one.details.get("partial")), tuple(r.key for r in one.view),
        {name: r.key for name, r in sorted(one.inputs.items())}, one.parameters, one.counts,
    )
