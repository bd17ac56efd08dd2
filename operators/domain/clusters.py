"""Points to the centroids of domains: k-means with several clusters for each domain, which are then merged.

    n points · D dimensions · k domains
"""

import dataclasses

import numpy as np

from corpusmill.operators.domain.embed import Floats, nearest
from corpusmill.operators.domain.lloyd import cluster
from corpusmill.operators.domain.merging import merged

FINEST = 2_000  # clusters that are merged: the costs of their mergers are a matrix


@dataclasses.dataclass(frozen=True, slots=True)
class Clusters:
    """How points are clustered."""

    finer: int  # clusters for each domain
    power: float  # of sizes, when clusters are merged
    starts: int
    seed: int
    device: str = "cpu"

    def __call__(self, points: Floats, k: int) -> Floats:
        """Centroids, that with the most points first; shape (at most k, D): fewer where there are fewer distinct points."""
        fine = max(k, min(self.finer * k, FINEST))
        found = cluster(points, fine, self.starts, self.seed, self.device)
        if len(found) > k:
            found = merged(found, np.bincount(nearest(points, found)[0], minlength=len(found)), k, self.power)
        return largest_first(points, found)


def largest_first(points: Floats, centroids: Floats) -> Floats:
    """The centroids, that with the most points first."""
    sizes = np.bincount(nearest(points, centroids)[0], minlength=len(centroids))
    return centroids[np.argsort(-sizes, kind="stable")]
