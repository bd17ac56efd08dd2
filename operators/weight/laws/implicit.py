"""Data Mixing Laws where a validation set is a blend of domains that nobody named (Ye et al. 2024, arXiv 2403.16952).

L = Σ_k s_k (c_k + exp(Σ_j t_kj r_j)) over K implicit domains with shares s. As shares of a mixture sum to 1, s_k goes into t_k
and the constants into one: what can be told apart is L = c + Σ_k exp(t_k · r). The authors fit it by AdamW; here it is
Gauss-Newton from several draws, which ends the same each time.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import whole
from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, minimise, positive, read
from corpusmill.operators.weight.runs import Doubles, Points

FLOOR = 0.7  # c at the start, as a part of the lowest loss


@dataclasses.dataclass(frozen=True)
class Implicit:
    """Fitted in the logarithm of losses by Huber's loss. ``shrink`` draws t to what gives every domain its part of the mean
    loss: a unit of logarithm away counts as much as one run with a relative error of √shrink.
    """

    domains: int = 4  # K
    draws: int = 6  # starts
    seed: int = 0  # of them
    huber: float = 0.02  # relative error from which a run counts linearly
    shrink: float = 1e-5
    name: ClassVar[str] = "implicit"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        whole("law.domains", self.domains, 1, 64)
        whole("law.draws", self.draws, 1, 1000)
        whole("law.seed", self.seed, 0, 1 << 62)
        positive(self, "huber", "shrink")

    def fit(self, points: Points, losses: Doubles) -> "ImplicitFit":
        """From at least 2 runs."""
        points, losses = checked(points, losses, 2, self.name)
        mix, t = points.mix, losses.shape[1]

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            return _logarithm(theta, mix, self.domains)

        floor = FLOOR * losses.min(0)
        level = np.log((losses.mean(0) - floor) / self.domains)
        chance = np.random.default_rng(self.seed)
        bent = chance.normal(0, 1, (self.draws, t, self.domains * mix.shape[1]))
        starts = np.concatenate([np.broadcast_to(np.log(floor)[:, None], (self.draws, t, 1)), level[:, None] + bent], 2)
        size = starts.shape[2]
        centre = np.concatenate([[np.log(floor.mean())], np.full(size - 1, level.mean())])
        objective = Objective(self.huber, self.shrink * np.eye(size), centre)
        theta, value = minimise(model, starts.reshape(-1, size), np.tile(np.log(losses.T), (self.draws, 1)), objective)
        best = best_of(self.draws, theta, value)
        return ImplicitFit(np.exp(best[:, 0]), best[:, 1:].reshape(t, self.domains, -1))

    def restore(self, parameters: Mapping[str, Any]) -> "ImplicitFit":
        """From ``ImplicitFit.parameters``."""
        return ImplicitFit(*read(parameters, self.name, floor=1, slopes=3))


@dataclasses.dataclass(frozen=True, slots=True)
class ImplicitFit:
    """c and t of every target and implicit domain."""

    floor: Doubles  # (t,), nats per token
    slopes: Doubles  # (t, K, m)

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.asarray(self.floor + self._each(points).sum(2))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return np.asarray(np.einsum("ntk,tkm->ntm", self._each(points), self.slopes))

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"floor": self.floor.tolist(), "slopes": self.slopes.tolist()}

    def _each(self, points: Points) -> Doubles:
        return np.asarray(np.exp(np.einsum("nm,tkm->ntk", points.mix, self.slopes)))


def _logarithm(theta: Doubles, mix: Doubles, domains: int) -> tuple[Doubles, Doubles]:
    """log L (b, n) and its derivatives (b, n, 1 + K m)."""
    b, (n, m) = len(theta), mix.shape
    floor = np.exp(theta[:, :1])
    slopes = theta[:, 1:].reshape(b, domains, m)
    each = np.exp(np.minimum(np.matmul(slopes, mix.T), 50))  # (b, K, n)
    loss = floor + each.sum(1)
    bent = (each[..., None] * mix).transpose(0, 2, 1, 3).reshape(b, n, domains * m)
    return np.log(loss), np.concatenate([np.broadcast_to(floor, loss.shape)[..., None], bent], 2) / loss[..., None]
