"""Connected components: all that pairs join, over however many steps, is one cluster, whose first in rank stays.

A union-find over arrays, without Python objects: a document's root is the lowest index of its component. Where pairs are
in parts, each part's spanning forest (at most one edge less than it has documents) joins what the part joins, so that
the forests of all parts have the components of all pairs.
"""

import numpy as np
import numpy.typing as npt

from corpusmill.operators.dedup.ranking import places
from corpusmill.operators.text.simd import kernel

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def component_pairs(rank: Integers, left: Integers, right: Integers, similarity: Floats) -> tuple[Integers, Floats]:
    """For each document the first in rank of its component, or -1 where it is that, and the similarity to it, or NaN.

    As ``star_pairs``; the similarity is NaN too where no pair joins the two directly.
    """
    order, place = places(rank, left, right)
    upper, lower = np.minimum(place[left], place[right]), np.maximum(place[left], place[right])
    root = roots(len(rank), upper, lower)
    found, values = np.full(len(rank), -1, np.int64), np.full(len(rank), np.nan, np.float32)
    dropped = root != np.arange(len(rank))
    found[order[dropped]] = order[root[dropped]]
    direct = np.flatnonzero(root[lower] == upper)
    direct = direct[np.argsort(similarity[direct], kind="stable")]  # of a pair that is given twice the higher counts
    values[order[lower[direct]]] = similarity[direct]
    return found, values


def roots(count: int, left: Integers, right: Integers) -> Integers:
    """For each of ``count`` documents the lowest index of its component; ``left`` and ``right`` (pairs) are indices."""
    parent = np.arange(count, dtype=np.int64)
    _join(parent, left, right, np.empty(0, np.bool_))
    return parent


def forest(count: int, left: Integers, right: Integers) -> npt.NDArray[np.bool_]:
    """Which pairs make a spanning forest: the others join what these join."""
    joins = np.zeros(len(left), np.bool_)
    _join(np.arange(count, dtype=np.int64), left, right, joins)
    return joins


@kernel
def _join(parent: Integers, left: Integers, right: Integers, joins: npt.NDArray[np.bool_]) -> None:
    """Union by the lower index, with path halving; in the end every document points to its root."""
    for pair in range(len(left)):
        one, other = left[pair], right[pair]
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        while parent[other] != other:
            parent[other] = parent[parent[other]]
            other = parent[other]
        if one != other:
            parent[max(one, other)] = min(one, other)
            if len(joins):
                joins[pair] = True
    for i in range(len(parent)):
        parent[i] = parent[parent[i]]  # the parent of a document is lower, and points to its root already
