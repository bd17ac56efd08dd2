"""An explicit recipe: proportions written by hand or taken from a paper."""

import dataclasses
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar, Literal

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.shares import check_available, check_known, proportions

TOLERANCE = 1e-6  # how far from 1 a hand-written sum may be without `normalise`


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The proportions as given.

    ``normalise`` divides them by their sum, for published tables that are rounded or hold raw weights. ``missing`` says
    what becomes of a domain that the data has and the recipe does not name: an error, or the proportion 0.
    """

    proportions: Mapping[str, float]
    normalise: bool = False
    missing: Literal["error", "zero"] = "error"
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.missing not in ("error", "zero"):
            raise ConfigError(f"weigh.missing must be 'error' or 'zero', got {self.missing!r}")
        for name, value in self.proportions.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ConfigError(f"weigh.proportions.{name} must be a number from 0, got {value!r}")
        # A plain sorted dict: a mapping of the configuration library would tie pickles and keys to it, and YAML reads
        # a domain named 2024 as a number.
        object.__setattr__(self, "proportions", dict(sorted((str(name), p) for name, p in self.proportions.items())))
        total = math.fsum(self.proportions.values())
        if total <= 0:
            raise ConfigError("weigh.proportions must name a domain with a proportion above 0")
        if not self.normalise and abs(total - 1) > TOLERANCE:
            raise ConfigError(f"weigh.proportions must sum to 1, got {total:.9g}: correct them, or set "
                              "weigh.normalise=true to divide by the sum")

    def solve(self, available: Mapping[str, int]) -> dict[str, float]:
        """Tokens per domain → proportions.

        Raises ConfigError where the recipe names a domain that the data lacks, asks for some of an empty one, or leaves
        one out while ``missing`` is "error".
        """
        tokens = check_available(available)
        check_known(self.proportions, tokens, "weigh.proportions")
        left_out = [name for name in tokens if name not in self.proportions]
        if left_out and self.missing == "error":
            raise ConfigError(f"weigh.proportions leaves out {', '.join(map(repr, left_out))}: give each a proportion "
                              "(0 is one), or set weigh.missing=zero to leave them out of the mixture")
        empty = [name for name, value in self.proportions.items() if value > 0 and tokens[name] == 0]
        if empty:
            raise ConfigError(f"weigh.proportions asks for {', '.join(map(repr, empty))}, where there are no tokens: "
                              "set them to 0")
        return proportions({name: Fraction(self.proportions.get(name, 0)) for name in tokens})
