"""Fit a mixture law on a run table, and say what it is worth on runs that it did not see.

Reads shares and losses in RegMix's layout (``runs.mixtures=A.csv runs.losses=B.csv``, joined on their column ``index``), or one
run table (``runs.table=``: Parquet, or the dataset ``runs``). ``law=NAME`` fits one law, ``law=all`` compares every law, and
``law=auto`` some; of several the one of the lowest held-out relative error is taken. Writes law.json; with
``predict.mixtures=C.csv`` also predictions: ``index`` and a predicted loss for each target, in nats per token.
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

from corpusmill.jobs.runtime import interrupts, stage, tables
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.errors import ConfigError, DataError, whole
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.weight.laws import LAWS, described, law_of, named
from corpusmill.operators.weight.laws import validation as validating
from corpusmill.operators.weight.laws.bootstrap import Bootstrap
from corpusmill.operators.weight.laws.contract import Law
from corpusmill.operators.weight.laws.model import ERRORS, LawModel
from corpusmill.operators.weight.laws.validation import Folds, Validation
from corpusmill.operators.weight.runs import LOSS, MIX, UNIQUE, Doubles, Points, Runs, joined

VERSION = "1"
EVERY, SOME = "all", "auto"
FILE = "predictions.parquet"
SIZES = ("n_params", "tokens")


@dataclasses.dataclass
class RunsConfig:
    """What the law is fitted on."""

    mixtures: str | None = None  # CSV or Parquet: index, and a share per training domain
    losses: str | None = None  # CSV or Parquet: index, and a loss per validation domain
    table: str | None = None  # instead of both: a run table in Parquet, or the dataset runs by manifest or @name


@dataclasses.dataclass
class ValidationConfig:
    """How the law is tested on runs that are held out."""

    parts: int = 5  # folds; runs of one mixture are in one
    repeats: int = 2  # of the division into folds
    seed: int = 0  # of the division
    sizes: list[int] = dataclasses.field(default_factory=list)  # also fit on so many runs, and test on all others


@dataclasses.dataclass
class PredictConfig:
    """What the law is asked."""

    mixtures: str | None = None  # CSV or Parquet: index, and a share for each of the same domains
    n_params: Quantity = None  # parameters, for a law that knows of them; null: the column n_params
    tokens: Quantity = None  # tokens, for a law that knows of them; null: the column tokens
    draws: int = 0  # refits on runs drawn with replacement, for low/ and high/ of each prediction; 0: none
    level: float = 0.9  # share of the refits between low/ and high/
    seed: int = 0  # of the draws


@dataclasses.dataclass
class Config(Common):
    """corpusmill fit_law."""

    runs: RunsConfig = dataclasses.field(default_factory=RunsConfig)
    law: dict[str, Any] = MISSING  # name and hyperparameters
    validation: ValidationConfig = dataclasses.field(default_factory=ValidationConfig)
    predict: PredictConfig = dataclasses.field(default_factory=PredictConfig)


@dataclasses.dataclass(frozen=True)
class Given:
    """A run table, and what it was read from."""

    runs: Runs
    inputs: Mapping[str, Manifest]
    source: str  # digest of the files; "" of a dataset


@dataclasses.dataclass(frozen=True)
class Question:
    """Mixtures whose losses are asked for."""

    index: pa.ChunkedArray  # as it stands in their table
    points: Points
    intervals: Bootstrap | None
    source: str  # digest of their file


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The law, or what it predicts."""
    here, options = session(config, store, engine), StoreOptions(config.store.endpoint, config.store.region)
    asked = config.validation
    how = Folds(asked.parts, asked.repeats, asked.seed)
    laws, refused = candidates(config.law)
    given = table_of(config.runs, store, options)
    question = None if config.predict.mixtures is None else question_of(config.predict, given.runs, options)
    runs, apart = given.runs.split()
    runs, twice = runs.distinct()
    if twice:
        note(f"law: {twice} rows are runs that are there under another run_id as well, and count once", here.quiet)
    laws = {label: named(law, runs.domains, runs.targets) for label, law in laws.items()}
    parameters = {"laws": {label: described(law) for label, law in laws.items()}, "folds": dataclasses.asdict(how),
                  "sizes": list(asked.sizes), "version": VERSION}
    made = stage.Stage("law", stage.NO_ROWS, parameters, given.inputs, exact=False, source=given.source)
    done = stage.committed(here, made)
    if done is None:
        if here.plan:
            stage.print_plan(here, made, [])
        model, details = fitted(here, laws, runs, how, asked.sizes)
        details["refused"] |= refused
        details["apart"] = {} if apart is None else told_apart(model, apart)
        done = stage.commit_file(here, made, "law.json", model.to_json(), details)
    show(done, quiet=here.quiet)
    return done if question is None else predicted(question, here, done, runs)


def candidates(asked: Mapping[str, Any]) -> tuple[dict[str, Law], dict[str, str]]:
    """Label → law; of all laws also why some are left out. Raises ConfigError for what names none."""
    name = asked.get("name")
    if name == EVERY:
        chosen: list[Any] = [*LAWS, {"name": "bimix", "form": "sum"}]
        if extra := sorted(set(asked) - {"name"}):
            raise ConfigError(f"law.{extra[0]}: law=all takes every law as it is; give law=NAME to set {extra[0]}")
    elif name == SOME:
        chosen = list(asked.get("candidates") or [])
        if not chosen or set(asked) - {"name", "candidates"}:
            raise ConfigError(f"law.candidates={chosen}: give at least one law by name, and nothing else with law=auto")
    else:
        return {str(name): _law(dict(asked))}, {}
    found: dict[str, Law] = {}
    refused: dict[str, str] = {}
    for one in chosen:
        told = dict(one) if isinstance(one, Mapping) else {"name": one}
        label = " ".join([str(told.get("name")), *(f"{key}={value}" for key, value in told.items() if key != "name")])
        try:
            found[label] = _law(told)
        except ConfigError as error:
            if name == SOME:
                raise
            refused[label] = str(error)  # a law that must be told something, such as what it stands on
    return found, refused


def _law(told: dict[str, Any]) -> Law:
    if not isinstance(told.get("name"), str):
        raise ConfigError(f"law.name={told.get('name')!r}: give one of {', '.join(LAWS)}")
    return law_of(**told)


def table_of(asked: RunsConfig, store: Store, options: StoreOptions) -> Given:
    """The run table. Raises ConfigError for settings that name none, DataError for what is no run table."""
    pair = (asked.mixtures, asked.losses)
    if (asked.table is None) == (pair == (None, None)) or (asked.table is None and None in pair):
        raise ConfigError(f"runs.mixtures={asked.mixtures} runs.losses={asked.losses} runs.table={asked.table}: give both "
                          "mixtures and losses, or a table")
    if asked.mixtures is not None and asked.losses is not None:
        (mixtures, one), (losses, other) = (tables.read(path, f"runs.{name}", options)
                                            for name, path in (("mixtures", asked.mixtures), ("losses", asked.losses)))
        where = f"{asked.mixtures} with {asked.losses}"
        return Given(Runs.of(joined(mixtures, losses, where), where), {}, digest_key({"mixtures": one, "losses": other}))
    table = str(asked.table)
    if tables.named(table):
        made = manifests.resolve(store, table, "runs")
        return Given(Runs.of(tables.of_dataset(store, made), table), {"runs": made}, "")
    read, digest = tables.read(table, "runs.table", options)
    return Given(Runs.of(read, table), {}, digest_key({"table": digest}))


def fitted(here: Session, laws: Mapping[str, Law], runs: Runs, how: Folds,
           sizes: list[int]) -> tuple[LawModel, dict[str, Any]]:
    """The law that is worth most on held-out runs, fitted on all, and what was found out of every law."""
    found: dict[str, Validation] = {}
    refused: dict[str, str] = {}
    with here.progress("law: folds", len(laws) * how.parts * how.repeats) as bar:
        def step() -> None:
            interrupts.check()
            bar.advance(0, 0)

        for label, law in laws.items():
            try:
                found[label] = validating.cross_validated(law, runs, how, step)
            except DataError as error:
                if len(laws) == 1:
                    raise
                refused[label] = str(error)
    if not found:
        raise DataError(f"no law fits these runs: {'; '.join(refused.values())}")
    best, last = validating.best(found), runs.final()
    law, errors = laws[best], found[best].errors
    noise, warnings = validating.noise(runs), validating.warned(law, runs, errors)
    model = LawModel(law, validating.fit(law, runs), runs.domains, runs.targets, last.points.mix, last.losses, errors, noise,
                     warnings, found[best].predictions)
    curve = {label: validating.efficiency(laws[label], runs, sizes, how) for label in found} if sizes else {}
    details = {"law": best, "errors": errors, "compared": {label: one.mean for label, one in found.items()},
               "refused": refused, "warnings": list(warnings), "domains": list(runs.domains), "targets": list(runs.targets),
               "runs": len(last), "noise": None if noise is None else dict(zip(runs.targets, noise.tolist(), strict=True)),
               "efficiency": {label: {str(n): told for n, told in sized.items()} for label, sized in curve.items()}}
    return model, details


def told_apart(model: LawModel, apart: Runs) -> dict[str, dict[str, float]]:
    """Errors by target on the runs that their design held out of the fit; empty where none of them is done."""
    try:
        last = apart.final()
    except DataError:
        return {}
    return validating.measured(last.losses, model.predict(last.points), last.targets)


def question_of(asked: PredictConfig, runs: Runs, options: StoreOptions) -> Question:
    """The mixtures of ``predict.mixtures``. Raises ConfigError or DataError for what is not of the runs' domains."""
    intervals = Bootstrap(asked.draws, asked.level, asked.seed) if asked.draws else None
    sizes = {name: quantity(f"predict.{name}", value) for name, value in zip(SIZES, (asked.n_params, asked.tokens), strict=True)
             if value is not None}
    for name, size in sizes.items():
        whole(f"predict.{name}", size, 1, 1 << 62)
    table, digest = tables.read(str(asked.mixtures), "predict.mixtures", options)
    index, points = asked_points(table, runs, sizes, f"predict.mixtures={asked.mixtures}")
    return Question(index, points, intervals, digest_key({"file": digest, "sizes": sizes}))


def predicted(question: Question, here: Session, law: Manifest, runs: Runs) -> Manifest:
    """A Parquet of index and a loss per target, in the order of the mixtures."""
    intervals, points = question.intervals, question.points
    parameters = {"intervals": None if intervals is None else dataclasses.asdict(intervals), "version": VERSION}
    made = stage.Stage("predictions", stage.NO_ROWS, parameters, {"law": law}, exact=False, source=question.source)
    if (done := stage.committed(here, made)) is not None:
        return done
    path = f"{law.folder}/{law.details['file']}"
    model = LawModel.from_json(bytes(memoryview(here.store.read(path))), here.store.uri(path))
    if lacking := sorted(need for need in model.law.needs if getattr(points, need) is None):
        raise ConfigError(f"law {model.law.name} predicts for given {', '.join(lacking)}: put them into predict.mixtures as "
                          "columns n_params, tokens, unique_tokens/<domain>, or give predict.n_params, predict.tokens")
    losses = model.predict(points)
    if not np.isfinite(losses).all():
        row = int((~np.isfinite(losses)).any(1).argmax())
        raise DataError(f"law {model.law.name} gives no finite loss for index {question.index[row].as_py()}: look at its sizes")
    columns = dict(zip(model.targets, losses.T, strict=True))
    if intervals is not None:
        for prefix, end in zip(("low/", "high/"), ends(intervals, here, model.law, runs, points), strict=True):
            columns |= dict(zip([prefix + target for target in model.targets], end.T, strict=True))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"index": question.index} | columns), sink, compression="zstd")
    details = {"law": law.details["law"], "targets": list(model.targets), "mixtures": len(points)}
    return stage.commit_file(here, made, FILE, sink.getvalue().to_pybytes(), details)


def ends(intervals: Bootstrap, here: Session, law: Law, runs: Runs, points: Points) -> tuple[Doubles, Doubles]:
    """Of the interval of each prediction, (n, t) each."""
    rows = validating.rows_for(law, runs)
    with here.progress("predictions: refits", intervals.draws) as bar:
        def step() -> None:
            interrupts.check()
            bar.advance(0, 0)

        return intervals.intervals(law, rows.points, rows.losses, points, step, rows.table.column("run_id").to_pylist())


def asked_points(table: pa.Table, runs: Runs, sizes: Mapping[str, int], where: str) -> tuple[pa.ChunkedArray, Points]:
    """Index and mixtures of a table in RegMix's layout, or of a run table. Raises DataError where domains are others.

    ``sizes`` (n_params, tokens) stand for columns of these names.
    """
    index = next((name for name in ("index", "run_id") if name in table.column_names), None)
    if index is None:
        raise DataError(f"{where} has no column index; it has {', '.join(table.column_names[:8])}")
    laid = any(name.startswith(MIX) for name in table.column_names)
    shares = {name.removeprefix(MIX) if laid else name.removeprefix("train_"): name for name in table.column_names
              if (name.startswith(MIX) if laid else name not in (index, "", *SIZES) and not name.startswith(UNIQUE))}
    missing, unknown = sorted(set(runs.domains) - set(shares)), sorted(set(shares) - set(runs.domains))
    if missing or unknown:
        raise DataError(f"{where} has other domains than the runs: " + "; ".join(
            f"{what} {', '.join(names[:5])}" for what, names in (("without", missing), ("with", unknown)) if names))
    columns = {"run_id": table.column(index).cast(pa.string())} | {MIX + d: table.column(shares[d]) for d in runs.domains}
    columns |= {name: table.column(name) for name in table.column_names if name in SIZES or name.startswith(UNIQUE)}
    columns |= {name: pa.array([value] * len(table), pa.int64()) for name, value in sizes.items()}
    checked = Runs.of(pa.table(columns | {f"{LOSS}none": pa.array([0.0] * len(table))}), where)
    return table.column(index), checked.points


def show(made: Manifest, *, quiet: bool) -> None:
    """The held-out errors by target, and of every law, on standard error."""
    if quiet:
        return
    told = made.details
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    console.print(f"law {told['law']}, fitted on {told['runs']} runs: errors on runs that were held out")
    console.print(_grid("target", dict(told["errors"]) | {"mean": validating.averaged(told["errors"])}))
    if told.get("apart"):
        console.print("errors on the runs that the design held out")
        console.print(_grid("target", dict(told["apart"]) | {"mean": validating.averaged(told["apart"])}))
    if len(told["compared"]) > 1 or told["refused"]:
        ranked = dict(sorted(told["compared"].items(), key=lambda one: one[1]["mre"]))
        console.print(f"laws, means over {len(told['targets'])} targets")
        console.print(_grid("law", ranked))
    for label, sized in told["efficiency"].items():
        console.print(f"law {label}, fitted on so many runs and tested on the others")
        console.print(_grid("runs", sized))
    for label, reason in told["refused"].items():
        note(f"{label} was left out: {reason}")
    for warning in told["warnings"]:
        note(f"warning: {warning}")


def _grid(first: str, rows: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table()
    table.add_column(first)
    for name in ERRORS:
        table.add_column(name, justify="right")
    for label, told in rows.items():
        table.add_row(label, f"{told['mre']:.2%}", *(f"{told[name]:.4f}" for name in ERRORS[1:]))
    return table


if __name__ == "__main__":
    raise SystemExit(main(["fit_law", *sys.argv[1:]]))
