"""Weights of the sequences within a batch, by their own losses: what is learned already counts less.

    B sequences
"""

import dataclasses
from typing import ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import Doubles, softmax
from corpusmill.operators.weight.shares import check_positive


@dataclasses.dataclass(frozen=True)
class LinUpper:
    """Dynamic loss-based reweighting (Sow et al., ICLR 2025), in its form LinUpper: w ∝ exp(f(h) / λ), Σ w = B.

    h maps the losses of the batch onto [-δ, δ], its least loss to -δ and its greatest to δ; f(h) = min(h + δ, δ) grows from 0
    to δ in the lower half and stays there, so that low losses count less and outliers no more than others. λ is
    ``temperature``: the larger, the more even; the first ``burn_in`` steps are even.
    """

    delta: float = 1.0  # δ
    temperature: float = 1.0  # λ
    burn_in: int = 1000  # steps at first that are not weighted
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        check_positive(self.delta, "samples.delta")
        check_positive(self.temperature, "samples.temperature")
        if isinstance(self.burn_in, bool) or not isinstance(self.burn_in, int) or self.burn_in < 0:
            raise ConfigError(f"samples.burn_in must be a whole number from 0, got {self.burn_in!r}")

    def weights(self, losses: Doubles, step: int) -> Doubles:
        """Of the sequences of a step (from 0), (B,); they sum to B."""
        least, greatest = losses.min(), losses.max()
        if step < self.burn_in or greatest == least:
            return np.ones(len(losses))
        scaled = self.delta * (2 * losses - greatest - least) / (greatest - least)
        found: Doubles = len(losses) * softmax(np.minimum(scaled + self.delta, self.delta) / self.temperature)
        return found
