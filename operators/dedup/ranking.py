"""Documents by their place in rank, and pairs by those of their ends."""

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import DataError

Integers = npt.NDArray[np.int64]


def places(rank: Integers, left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """The documents in rank order, and the place of each.

    ``rank`` (documents) holds distinct numbers, lower is better; ``left``, ``right`` (pairs) are indices of documents.
    Raises DataError for equal ranks, an index that is no document's, or a document paired with itself.
    """
    order = np.argsort(rank, kind="stable").astype(np.int64)
    if (rank[order][1:] == rank[order][:-1]).any():
        raise DataError("two documents have one rank: break the tie, or the result is not unique")
    ends = np.concatenate([left, right])
    if len(ends) and not 0 <= ends.min() <= ends.max() < len(rank):
        raise DataError(f"pairs name documents {ends.min()} to {ends.max()}, but there are {len(rank)}")
    if (left == right).any():
        raise DataError(f"document {left[left == right][0]} is paired with itself")
    place = np.empty(len(rank), np.int64)
    place[order] = np.arange(len(rank))
    return order, place
