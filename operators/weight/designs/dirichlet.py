"""Draws around the natural mixture, near and far: RegMix's design (Liu et al. 2024, arXiv 2407.01492).

    mixture ~ Dirichlet(strength · prior),  prior ∝ natural^(1 / temperature)

A small strength gives mixtures of one or two domains, a large one mixtures near the prior. Of RegMix's code this differs in two
ways: strengths are spaced evenly on the logarithmic scale, one per run, rather than drawn; and a share above its cap is brought
to the cap (see ``space``) rather than the mixture thrown away, which under tight caps would throw away most of them.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.space import Space
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.shares import check_positive


@dataclasses.dataclass(frozen=True)
class Dirichlet:
    """n draws; strengths from ``weakest`` to ``strongest``.

    Shares below ``least`` become 0 where no floor forbids it. ``most`` caps a domain at so many times its natural share; None
    leaves that to the bounds.
    """

    weakest: float = 0.1
    strongest: float = 5.0
    temperature: float = 1.0
    least: float = 2e-4
    most: float | None = 15.0
    version: ClassVar[str] = "1"
    repeats: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("weakest", "strongest", "temperature"):
            check_positive(getattr(self, name), f"design {name}")
        if self.weakest > self.strongest:
            raise ConfigError(f"design weakest={self.weakest} is above strongest={self.strongest}")
        if not 0 <= self.least < 0.5:
            raise ConfigError(f"design least={self.least}: give a share from 0 to 0.5")
        if self.most is not None and self.most < 1:
            raise ConfigError(f"design most={self.most}: a domain gets at least its natural share, give a number from 1")

    def size(self, domains: int, /) -> None:
        """As many as are asked for."""

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """(n, m)."""
        rng = np.random.default_rng(seed)
        if self.most is not None:
            space = space.within(np.maximum(self.most * space.natural, space.low))
        prior = np.where(space.natural > 0, space.natural, 0) ** (1 / self.temperature)
        strengths = rng.permutation(np.geomspace(self.weakest, self.strongest, runs))
        # Gammas of shapes near 0 underflow; their logarithms by log Γ(a) = log Γ(a + 1) + log(u) / a do not.
        shapes = np.maximum(strengths[:, None] * prior / prior.sum(), 1e-9)
        logs = np.log(rng.standard_gamma(shapes + 1)) + np.log1p(-rng.random(shapes.shape)) / shapes
        logs[:, prior == 0] = -np.inf
        drawn = np.exp(logs - logs.max(1, keepdims=True))
        mixes = space.project(drawn / drawn.sum(1, keepdims=True))
        mixes[(mixes < self.least) & (space.low == 0)] = 0
        return space.project(mixes / mixes.sum(1, keepdims=True))
