"""Similarity of candidate pairs: estimated on lanes that had no part in proposing them, or exact over their shingles."""

import numpy as np
import numpy.typing as npt

from corpusmill.operators.dedup.shingle_sets import Sets, Words
from corpusmill.operators.errors import DataError
from corpusmill.operators.text.simd import kernel

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

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


def jaccard(left: Sets, right: Sets, pairs: tuple[Integers, Integers]) -> Floats:
    """The Jaccard similarity of pairs of sets, each an index of ``left`` and one of ``right``; of two empty ones it is 1."""
    found = np.empty(len(pairs[0]), np.float64)
    _jaccard(*left, *right, *pairs, found)
    return found


@kernel
def _jaccard(
    left: Integers, left_hashes: Words, right: Integers, right_hashes: Words, one: Integers, other: Integers, found: Floats
) -> None:
    for p in range(len(one)):
        i, left_end, j, right_end = left[one[p]], left[one[p] + 1], right[other[p]], right[other[p] + 1]
        total, shared = left_end - i + right_end - j, 0
        while i < left_end and j < right_end:
            # Without a branch: which of the two is lower is what the processor cannot predict.
            a, b = left_hashes[i], right_hashes[j]
            shared += a == b
            i += a <= b
            j += b <= a
        found[p] = shared / (total - shared) if total > shared else 1.0
