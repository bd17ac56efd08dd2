"""Compare mixtures: what a law predicts of each, what came of runs of them, beside random mixtures and single sources.

Reads proportions or mixtures (``arms=``, each a manifest, ``@name``, or ``@pattern*`` for all names of a sweep), a law and a
run table; writes comparison.parquet, a row per arm. Arms that differ in tokens, or by more than 1 % in FLOPs, are not ranked.
"""

import dataclasses
import fnmatch
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import MISSING
from rich.console import Console
from rich.table import Table

from corpusmill.jobs.runtime import laws, stage, tables
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.comparison import RANDOM, Arm, Ground, Realised, Size, compared, ground
from corpusmill.operators.weight.runs import LOSS, Runs

VERSION = "1"


@dataclasses.dataclass
class Config(Common):
    """corpusmill compare."""

    arms: list[str] = MISSING  # proportions or mixtures: manifests, @names, or @patterns of names
    law: str | None = None  # a manifest: what losses are predicted by
    runs: str | None = None  # a manifest, or a run table in CSV or Parquet: what came of which mixture
    weights: Any = None  # of the targets, by name; null: all the same
    n_params: Quantity = None  # parameters: of the runs that count, and of the training that arms are meant for
    tokens: Quantity = None  # tokens: of the runs that count, and of arms that do not say theirs
    near: float = 0.005  # share of a mixture that may differ in a run of it
    random: list[str] = dataclasses.field(default_factory=lambda: list(RANDOM))  # designs whose runs are the random control


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The table."""
    if not 0 <= config.near <= 1:
        raise ConfigError(f"near={config.near}: give a share from 0 to 1")
    here = session(config, store, engine)
    arms = named(store, config.arms)
    inputs = {f"arm_{place:02d}": made for place, made in enumerate(arms.values())}
    law, source, runs = None, "", None
    if config.law is not None:
        inputs["law"] = manifests.resolve(store, config.law, "law")
        law = laws.read(store, inputs["law"])
    if config.runs is not None and tables.named(config.runs):
        inputs["runs"] = manifests.resolve(store, config.runs, "runs")
        runs = Runs.of(tables.of_dataset(store, inputs["runs"]), config.runs)
    elif config.runs is not None:
        read, source = tables.read(config.runs, "runs", StoreOptions(config.store.endpoint, config.store.region))
        runs = Runs.of(read, config.runs)
    size = Size(*(None if value is None else quantity(key, value) for key, value in
                  (("n_params", config.n_params), ("tokens", config.tokens))))
    if config.weights is not None and not isinstance(config.weights, Mapping):
        raise ConfigError(f"weights={config.weights!r}: give a number by target, weights='{{TARGET: 1.0, …}}'")
    known = ground(law, None if runs is None else _of_size(runs, size, str(config.runs)), config.weights, near=config.near,
                   random=tuple(config.random))
    parameters = {"names": list(arms), "weights": known.weights.tolist(), "size": dataclasses.asdict(size), "near": config.near,
                  "random": list(config.random), "version": VERSION}
    made = stage.Stage("comparison", stage.NO_ROWS, parameters, inputs, exact=False, source=source)
    if (done := stage.committed(here, made)) is not None:
        return done
    table, facts = compared([arm_of(name, one, known, size) for name, one in arms.items()], known)
    if not here.quiet:
        show(table, facts)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return stage.commit_file(here, made, "comparison.parquet", bytes(memoryview(sink.getvalue())), facts)


def named(store: Store, given: list[str]) -> dict[str, Manifest]:
    """What is compared, by a name for each; patterns stand for all names that they match. Raises ConfigError."""
    found: dict[str, Manifest] = {}
    for text in given:
        texts = [text]
        if text.startswith("@") and set(text) & set("*?["):
            known = sorted(manifests.names(store), key=_in_order)
            texts = [f"@{name}" for name in known if fnmatch.fnmatchcase(name, text[1:])]
            if not texts:
                there = ", ".join(f"@{name}" for name in known) or "no name yet"
                raise ConfigError(f"arms: no name matches {text}; there is {there}")
        for one in texts:
            made = manifests.resolve(store, one)
            if made.stage not in ("proportions", "mixture"):
                raise ConfigError(f"arms: {one} is a manifest of {made.stage}, not of proportions or mixture")
            found[one.removeprefix("@") if one.startswith("@") else f"{made.stage}/{made.key[:8]}"] = made
    if not found:
        raise ConfigError("arms=[MANIFEST, …] must be given: proportions or mixtures to compare")
    return found


def _in_order(name: str) -> tuple[Any, ...]:
    """sweep-10 after sweep-9."""
    head, _, tail = name.rpartition("-")
    return (head, int(tail), "") if tail.isdecimal() else (name, -1, "")


def arm_of(name: str, made: Manifest, known: Ground, size: Size) -> Arm:
    """Shares of a mixture are those that were drawn. Raises ConfigError for domains that law and runs do not know."""
    told = made.details
    if made.stage == "mixture":
        shares = {d["domain"]: told["achieved"][d["domain"]]["size"] for d in told["plan"]["domains"]}
        available = {d["domain"]: d["available"] for d in told["plan"]["domains"]}
        own = Size(size.n_params, int(told["plan"]["total"]))
    else:
        shares, available, own = told["proportions"], told["available"], size
    if strange := sorted(domain for domain, share in shares.items() if share > 0 and domain not in known.domains):
        raise ConfigError(f"arms: {name} holds {strange[0]!r}, of which law and runs know nothing; they are of "
                          f"{', '.join(known.domains)}")
    mix = np.array([float(shares.get(d, 0)) for d in known.domains])
    unique = np.array([float(available.get(d, 0)) for d in known.domains])
    return Arm(name, mix / mix.sum(), own, unique, _own(name, told, known))


def _own(name: str, told: Mapping[str, Any], known: Ground) -> Realised | None:
    """The run in which proportions were found, where its losses were measured."""
    if not any(key.startswith(LOSS) for key in told):
        return None
    if missing := [target for target in known.targets if LOSS + target not in told]:
        raise DataError(f"{name} was trained with losses of its own, but not of {missing[0]}")
    return Realised(np.array([float(told[LOSS + target]) for target in known.targets]),
                    Size(told.get("n_params"), told.get("tokens"), told.get("flops")))


def _of_size(runs: Runs, size: Size, where: str) -> Runs:
    """The runs of this size, as far as it is said. Raises DataError where there are none."""
    rows = np.ones(len(runs), bool)
    for name in ("n_params", "tokens"):
        if (wanted := getattr(size, name)) is not None:
            have = runs.table.column(name).to_pylist()
            rows &= np.array([value is None or value == wanted for value in have])
            if not rows.any():
                raise DataError(f"{where} has no run of {name}={wanted}; it has {', '.join(map(str, sorted(set(have))[:5]))}")
    return runs.take(rows)


def show(table: pa.Table, facts: Mapping[str, Any]) -> None:
    """The arms in their order, and what they are held against, on standard error."""
    grid = Table(title=f"losses, {facts['basis']}")
    columns = ("rank", "arm", "predicted", "realised", "vs_random", "vs_best_single_source", "tokens", "flops", "distance")
    for column in columns:
        grid.add_column(column, justify="left" if column == "arm" else "right")
    forms = {"rank": "{}", "arm": "{}", "predicted": "{:.4f}", "realised": "{:.4f}", "tokens": "{:,}", "flops": "{:.3g}",
             "distance": "{:.1%}"}
    for row in table.select(columns).to_pylist():
        grid.add_row(*("-" if row[c] is None else forms.get(c, "{:+.4f}").format(row[c]) for c in columns))
    Console(stderr=True, width=None if sys.stderr.isatty() else 120).print(grid)
    for name, control in facts["controls"].items():
        if control is not None:
            of = control.get("source") or f"mean of {control['mixtures']} mixtures"
            note(f"{name}: {control['loss']:.4f} ({of})")
    losses = table.column("loss").to_pylist()
    if facts["noise"] is not None and len(losses) > 1 and losses[1] - losses[0] < 2 * facts["noise"]:
        note(f"the best two are {losses[1] - losses[0]:.4f} apart, within twice the noise of repeats, {facts['noise']:.4f}")


if __name__ == "__main__":
    raise SystemExit(main(["compare", *sys.argv[1:]]))
