"""The optimum of a fitted law, within limits; UniMax where the law promises no more than its noise."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.laws.bimix import BiMix
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Doubles, Points
from corpusmill.operators.weight.shares import Weighed, check_available, check_matched, check_positive, renamed
from corpusmill.operators.weight.solve import report
from corpusmill.operators.weight.solve.constraints import Region, region
from corpusmill.operators.weight.solve.draws import best_drawn
from corpusmill.operators.weight.solve.objective import Predicted
from corpusmill.operators.weight.solve.optimiser import MISSED, Optimum, certificate, nearest, optimum
from corpusmill.operators.weight.unimax import UniMax

STEPPED = ("lightgbm", "stack")  # laws that have no slope of their own
CORNER = 0.8  # share of one domain in a start near its corner


@dataclasses.dataclass(frozen=True)
class Optimal:
    """Proportions of the least predicted loss.

    The objective is the losses weighed by ``targets``, or the worst of them against a baseline, plus ``kl`` × KL(p ‖ natural).
    Found by SLSQP on the law's own slopes from natural, uniform, UniMax, the best run, and the best of corners and random
    mixtures, or by RegMix's rule. Where the predicted gain over UniMax is below ``margin`` × noise (see solve/report.py),
    the proportions are UniMax's, moved as little as the limits want.
    """

    law: str  # law.json, or the dataset law: a path, a manifest or @NAME
    budget: int | None = None  # tokens; None is all that is available
    max_epochs: float | None = 4.0  # times that a domain may be repeated; None is no cap
    n_params: int | None = None  # of the model that is to be trained, for laws that know of sizes
    objective: str = "weighted"  # weighted | worst
    targets: Any = "uniform"  # weights of losses: uniform, natural, or target → weight
    baseline: Any = "natural"  # of worst: natural, uniform, unimax, best_run, or target → loss
    kl: float = 0.0  # nats of objective for a nat of divergence from natural
    shares: Mapping[str, Any] | None = None  # domain → min, max
    groups: Mapping[str, Any] | None = None  # name → domains, min, max, ratios
    rename: Mapping[str, str] | None = None  # domain of the law → domain of the data
    method: str = "gradient"  # gradient | draws
    starts: int = 16  # of gradient, besides natural, uniform, UniMax and the best run
    draws: int = 100_000  # of draws
    top: int = 128  # of draws: how many of the best are averaged
    strength: float = 1.0  # of draws: Dirichlet's parameters are it times the natural shares
    seed: int = 0  # of starts and draws
    margin: float = 1.0  # times the noise that a gain over UniMax must reach; 0 never falls back
    reads: ClassVar[Mapping[str, str]] = {"law": "law"}
    version: ClassVar[str] = "2"

    def __post_init__(self) -> None:
        for key, allowed in (("objective", ("weighted", "worst")), ("method", ("gradient", "draws"))):
            if getattr(self, key) not in allowed:
                raise ConfigError(f"weigh.{key}={getattr(self, key)!r}: give {' or '.join(allowed)}")
        for key in ("kl", "margin"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ConfigError(f"weigh.{key}={value!r}: give a number from 0")
        check_positive(self.strength, "weigh.strength")
        if self.max_epochs is not None:
            check_positive(self.max_epochs, "weigh.max_epochs")
        for key in ("budget", "n_params"):
            if getattr(self, key) is not None:
                whole(f"weigh.{key}", getattr(self, key), 1, 1 << 62)
        for key, low, high in (("starts", 0, 1 << 10), ("draws", 1, 1 << 24), ("top", 1, 1 << 20), ("seed", 0, 1 << 62)):
            whole(f"weigh.{key}", getattr(self, key), low, high)
        for key in ("shares", "groups", "rename"):
            if not isinstance(getattr(self, key), Mapping | None):
                raise ConfigError(f"weigh.{key}={getattr(self, key)!r}: give a mapping")

    def weigh(self, available: Mapping[str, int], read: Mapping[str, bytes]) -> Weighed:
        """Proportions, with all that was compared as "solution". Raises ConfigError for settings that the law cannot meet."""
        tokens = check_available(available)
        model = LawModel.from_json(read["law"], self.law)
        names = renamed(model.domains, self.rename or {}, "weigh.rename")
        check_matched(names.values(), tokens, f"weigh.law={self.law}",
                      "fit the law on runs with these domains, or set weigh.rename={law's domain: domain of the data}")
        return Problem.of(self, model, {names[name]: tokens[names[name]] for name in model.domains}).solved()


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is asked of a law, with the mixtures that compete; domains in the order of the law."""

    asked: Optimal
    model: LawModel
    region: Region
    objective: Predicted
    rivals: Mapping[str, Doubles]  # natural, uniform, unimax, best_run: (m,)
    notes: tuple[str, ...]

    @classmethod
    def of(cls, asked: Optimal, model: LawModel, available: Mapping[str, int]) -> "Problem":
        """Read the settings against the law. ``available``: tokens per domain in the order of the law."""
        budget = asked.budget or sum(available.values())
        allowed = region(available, budget, asked.max_epochs, asked.shares or {}, asked.groups or {})
        sizes = np.array([float(n) for n in available.values()])
        rivals, notes = _rivals(asked, available, budget, allowed)
        scale = _scale(asked, model, sizes, budget)
        natural = rivals["natural"]
        weights = _weights(asked.targets, model, tuple(available), natural)
        flat = Predicted(lambda mix: model.predict(scale(mix)), lambda mix: model.gradient(scale(mix)), weights, natural,
                         kl=asked.kl)
        if asked.objective == "worst":
            known = rivals if asked.baseline != "best_run" else rivals | {"best_run": _best_run(model, flat)}
            flat = dataclasses.replace(flat, baseline=_baseline(asked.baseline, model, flat, known))
        return cls(asked, model, allowed, flat, rivals | {"best_run": _best_run(model, flat)}, notes)

    def solved(self) -> Weighed:
        """The optimum, or UniMax."""
        best, gap = self._found()
        verdict = report.judged(self.model, self.objective, best.mix, self.rivals["unimax"], self.asked.margin)
        told = {
            "law": report.law(self.model), "objective": self.asked.objective, "kl": self.asked.kl,
            "targets": dict(zip(self.model.targets, self.objective.weights.tolist(), strict=True)),
            "strategies": report.strategies(self.model, self.objective, self.region, {"optimum": best.mix, **self.rivals}),
            "observed": self._observed(), "binding": report.limits(best), "gap": gap, "starts": best.starts,
            "agreeing": best.agreeing, "method": self.asked.method, "gain": verdict.gain, "noise": verdict.noise,
            "margin": self.asked.margin, "fell_back": not verdict.worth,
        }
        notes = (*report.sentences(self.model, told, verdict), *self.notes)
        mix = best.mix if verdict.worth else self.rivals["unimax"]
        shares = {name: float(share) for name, share in sorted(zip(self.region.domains, mix, strict=True))}
        return Weighed(shares, {"solution": told | {"notes": list(notes)}}, notes)

    def _found(self) -> tuple[Optimum, float | None]:
        """The optimum, and its gap where the law has slopes that were followed."""
        if self.asked.method == "draws":
            prior = self.asked.strength * self.rivals["natural"]
            mix = best_drawn(self.objective, self.region, prior, self.asked.draws, self.asked.top, self.asked.seed)
            gap, _ = certificate(self.objective, self.region, mix)
            return Optimum(mix, float(self.objective.value(mix[None])[0]), gap, (), 0, 0), None
        best = optimum(self.objective, self.region, self._starts())
        return (dataclasses.replace(best, binding=()), None) if self._stepped else (best, best.gap)

    @property
    def _stepped(self) -> bool:
        return self.model.law.name in STEPPED

    def _starts(self) -> list[Doubles]:
        """Rivals; and of corners and random mixtures, those of the least value."""
        natural = self.rivals["natural"]
        corners = CORNER * np.eye(len(natural)) + (1 - CORNER) * natural
        chance = np.random.Generator(np.random.PCG64(self.asked.seed))
        gammas = chance.standard_exponential((2 * self.asked.starts, len(natural)))
        others = np.concatenate([corners, gammas / gammas.sum(1, keepdims=True)])
        order = np.argsort(self.objective.value(others), kind="stable")[:self.asked.starts]
        return [*self.rivals.values(), *others[order]]

    def _observed(self) -> dict[str, float]:
        """The losses that the best run had."""
        row = int(_scores(self.model, self.objective).argmin())
        return dict(zip(self.model.targets, self.model.losses[row].tolist(), strict=True))


def _rivals(asked: Optimal, available: Mapping[str, int], budget: int,
            allowed: Region) -> tuple[dict[str, Doubles], tuple[str, ...]]:
    sizes = np.array([float(n) for n in available.values()])
    even = (sizes > 0) / (sizes > 0).sum()
    unimax = even
    if asked.max_epochs is not None:
        found = UniMax(budget, asked.max_epochs).solve(available)
        unimax = np.array([found[name] for name in available])
    notes: tuple[str, ...] = ()
    if allowed.missed(unimax) > MISSED:
        unimax, notes = nearest(unimax, allowed), ("UniMax misses the limits: the nearest mixture within them stands for it",)
    return {"natural": sizes / sizes.sum(), "uniform": even, "unimax": unimax}, notes


def _scale(asked: Optimal, model: LawModel, sizes: Doubles, budget: int) -> Any:
    """Mixtures (n, m) → points at the scale that is asked for."""
    if "parameters" in model.law.needs and asked.n_params is None:
        raise ConfigError(f"weigh.n_params must be given: law {model.law.name} knows of the model's size")

    def points(mix: Doubles) -> Points:
        n = len(mix)
        parameters = None if asked.n_params is None else np.full(n, float(asked.n_params))
        return Points(mix, parameters, np.full(n, float(budget)), np.tile(sizes, (n, 1)))

    return points


def _weights(asked: Any, model: LawModel, domains: tuple[str, ...], natural: Doubles) -> Doubles:
    """Of the targets, (t,), summing to 1."""
    if asked in (None, "uniform"):
        return np.full(len(model.targets), 1 / len(model.targets))
    if asked == "natural":
        own = np.array(BiMix().named(model.domains, model.targets).own)
        if (own < 0).any():
            lacking = ", ".join(target for target, place in zip(model.targets, own, strict=True) if place < 0)
            raise ConfigError(f"weigh.targets=natural, but {lacking} is named after no domain: give target: weight")
        weights = natural[own]
    elif isinstance(asked, Mapping):
        weights = np.array([_by_target(asked, model, "weigh.targets").get(target, 0.0) for target in model.targets])
    else:
        raise ConfigError(f"weigh.targets={asked!r}: give uniform, natural, or a mapping of target: weight")
    if (weights < 0).any() or weights.sum() <= 0:
        raise ConfigError(f"weigh.targets={asked!r}: weights are from 0, and one is above")
    return np.asarray(weights / weights.sum())


def _by_target(asked: Mapping[Any, Any], model: LawModel, key: str) -> dict[str, float]:
    found = {str(target): value for target, value in asked.items()}
    for target, value in found.items():
        if target not in model.targets:
            near = difflib.get_close_matches(target, model.targets, n=1, cutoff=0.0)
            raise ConfigError(f"{key} names {target!r}, which the law does not predict: did you mean {near[0]!r}?")
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise ConfigError(f"{key}.{target}={value!r}: give a number")
    return found


def _baseline(asked: Any, model: LawModel, objective: Predicted, rivals: Mapping[str, Doubles]) -> Doubles:
    """Losses that the worst case is measured from, (t,)."""
    if isinstance(asked, Mapping):
        given = _by_target(asked, model, "weigh.baseline")
        counted = [target for target, weight in zip(model.targets, objective.weights, strict=True) if weight > 0]
        if missing := [target for target in counted if target not in given]:
            raise ConfigError(f"weigh.baseline leaves out {', '.join(missing)}: give each a loss")
        return np.array([given.get(target, 0.0) for target in model.targets])
    if asked not in rivals:
        raise ConfigError(f"weigh.baseline={asked!r}: give natural, uniform, unimax, best_run, or target: loss")
    return np.asarray(objective.losses(rivals[asked][None])[0])


def _scores(model: LawModel, objective: Predicted) -> Doubles:
    """The objective of the runs by the losses that they had, (n,)."""
    spread = objective.divergence(model.design) if objective.kl else np.zeros(len(model.design))
    return objective.loss(model.losses) + objective.kl * spread


def _best_run(model: LawModel, objective: Predicted) -> Doubles:
    return np.asarray(model.design[int(_scores(model, objective).argmin())])
