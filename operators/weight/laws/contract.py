"""What a mixture law is: proportions → predicted losses.

    n mixtures · m domains · t targets, the validation domains

A law is a frozen dataclass of hyperparameters. ``fit`` gives what it learned of all targets at once, since some laws tie what
targets share; what is learned predicts, has a gradient, and can be written as JSON and read back.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from corpusmill.operators.weight.runs import Doubles, Points


class Fitted(Protocol):
    """A law with its parameters."""

    def predict(self, points: Points, /) -> Doubles:
        """Losses in nats per token, (n, t)."""

    def gradient(self, points: Points, /) -> Doubles:
        """∂ loss / ∂ share with the other shares held, (n, t, m)."""

    def parameters(self) -> dict[str, Any]:
        """All that it learned, as JSON; ``Law.restore`` reads it."""


class Law(Protocol):
    """Hyperparameters; a frozen dataclass."""

    @property
    def name(self) -> str:
        """By which a configuration and a report call it."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def needs(self) -> frozenset[str]:
        """Of ``Points``, besides the shares: "parameters", "tokens", "unique"."""

    def fit(self, points: Points, losses: Doubles, /) -> Fitted:
        """Learn from n runs; losses (n, t). The same runs in any order give the same law, to rounding.

        Raises DataError where the runs are too few, or lack what the law needs.
        """

    def restore(self, parameters: Mapping[str, Any], /) -> Fitted:
        """What ``parameters`` wrote. Raises DataError for what it did not write."""
