"""What a design is: a space of mixtures → the mixtures to run.

    n runs · m domains

A design is a frozen dataclass of parameters. Its draws are a function of these, the space and the seed alone.
"""

from typing import Protocol

from corpusmill.operators.weight.designs.space import Space
from corpusmill.operators.weight.runs import Doubles


class Design(Protocol):
    """Parameters; a frozen dataclass."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def repeats(self) -> bool:
        """Whether a mixture may come twice: with another seed, for the noise."""

    def size(self, domains: int, /) -> int | None:
        """How many runs it has by itself; None where it gives as many as are asked for."""

    def draw(self, space: Space, runs: int, seed: int, /) -> Doubles:
        """At most ``runs`` mixtures within the bounds of the space, (≤ n, m); rows sum to 1.

        Fewer where there are no more. Raises ConfigError where the parameters cannot be met in this space.
        """
