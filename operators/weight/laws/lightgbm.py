"""RegMix's law (Liu et al. 2024, arXiv 2407.01492): boosted regression trees on the shares, by LightGBM.

The same on every machine: one thread, rows in order, a fixed seed. How many trees there are is found by cross-validation inside
the runs that the law is fitted on, never on those that it is tested on.
"""

import base64
import binascii
import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError, DataError, whole
from corpusmill.operators.weight.laws.fitting import checked, folds, mixtures, positive
from corpusmill.operators.weight.runs import Doubles, Points

WIDTH = 0.02  # of a share on either side, over which a slope is taken


@dataclasses.dataclass(frozen=True)
class LightGBM:
    """RegMix's settings: squared error, steps of 0.01, at most 1000 trees of 31 leaves, seed 42.

    ``parts`` folds choose how many trees there are.
    """

    rate: float = 1e-2  # of learning
    most_trees: int = 1000
    leaves: int = 31
    least_in_leaf: int = 20  # runs
    parts: int = 3
    seed: int = 42
    name: ClassVar[str] = "lightgbm"
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        positive(self, "rate")
        for key, low in (("most_trees", 1), ("leaves", 2), ("least_in_leaf", 1), ("parts", 2), ("seed", 0)):
            whole(f"law.{key}", getattr(self, key), low, 1 << 30)

    def fit(self, points: Points, losses: Doubles) -> "LightGBMFit":
        """From at least 2 runs for each fold."""
        points, losses = checked(points, losses, 2 * self.parts, self.name)
        return self.boosted(points, losses)

    def boosted(self, points: Points, values: Doubles) -> "LightGBMFit":
        """Trees for any values (n, t) of runs in order."""
        places = folds(mixtures(points), self.parts)
        if len(set(places)) < self.parts:
            raise DataError(f"law {self.name} needs at least {self.parts} different mixtures, there are {len(set(places))}")
        return LightGBMFit([self._trees(points.mix, column, places) for column in values.T], points.mix.shape[1])

    def restore(self, parameters: Mapping[str, Any]) -> "LightGBMFit":
        """From ``LightGBMFit.parameters``."""
        try:
            texts = [zlib.decompress(base64.b64decode(text)).decode() for text in parameters["trees"]]
            return LightGBMFit(texts, int(parameters["domains"]))
        except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
            raise DataError(f"no parameters of law {self.name}: {error!r}") from error

    def _trees(self, mix: Doubles, values: Doubles, places: npt.NDArray[np.intp]) -> str:
        """The model of one target, as LightGBM writes it."""
        import lightgbm  # takes half a second, which only its users pay

        settings = {"objective": "regression", "learning_rate": self.rate, "num_leaves": self.leaves, "verbosity": -1,
                    "min_data_in_leaf": self.least_in_leaf, "seed": self.seed, "num_threads": 1, "deterministic": True,
                    "force_row_wise": True}
        error = np.zeros(self.most_trees)
        for part in range(self.parts):
            out = places == part
            taught = lightgbm.Dataset(mix[~out], values[~out])
            asked = lightgbm.Dataset(mix[out], values[out], reference=taught)
            seen: dict[str, dict[str, list[float]]] = {}
            lightgbm.train(settings, taught, self.most_trees, [asked], callbacks=[lightgbm.record_evaluation(seen)])
            error += np.array(seen["valid_0"]["l2"]) * out.sum()
        return str(lightgbm.train(settings, lightgbm.Dataset(mix, values), int(error.argmin()) + 1).model_to_string())


class LightGBMFit:
    """Trees of every target, of so many domains."""

    def __init__(self, texts: Sequence[str], domains: int) -> None:
        import lightgbm

        try:
            self._boosters = [lightgbm.Booster(model_str=text) for text in texts]
        except lightgbm.basic.LightGBMError as error:
            raise DataError(f"LightGBM cannot read its trees: {error}") from error
        self._texts, self._domains = list(texts), domains

    def predict(self, points: Points) -> Doubles:
        """Losses, (n, t)."""
        return self._at(points.mix)

    def gradient(self, points: Points) -> Doubles:
        """The slope between WIDTH below and above each share, (n, t, m): trees are steps, whose own slope is 0 or infinite.

        That is exactly the slope of the prediction averaged over these neighbours of the share.
        """
        (n, m), t = points.mix.shape, len(self._boosters)
        moved = points.mix[:, None, :] + WIDTH * np.eye(m), points.mix[:, None, :] - WIDTH * np.eye(m)
        above, below = (self._at(mix.reshape(n * m, m)).reshape(n, m, t) for mix in moved)
        return np.swapaxes((above - below) / (2 * WIDTH), 1, 2)

    def parameters(self) -> dict[str, Any]:
        """As JSON: LightGBM's own text, compressed."""
        packed = [base64.b64encode(zlib.compress(text.encode(), 9)).decode() for text in self._texts]
        return {"trees": packed, "domains": self._domains}

    def _at(self, mix: Doubles) -> Doubles:
        if mix.shape[1] != self._domains:
            raise ConfigError(f"the law was fitted on {self._domains} domains, not {mix.shape[1]}")
        return np.stack([np.asarray(one.predict(mix, num_threads=1), np.float64) for one in self._boosters], 1)
