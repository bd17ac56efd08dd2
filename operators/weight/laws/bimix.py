"""BiMix (Ge et al. 2024, arXiv 2405.14908), L_i = (A_i / r_i^a_i) (B_i / s^b_i + C_i), for runs of one length s.

There the second factor is a number that A_i takes in: L_i = A_i / r_i^a_i. That speaks only of targets that are domains too.
For others, and for all with ``form="sum"``, the sum over domains stands in, L_i = Σ_j A_ij / r_j^a_ij, a baseline of ours.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.fitting import Objective, checked, minimise, positive, read
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True)
class BiMix:
    """``floor`` is added to every share, so that a share of zero has a loss; ``own`` says which domain each target is.

    ``own`` is filled in from names where a run table is at hand; empty: all targets take the sum.
    """

    form: str = "own"  # own: the paper's where a target is a domain; sum: the sum for all
    floor: float = 3e-3
    huber: float = 0.02  # relative error from which a run counts linearly
    shrink: float = 1e-4
    own: tuple[int, ...] = ()  # place of the domain for each target, -1: none
    name: ClassVar[str] = "bimix"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        positive(self, "floor", "huber", "shrink")
        if self.form not in ("own", "sum"):
            raise ConfigError(f"law.form={self.form!r}: give own or sum")

    def named(self, domains: tuple[str, ...], targets: tuple[str, ...]) -> "BiMix":
        """With ``own`` by name: the domain whose name the target's is, or holds as a whole word, the longest of several."""
        return self if self.own else dataclasses.replace(self, own=tuple(_own(target, domains) for target in targets))

    def fit(self, points: Points, losses: Doubles) -> "BiMixFit":
        """From at least 2 runs."""
        points, losses = checked(points, losses, 2, self.name)
        (_, t), m = losses.shape, points.mix.shape[1]
        own = np.array(self.own if self.own and self.form == "own" else [-1] * t)
        if len(own) != t or own.max() >= m:
            raise ConfigError(f"law.own={self.own}: give a domain's number, 0 to {m - 1}, for each of {t} targets, or -1")
        logs, observed = np.log(points.mix + self.floor), np.log(losses)
        coefficients, exponents = np.zeros((t, m)), np.zeros((t, m))
        for target in np.flatnonzero(own >= 0):
            exponent, log_a = np.polyfit(logs[:, own[target]], observed[:, target], 1)
            coefficients[target, own[target]], exponents[target, own[target]] = np.exp(log_a), -exponent
        if (own < 0).any():
            coefficients[own < 0], exponents[own < 0] = self._summed(logs, observed[:, own < 0])
        return BiMixFit(coefficients, exponents, np.array(self.floor))

    def restore(self, parameters: Mapping[str, Any]) -> "BiMixFit":
        """From ``BiMixFit.parameters``."""
        return BiMixFit(*read(parameters, self.name, coefficients=2, exponents=2, floor=0))

    def _summed(self, logs: Doubles, observed: Doubles) -> tuple[Doubles, Doubles]:
        t, m = observed.shape[1], logs.shape[1]

        def model(theta: Doubles) -> tuple[Doubles, Doubles]:
            exponents = np.exp(theta[:, m:])
            powers = exponents[:, None, :] * logs
            terms = np.exp(np.minimum(theta[:, None, :m] - powers, 50))
            total = terms.sum(2)
            return np.log(total), np.concatenate([terms, -terms * powers], 2) / total[..., None]

        centre = np.concatenate([np.full(m, -3.0), np.full(m, -2.0)])
        starts = np.tile(np.log(0.1), (t, 2 * m))
        starts[:, :m] = (observed.mean(0) - np.log(1.6 * m))[:, None]
        theta, _ = minimise(model, starts, observed.T, Objective(self.huber, self.shrink * np.eye(2 * m), centre))
        return np.exp(theta[:, :m]), np.exp(theta[:, m:])


@dataclasses.dataclass(frozen=True, slots=True)
class BiMixFit:
    """A and a of every target and domain; A is 0 where the domain has no part in the target."""

    coefficients: Doubles  # (t, m), nats per token
    exponents: Doubles  # (t, m)
    floor: Doubles  # (): what is added to shares

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return np.asarray(self._terms(points.mix).sum(2))

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share, (n, t, m)."""
        return np.asarray(-self._terms(points.mix) * self.exponents / (points.mix + self.floor)[:, None, :])

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"coefficients": self.coefficients.tolist(), "exponents": self.exponents.tolist(), "floor": float(self.floor)}

    def _terms(self, mix: Doubles) -> Doubles:
        return np.asarray(self.coefficients * np.exp(-self.exponents * np.log(mix + self.floor)[:, None, :]))


def _own(target: str, domains: tuple[str, ...]) -> int:
    def words(name: str) -> str:
        return "_" + "".join(c if c.isalnum() else "_" for c in name) + "_"

    held = [(len(domain), -place) for place, domain in enumerate(domains) if words(domain) in words(target)]
    return -max(held)[1] if held else -1
