"""Word vectors that are learned from the sample, as fastText learns them."""

import dataclasses
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.embed import Floats, project, sequence
from corpusmill.operators.domain.embedders.embedder import ByWords, Files, Learned, Space
from corpusmill.operators.domain.embedders.word_vectors import Plan, learn
from corpusmill.operators.errors import ConfigError, DataError, whole


@dataclasses.dataclass(frozen=True)
class FastText(ByWords):
    """Documents whose words stand near the same words are near: vectors learned from the sample, weighted by rarity.

    Skip-grams with n-grams of characters (``word_vectors``). A document is the sum of the vectors of its words, each less
    the mean vector, times (1 + ln count) and its rarity, without the direction of the mean document (near to what Arora, Liang
    and Ma 2017 leave out). The words are the buckets of ``regroup.terms``: one that is none of them adds nothing.
    """

    dimensions: int = 96  # of the vectors
    words: int = 20_000_000  # that are learned from, repeats included: half a minute
    head: int = 4096  # characters of each document of the sample that are learned from
    window: int = 5  # words on either side that a word is to foretell, at most
    negatives: int = 8  # words that it is not to foretell, drawn for each word
    shortest: int = 4  # characters of an n-gram, with < and > around the word …
    longest: int = 5  # … to so many; 0 for words alone
    buckets: int = 1 << 16  # of n-grams
    rate: float = 0.05  # of learning, at first

    kept: ClassVar[pa.DataType] = pa.large_string()
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        for name, low, high in (("dimensions", 2, 1024), ("words", 1, 10**10), ("head", 16, 1 << 26), ("window", 1, 100),
                                ("negatives", 1, 100), ("shortest", 1, 30), ("longest", 0, 30), ("buckets", 1, 1 << 26)):
            whole(f"regroup.embedder.{name}", getattr(self, name), low, high)
        if not 0 < self.rate <= 1:
            raise ConfigError(f"regroup.embedder.rate={self.rate}: give a number above 0 and up to 1")

    def keep(self, batch: pa.RecordBatch, files: Files) -> pa.Array:
        """The first ``head`` characters of the texts."""
        return pc.utf8_slice_codeunits(batch.column("text"), 0, self.head).cast(pa.large_string())

    def learn(self, space: Space) -> Learned:
        """The vectors, times the rarity of the words. Raises DataError where learning runs away."""
        offsets, words = sequence(space.kept, space.rows)
        plan = Plan(self.dimensions, self.words, self.window, self.negatives, self.shortest, self.longest, self.buckets,
                    self.rate, space.seed)
        found = learn(offsets, words, _spellings(space), plan)
        if not np.isfinite(found).all():
            raise DataError(f"regroup.embedder.rate={self.rate} is too fast for this text: the vectors grow without end; give "
                            "a smaller one, or more regroup.embedder.negatives")
        return Learned(_told_apart(space, found), np.zeros((2, 0), np.float32))


def _spellings(space: Space) -> list[str]:
    """The first word that the sample holds of each row."""
    rows = space.rows[space.sample.buckets]
    held = np.flatnonzero(rows >= 0)
    found, first = np.unique(rows[held], return_index=True)
    words = space.sample.words.take(pa.array(held[first])).to_pylist()
    told = dict(zip(found.tolist(), words, strict=True))
    return [told.get(row, "") for row in range(len(space.idf))]


def _told_apart(space: Space, vectors: Floats) -> Floats:
    """Less the mean over all words of the sample's documents, times rarity, without the direction of the mean document."""
    rows = space.rows[space.sample.buckets]
    frequencies = np.bincount(rows[rows >= 0], minlength=len(vectors))
    centred = (vectors - np.average(vectors.astype(np.float64), axis=0, weights=frequencies)) * space.idf[:, None]
    sample, weighted = space.sample, centred.astype(np.float32)
    points = project(sample.offsets, sample.buckets, sample.counts, space.rows, weighted)
    mean = points.astype(np.float64).mean(0)
    mean /= max(np.linalg.norm(mean), 1e-12)
    return np.ascontiguousarray(centred - np.outer(centred @ mean, mean), np.float32)
