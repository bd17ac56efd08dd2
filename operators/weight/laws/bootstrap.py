"""How sure a law is of what it predicts: it is fitted again on runs drawn with replacement.

    n mixtures · t targets
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.weight.laws.contract import Law
from corpusmill.operators.weight.laws.fitting import order
from corpusmill.operators.weight.runs import Doubles, Points


@dataclasses.dataclass(frozen=True, slots=True)
class Bootstrap:
    """``draws`` refits, and the share of them that an interval holds."""

    draws: int = 200
    level: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        whole("predict.draws", self.draws, 2, 1 << 20)
        whole("predict.seed", self.seed, 0, 1 << 62)
        if not 0 < self.level < 1:
            raise ConfigError(f"predict.level={self.level}: give a share between 0 and 1")

    def intervals(self, law: Law, points: Points, losses: Doubles, asked: Points, told: Callable[[], None] = lambda: None,
                  runs: Sequence[str] | None = None) -> tuple[Doubles, Doubles]:
        """Lower and upper ends (n, t) of the interval of each prediction; the same whatever the order of the runs.

        ``runs`` names the run of each row, where a run has several: it is drawn with all of them, since they are no news.

        It tells what the choice of runs does to the law. Whether the law's form is right, only the held-out error tells.
        ``told`` is called after each refit.
        """
        places = order(points, losses)
        points, losses = points.take(places), losses[places]
        own: dict[object, list[int]] = {}
        for row, place in enumerate(places):
            own.setdefault(row if runs is None else runs[place], []).append(row)
        groups, chance = list(own.values()), np.random.default_rng(self.seed)
        drawn = [np.concatenate([groups[i] for i in chance.integers(0, len(groups), len(groups))]) for _ in range(self.draws)]
        found = []
        for rows in drawn:
            found.append(law.fit(points.take(rows), losses[rows]).predict(asked))
            told()
        ends = np.quantile(np.stack(found), [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        return ends[0], ends[1]
