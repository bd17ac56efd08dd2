"""The least of an objective over a region: SLSQP from several starts, a proof of how good the end is, and shadow prices.

    m domains · r free variables · k pieces · l limits
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog, lsq_linear, minimize

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.solve.constraints import TIGHT, Limit, Region
from corpusmill.operators.weight.solve.objective import Near, Objective

ACTIVE = 1e-7  # a limit with less room than this binds
STEPS = 400
CLOSE = 1e-12  # nats of objective by which a step ends the descent; below it, the worst of many losses goes to and fro
MISSED = 1e-9  # by how much an end may miss a limit
SAME = 1e-6  # of objective, by which two ends are one minimum


@dataclasses.dataclass(frozen=True)
class Binding:
    """A limit that holds the optimum back."""

    limit: Limit
    price: float  # by how much the objective would fall for each unit by which the bound is loosened, at first


@dataclasses.dataclass(frozen=True)
class Optimum:
    """The best end."""

    mix: Doubles  # (m,)
    value: float
    gap: float  # nats that are left at most, where the objective is convex
    binding: tuple[Binding, ...]
    starts: int
    agreeing: int  # starts that end at the same value


def optimum(objective: Objective, region: Region, starts: Sequence[Doubles]) -> Optimum:
    """From every start (m,), moved into the region; the starts count as ends, so that steps of a law cannot make it worse.

    Raises DataError where no end meets the limits.
    """
    inside = [nearest(start, region) for start in starts]
    ends = [_descended(objective, region, start) for start in inside]
    candidates = np.array([*ends, *inside])
    allowed = np.array([region.missed(mix) <= MISSED for mix in candidates])
    if not allowed.any():
        raise DataError("no mixture that meets the limits was found: loosen them a little")
    values = np.where(allowed, objective.value(candidates), np.inf)
    best = int(values.argmin())
    gap, binding = certificate(objective, region, candidates[best])
    agreeing = int((values[:len(ends)] <= values[best] + SAME).sum())
    return Optimum(candidates[best], float(values[best]), gap, binding, len(starts), agreeing)


def nearest(mix: Doubles, region: Region) -> Doubles:
    """The allowed mixture that is nearest in Euclid's sense; itself where it is allowed."""
    if region.missed(mix) <= 1e-12:
        return mix
    return _descended(Near(mix), region, mix)


def _descended(objective: Objective, region: Region, start: Doubles) -> Doubles:
    """Where SLSQP ends (m,). With pieces, a further variable is their maximum."""
    low, high, rows, bounds = region.split()
    r, peaked = region.blend.shape[1], objective.pieces(start) is not None
    pad = np.zeros((len(rows), 1)) if peaked else np.zeros((len(rows), 0))
    ones = np.append(np.ones(r), np.zeros(pad.shape[1]))

    def value(x: Doubles) -> tuple[float, Doubles]:
        smooth, slope = objective.smooth(region.blend @ x[:r])
        return smooth + float(x[r:].sum()), np.append(slope @ region.blend, np.ones(len(x) - r))

    limits = [{"type": "eq", "fun": lambda x: ones @ x - 1, "jac": lambda x: ones}]
    if len(rows):
        held = np.concatenate([rows, pad], 1)
        limits.append({"type": "ineq", "fun": lambda x: bounds - held @ x, "jac": lambda x: -held})
    x = region.settled(region.reduced(start))
    if peaked:
        limits.append({"type": "ineq", "fun": lambda x: x[r] - _pieces(objective, region.blend @ x[:r])[0],
                       "jac": lambda x: _below(_pieces(objective, region.blend @ x[:r])[1] @ region.blend)})
        x = np.append(x, _pieces(objective, region.blend @ x)[0].max())
    ends = [*zip(low, np.maximum(low, high), strict=True)] + [(None, None)] * pad.shape[1]
    found = minimize(value, x, jac=True, method="SLSQP", bounds=ends, constraints=limits,
                     options={"ftol": CLOSE, "maxiter": STEPS})
    end = found.x[:r] if np.isfinite(found.x).all() else x[:r]
    return np.asarray(region.blend @ region.settled(end))


def certificate(objective: Objective, region: Region, mix: Doubles) -> tuple[float, tuple[Binding, ...]]:
    """What is left at most, and which limits bind at which price.

    The prices are Lagrange's multipliers: those that best balance the slopes, from 0. What is left is Frank and Wolfe's gap: of
    a convex objective, the most that the linear model at the mixture promises anywhere in the region.
    """
    smooth = objective.smooth(mix)[1] @ region.blend
    heights, slopes = _pieces(objective, mix)
    steep = slopes @ region.blend
    room = region.bounds - region.rows @ region.reduced(mix)
    tight, zero = np.flatnonzero(room <= ACTIVE), np.flatnonzero(region.reduced(mix) <= ACTIVE)
    high = np.flatnonzero(heights >= heights.max() - ACTIVE) if len(heights) else np.zeros(0, np.intp)
    r = len(smooth)
    columns = np.concatenate([steep[high], region.rows[tight], -np.eye(r)[zero], np.ones((1, r))]).T
    least = np.append(np.zeros(columns.shape[1] - 1), -np.inf)
    system, wanted = columns, -smooth
    if len(high):  # their weights must sum to 1, which weighs more than any slope
        scale = 1e3 * max(1.0, float(np.abs(columns).max()))
        system = np.concatenate([columns, scale * np.repeat([1.0, 0.0], [len(high), columns.shape[1] - len(high)])[None]])
        wanted = np.append(-smooth, scale)
    found = lsq_linear(system, wanted, (least, np.full(len(least), np.inf)), method="bvls", tol=1e-14)
    shares = np.zeros(len(heights))
    shares[high] = found.x[:len(high)] / max(float(found.x[:len(high)].sum()), 1e-300)
    slope = smooth + shares @ steep if len(heights) else smooth
    lowest = linprog(slope, A_ub=region.rows, b_ub=region.bounds, A_eq=np.ones((1, r)), b_eq=[1.0], bounds=(0, 1),
                     method="highs", options=TIGHT)
    promised = float(slope @ region.reduced(mix) - lowest.fun) if lowest.status == 0 else 0.0
    left = max(0.0, promised) + (float(heights.max() - shares @ heights) if len(heights) else 0.0)
    prices = found.x[len(high):len(high) + len(tight)]
    return left, tuple(Binding(region.limits[place], float(price)) for place, price in zip(tight, prices, strict=True))


def _below(steep: Doubles) -> Doubles:
    """Slopes of a maximum less its pieces, by the variables and the maximum: (k, r + 1)."""
    return np.column_stack([-steep, np.ones(len(steep))])


def _pieces(objective: Objective, mix: Doubles) -> tuple[Doubles, Doubles]:
    """Those of the objective; none where it has none."""
    found = objective.pieces(mix)
    return (np.zeros(0), np.zeros((0, len(mix)))) if found is None else found
