"""How the domains were weighed: the law, the runs that it was fitted on, the proportions, and the course of a dynamic mixture.

    n runs · m domains · t targets · R rounds
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Doubles, Points

TRAJECTORY = "trajectory.parquet"
PLACES = 41  # along a share at which the law is drawn
DIGITS = 6  # significant ones of what is drawn


@dataclasses.dataclass(frozen=True, slots=True)
class LawFacts:
    """A law beside the runs that it was fitted on."""

    name: str
    targets: tuple[str, ...]
    observed: list[list[float]]  # (n, t), nats per token
    held_out: list[list[float]]  # (n, t), predicted by laws that did not see the run; empty where it was not kept
    errors: Mapping[str, Mapping[str, float]]  # of those, by target
    follows: tuple[str, ...]  # (t,): the domain whose share the loss follows most
    shares: list[list[float]]  # (n, t), of that domain
    at: list[float]  # shares
    lines: list[list[float]]  # (t, len(at)): the law there, the other domains as in the mean of the runs; or empty
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CourseFacts:
    """A mixture that moved as a model learned."""

    rule: str
    domains: tuple[str, ...]
    steps: list[int]  # (R,)
    shares: list[list[float]]  # (R, m)
    gram: list[list[float]]  # (m, m), of the last round that has one; empty where none has


@dataclasses.dataclass(frozen=True, slots=True)
class Weighing:
    """What a report tells of it."""

    law: LawFacts | None
    course: CourseFacts | None
    strategies: Mapping[str, Mapping[str, float]]  # name → domain → share


def weighing_of(store: Store, made: Mapping[str, Manifest]) -> Weighing | None:
    """None where the lineage holds neither a law nor proportions."""
    weighed = made.get("proportions")
    told = made.get("law") or _read(store, weighed)
    law = None if told is None else _law(store, told)
    if law is None and weighed is None:
        return None
    return Weighing(law, None if weighed is None else _course(store, weighed), {} if weighed is None else _strategies(weighed))


def _read(store: Store, weighed: Manifest | None) -> Manifest | None:
    """The law that proportions are the optimum of: no part of their lineage, since it may come from other documents."""
    path = None if weighed is None else weighed.details.get("read", {}).get("law")
    return None if path is None or not store.exists(path) else manifests.resolve(store, path)


def _law(store: Store, made: Manifest) -> LawFacts:
    path = f"{made.folder}/{made.details['file']}"
    model = LawModel.from_json(bytes(memoryview(store.read(path))), store.uri(path))
    follows = [_followed(model, place) for place in range(len(model.targets))]
    shares = model.design[:, follows]
    at = np.linspace(0, float(shares.max()), PLACES)
    lines = [] if model.law.needs else [_line(model, place, at, domain) for place, domain in enumerate(follows)]
    held_out = [] if model.held_out is None else _rounded(model.held_out)
    return LawFacts(model.law.name, model.targets, _rounded(model.losses), held_out, model.errors,
                    tuple(model.domains[d] for d in follows), _rounded(shares), _rounded(at), lines, model.warnings)


def _followed(model: LawModel, target: int) -> int:
    """The domain of the target's name, or the one whose share goes down most as the loss goes up."""
    if model.targets[target] in model.domains:
        return model.domains.index(model.targets[target])
    shares, losses = (a - a.mean(0) for a in (model.design, model.losses[:, target]))
    scale = np.sqrt((shares**2).sum(0))
    return int(np.argmin(np.divide(losses @ shares, scale, out=np.zeros_like(scale), where=scale > 0)))


def _line(model: LawModel, target: int, at: Doubles, domain: int) -> Any:
    rest = model.design.mean(0)
    rest[domain] = 0
    mix = (1 - at[:, None]) * (rest / max(rest.sum(), 1e-300))
    mix[:, domain] = at
    return _rounded(model.predict(Points(mix))[:, target])


def _course(store: Store, made: Manifest) -> CourseFacts | None:
    path = f"{made.folder}/{TRAJECTORY}"
    if not store.exists(path):
        return None
    rounds = pq.read_table(pa.BufferReader(store.read(path)))
    domains = tuple(name.removeprefix("p/") for name in rounds.column_names if name.startswith("p/"))
    grams = [gram for gram in rounds.column("gram").to_pylist() if gram is not None]
    shares = np.stack([rounds.column(f"p/{domain}").to_numpy() for domain in domains], 1)
    return CourseFacts(str(made.details["weigher"]), domains, rounds.column("step").to_pylist(), _rounded(shares),
                       _rounded(np.array(grams[-1])) if grams else [])


def _strategies(made: Manifest) -> dict[str, dict[str, float]]:
    """Those that the weigher compared, or what it chose beside what was found."""
    told = made.details
    if "available" not in told:
        return {}
    whole = max(1, sum(told["available"].values()))
    found = {"natural": {domain: size / whole for domain, size in told["available"].items()}}
    compared = told.get("solution", {}).get("strategies", {})
    found |= {name: dict(one["proportions"]) for name, one in compared.items()}
    return found | {"chosen": dict(told["proportions"])}


def _rounded(values: Doubles) -> Any:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.ravel()]).reshape(values.shape).tolist()
