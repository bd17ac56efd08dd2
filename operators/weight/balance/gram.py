"""Rules that follow gradients: a domain gains where its gradient points to what is evaluated.

    m domains · G (m, m): G_ij = <g_i, g_j> / (|S_i| |S_j|), of sums g_i over |S_i| sequences · p_eval (m,)

The gradients are those of the output layer alone, summed over the steps of a round (``operators/lm/gradients.py``).
"""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.weight.balance.contract import ALIGNMENT, GRAM, Doubles, Memory, Probes, Seen, multiplied, softmax
from corpusmill.operators.weight.shares import check_positive, check_share


@dataclasses.dataclass(frozen=True)
class Balance:
    """R&B's Balance (arXiv 2505.00358, algorithm 1): p ← softmax(λ G p_eval / ‖G p_eval‖₂).

    It overwrites the proportions and forgets older rounds. λ is ``strength``: 3 in the paper's one printed setting, and the
    larger, the further from uniform; shares differ by a factor of exp(λ √2) at most. Where G p_eval is 0, as where all
    gradients vanish, there is no direction and the proportions are uniform.
    """

    strength: float = 3.0  # λ
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({GRAM})

    def __post_init__(self) -> None:
        check_positive(self.strength, "balance.strength")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Without memory."""
        assert seen.gram is not None, "it needs the Gram matrix"
        return balanced(seen.gram, seen.evaluation, self.strength), memory


def balanced(gram: Doubles, evaluation: Doubles, strength: float) -> Doubles:
    """softmax(λ G p_eval / ‖G p_eval‖₂), (m,)."""
    pull = gram @ evaluation
    norm = float(np.linalg.norm(pull))
    return softmax(strength * pull / norm if norm > 0 else pull)


@dataclasses.dataclass(frozen=True)
class DoGE:
    """DoGE (arXiv 2310.15393): α_i ← α_i exp(η W_i / μ) / Z, with W_i = ⟨∇l_i, Σ_j ∇l_j⟩.

    With ``target`` the sum over all domains gives way to the gradient of p_eval: W_i = ⟨∇l_i, Σ_j p_j ∇l_j⟩. η / μ is
    ``rate``; the paper hands the time-average of α to the run that follows (``rounds.take=average``).
    """

    rate: float = 1.0  # η / μ
    target: bool = False  # align with p_eval, not with the sum of all domains
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({GRAM})

    def __post_init__(self) -> None:
        check_positive(self.rate, "balance.rate")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers α."""
        assert seen.gram is not None, "it needs the Gram matrix"
        towards = seen.evaluation if self.target else np.ones(len(seen.drawn))
        weights = multiplied(memory.get("weights", seen.drawn), self.rate * (seen.gram @ towards))
        return weights, {"weights": weights}


@dataclasses.dataclass(frozen=True)
class DGA:
    """Dynamic gradient alignment (arXiv 2410.02498): α_i ← α_i exp(η ⟨∇l_i, ∇l_spec⟩) / Z.

    ∇l_spec is the gradient of held-out text drawn by p_eval, taken at each update: that text must be set apart and read,
    which R&B saves. ``smoothing`` is the weight of the former α in their average.
    """

    rate: float = 1.0  # η
    smoothing: float = 0.1  # of the moving average of α
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset({GRAM, ALIGNMENT})

    def __post_init__(self) -> None:
        check_positive(self.rate, "balance.rate")
        check_share(self.smoothing, "balance.smoothing")

    def probes(self, domains: int, done: int, /) -> Probes | None:
        """None."""
        return None

    def update(self, seen: Seen, memory: Memory, /) -> tuple[Doubles, Memory]:
        """Remembers α."""
        assert seen.alignment is not None, "it needs the gradient of held-out text"
        before = memory.get("weights", seen.drawn)
        weights = self.smoothing * before + (1 - self.smoothing) * multiplied(before, self.rate * seen.alignment)
        return weights, {"weights": weights}
