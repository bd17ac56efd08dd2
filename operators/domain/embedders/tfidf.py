"""Hashed TF-IDF in a few latent directions."""

import dataclasses
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpusmill.operators.domain.embedders.embedder import ByWords, Files, Learned, Space


@dataclasses.dataclass(frozen=True)
class Tfidf(ByWords):
    """Documents that use the same words are near: hashed TF-IDF, a truncated SVD of the sample without its first direction.

    Its buckets and directions are those of ``regroup.bits``, ``terms`` and ``dimensions``.
    """

    kept: ClassVar[pa.DataType | None] = None
    version: ClassVar[str] = "1"

    def keep(self, batch: pa.RecordBatch, files: Files) -> pa.Array:
        """Nothing: the sample has the words of its documents."""
        return pa.nulls(batch.num_rows)

    def learn(self, space: Space) -> Learned:
        """The directions, times the rarity of the words."""
        # Torch takes seconds to import, and the workers that count and assign have no use for it.
        from corpusmill.operators.domain.latent import directions, weigh

        sample = space.sample
        matrix = weigh(sample.offsets, sample.buckets, sample.counts, space.rows, space.idf)
        projection = directions(matrix, space.dimensions, space.seed) * space.idf[:, None]
        return Learned(projection, np.zeros((2, 0), np.float32))
