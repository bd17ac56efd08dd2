"""Weigh the domains: tokens per domain → proportions that sum to 1.

Reads counts (``counts=``), or domains (``domains=``) whose tokens are then counted with ``tokenizer``. Some weighers read more:
``weigh=law`` the law that ``weigh.law`` names. Writes ``proportions.json``.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from omegaconf import MISSING

from corpusmill.jobs import count
from corpusmill.jobs.runtime import artifacts, inputs, stage, tables
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, instantiate, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions, open_store
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.weight.shares import Telling, Weighed, Weigher

QUANTITIES = ("budget", "n_params")  # of weighers: 30000000000, 3e10 or 30B


@dataclasses.dataclass
class Config(Common):
    """corpusmill weigh."""

    domains: str | None = None  # a manifest
    counts: str | None = None  # a manifest; without it the tokens of `domains` are counted
    tokenizer: dict[str, Any] = MISSING  # for that, by _target_
    weigh: dict[str, Any] = MISSING  # the weigher, by _target_


@dataclasses.dataclass(frozen=True)
class Source:
    """What a weigher read."""

    content: Any  # bytes of a law, or a table
    digest: str
    manifest: str = ""  # path of the dataset that it is of


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Proportions of the domains."""
    weigher = made_of(config.weigh)
    read = sources(weigher, store, StoreOptions(config.store.endpoint, config.store.region))
    found = inputs.resolve(store, {"domains": config.domains, "counts": config.counts}, ["domains"])
    here = session(config, store, engine)
    counts = found.get("counts") or count.run(_counting(config, found["domains"]), store, engine)
    chosen = {"counts": counts, "domains": found["domains"]}
    made = stage.Stage("proportions", stage.NO_ROWS, {"weigher": _described(weigher, read)}, chosen, counts.view)
    if (done := stage.committed(here, made)) is not None:
        return done
    available = {name: total.tokens for name, total in count.totals(counts).items()}
    weighed = _weighed(weigher, available, read)
    facts = {"proportions": weighed.proportions, "available": available, "unit": counts.details["unit"],
             "weigher": type(weigher).__name__, **weighed.details}
    if named := {field: one.manifest for field, one in read.items() if one.manifest}:
        facts["read"] = named
    for line in weighed.notes:
        note(f"proportions: {line}", here.quiet)
    data = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).encode()
    return stage.commit_file(here, made, "proportions.json", data, facts)


def made_of(node: Mapping[str, Any]) -> Weigher | Telling:
    """The weigher that a configuration describes. Raises ConfigError."""
    counts = {key: quantity(f"weigh.{key}", node[key]) for key in QUANTITIES if node.get(key) is not None}
    weigher: Weigher | Telling = instantiate({**node, **counts}, "weigh")
    return weigher


def sources(weigher: Weigher | Telling, store: Store, options: StoreOptions) -> dict[str, Source]:
    """Field → what the weigher says there that it reads; none for a field that holds the thing itself."""
    asked = {field: kind for field, kind in getattr(weigher, "reads", {}).items() if isinstance(getattr(weigher, field), str)}
    return {field: _source(f"weigh.{field}", getattr(weigher, field), kind, store, options) for field, kind in asked.items()}


def _source(key: str, given: str, kind: str, store: Store, options: StoreOptions) -> Source:
    if kind != "law":
        return _table(key, given, store, options)
    if tables.named(given):
        made = manifests.resolve(store, given, "law")
        data = bytes(memoryview(store.read(f"{made.folder}/{made.details['file']}")))
        return Source(data, file_digest(data), made.path)
    folder, _, name = given.rpartition("/")
    try:
        data = bytes(memoryview(open_store(folder or ("/" if given.startswith("/") else "."), options).read(name)))
    except (Missing, IsADirectoryError) as error:
        raise ConfigError(f"{key}={given}: there is no such file; give the law.json, manifest or @NAME that corpusmill fit_law "
                          "wrote") from error
    return Source(data, file_digest(data))


def _table(key: str, given: str, store: Store, options: StoreOptions) -> Source:
    """A file; or of regroup's domain_model, the centroids."""
    if not tables.named(given):
        return Source(*tables.read(given, key, options))
    made = manifests.resolve(store, given)
    if made.stage != "domain_model":
        raise ConfigError(f"{key}={given} is a manifest of {made.stage}: give a CSV or Parquet file, or a domain_model")
    from corpusmill.operators.domain.model import Model

    digest = str(made.details["artifact"])
    model = Model.from_bytes(artifacts.fetch(store, digest).read_bytes(), f"{key}={given}")
    return Source(pa.table({"domain": model.names, "embedding": model.centroids.tolist()}), digest, made.path)


def _described(weigher: Weigher | Telling, read: Mapping[str, Source]) -> dict[str, Any]:
    """What enters the key: of what was read its digest, not its place."""
    told = describe(weigher)
    told["parameters"] |= {field: one.digest for field, one in read.items()}
    return told


def _weighed(weigher: Weigher | Telling, available: dict[str, int], read: Mapping[str, Source]) -> Weighed:
    if hasattr(weigher, "weigh"):
        return weigher.weigh(available, {field: one.content for field, one in read.items()})
    return Weighed(weigher.solve(available))


def _counting(config: Config, domains: Manifest) -> count.Config:
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    return count.Config(**common, domains=domains.path, tokenizer=config.tokenizer)


if __name__ == "__main__":
    raise SystemExit(main(["weigh", *sys.argv[1:]]))
