"""What a table of mixtures can tell apart.

    n runs · m domains
"""

from typing import Any

import numpy as np
from scipy.spatial.distance import pdist, squareform

from corpusmill.operators.weight.designs.space import unlike
from corpusmill.operators.weight.runs import Doubles


def properties(mixes: Doubles, domains: tuple[str, ...]) -> dict[str, Any]:
    """Of mixtures (n, m), by name, for people and reports:

    ``runs``, ``mixtures`` (different ones), ``condition`` (largest over smallest singular value of the mixtures: a linear law
    is determined badly where it is large, not at all where it is None), ``nearest`` (smallest distance between two
    different mixtures, in total variation), ``spacing`` (mean distance to the nearest other one), ``zeros`` (share of shares
    that are 0), and for each domain the ``least`` and ``most`` share.
    """
    different = unlike(mixes, np.empty((0, mixes.shape[1])))
    values = np.linalg.svd(different, compute_uv=False) if len(different) >= len(domains) else np.zeros(1)
    nearest = np.array([np.nan])
    if len(different) > 1:
        between = squareform(pdist(different, "cityblock")) / 2
        np.fill_diagonal(between, np.inf)
        nearest = between.min(1)
    return {
        "runs": len(mixes), "mixtures": len(different),
        "condition": float(values[0] / values[-1]) if values[-1] > 1e-12 * max(values[0], 1e-300) else None,
        "nearest": _number(nearest.min()), "spacing": _number(nearest.mean()), "zeros": float((mixes == 0).mean()),
        "least": {d: float(v) for d, v in zip(domains, mixes.min(0), strict=True)},
        "most": {d: float(v) for d, v in zip(domains, mixes.max(0), strict=True)},
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
