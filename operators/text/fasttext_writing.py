"""Classifiers in fastText's file format, written: what ``fasttext.read`` and the library itself read."""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.fasttext import MAGIC, VERSION

_SUPERVISED, _SOFTMAX, _WORD, _LABEL = 3, 3, 0, 1
_SUBSAMPLING = 1e-4  # read by the library, used by no classifier


def write(
    words: Sequence[tuple[bytes, int]], labels: Sequence[tuple[str, int]], vectors: npt.NDArray[np.float32],
    layer: npt.NDArray[np.float32], run: int, epochs: int,
) -> bytes:
    """A dense classifier with a softmax (``.bin``, version 12): words and labels with their counts, most frequent first.

    V × D ``vectors`` are those of the words and then of the buckets of runs of up to ``run`` words; L × D is the ``layer``.
    """
    buckets = len(vectors) - len(words)
    tokens = sum(n for _, n in words)
    parts = [struct.pack("<2i12id", MAGIC, VERSION, vectors.shape[1], run, epochs, 1, 0, run, _SOFTMAX, _SUPERVISED, buckets,
                         0, 0, 100, _SUBSAMPLING),
             struct.pack("<3i2q", len(words) + len(labels), len(words), len(labels), tokens, -1)]
    parts += [word + b"\0" + struct.pack("<qb", n, _WORD) for word, n in words]
    parts += [b"__label__" + label.encode() + b"\0" + struct.pack("<qb", n, _LABEL) for label, n in labels]
    for matrix in (vectors, layer):
        parts += [b"\0", struct.pack("<2q", *matrix.shape), np.ascontiguousarray(matrix, "<f4").tobytes()]
    return b"".join(parts)
