"""Similarity of candidate pairs, estimated on lanes that had no part in proposing them."""

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import DataError

_CHANCE = 1 / 256  # that a byte of two different minima agrees


def similarity(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The estimated Jaccard similarity of each pair of sketches, of shape (pairs, lanes).

    Unbiased: of ``m`` agreeing lanes, 1/256 of those that differ are expected to agree by chance, so the estimate is
    (m / lanes - 1/256) / (1 - 1/256); for unlike documents it may lie a little below 0. Its standard error is
    sqrt(p (1 - p) / lanes) / (1 - 1/256) with p = J + (1 - J) / 256. Raises DataError where the shapes differ.
    """
    if left.shape != right.shape or left.ndim != 2:
        raise DataError(f"sketches to compare must have one shape (pairs, lanes); got {left.shape} and {right.shape}")
    agreeing = np.count_nonzero(left == right, axis=1)
    found: npt.NDArray[np.float64] = (agreeing / left.shape[1] - _CHANCE) / (1 - _CHANCE)
    return found
