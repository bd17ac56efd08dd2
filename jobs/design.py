"""Design runs: domains → the mixtures to train on, so that a law can be fitted on what comes of them.

Reads counts (``counts=``) or domains (``domains=``), whose tokens are then counted, or takes ``available=`` or ``natural=`` as
given; writes design.parquet: ``run_id, design, seed, mix/<domain>``.
"""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import MISSING
from rich.console import Console
from rich.table import Table

from corpusmill.jobs import count
from corpusmill.jobs.runtime import inputs, stage
from corpusmill.jobs.runtime.config import Common, Quantity, instantiate, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.designs.compose import Part, composed, least
from corpusmill.operators.weight.designs.properties import properties
from corpusmill.operators.weight.designs.space import Space, space_of
from corpusmill.operators.weight.runs import HELD_OUT, MIX, SUM_TOLERANCE
from corpusmill.operators.weight.shares import check_available, check_known, check_positive

VERSION = "1"
MOST_SEED = 1 << 62
DESIGNS = "corpusmill.operators.weight.designs."


@dataclasses.dataclass
class DesignConfig:
    """Of what the design is made."""

    parts: dict[str, Any] = MISSING  # name → a design by _target_, with runs, or share of what others leave
    runs: int | None = None  # but for those held out; null: 3 (m + 1) mixtures of m domains, and repeats
    held_out: int = 0  # runs more, that no law is fitted on
    seed: int = 0  # of the draws
    run_seed: int = 0  # of the runs: one for all but repeats, which count on from it

    def __post_init__(self) -> None:
        for name in ("seed", "run_seed"):
            whole(f"design.{name}", getattr(self, name), 0, MOST_SEED)
        if self.runs is not None and self.runs < 1:
            raise ConfigError(f"design.runs={self.runs}: it must be at least 1, or null")


@dataclasses.dataclass
class BoundsConfig:
    """Which mixtures may be run."""

    min: Any = 0.0  # floor of every share, or by domain
    max: Any = 1.0  # cap of every share, or by domain
    max_natural: float | None = None  # caps as multiples of the natural share
    max_epochs: float | None = None  # caps by what there is of a domain, in a run of budget tokens
    budget: Quantity = None  # for that


@dataclasses.dataclass
class Config(Common):
    """corpusmill design."""

    domains: str | None = None  # a manifest
    counts: str | None = None  # a manifest; without it the tokens of `domains` are counted
    tokenizer: dict[str, Any] = MISSING  # for that, by _target_
    available: Any = None  # tokens by domain, where there is no manifest
    natural: Any = None  # shares by domain; null: those of the tokens
    design: DesignConfig = dataclasses.field(default_factory=DesignConfig)
    bounds: BoundsConfig = dataclasses.field(default_factory=BoundsConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The mixtures to run."""
    parts = [_part(name, node) for name, node in config.design.parts.items()]
    if not parts:
        raise ConfigError("design.parts is empty: choose a design, design=mixed")
    for key in ("available", "natural"):
        if not isinstance(getattr(config, key), Mapping | None):
            raise ConfigError(f"{key}={getattr(config, key)!r}: give a number by domain, {key}='{{web: …, code: …}}'")
    held_out = quantity("design.held_out", config.design.held_out)
    counts = _counts(config, store, engine)
    available = _available(config, counts)
    space = _space(config, available)
    asked = config.design
    parameters = {
        "parts": [{"name": p.name, "runs": p.runs, "share": p.share, "design": describe(p.design)} for p in parts],
        "runs": asked.runs, "held_out": held_out, "seed": asked.seed, "run_seed": asked.run_seed, "version": VERSION,
        "space": {d: [float(s[j]) for s in (space.natural, space.low, space.high)] for j, d in enumerate(space.domains)},
    }
    made = stage.Stage("design", stage.NO_ROWS, parameters, {"counts": counts} if counts else {}, counts.view if counts else ())
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    table = composed(space, parts, asked.runs, held_out, asked.seed, asked.run_seed)
    told = described(table, space)
    if not here.quiet:
        _show(told, space)
    for warning in told["warnings"]:
        note(f"design: {warning}", here.quiet)
    return stage.commit_file(here, made, "design.parquet", encoded(table), told)


def _part(name: str, node: Any) -> Part:
    target = str(node.get("_target_", "")) if isinstance(node, Mapping) else ""
    if not target.startswith(DESIGNS):
        raise ConfigError(f"design.parts.{name}={node!r}: give a design by _target_, {DESIGNS}dirichlet.Dirichlet")
    own = {key: value for key, value in node.items() if key not in ("runs", "share")}
    told = {key: node[key] for key in ("runs", "share") if key in node}
    return Part(str(name), instantiate(own, f"design.parts.{name}"), **told)


def _counts(config: Config, store: Store, engine: Engine) -> Manifest | None:
    """What there is of each domain; None where the configuration says it."""
    given = {"counts": config.counts, "domains": config.domains}
    if config.available or not any(given.values()):
        if any(given.values()):
            raise ConfigError("available= and a manifest of domains or counts both say what there is: give one of them")
        if not config.available and not config.natural:
            raise ConfigError("domains=MANIFEST, counts=MANIFEST, available='{web: 5e9, code: 1e9}' or natural='{web: 0.8, "
                              "code: 0.2}' must be given: the domains that a design mixes")
        return None
    found = inputs.resolve(store, given, ["domains"])
    if "counts" in found:
        return found["counts"]
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    return count.run(count.Config(**common, domains=found["domains"].path, tokenizer=config.tokenizer), store, engine)


def _available(config: Config, counts: Manifest | None) -> dict[str, int] | None:
    """Tokens by domain, where they are known."""
    if counts is not None:
        return check_available({name: total.tokens for name, total in count.totals(counts).items()})
    if not config.available:
        return None
    return check_available({str(d): quantity(f"available.{d}", tokens) for d, tokens in config.available.items()})


def _space(config: Config, available: Mapping[str, int] | None) -> Space:
    asked = config.bounds
    most = None if available is None else {d: float(tokens > 0) for d, tokens in available.items()}
    if asked.max_epochs is not None:
        check_positive(asked.max_epochs, "bounds.max_epochs")
        if available is None or asked.budget is None:
            raise ConfigError(f"bounds.max_epochs={asked.max_epochs}: give bounds.budget, the tokens of a run, and domains=, "
                              "counts= or available=, so that epochs can be reckoned")
        budget = max(1, quantity("bounds.budget", asked.budget))
        most = {d: min(1.0, tokens * asked.max_epochs / budget) for d, tokens in available.items()}
    natural: Mapping[str, float] = available or {}
    if config.natural:
        natural = _shares(config.natural)
        if available is not None:
            check_known(natural, available, "natural")
            check_known(available, natural, "natural leaves out a domain of the data: it")
    return space_of(natural, asked.min, asked.max, asked.max_natural, most)


def _shares(given: Mapping[str, Any]) -> dict[str, float]:
    """Raises ConfigError unless they are shares that sum to 1."""
    for name, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ConfigError(f"natural.{name}={share!r}: give a share from 0 to 1; tokens are given by available=")
    total = sum(given.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ConfigError(f"natural: the shares of {', '.join(map(str, given))} sum to {total:.6g}, not to 1")
    return {str(name): float(share) for name, share in given.items()}


def described(table: pa.Table, space: Space) -> dict[str, Any]:
    """What the design can tell, with and without what is held out."""
    mixes = np.stack([table.column(MIX + d).to_numpy() for d in space.domains], 1)
    names = table.column("design").to_pylist()
    fitted = np.array([not name.endswith(HELD_OUT) for name in names])
    used = space.without_unused()
    told = properties(mixes[fitted][:, space.used], used.domains)
    unused = [d for d in space.domains if d not in used.domains]
    for bound in ("least", "most"):
        told[bound] |= dict.fromkeys(unused, 0.0)
    warnings = [f"{d} is in no mixture: it has no tokens, or bounds cap it at 0" for d in unused]
    if told["mixtures"] < least(len(used)):
        warnings.append(f"{told['mixtures']} different mixtures of {len(used)} domains; laws want {least(len(used))}, three "
                        "for each domain and one more")
    if told["condition"] is None:
        warnings.append("the mixtures span no more than a part of the simplex: shares of some domains always move together")
    return told | {"held_out": int((~fitted).sum()), "designs": {name: names.count(name) for name in dict.fromkeys(names)},
                   "domains": list(space.domains), "natural": dict(zip(space.domains, map(float, space.natural), strict=True)),
                   "warnings": warnings}


def encoded(table: pa.Table) -> bytes:
    """As Parquet; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(memoryview(sink.getvalue()))


def _show(told: Mapping[str, Any], space: Space) -> None:
    """Ranges by domain, and what the table can tell apart."""
    table = Table(title=", ".join(f"{n} {name}" for name, n in told["designs"].items()))
    for column in ("domain", "natural", "floor", "cap", "least", "most"):
        table.add_column(column, justify="left" if column == "domain" else "right")
    for d, natural, low, high in zip(space.domains, space.natural, space.low, space.high, strict=True):
        table.add_row(d, *(f"{v:.2%}" for v in (natural, low, high, told["least"][d], told["most"][d])))
    Console(stderr=True, width=None if sys.stderr.isatty() else 120).print(table)
    condition, nearest = (f"{v:.3g}" if v is not None else "none" for v in (told["condition"], told["nearest"]))
    note(f"design: {told['runs']} runs of {told['mixtures']} mixtures, {told['held_out']} held out; condition {condition}, "
         f"nearest two {nearest} apart, {told['zeros']:.1%} of shares are 0")


if __name__ == "__main__":
    raise SystemExit(main(["design", *sys.argv[1:]]))
