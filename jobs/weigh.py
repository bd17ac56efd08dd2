"""Weigh the domains: tokens per domain → proportions that sum to 1.

Reads counts (``counts=``), or domains (``domains=``) whose tokens are then counted with ``tokenizer``. Writes
``proportions.json``.
"""

import dataclasses
import json
import sys
from typing import Any, Protocol

from omegaconf import MISSING

from corpusmill.jobs import count
from corpusmill.jobs.runtime import inputs, stage
from corpusmill.jobs.runtime.config import Common, instantiate, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.contract import describe


class Weigher(Protocol):
    """Gives every domain its proportion."""

    def solve(self, available: dict[str, int]) -> dict[str, float]:
        """Available tokens per domain → proportions."""


@dataclasses.dataclass
class Config(Common):
    """corpusmill weigh."""

    domains: str | None = None  # a manifest
    counts: str | None = None  # a manifest; without it the tokens of `domains` are counted
    tokenizer: dict[str, Any] = MISSING  # for that, by _target_
    weigh: dict[str, Any] = MISSING  # the weigher, by _target_


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Proportions of the domains."""
    weigher: Weigher = instantiate(config.weigh, "weigh")
    found = inputs.resolve(store, {"domains": config.domains, "counts": config.counts}, ["domains"])
    here = session(config, store, engine)
    counts = found.get("counts") or count.run(_counting(config, found["domains"]), store, engine)
    chosen = {"counts": counts, "domains": found["domains"]}
    made = stage.Stage("proportions", stage.NO_ROWS, {"weigher": describe(weigher)}, chosen, counts.view)
    if (done := stage.committed(here, made)) is not None:
        return done
    available = {name: total.tokens for name, total in count.totals(counts).items()}
    facts = {"proportions": weigher.solve(available), "available": available, "unit": counts.details["unit"],
             "weigher": type(weigher).__name__}
    data = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).encode()
    return stage.commit_file(here, made, "proportions.json", data, facts)


def _counting(config: Config, domains: Manifest) -> count.Config:
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    return count.Config(**common, domains=domains.path, tokenizer=config.tokenizer)


if __name__ == "__main__":
    raise SystemExit(main(["weigh", *sys.argv[1:]]))
