"""UtiliMax: a portfolio of domains by what each does for each task (Held et al. 2025, arXiv 2501.11747)."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.shares import Weighed, check_available, check_known, check_matched, check_positive
from corpusmill.operators.weight.solve.constraints import region
from corpusmill.operators.weight.solve.objective import Quadratic
from corpusmill.operators.weight.solve.optimiser import optimum
from corpusmill.operators.weight.tables import by_domain


@dataclasses.dataclass(frozen=True)
class UtiliMax:
    """min_w ‖wᵀ U - 1‖² + risk · m Σ_j w_j² v_j, with no domain beyond its epochs (Markowitz's form).

    U holds the utility of each of m domains for each task, 0 to 1, from runs on one domain alone or from a language model's
    judgement; 1 for every task would be best. v is the variance of a domain, 1 for all unless it is given: then equal utilities
    give UniMax. The paper's summary that we have prints no weight of the risk; m makes it ``risk`` at uniform proportions.
    """

    utilities: Any  # a CSV or Parquet file with the column domain and one for each task; or domain → task → utility
    budget: int | None = None  # tokens; None is all that is available
    max_epochs: float | None = 4.0  # times that a domain may be repeated; None is no cap
    risk: float = 1.0  # how much a mixture of few domains costs
    variances: Mapping[str, float] | None = None  # domain → v; 1 where it is not named
    reads: ClassVar[Mapping[str, str]] = {"utilities": "table"}
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        check_positive(self.risk, "weigh.risk")
        if self.max_epochs is not None:
            check_positive(self.max_epochs, "weigh.max_epochs")
        if self.budget is not None:
            whole("weigh.budget", self.budget, 1, 1 << 62)
        if not isinstance(self.variances, Mapping | None):
            raise ConfigError(f"weigh.variances={self.variances!r}: give domain: variance")
        for name, value in (self.variances or {}).items():
            check_positive(value, f"weigh.variances.{name}")

    def weigh(self, available: Mapping[str, int], read: Mapping[str, Any]) -> Weighed:
        """Proportions, with the utility that is expected for each task and the caps that bind."""
        tokens = check_available(available)
        domains, tasks, table = by_domain(read.get("utilities", self.utilities), "weigh.utilities")
        check_matched(domains, tokens, "weigh.utilities", "give each domain a row")
        given = {str(name): float(value) for name, value in (self.variances or {}).items()}
        check_known(given, tokens, "weigh.variances")
        order = [domains.index(name) for name in tokens]
        utilities, m = table[order], len(tokens)
        variances = np.array([given.get(name, 1.0) for name in tokens])
        allowed = region(tokens, self.budget or sum(tokens.values()), self.max_epochs, {}, {})
        wanted = Quadratic(2 * (utilities @ utilities.T + self.risk * m * np.diag(variances)), -2 * utilities.sum(1))
        sizes = np.array([float(n) for n in tokens.values()])
        best = optimum(wanted, allowed, [sizes / sizes.sum(), (sizes > 0) / (sizes > 0).sum()])
        told = {"utilities": dict(zip(tasks, (best.mix @ utilities).tolist(), strict=True)), "gap": best.gap,
                "binding": [one.limit.name for one in best.binding if one.price > 0]}
        return Weighed(dict(zip(tokens, best.mix.tolist(), strict=True)), {"solution": told})
