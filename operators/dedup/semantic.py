"""Signatures of documents that use the same words, in whatever order: a sketch of TF-IDF, and the k-means cell of each.

A cell is that of ``operators.domain``'s model: the nearest centroid in a few latent directions. Those directions bring
documents of one topic together, so they say where to look and not what is a duplicate; what is compared is a sketch of all
words with their weights. Words are hashed to the model's buckets, weights are (1 + ln count) · rarity, and each bucket adds
its weight to one coordinate in each of ``BLOCKS`` blocks, with a sign (Charikar, Chen, Farach-Colton 2002; Kane, Nelson
2014). The cosine of two sketches estimates that of the weights with a standard error of about (1 - cos²) / sqrt(dimensions).

    n documents · E entries (a document's distinct buckets) · B buckets · D dimensions · k cells
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.exact import OTHERS
from corpusmill.operators.domain.embed import LOGS, Codes, Floats, log_weights, terms
from corpusmill.operators.domain.kmeans import KMeans
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES, require
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.hashing import row_digests, text_digests
from corpusmill.operators.text.simd import fold_multiply, kernel

Vectors = npt.NDArray[np.int8]

BLOCKS = 8
WIDTHS = (64, 128, 256, 512, 1024)  # at most 1024: 1024 · 127² < 2^24, so float32 sums of products are exact
EACH = 8192  # documents of a cell where their number is not given
MOST = 1024  # cells where their number is not given

_UNIT = np.float32(1 << 10)  # weights are summed as integers, so that the order of words does not count
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)


@dataclasses.dataclass(frozen=True)
class Semantic:
    """Documents that use the same words with the same weight, within k-means cells (SemDeDup).

    What differs only in the order of its words, sentences or paragraphs is found, which n-grams do not see; synonyms are not.
    """

    dimensions: int = 256  # of a sketch, a byte each: 64, 128, 256, 512 or 1024
    cells: int = 0  # of k-means; 0 is one for each 8,192 documents, at most 1,024
    sample: int = 20_000  # documents that the cells are learned from
    seed: int = 0  # of that sample and of k-means
    artifact: str = ""  # digest of the model: filled in by the job

    def __post_init__(self) -> None:
        if type(self.dimensions) is not int or self.dimensions not in WIDTHS:
            raise ConfigError(f"dimensions is {self.dimensions}; it must be one of {', '.join(map(str, WIDTHS))}")
        whole("cells", self.cells, 0, 10_000)
        whole("sample", self.sample, 2, 1 << 30)
        whole("seed", self.seed, 0, (1 << 32) - 1)

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""
        return "1"

    @property
    def exact(self) -> bool:
        """True: given the model a row's signature depends on that row alone."""
        return True

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The model."""
        return {"model": self.artifact}

    @property
    def schema(self) -> pa.Schema:
        """SIGNATURES, the cell and the sketch, both null where a document has no word."""
        return pa.schema([*SIGNATURES, pa.field("cell", pa.int32()), pa.field("sketch", pa.binary(self.dimensions))])

    def learner(self, documents: int) -> KMeans:
        """What learns the model from so many documents."""
        cells = self.cells or min(MOST, -(-max(1, documents) // EACH))
        return KMeans(k=cells, sample=self.sample, seed=self.seed, starts=1, finer=1)

    def applied(self, digest: str) -> "Semantic":
        """With a model, and without what only matters while one is learned."""
        return Semantic(self.dimensions, artifact=digest)

    def open(self, files: Mapping[str, Path]) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """The function that gives the signatures of a batch of DOCUMENTS; ``files["model"]`` is the model.

        It raises SchemaError where a column is missing or of another type, DataError where a text is null.
        """
        model = Model.from_bytes(files["model"].read_bytes())
        weights = rarities(model)

        def signatures(batch: pa.RecordBatch) -> pa.RecordBatch:
            require(batch, DOCUMENTS, "documents")
            cells, sketches = sketched(batch.column("text"), model, weights, self.dimensions)
            known: npt.NDArray[np.bool_] = np.asarray(sketches.any(axis=1))
            there = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
            kind = pa.binary(self.dimensions)
            return pa.RecordBatch.from_arrays([
                batch.column("doc_id"), text_digests(batch.column("text")), row_digests(batch, OTHERS),
                pa.array(cells, mask=~known),
                pa.FixedSizeBinaryArray.from_buffers(kind, len(known), [there, pa.py_buffer(sketches)]),
            ], schema=self.schema)

        return signatures


def rarities(model: Model) -> Floats:
    """Smoothed inverse document frequency of each bucket; one that the model does not know is as rare as its rarest; (B,)."""
    found = np.log((1 + model.facts["documents"]) / (1 + model.frequencies.astype(np.float64))) + 1
    weights = np.full(1 << model.facts["bits"], found.max(), np.float32)
    weights[model.buckets] = found
    return weights


def sketched(text: pa.StringArray, model: Model, weights: Floats, dimensions: int) -> tuple[Codes, Vectors]:
    """The cell of each document, k where the model knows none of its words, and its sketch, zeros where it has none; (n, D).

    A sketch is scaled so that its largest coordinate is 127 or -127: a cosine does not depend on that.
    """
    found = terms(text, model.facts["bits"])
    codes, _ = model.assign(found.offsets, found.buckets, found.counts)
    sketches = np.zeros((len(text), dimensions), np.int8)
    _sketch(found.offsets, found.buckets, found.counts, log_weights(), weights, np.zeros(dimensions, np.int64), sketches)
    return np.where(codes < 0, len(model.centroids), codes).astype(np.int32), sketches


@kernel
def _sketch(offsets: Integers, buckets: Codes, counts: Codes, logs: Floats, weights: Floats, sums: Integers,
            sketches: Any) -> None:
    """``sums`` (D) is scratch. Of a bucket's hash each block takes eight bits: the sign, and the coordinate in the block."""
    width = len(sums) // BLOCKS
    for d in range(len(offsets) - 1):
        sums[:] = 0
        for i in range(offsets[d], offsets[d + 1]):
            weight = np.int64(logs[min(counts[i], LOGS)] * weights[buckets[i]] * _UNIT)
            hashed = fold_multiply(np.uint64(buckets[i] + 1) * _FIRST, _SECOND)
            for block in range(BLOCKS):
                bits = np.int64(hashed >> np.uint64(8 * block) & np.uint64(0xFF))
                sums[block * width + ((bits >> 1) * width >> 7)] += weight if bits & 1 else -weight
        largest = np.int64(0)
        for j in range(len(sums)):
            largest = max(largest, abs(sums[j]))
        for j in range(len(sums) if largest else 0):
            sketches[d, j] = np.int8(np.rint(127 * sums[j] / largest))
