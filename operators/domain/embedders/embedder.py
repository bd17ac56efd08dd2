"""What embedders have in common: points of length 1, or of zeros for a document that has none.

An embedder is a Fit in parts: ``keep`` is what it wants of each document of the sample, on the workers; ``learn`` makes of
all that what the model of domains holds of it; ``points`` are those of the sample. A model then embeds any batch.

    n documents of the sample · B buckets · R buckets that have a row · D dimensions
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.cards import Sample
from corpusmill.operators.domain.embed import Codes, Floats, project
from corpusmill.operators.errors import DataError

Files = Mapping[str, Path]


@dataclasses.dataclass(frozen=True, slots=True)
class Space:
    """What an embedder learns from."""

    sample: Sample
    kept: pa.Array | None  # (n,) what ``keep`` gave
    rows: Codes  # (B,), -1 for a bucket without a row
    idf: Floats  # (R,) rarity by row
    dimensions: int
    seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class Learned:
    """What a model holds of its embedder: of one by words ``projection`` (R, D), else ``frame`` (2, D), shift and scale."""

    projection: Floats
    frame: Floats


class Embedder(Protocol):
    """Turns documents into points."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns of documents that it needs besides the text."""

    @property
    def artifacts(self) -> Mapping[str, str]:
        """Name → digest of the files that it needs."""

    @property
    def exact(self) -> bool:
        """True where a document's point has the same bits on any machine, given what was learned."""

    @property
    def version(self) -> str:
        """Part of the key."""

    @property
    def kept(self) -> pa.DataType | None:
        """Type of what it keeps of a document of the sample; None where the words that cards need are enough."""

    def keep(self, batch: pa.RecordBatch, files: Files) -> pa.Array:
        """That, of a batch with ``text`` and the columns that it reads."""

    def learn(self, space: Space) -> Learned:
        """What the model holds of it."""

    def points(self, space: Space, learned: Learned) -> Floats:
        """Of the sample; (n, D)."""


class ByWords:
    """A document is the sum of the directions of its words, each times (1 + ln count): ``embed.project``."""

    reads: ClassVar[tuple[str, ...]] = ()
    artifacts: ClassVar[Mapping[str, str]] = {}
    exact: ClassVar[bool] = True

    def points(self, space: Space, learned: Learned) -> Floats:
        """Of the sample."""
        sample = space.sample
        return project(sample.offsets, sample.buckets, sample.counts, space.rows, learned.projection)


class Pointwise:
    """Documents have vectors from elsewhere; what is learned is their frame: mean, and scale of each dimension.

    Vectors of neural models share one large direction, and a few dimensions that outweigh the others: k-means would see
    little else. With ``centre`` each dimension is shifted and scaled to mean 0 and variance 1 over the sample.
    """

    exact: ClassVar[bool] = False
    kept: ClassVar[pa.DataType] = pa.large_list(pa.float32())
    centre: bool

    def vectors(self, batch: pa.RecordBatch, files: Files) -> Floats:
        """Of each document, of any length, zeros where it has none; (documents, D)."""
        raise TypeError(f"{type(self).__name__} gives no vectors")

    def keep(self, batch: pa.RecordBatch, files: Files) -> pa.Array:
        """The vectors."""
        found = self.vectors(batch, files)
        offsets = np.arange(len(found) + 1, dtype=np.int64) * found.shape[1]
        return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(found.ravel()))

    def learn(self, space: Space) -> Learned:
        """The frame."""
        found = unit(stacked(space))
        known = found[found.any(axis=1)].astype(np.float64)
        shift, scale = np.zeros(found.shape[1]), np.ones(found.shape[1])
        if self.centre and len(known):
            deviation = known.std(0)
            shift, scale = known.mean(0), 1 / np.where(deviation > 0, deviation, 1)
        return Learned(np.zeros((len(space.idf), 0), np.float32), np.stack([shift, scale]).astype(np.float32))

    def points(self, space: Space, learned: Learned) -> Floats:
        """Of the sample."""
        return framed(stacked(space), learned.frame)

    def embed(self, batch: pa.RecordBatch, files: Files, frame: Floats) -> Floats:
        """Of any batch. Raises DataError where the vectors have another width than those that were learned from."""
        found = self.vectors(batch, files)
        if found.shape[1] != frame.shape[1]:
            raise DataError(f"{type(self).__name__} gives vectors of {found.shape[1]} numbers, but the model of domains was "
                            f"learned from vectors of {frame.shape[1]}")
        return framed(found, frame)


def framed(vectors: Floats, frame: Floats) -> Floats:
    """Shifted and scaled to length 1; zeros stay zeros; (n, D)."""
    lengths = unit(vectors)
    moved = (lengths - frame[0]) * frame[1]
    moved[~lengths.any(axis=1)] = 0
    return unit(moved)


def unit(vectors: Floats) -> Floats:
    """Scaled to length 1; zeros stay zeros; (n, D)."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(1, keepdims=True))
    found: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def stacked(space: Space) -> Floats:
    """The vectors that were kept of the sample; (n, D)."""
    if space.kept is None:
        raise DataError("the sample holds no vectors")
    widths = pc.unique(pc.list_value_length(space.kept)).to_pylist()
    if len(widths) > 1:
        raise DataError(f"the vectors of the sample have different widths: {', '.join(map(str, sorted(widths)))}")
    flat: Floats = pc.list_flatten(space.kept).to_numpy(zero_copy_only=False)
    return flat.reshape(len(space.kept), -1)
