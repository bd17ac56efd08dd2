"""Small training runs, one for each mixture of a design, and what each domain's held-out documents lose under them.

    corpus.py      the token streams of every domain, committed once
    learn.py       one run, in a worker
    throughput.py  the speed that matrix products alone would have
    table.py       the design that asks, the table that answers

Reads a design (``design=``), documents and domains; writes domain_tokens, and runs: ``runs.parquet``, a row for each
evaluation of each run, as ``operators.weight.runs`` describes it. A run that has ended is a receipt, and is not run again,
whichever design asks for it; one that was killed goes on from its last checkpoint.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from corpusmill.jobs.proxy import corpus
from corpusmill.jobs.proxy.corpus import StreamsConfig
from corpusmill.jobs.proxy.learn import Learn
from corpusmill.jobs.proxy.table import Row, design_of, written
from corpusmill.jobs.runtime import aligned, exchange, inputs, receipts, stage
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task, run_tasks
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gpt import Shape, device_of
from corpusmill.operators.lm.training import Plan

VERSION = "1"
WORKER_BYTES = 300 << 20  # of torch, besides tokens and the model


@dataclasses.dataclass
class ProxyConfig:
    """The model of every run, and how it learns; see ``operators.lm``."""

    layers: int = 2  # blocks of attention and a gated map
    width: int = 64  # dimensions
    heads: int = 2  # of attention
    context: int = 128  # tokens that it looks back at most
    tokens: Quantity = 4_000_000  # that a run learns from, repeats included
    batch: int = 8  # sequences per step
    rate: float = 6e-3  # at its highest
    warm_up: float = 0.05  # share of the steps


@dataclasses.dataclass
class EvalConfig:
    """When and on how much a run is evaluated."""

    at: list[float] = dataclasses.field(default_factory=lambda: [0.25, 0.5, 1.0])  # shares of the steps; the end is always one
    tokens: Quantity = 65_536  # of each domain's held-out documents, always the same


@dataclasses.dataclass
class RepetitionConfig:
    """Whether scarce domains are made as scarce for a run as they are for the target."""

    budget: Quantity = None  # tokens of the target; null: a run may learn from all that there is


@dataclasses.dataclass
class Config(Common):
    """corpusmill proxy."""

    design: str | None = None  # a manifest: the mixtures
    domains: str | None = None  # a manifest
    documents: str | None = None  # a manifest
    proxy: ProxyConfig = dataclasses.field(default_factory=ProxyConfig)
    streams: StreamsConfig = dataclasses.field(default_factory=StreamsConfig)
    eval: EvalConfig = dataclasses.field(default_factory=EvalConfig)
    repetition: RepetitionConfig = dataclasses.field(default_factory=RepetitionConfig)
    seed: int = 0  # of the order of sequences, which all runs share; that of the first weights stands in the design
    device: str = "auto"  # auto, cpu or cuda
    threads: int = 1  # of the processor, for each run


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The table of runs."""
    given = {name: getattr(config, name) for name in ("design", "domains", "documents")}
    found = inputs.resolve(store, given, ["design", "domains", "documents"])
    here = session(config, store, engine)
    rows = design_of(store, found["design"])
    plan, at, held_out = plan_of(config), evaluated_at(config.eval), evaluated_on(config.eval)
    tokens = corpus.made(here, config.streams, found, aligned.Subset(config.limit, config.sample))
    asked = config.proxy
    shape = Shape(asked.layers, asked.width, asked.heads, asked.context, tokens.details["vocabulary"])
    unique = unique_tokens(tokens, plan.tokens, config.repetition, asked.context)
    check(rows, tokens, unique, plan, asked.context)
    parameters = {"shape": dataclasses.asdict(shape), "plan": dataclasses.asdict(plan), "order": config.seed, "at": at,
                  "unique": unique, "held_out": held_out, "threads": config.threads, "version": VERSION}
    made = stage.Stage("runs", stage.NO_ROWS, parameters, {"design": found["design"], "domain_tokens": tokens}, exact=False)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    digests = {name: facts["artifact"] for name, facts in tokens.details["domains"].items()}
    work = Learn(digests, unique, shape, plan, config.seed, tuple(at), held_out, config.threads,
                 f"{made.name}/{made.key}/scratch", config.quiet)
    done = _committed(here, made, rows, _learned(here, made, rows, work))
    exchange.clean(here, done)
    return done


def plan_of(config: Config) -> Plan:
    """How every run learns; its device is one, since another would give other losses. Raises ConfigError."""
    asked = config.proxy
    if config.threads < 1:
        raise ConfigError(f"threads={config.threads}: give at least 1")
    device = config.device if config.device == "cuda" and config.engine.kind == "ray" else device_of(config.device).type
    return Plan(quantity("proxy.tokens", asked.tokens), asked.batch, asked.rate, asked.warm_up, 0, device)


def evaluated_at(asked: EvalConfig) -> list[float]:
    """Shares of the steps, the end among them. Raises ConfigError."""
    if not all(0 < share <= 1 for share in asked.at):
        raise ConfigError(f"eval.at={list(asked.at)}: give shares of a run above 0 and up to 1")
    return sorted({*asked.at, 1.0})


def evaluated_on(asked: EvalConfig) -> int:
    """Tokens of each domain. Raises ConfigError."""
    tokens = quantity("eval.tokens", asked.tokens)
    if tokens < 1:
        raise ConfigError(f"eval.tokens={asked.tokens}: give at least 1")
    return tokens


def unique_tokens(tokens: Manifest, run: int, asked: RepetitionConfig, context: int) -> dict[str, int]:
    """Tokens of each domain that a run learns from: all, or so few that it repeats them as often as the target would.

    The target sees a share p of its budget B from U tokens, p · B / U epochs; a run of D tokens sees as many of U · D / B.
    """
    known = tokens.details["domains"]
    if asked.budget is None:
        return {name: facts["learned"] for name, facts in known.items()}
    budget = quantity("repetition.budget", asked.budget)
    if budget < run:
        raise ConfigError(f"repetition.budget={asked.budget}: the target's tokens, no fewer than the {run:,} of a run")
    return {name: min(facts["learned"], max(context + 1, round(facts["unique_tokens"] * run / budget)))
            for name, facts in known.items()}


def check(rows: Sequence[Row], tokens: Manifest, unique: dict[str, int], plan: Plan, context: int) -> None:
    """Raise DataError where a design asks for a domain that is not there, or for more of one than was kept of it."""
    known = tokens.details["domains"]
    for name, _ in rows[0].shares:
        if name not in known:
            raise DataError(f"the design mixes the domain {name!r}, which the documents do not have; they have "
                            f"{', '.join(sorted(known))}")
        most = max(dict(row.shares)[name] for row in rows) * plan.steps(context) * plan.batch * context
        if most > unique[name] == known[name]["learned"] < known[name]["unique_tokens"]:
            raise DataError(f"a run learns from {most:,.0f} tokens of {name!r}, of which {unique[name]:,} were kept though "
                            f"there are {known[name]['unique_tokens']:,}: it would repeat them for no reason; give a larger "
                            "streams.max_tokens")


def _learned(here: Session, made: stage.Stage, rows: Sequence[Row], work: Learn) -> list[list[dict[str, Any]]]:
    """The evaluations of each row, in their order."""
    contents = [f"tokens {name}={digest}" for name, digest in sorted(work.artifacts.items())]
    size = sum(4 * n for n in work.unique.values()) + 16 * work.shape.parameters
    tasks = []
    for i, row in enumerate(rows):
        key = made.task_key(*contents, f"seed={row.seed}", *(f"{name}={share!r}" for name, share in row.shares))
        tasks.append(Task(i, key, f"run {row.run_id}", WORKER_BYTES + size, row, cpus=work.threads,
                          gpus=float(work.plan.device == "cuda")))
    steps = work.plan.steps(work.shape.context) * work.plan.batch * work.shape.context
    note(f"{made.name}: {len(rows)} runs of {steps:,} tokens, {work.shape.parameters:,} parameters, "
         f"{len(rows) * steps * work.shape.flops:.3g} FLOPs in all", here.quiet)
    if here.plan:
        stage.print_plan(here, made, tasks)
    missing = [task for task in tasks if receipts.find(here.store, made.name, task.key) is None]
    for _ in run_tasks(here, made.name, missing, len({task.key for task in missing}), work, made.name):
        pass
    found = {task.key: receipts.find(here.store, made.name, task.key) for task in tasks}
    told = [found[task.key] for task in tasks]
    return [list(one.extra["rows"]) for one in told if one is not None]


def _committed(here: Session, made: stage.Stage, rows: Sequence[Row], told: Sequence[list[dict[str, Any]]]) -> Manifest:
    data, table = written(rows, told, Shape(**made.parameters["shape"]).parameters)
    failed = {row.run_id: lines[-1]["reason"] for row, lines in zip(rows, told, strict=True) if lines[-1]["status"] == "failed"}
    for run, reason in failed.items():
        note(f"{made.name}: run {run} failed: {reason}", here.quiet)
    if len(failed) == len(rows):
        raise DataError(f"all {len(rows)} runs failed, the first because {next(iter(failed.values()))}")
    last = [lines[-1] for lines in told if lines[-1]["status"] == "done"]
    details = {"runs": len(rows), "failed": failed, "domains": list(table.domains), "targets": list(table.targets),
               "n_params": Shape(**made.parameters["shape"]).parameters, "flops": sum(lines[-1]["flops"] for lines in told)}
    details |= {name: float(np.median([line[name] for line in last])) for name in ("tokens_per_second", "of_limit")}
    note(f"{made.name}: {len(rows) - len(failed)} of {len(rows)} runs done, {details['tokens_per_second']:,.0f} tokens/s each, "
         f"{details['of_limit']:.0%} of what matrix products alone allow", here.quiet)
    return stage.commit_file(here, made, "runs.parquet", data, details)
