"""The optimum beside what it competes with: predicted losses, what limits cost, how far it is from the runs, is it worth it.

**When a gain counts.** A predicted gain over UniMax is a difference of two predictions, and one below ``margin`` × u is no
gain. u is what such a difference may be off by, measured where it is asked for: around each of the two mixtures the mean square
of the held-out errors of the objective, over the quarter of the runs that are nearest in total variation (8 at least); u² is
the mean of both. It is never below the noise of repeats, Σ s σ. Of the worst case it is the largest of the targets.

Where held-out predictions were not kept, or are of another size than the runs (``calibrated``), u is that of the whole design,
whose sparse corners err most: for each target √(rmse² + σ²), joined over the targets as the law's residuals on its runs go
together (correlations ρ), √(Σ s_i s_j ρ_ij u_i u_j); of a law that knows of sizes wholly together, Σ s u.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Doubles, Points
from corpusmill.operators.weight.solve.constraints import Region
from corpusmill.operators.weight.solve.objective import Predicted
from corpusmill.operators.weight.solve.optimiser import MISSED, Optimum

OUTSIDE = 1e-3  # distance from which it is said that a mixture is outside of the design
LEFT = 1e-4  # nats of gap from which an optimum is doubted
NEAREST, FEWEST = 0.25, 8  # share and least number of the runs whose errors are those of a mixture


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the optimum is worth leaving UniMax for."""

    gain: float  # predicted, over UniMax, without the divergence
    noise: float | None  # what a gain must exceed; None where the law has no held-out error
    worth: bool


def uncertainty(model: LawModel, objective: Predicted, mixes: Doubles) -> float | None:
    """u of a difference between mixtures (k, m), in nats; None where nothing was held out."""
    if model.held_out is None or model.law.name == "calibrated":
        return overall(model, objective)
    away = model.held_out - model.losses
    each = away @ objective.weights[:, None] if objective.baseline is None else away[:, objective.weights > 0]
    most = max(FEWEST, math.ceil(NEAREST * len(away)))
    near = [np.argsort(np.abs(model.design - mix).sum(1), kind="stable")[:most] for mix in mixes]
    found = np.sqrt(np.mean([(each[rows] ** 2).mean(0) for rows in near], axis=0)).max()
    if model.noise is None:
        return float(found)
    of_repeats = model.noise @ objective.weights if objective.baseline is None else model.noise[objective.weights > 0].max()
    return float(max(found, of_repeats))


def overall(model: LawModel, objective: Predicted) -> float | None:
    """u over the whole design, in nats; None where nothing was held out."""
    if set(model.errors) < set(model.targets):
        return None
    rmse = np.array([model.errors[target]["rmse"] for target in model.targets])
    sigma = np.zeros(len(rmse)) if model.noise is None else model.noise
    each = np.hypot(rmse, sigma)
    if objective.baseline is not None:
        return float(each[objective.weights > 0].max())
    weighed = each * objective.weights
    return float(np.sqrt(max(0.0, weighed @ _together(model) @ weighed)))


def _together(model: LawModel) -> Doubles:
    """Correlations of the residuals of targets, (t, t); 1 where they are not to be known."""
    t = len(model.targets)
    if model.law.needs or len(model.design) < 3:
        return np.ones((t, t))
    left = model.losses - model.predict(Points(model.design))
    left = left - left.mean(0)
    scale = np.sqrt((left**2).sum(0))
    return np.asarray(left.T @ left / np.maximum(np.outer(scale, scale), np.finfo(float).tiny) * (1 - np.eye(t)) + np.eye(t))


def judged(model: LawModel, objective: Predicted, mix: Doubles, unimax: Doubles, margin: float) -> Verdict:
    """By the rule above."""
    ours, theirs = objective.loss(objective.losses(np.array([mix, unimax])))
    noise = uncertainty(model, objective, np.array([mix, unimax]))
    gain = float(theirs - ours)
    return Verdict(gain, noise, noise is None or margin == 0 or gain >= margin * noise)


def strategies(model: LawModel, objective: Predicted, region: Region, mixes: Mapping[str, Doubles]) -> dict[str, Any]:
    """What is predicted at each mixture, as JSON; shares by the names of ``region``."""
    stacked = np.array(list(mixes.values()))
    losses = objective.losses(stacked)
    scores, spread = objective.loss(losses), objective.divergence(stacked)
    return {name: {"proportions": _by(region.domains, stacked[i]), "objective": float(scores[i]),
                   "divergence": float(spread[i]) if np.isfinite(spread[i]) else None,
                   "losses": _by(model.targets, losses[i]), "distance": model.distance(stacked[i]),
                   "allowed": region.missed(stacked[i]) <= MISSED} for i, name in enumerate(mixes)}


def limits(best: Optimum) -> list[dict[str, Any]]:
    """The binding limits, as JSON, the dearest first."""
    rows = [{"limit": one.limit.name, "kind": one.limit.kind, "of": one.limit.of, "price": one.price} for one in best.binding]
    return sorted(rows, key=lambda row: (-float(str(row["price"])), str(row["limit"])))


def law(model: LawModel) -> dict[str, Any]:
    """Which law spoke, and what it is worth."""
    mean = np.mean([told["mre"] for told in model.errors.values()]) if model.errors else None
    return {"name": model.law.name, "version": model.law.version, "runs": len(model.design),
            "held_out": {target: dict(told) for target, told in model.errors.items()},
            "mre": None if mean is None else float(mean),
            "noise": None if model.noise is None else _by(model.targets, model.noise), "warnings": list(model.warnings)}


def sentences(model: LawModel, told: Mapping[str, Any], verdict: Verdict) -> tuple[str, ...]:
    """For the user."""
    error = "" if told["law"]["mre"] is None else f", {told['law']['mre']:.2%} off on held-out runs"
    scores = ", ".join(f"{name} {one['objective']:.4f}" for name, one in told["strategies"].items())
    found = [f"law {model.law.name} on {len(model.design)} runs{error}, predicts {scores}"]
    if not verdict.worth and verdict.noise is not None:
        found.append(f"the predicted gain over UniMax, {verdict.gain:.4f} nats, is within the noise of {verdict.noise:.4f} "
                     "(held-out errors near both, and repeats): UniMax is taken; weigh.margin=0 takes the optimum")
    if verdict.noise is None:
        found.append("the law has no held-out error, so whether its gain over UniMax is real cannot be said")
    optimum = told["strategies"]["optimum"]
    if optimum["distance"] > OUTSIDE:
        found.append(f"warning: the optimum is outside of the mixtures that were run: {optimum['distance']:.2%} of it would "
                     "have to move, and the law extrapolates")
    if (told["gap"] or 0.0) > LEFT:
        found.append(f"warning: up to {told['gap']:.4f} nats may be left between this optimum and the least of the law")
    found += [f"warning: {warning}" for warning in model.warnings]
    return tuple(found)


def _by(names: tuple[str, ...], values: Doubles) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
