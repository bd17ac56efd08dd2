"""Train a small model while a rule moves the proportions of the domains, and keep the proportions that it came to.

Reads domains (``domains=``), and counts or else the tokens that ``tokenizer`` counts. Writes proportions as weigh does, for mix
(``proportions.json``), and beside them trajectory.parquet, runs.parquet (held-out losses by domain, in the layout of the run
table) and overhead.json; the model is an artifact. A run that is stopped goes on from its last checkpoint.
"""

import dataclasses
import io
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from omegaconf import MISSING

from corpusmill.jobs import count, proxy
from corpusmill.jobs.balancing import results
from corpusmill.jobs.balancing.course import Course, Setting
from corpusmill.jobs.proxy import corpus
from corpusmill.jobs.proxy.learn import deterministic, marks
from corpusmill.jobs.runtime import aligned, artifacts, exchange, inputs, interrupts, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, choose, instantiate, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import GPT, Shape, device_of, from_bytes, to_bytes
from corpusmill.operators.lm.training import Plan
from corpusmill.operators.weight.balance.contract import REFERENCE, Rule, evaluation_shares
from corpusmill.operators.weight.balance.losses import Fixed
from corpusmill.operators.weight.shares import check_share

VERSION = "2"
CHECKPOINT_SECONDS = 60.0  # of learning that a killed run loses at most
Doubles = npt.NDArray[np.float64]


@dataclasses.dataclass
class ModelConfig:
    """How large the model is."""

    layers: int = 2  # blocks of attention and a gated map
    width: int = 64  # dimensions
    heads: int = 2  # of attention
    context: int = 128  # tokens that it looks back at most


@dataclasses.dataclass
class TrainingConfig:
    """How it learns; see ``operators.lm.training``."""

    tokens: Quantity = 4_000_000  # that are learned from, repeats included
    batch: int = 32  # sequences per step
    rate: float = 3e-3  # at its highest
    warm_up: float = 0.05  # share of the steps
    seed: int = 0  # of the first weights
    device: str = "auto"  # auto, cpu or cuda


@dataclasses.dataclass
class RoundsConfig:
    """When and how the proportions change, by whatever rule."""

    steps: int = 50  # between two updates
    first: Any = "uniform"  # proportions of the first round: uniform, natural, or {domain: share}
    evaluation: Any = "uniform"  # what counts in the end: uniform, natural, or {domain: share}
    least: int = 1  # sequences of a domain that make a new gradient; with fewer it keeps the older
    floor: float = 0.0  # share that no domain falls below
    smoothing: float = 0.0  # weight of the former proportions in the new ones
    apart: Quantity = 16_384  # tokens of each domain that are not learned from, for rules that measure on such text
    take: str = "final"  # proportions to hand on: final, of the last round, or average, over all


@dataclasses.dataclass
class Config(Common):
    """corpusmill balance."""

    domains: str | None = None  # a manifest
    counts: str | None = None  # a manifest; without it the tokens of `domains` are counted
    tokenizer: dict[str, Any] = MISSING  # for that, by _target_
    reference: str | None = None  # a manifest of a language model, for rules that compare with one
    balance: dict[str, Any] = MISSING  # the rule, by _target_
    samples: dict[str, Any] = dataclasses.field(default_factory=dict)  # weights within a batch, by _target_
    rounds: RoundsConfig = dataclasses.field(default_factory=RoundsConfig)
    streams: corpus.StreamsConfig = dataclasses.field(default_factory=corpus.StreamsConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    eval: proxy.EvalConfig = dataclasses.field(default_factory=proxy.EvalConfig)
    seed: int = 0  # of the order of sequences, which all runs share
    threads: int = 1  # of the processor
    against: bool = False  # also train without the rule, by the first proportions, to know what it costs and gains


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Proportions that training came to."""
    rule: Rule = instantiate(config.balance, "balance")
    if not hasattr(rule, "probes"):
        raise ConfigError(f"balance._target_={config.balance.get('_target_')!r} is no rule: take one of "
                          "corpusmill.operators.weight.balance")
    choose("rounds.take", config.rounds.take, ("final", "average"))
    found = inputs.resolve(store, {"domains": config.domains, "counts": config.counts}, ["domains", "documents"])
    here = session(config, store, engine)
    counts = found.get("counts") or count.run(_counting(config, found["domains"]), store, engine)
    tokens = corpus.made(here, config.streams, found, aligned.Subset(config.limit, config.sample))
    chosen = {"counts": counts, "domains": found["domains"], "tokens": tokens}
    setting = _setting(config, rule, tokens)
    reference, digest = _reference(store, config.reference, rule, setting.shape)
    parameters = _parameters(setting, config, digest)
    made = stage.Stage("proportions", stage.NO_ROWS, parameters, chosen, counts.view, exact=False)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    domains = {name: corpus.fetched(store, tokens, name) for name in sorted(tokens.details["domains"])}
    if here.plan:
        _planned(here, made, setting)
    with deterministic(config.threads, device_of(setting.plan.device).type):
        trained = {type(rule).__name__.lower(): _trained(here, made, setting, domains, reference)}
        if config.against and not isinstance(rule, Fixed):
            trained["fixed"] = _trained(here, made, dataclasses.replace(setting, rule=Fixed()), domains, None)
    available = {name: total.tokens for name, total in count.totals(counts).items()}
    done = _written(here, made, trained, available, counts.details["unit"], config.rounds.take)
    exchange.clean(here, done)
    return done


def _counting(config: Config, domains: Manifest) -> count.Config:
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    return count.Config(**common, domains=domains.path, tokenizer=config.tokenizer)


def _setting(config: Config, rule: Rule, tokens: Manifest) -> Setting:
    """Raises ConfigError for settings that mean nothing, or shares of domains that there are not."""
    model, asked = config.model, config.rounds
    plan = Plan(**(dataclasses.asdict(config.training) | {"tokens": quantity("training.tokens", config.training.tokens)}))
    check_share(asked.smoothing, "rounds.smoothing")
    if config.threads < 1:
        raise ConfigError(f"threads={config.threads}: give at least 1")
    if asked.steps < 1 or asked.least < 1:
        raise ConfigError(f"rounds.steps={asked.steps}, rounds.least={asked.least}: give whole numbers from 1")
    unique = {name: told["unique_tokens"] for name, told in tokens.details["domains"].items()}
    samples = instantiate(config.samples, "samples") if config.samples else None
    if samples is not None and not hasattr(samples, "weights"):
        raise ConfigError(f"samples._target_={config.samples['_target_']!r} weighs no samples; take samples=linupper")
    shape = Shape(model.layers, model.width, model.heads, model.context, tokens.details["vocabulary"])
    return Setting(shape, plan, rule,
                   shares_of(asked.first, unique, "rounds.first"), shares_of(asked.evaluation, unique, "rounds.evaluation"),
                   asked.steps, asked.least, asked.floor, asked.smoothing, config.seed, samples,
                   quantity("rounds.apart", asked.apart))


def shares_of(given: Any, sizes: Mapping[str, int], where: str) -> Doubles:
    """``uniform``, ``natural`` (by size) or shares by name, over the domains in order, (m,).

    Raises ConfigError for anything else, or where no domain that is named is trained on.
    """
    names = sorted(sizes)
    if isinstance(given, Mapping):
        return evaluation_shares({str(name): share for name, share in given.items()}, names, where)
    choose(where, str(given), ("uniform", "natural"))
    found = np.array([sizes[name] if given == "natural" else 1 for name in names], np.float64)
    shares: Doubles = found / found.sum()
    return shares


def _reference(store: Store, given: str | None, rule: Rule, shape: Shape) -> tuple[GPT | None, str]:
    """The model to compare with, and its digest; nothing where the rule needs none.

    Raises ConfigError for one that reads other tokens, or fewer at once.
    """
    if given is None or REFERENCE not in rule.needs:
        return None, ""
    made = manifests.resolve(store, given)
    if "artifact" not in made.details:
        raise ConfigError(f"reference={given} is a manifest of {made.stage}, with which no model was learned: name what "
                          "train_lm or balance wrote")
    digest = str(made.details["artifact"])
    model, _ = from_bytes(artifacts.fetch(store, digest).read_bytes(), f"reference={given}")
    if model.shape.vocabulary != shape.vocabulary or model.shape.context < shape.context:
        raise ConfigError(f"reference={given} reads {model.shape.context} of {model.shape.vocabulary} tokens at once, but "
                          f"{shape.context} of {shape.vocabulary} are trained on: give one of the same vocabulary and as much "
                          "context")
    return model, digest


def _parameters(setting: Setting, config: Config, reference: str) -> dict[str, Any]:
    """What the key is made of."""
    plain = ("steps", "least", "floor", "smoothing", "apart", "order")
    found = {"rule": describe(setting.rule), "shape": dataclasses.asdict(setting.shape), "take": config.rounds.take,
             "plan": dataclasses.asdict(setting.plan), "first": setting.first.tolist(), "version": VERSION,
             "evaluation": setting.evaluation.tolist(), "against": config.against, "reference": reference,
             "samples": None if setting.samples is None else describe(setting.samples),
             "subset": aligned.Subset(config.limit, config.sample).parameters(), "threads": config.threads,
             "at": proxy.evaluated_at(config.eval), "held_out": proxy.evaluated_on(config.eval)}
    return found | {name: getattr(setting, name) for name in plain}


def _planned(here: Session, made: stage.Stage, setting: Setting) -> None:
    steps = setting.plan.steps(setting.shape.context)
    flops = steps * setting.plan.batch * setting.shape.context * setting.shape.flops
    note(f"plan of {made.name}: {setting.shape.parameters:,} parameters, {steps:,} steps in rounds of {setting.steps}, "
         f"{flops:.3g} operations, in this process", here.quiet)
    raise stage.Planned(made.name)


def _trained(here: Session, made: stage.Stage, setting: Setting, domains: Mapping[str, corpus.Domain],
             reference: GPT | None) -> results.Result:
    """Learn to the end, from the last checkpoint where there is one."""
    course = Course(setting, {name: domain.learned for name, domain in domains.items()}, reference)
    rule = type(setting.rule).__name__.lower()
    path, store, rows = f"{made.name}/{made.key}/scratch/{rule}.pt", here.store, list[dict[str, Any]]()
    at, most = marks(made.parameters["at"], course.learner.total), int(made.parameters["held_out"])
    if store.exists(path):
        data = io.BytesIO(bytes(memoryview(store.read(path))))
        state = torch.load(data, map_location=course.device, weights_only=True)
        course.restore(state["course"])
        rows = state["evaluations"]
        note(f"{rule}: goes on after {course.learner.step} of {course.learner.total} steps", here.quiet)
    saved, step = time.monotonic(), course.learner.step
    with here.progress(f"{rule}: steps", course.learner.total - step) as bar:
        while not course.done:
            interrupts.check()
            course.advance()
            for _ in range(course.learner.step - step):  # an advance may take probes with it
                bar.advance(setting.plan.batch, course.tokens)
            if any(step < mark <= course.learner.step for mark in at):
                rows.append(results.evaluation(course, domains, most))
            step = course.learner.step
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                _save(store, path, course, rows)
                saved = time.monotonic()
    if not course.learner.total == step == course.rows[-1]["step"]:
        raise AssertionError(f"{rule} took {step} of {course.learner.total} steps")
    _save(store, path, course, rows)
    return results.Result(course, rows)


def _save(store: Store, path: str, course: Course, rows: list[dict[str, Any]]) -> None:
    data = io.BytesIO()
    torch.save({"course": course.state(), "evaluations": rows}, data)
    store.write(path, data.getvalue())


def _written(here: Session, made: stage.Stage, trained: Mapping[str, results.Result], available: Mapping[str, int], unit: str,
             take: str) -> Manifest:
    """The files and the manifest; the digest is that of the proportions, since the others tell how long it took."""
    store, folder = here.store, f"{made.name}/{made.key}"
    first = next(iter(trained.values()))
    facts = results.details(first, available, unit, take)
    facts["artifact"] = artifacts.put(store, to_bytes(first.course.learner.model, {"plan": made.parameters["plan"]}))
    unique = {name: told["unique_tokens"] for name, told in made.inputs["tokens"].details["domains"].items()}
    cost = results.overhead(trained)
    store.write(f"{folder}/trajectory.parquet", results.parquet(results.trajectory(first.course)))
    store.write(f"{folder}/runs.parquet", results.parquet(results.runs(trained, made.key[:8], unique)))
    store.write(f"{folder}/overhead.json", results.as_json(cost))
    for name, share in sorted(facts["proportions"].items(), key=lambda one: -one[1]):
        note(f"{made.name}: {name}: {share:.4f}, held-out loss {first.losses.get(name, float('nan')):.4f}", here.quiet)
    note(f"{made.name}: the rule took {cost['method_seconds']:.1f} of {cost['seconds']:.1f} s and "
         f"{cost['method_bytes'] / 1e6:,.1f} MB", here.quiet)
    return stage.commit_file(here, made, "proportions.json", results.as_json(facts), facts)


if __name__ == "__main__":
    raise SystemExit(main(["balance", *sys.argv[1:]]))
