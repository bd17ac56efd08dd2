"""Bytes as tokens: a token is a byte, and a boundary comes before every document."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int16]

BOUNDARY = 256
VOCABULARY = 257


def stream(texts: Iterable[bytes]) -> Tokens:
    """One array of all documents, a boundary before each and one after the last; (N,)."""
    parts = [np.array([BOUNDARY], np.int16)]
    for text in texts:
        parts += [np.frombuffer(text, np.uint8).astype(np.int16), parts[0]]
    return np.concatenate(parts)
