"""TF-IDF of a sample, and the few directions that tell most of it: a truncated SVD by subspace iteration.

The products with the sparse matrix run row after row in float32, and the small dense steps in torch on one thread: on one
image the same sample gives the same bits.
"""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import torch

from corpusmill.operators.domain.embed import LOGS, Codes, Floats, log_weights
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import kernel

OVERSAMPLED = 16  # directions beyond those wanted, which make the iteration converge
ITERATIONS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Weighted:
    """TF-IDF: n rows, cut by ``offsets`` (n + 1) into entries, each a column (R of them) and a weight; rows of length 1."""

    offsets: Integers
    columns: Codes
    weights: Floats
    width: int  # R


def weigh(offsets: Integers, buckets: Codes, counts: Codes, rows: Codes, idf: Floats) -> Weighted:
    """(1 + ln count) · idf of the buckets that have a row, each document scaled to length 1; ``idf`` (R) is by row."""
    columns = rows[buckets]
    kept = columns >= 0
    documents = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[kept]
    columns = columns[kept]
    weights = log_weights()[np.minimum(counts[kept], LOGS)] * idf[columns]
    squares = np.bincount(documents, weights.astype(np.float64) ** 2, minlength=len(offsets) - 1)
    ends = np.cumsum(np.bincount(documents, minlength=len(offsets) - 1))
    scaled = (weights / np.sqrt(squares[documents])).astype(np.float32)
    return Weighted(np.concatenate([[0], ends]), columns, scaled, len(idf))


def directions(matrix: Weighted, dimensions: int, seed: int) -> Floats:
    """The right singular vectors of the matrix but the first, with the largest values; shape (R, at most ``dimensions``).

    The first is left out because all weights are positive: it points to the mean document and tells nothing apart. Each
    vector's largest entry is positive. (Halko, Martinsson, Tropp 2011, algorithm 4.4.)
    """
    n = len(matrix.offsets) - 1
    rank = min(dimensions + 1, n, matrix.width)
    width = min(rank + OVERSAMPLED, n, matrix.width)
    with one_thread():
        basis = torch.randn(matrix.width, width, generator=torch.Generator().manual_seed(seed))
        for _ in range(ITERATIONS):
            seen = torch.linalg.qr(_times(matrix, basis))[0]
            basis = torch.linalg.qr(_transposed_times(matrix, seen))[0]
        right = torch.linalg.svd(_times(matrix, basis), full_matrices=False)[2]
        found = (basis @ right.T)[:, 1:rank]
        signs = torch.sign(found.gather(0, found.abs().argmax(0, keepdim=True)))
        return np.ascontiguousarray((found * signs).numpy())


def plane(points: Floats) -> Floats:
    """The points (k, D) on the two directions in which they differ most, around their mean; shape (k, 2)."""
    with one_thread():
        centred = torch.from_numpy(points - points.mean(0))
        right = torch.linalg.svd(centred, full_matrices=False)[2][:2]
        right = right * torch.sign(right.gather(1, right.abs().argmax(1, keepdim=True)))
        flat = torch.zeros(len(points), 2)
        flat[:, :len(right)] = centred @ right.T
        found: Floats = flat.numpy()
        return found


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: with more, sums are cut where the machine's cores are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _times(matrix: Weighted, dense: torch.Tensor) -> torch.Tensor:
    out = np.zeros((len(matrix.offsets) - 1, dense.shape[1]), np.float32)
    _multiply(matrix.offsets, matrix.columns, matrix.weights, np.ascontiguousarray(dense.numpy()), out)
    return torch.from_numpy(out)


def _transposed_times(matrix: Weighted, dense: torch.Tensor) -> torch.Tensor:
    out = np.zeros((matrix.width, dense.shape[1]), np.float32)
    _multiply_transposed(matrix.offsets, matrix.columns, matrix.weights, np.ascontiguousarray(dense.numpy()), out)
    return torch.from_numpy(out)


@kernel
def _multiply(offsets: Integers, columns: Codes, weights: Floats, dense: Floats, out: Floats) -> None:
    for row in range(len(offsets) - 1):
        total = out[row]
        for i in range(offsets[row], offsets[row + 1]):
            weight, given = weights[i], dense[columns[i]]
            for j in range(len(total)):
                total[j] += weight * given[j]


@kernel
def _multiply_transposed(offsets: Integers, columns: Codes, weights: Floats, dense: Floats, out: Floats) -> None:
    for row in range(len(offsets) - 1):
        given = dense[row]
        for i in range(offsets[row], offsets[row + 1]):
            weight, total = weights[i], out[columns[i]]
            for j in range(len(total)):
                total[j] += weight * given[j]
