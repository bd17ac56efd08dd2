"""Nested laws of steps, sizes and mixtures (Ye et al. 2024, arXiv 2403.16952): what a mixture would lose at a scale that was
not run, then a law of shares over that.

Every run's losses follow L(D) = c + (k/D)^α in tokens, α shared by its targets; the losses of all runs at D follow
L(N) = c + (k/N)^β in parameters, β shared by all; a law of shares is fitted on what they say at (N, D).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight import laws
from corpusmill.operators.weight.laws.contract import Fitted, Law
from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.laws.scaling import sizes_of
from corpusmill.operators.weight.runs import Doubles, Points

LEAST = 3  # points of a curve
NEAR = 0.05  # sum of absolute differences of shares, up to which two rows can be of one run
STARTS = ((0.5, 0.2), (0.8, 0.4), (0.95, 0.8))  # c as a part of the lowest loss, the exponent


@dataclasses.dataclass(frozen=True)
class Nested:
    """``skip``: the part of a run's tokens before which its evaluations are left out, where no power law holds yet."""

    base: str = "additive"  # a law that knows of shares alone
    skip: float = 0.1
    huber: float = 0.01  # relative error from which an evaluation counts linearly
    name: ClassVar[str] = "nested"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({"parameters", "tokens"})

    def __post_init__(self) -> None:
        positive(self, "huber")
        if not 0 <= self.skip < 1:
            raise ConfigError(f"law.skip={self.skip}: give a share from 0 to below 1")
        laws.plain(self.base, self.name)

    def fit(self, points: Points, losses: Doubles) -> "NestedFit":
        """From runs that were evaluated at least three times."""
        points, losses = checked(points, losses, LEAST, self.name)
        size, tokens = (sizes_of(points, name, self.name) for name in ("parameters", "tokens"))
        ends, run = runs_of(points.mix, size, tokens)
        found = []
        for place, end in enumerate(ends):
            own = np.flatnonzero(run == place)
            own = own[tokens[own] > self.skip * tokens[end]]
            if (seen := len(np.unique(tokens[own]))) < LEAST:
                raise DataError(f"law {self.name} needs {LEAST} evaluations of every run at different tokens; one of "
                                f"{size[end]:.0f} parameters has {seen} after its first {self.skip:.0%}")
            found.append(power_law(np.log(tokens[own]), losses[own], self.huber))
        floors, rises, exponents = (np.stack(parts) for parts in zip(*found, strict=True))
        return NestedFit(self, points.mix[ends], size[ends], floors, rises, exponents)

    def restore(self, parameters: Mapping[str, Any]) -> "NestedFit":
        """From ``NestedFit.parameters``."""
        mixes, sizes, floors, rises, exponents = read(parameters, self.name, mixes=2, sizes=1, floors=2, rises=2, exponents=1)
        return NestedFit(self, mixes, sizes, floors, rises, exponents)


@dataclasses.dataclass(frozen=True)
class NestedFit:
    """Curves of q runs; the law of shares at a scale is fitted when it is first asked for."""

    law: Nested
    mixes: Doubles  # (q, m)
    sizes: Doubles  # (q,): parameters
    floors: Doubles  # (q, t): c
    rises: Doubles  # (q, t): logarithm of k^α
    exponents: Doubles  # (q,): α
    known: dict[tuple[float, float], Fitted] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t), each mixture at its own parameters and tokens."""
        return self._asked(points, "predict", (self.floors.shape[1],))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return self._asked(points, "gradient", (self.floors.shape[1], self.mixes.shape[1]))

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name).tolist() for name in ("mixes", "sizes", "floors", "rises", "exponents")}

    def at(self, size: float, tokens: float) -> tuple[Doubles, Doubles]:
        """Mixtures (q′, m) and what each would lose there (q′, t). Raises DataError where sizes are too few to say."""
        losses = self.floors + np.exp(self.rises - (self.exponents * np.log(tokens))[:, None])
        if (same := self.sizes == size).any():
            return self.mixes[same], losses[same]
        known = np.unique(self.sizes)
        if len(known) < LEAST:
            raise DataError(f"law nested is asked for models of {size:.0f} parameters, but its runs have "
                            f"{', '.join(f'{n:.0f}' for n in known)}: run {LEAST} sizes, or ask for one of these")
        mixes, group = np.unique(self.mixes.round(9), axis=0, return_inverse=True)
        whole = [g for g in range(len(mixes)) if len(np.unique(self.sizes[group.ravel() == g])) == len(known)]
        if not whole:
            raise DataError(f"law nested: no mixture was run at all of {len(known)} sizes")
        table = np.stack([[losses[(group.ravel() == g) & (self.sizes == n)].mean(0) for g in whole] for n in known])
        floor, rise, exponent = power_law(np.log(known), table.reshape(len(known), -1), self.law.huber)
        return mixes[whole], (floor + np.exp(rise - exponent * np.log(size))).reshape(len(whole), -1)

    def _asked(self, points: Points, what: str, shape: tuple[int, ...]) -> Doubles:
        sizes, tokens = (sizes_of(points, name, self.law.name) for name in ("parameters", "tokens"))
        found = np.empty((len(points), *shape))
        for size, seen in {*zip(sizes.tolist(), tokens.tolist(), strict=True)}:
            rows = (sizes == size) & (tokens == seen)
            found[rows] = getattr(self._law(size, seen), what)(Points(points.mix[rows]))
        return found

    def _law(self, size: float, tokens: float) -> Fitted:
        if (size, tokens) not in self.known:
            base: Law = laws.law_of(self.law.base)
            mixes, losses = self.at(size, tokens)
            self.known[size, tokens] = base.fit(Points(mixes), losses)
        return self.known[size, tokens]


def runs_of(mix: Doubles, size: Doubles, tokens: Doubles) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The last row of every run, and the run of every row: of its size the nearest run that has no row at these tokens.

    What a run has realised of its shares differs a little from one evaluation to the next, so mixtures are not equal; beyond
    NEAR they are of another run. Runs of one size may have different lengths.
    """
    ends: list[int] = []
    seen: list[set[float]] = []
    run = np.empty(len(mix), np.intp)
    for row in np.lexsort([*mix.T, size, -tokens]):
        away = [np.abs(mix[row] - mix[end]).sum() if size[row] == size[end] and tokens[row] not in seen[i] else np.inf
                for i, end in enumerate(ends)]
        nearest = int(np.argmin(away)) if away else -1
        if not away or away[nearest] > NEAR:
            nearest = len(ends)
            ends.append(int(row))
            seen.append(set())
        run[row] = nearest
        seen[nearest].add(float(tokens[row]))
    return np.array(ends, np.intp), run


def power_law(logs: Doubles, losses: Doubles, huber: float) -> tuple[Doubles, Doubles, Doubles]:
    """c (t,), log k^α (t,) and α of L = c + (k/x)^α over log x (n,) and losses (n, t); weak ties decide what points do not."""
    (n, t), middle = losses.shape, float(logs.max())
    place = np.tile(np.arange(t), n)
    along = np.repeat(logs - middle, t)

    def model(theta: Doubles) -> tuple[Doubles, Doubles]:
        steep = np.exp(theta[:, :1])
        floor, term = np.exp(theta[:, 1 + place]), np.exp(theta[:, 1 + t + place] - steep * along)
        loss, one = floor + term, np.eye(t)[place]
        slopes = [(-steep * along * term)[..., None], floor[..., None] * one, term[..., None] * one]
        return np.log(loss), np.concatenate(slopes, 2) / loss[..., None]

    lowest = losses.min(0)
    starts = np.stack([np.concatenate([[np.log(steep)], np.log(part * lowest), np.log((1 - part) * lowest)])
                       for part, steep in STARTS])
    centre = np.concatenate([[np.log(0.35)], np.log(0.8 * lowest), np.log(0.2 * lowest)])
    objective = Objective(huber, 1e-7 * np.eye(1 + 2 * t), centre)
    theta, value = minimise(model, starts, np.tile(np.log(losses).ravel(), (len(STARTS), 1)), objective)
    best = best_of(len(STARTS), theta, value)[0]
    steep = float(np.exp(best[0]))
    return np.exp(best[1:1 + t]), best[1 + t:] + steep * middle, np.asarray(steep)
