"""Fine clusters merged to fewer: agglomeration by Ward's criterion.

k-means begins where chance puts its seeds, and where two of them fall into one large domain, small ones share a cluster. Of
several times as many clusters each small domain gets one of its own; merging the pair whose union adds least to the sum of
squared distances then gives clusters that depend less on the seeds (decision 0034).

    K fine clusters · k merged ones · D dimensions
"""

import numpy as np
import numpy.typing as npt

from corpusmill.operators.domain.embed import Floats

Doubles = npt.NDArray[np.float64]


def merged(centroids: Floats, sizes: npt.NDArray[np.int64], k: int, power: float = 1.0) -> Floats:
    """The means of k clusters that are unions of fine ones of so many points; shape (at most k, D).

    A merger of sizes m and n costs w_m w_n / (w_m + w_n) · squared distance, with w = size ** power: at 1 that is what it adds
    to the sum of squares (Ward 1963). Less than 1 keeps small clusters apart, and merges large ones sooner. Empty ones are left
    out, and of equal costs the first pair is merged. O(K²) memory.
    """
    means, mass = centroids[sizes > 0].astype(np.float64), sizes[sizes > 0].astype(np.float64)
    alive = np.ones(len(mass), np.bool_)
    costs = np.stack([_costs(means, mass, i, power) for i in range(len(mass))]) if len(mass) else np.zeros((0, 0))
    nearest = costs.argmin(1) if len(mass) else np.zeros(0, np.int64)
    for _ in range(len(mass) - k):
        least = np.where(alive, costs[np.arange(len(mass)), nearest], np.inf)
        first = int(least.argmin())
        i, j = sorted((first, int(nearest[first])))
        means[i] = (mass[i] * means[i] + mass[j] * means[j]) / (mass[i] + mass[j])
        mass[i], alive[j] = mass[i] + mass[j], False
        costs[i] = np.where(alive, _costs(means, mass, i, power), np.inf)
        costs[:, i] = costs[i]
        costs[j], costs[:, j] = np.inf, np.inf
        nearest[i] = costs[i].argmin()
        nearer = costs[:, i] < costs[np.arange(len(mass)), nearest]
        nearest[nearer] = i
        for row in np.flatnonzero(alive & np.isin(nearest, (i, j))):
            nearest[row] = costs[row].argmin()
    return means[alive].astype(np.float32)


def _costs(means: Doubles, mass: Doubles, i: int, power: float) -> Doubles:
    weights = mass ** power
    found: Doubles = weights[i] * weights / (weights[i] + weights) * ((means - means[i]) ** 2).sum(1)
    found[i] = np.inf
    return found
