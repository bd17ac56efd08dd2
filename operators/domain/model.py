"""What k-means learns, as one file: names, cards, the projection and the centroids.

The file is one of ``operators.tensors``.
"""

import dataclasses
import functools
from typing import Any, cast

import numpy as np
import pyarrow as pa

from corpusmill.operators.domain.embed import Codes, Floats, nearest, project, terms
from corpusmill.operators.domain.embedders.embedder import Embedder, Files, Pointwise
from corpusmill.operators.domain.embedders.registry import restored
from corpusmill.operators.domain.embedders.tfidf import Tfidf
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.tensors import pack, unpack
from corpusmill.operators.text.buffers import Integers

FORMAT = "corpusmill.domains.1"
NONE = "none"  # the domain of documents without a word that the model knows
ARRAYS = ("buckets", "centroids", "frequencies", "projection")
FRAME = "frame"  # an array of models whose embedder gives points


@dataclasses.dataclass(frozen=True)
class Model:
    """Assigns documents to domains. R buckets have a row, D dimensions, k domains.

    By words, a document's vector is the sum of the directions of its words; else the embedder that ``facts`` name gives it,
    with the files that it needs.
    """

    facts: dict[str, Any]  # bits, documents, parameters, names (k), next, cards (k); embedder, where it is not TF-IDF
    buckets: Codes  # (R,), ascending
    frequencies: Integers  # (R,): documents that hold the bucket, of all that were seen
    projection: Floats  # (R, D), times the rarity of the bucket; (R, 0) where an embedder gives points
    centroids: Floats  # (k, D)
    frame: Floats = dataclasses.field(default_factory=lambda: np.zeros((2, 0), np.float32))  # (2, D) of such an embedder

    @property
    def names(self) -> list[str]:
        """Of the domains, by code."""
        return list(self.facts["names"])

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Of the domains, by code."""
        return list(self.facts["cards"])

    @functools.cached_property
    def rows(self) -> Codes:
        """The row of each bucket, -1 for none; shape (B,)."""
        return rows_of(self.buckets, self.facts["bits"])

    @property
    def by_words(self) -> bool:
        """Whether the words of a document are enough."""
        return not self.frame.size

    @functools.cached_property
    def embedder(self) -> Embedder:
        """What it was made with. Raises DataError where this version does not have it."""
        return restored(self.facts["embedder"]) if "embedder" in self.facts else Tfidf()

    def label(self, documents: pa.RecordBatch | pa.StringArray, files: Files | None = None) -> tuple[pa.StringArray, Integers]:
        """The domain of each document, and its number of words. The same text gives the same domain in any batch.

        ``documents``: texts, or a batch with ``text`` and what the embedder reads; ``files`` are those that it needs.
        """
        text = documents.column("text") if isinstance(documents, pa.RecordBatch) else documents
        found = terms(text, self.facts["bits"])
        if self.by_words:
            codes, _ = self.assign(found.offsets, found.buckets, found.counts)
        else:
            batch = documents if isinstance(documents, pa.RecordBatch) else pa.record_batch({"text": text})
            codes, _ = nearest(self.embed(batch, files), self.centroids)
        names = pa.array([*self.names, NONE], pa.string())
        return names.take(pa.array(np.where(codes < 0, len(names) - 1, codes))), found.words

    def embed(self, batch: pa.RecordBatch, files: Files | None = None) -> Floats:
        """The point of each document, of length 1 or zeros; (documents, D)."""
        if not self.by_words:
            return cast("Pointwise", self.embedder).embed(batch, files or {}, self.frame)
        found = terms(batch.column("text"), self.facts["bits"])
        return project(found.offsets, found.buckets, found.counts, self.rows, self.projection)

    def assign(self, offsets: Integers, buckets: Codes, counts: Codes) -> tuple[Codes, Floats]:
        """The code of each document (as in ``embed.Terms``), -1 for none, and the squared distance to the centroid.

        Only of a model by words.
        """
        return nearest(project(offsets, buckets, counts, self.rows, self.projection), self.centroids)

    def require_words(self, what: str) -> None:
        """Raise ConfigError, which begins with ``what``, unless the words of a document are enough."""
        if not self.by_words:
            name = str(self.facts["embedder"]["class"]).rpartition(".")[2]
            raise ConfigError(f"{what} was made with the embedder {name}, whose vectors are not at hand here: name a model "
                              "that was made with regroup.embedder=tfidf or fasttext")

    def to_bytes(self) -> bytes:
        """The file."""
        names = ARRAYS if self.by_words else (*ARRAYS, FRAME)
        return pack(FORMAT, self.facts, {name: getattr(self, name) for name in names})

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "this artifact") -> "Model":
        """Read the file. Raises DataError that begins with ``where`` for another kind of file, or a part of one."""
        try:
            facts, arrays = unpack(FORMAT, data)
            model = cls(facts, **arrays)
            model._check()
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where} is not a model of domains ({FORMAT}): {error}; give one that regroup=kmeans "
                            "wrote") from error
        return model

    def _check(self) -> None:
        buckets, (rows, dimensions) = self.buckets, self.projection.shape
        if not self.by_words:
            dimensions = self.frame.shape[1]
        told = {"buckets": (buckets.shape, (rows,)), "frequencies": (self.frequencies.shape, (rows,)),
                "centroids": (self.centroids.shape, (len(self.names), dimensions))}
        for name, (shape, expected) in told.items():
            if shape != expected:
                raise ValueError(f"{name} has the shape {shape} instead of {expected}")
        if rows and not 0 <= buckets.min() <= buckets.max() < 1 << self.facts["bits"]:
            raise ValueError(f"its buckets go up to {buckets.max()}, which {self.facts['bits']} bits do not hold")


def rows_of(buckets: Codes, bits: int) -> Codes:
    """The place of each bucket among ``buckets``, -1 for none; shape (2 ** bits,)."""
    rows = np.full(1 << bits, -1, np.int32)
    rows[buckets] = np.arange(len(buckets), dtype=np.int32)
    return rows
