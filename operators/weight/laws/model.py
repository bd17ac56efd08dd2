"""A fitted law with what it was fitted on: what ``law.json`` holds, and what an optimum is sought on."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import linprog

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight import laws
from corpusmill.operators.weight.laws.contract import Fitted, Law
from corpusmill.operators.weight.runs import Doubles, Points

FORMAT = "corpusmill.law/1"
ERRORS = ("mre", "mae", "rmse", "pearson", "spearman")


@dataclasses.dataclass(frozen=True)
class LawModel:
    """n runs of m domains, t targets."""

    law: Law
    fitted: Fitted
    domains: tuple[str, ...]  # in the order of the shares
    targets: tuple[str, ...]  # in the order of the losses
    design: Doubles  # (n, m): the mixtures that it was fitted on
    losses: Doubles  # (n, t): observed there, nats per token
    errors: Mapping[str, Mapping[str, float]]  # target → mre, mae, rmse, pearson, spearman on runs held out
    noise: Doubles | None  # (t,): standard deviation between repeats of equal mixtures, pooled; None where there are none
    warnings: tuple[str, ...] = ()
    held_out: Doubles | None = None  # (n, t): predictions of the same runs by laws that did not see them

    def predict(self, points: Points) -> Doubles:
        """Losses in nats per token, (n, t)."""
        return self.fitted.predict(points)

    def gradient(self, points: Points) -> Doubles:
        """∂ loss / ∂ share with the other shares held, (n, t, m)."""
        return self.fitted.gradient(points)

    def distance(self, mix: Doubles) -> float:
        """How far a mixture (m,) is from the convex hull of the design, in total variation: 0 inside, at most 1.

        That is the least share of the mixture that must move for it to become a blend of mixtures that were run.
        """
        design = np.unique(self.design, axis=0)
        n, m = design.shape
        # The prices y of domains at which the mixture is worth most above the dearest run z: the dual of moving shares, on
        # which HiGHS loops for 200 domains and an even mixture.
        found = linprog(np.append(-np.asarray(mix), 1.0), A_ub=np.column_stack([design, -np.ones(n)]), b_ub=np.zeros(n),
                        bounds=[(0, 1)] * m + [(None, None)], method="highs")
        return max(0.0, -float(found.fun))

    def to_json(self) -> bytes:
        """All of it; ``from_json`` predicts the same to the last bit."""
        facts = {
            "format": FORMAT, "law": laws.described(self.law), "fitted": self.fitted.parameters(),
            "domains": list(self.domains), "targets": list(self.targets), "design": self.design.tolist(),
            "losses": self.losses.tolist(), "errors": {target: dict(told) for target, told in self.errors.items()},
            "noise": None if self.noise is None else self.noise.tolist(), "warnings": list(self.warnings),
            "held_out": None if self.held_out is None else self.held_out.tolist(),
        }
        return json.dumps(facts, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> "LawModel":
        """Read back. Raises DataError, which begins with ``where``, for what ``to_json`` did not write."""
        try:
            facts = json.loads(data)
            if facts["format"] != FORMAT:
                raise DataError(f"it is of format {facts['format']!r}, not {FORMAT}")
            law = _law(facts["law"])
            noise, held_out = (None if (given := facts[name]) is None else np.array(given, np.float64)
                               for name in ("noise", "held_out"))
            made = cls(law, law.restore(facts["fitted"]), tuple(facts["domains"]), tuple(facts["targets"]),
                       np.array(facts["design"], np.float64), np.array(facts["losses"], np.float64), facts["errors"], noise,
                       tuple(facts["warnings"]), held_out)
            n, m, t = len(made.design), len(made.domains), len(made.targets)
            if (made.design.shape, made.losses.shape) != ((n, m), (n, t)):
                raise DataError(f"it has {m} domains and {t} targets, but a design of {made.design.shape} and losses of "
                                f"{made.losses.shape}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{where} is no law.json: {error!r}") from error
        except (ConfigError, DataError) as error:
            raise DataError(f"{where} is no law.json that can be read: {error}") from error
        return made


def _law(told: Mapping[str, Any]) -> Law:
    found = laws.law_of(**{key: value for key, value in told.items() if key != "version"})
    if found.version != told["version"]:
        raise DataError(f"law {found.name} is of version {told['version']}, here it is {found.version}: fit it again")
    return found
