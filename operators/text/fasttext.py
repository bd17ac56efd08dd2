"""Classifiers in fastText's file format, read and applied without the library: no lock is held and nothing else is loaded.

A text is the mean of the vectors of its words and of their character n-grams; a linear layer gives the labels. The file
holds the format's version 12: dense (``.bin``) or quantised (``.ftz``), with any loss, n-grams of words among the vectors or
not. See facebookresearch/fastText, src/{fasttext,dictionary,productquantizer,loss}.cc.

V vectors, D dimensions, L labels.
"""

import dataclasses
import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.classifying import index_words

MAGIC, VERSION = 793712314, 12
_SUPERVISED, _HIERARCHICAL, _NEGATIVES, _SOFTMAX, _ONE_VERSUS_ALL = 3, 1, 2, 3, 4
_PREFIX = b"__label__"

Floats = npt.NDArray[np.float32]


class Vocabulary(NamedTuple):
    """Words and then labels, one after another, where each ends, a hash table of their numbers + 1, and how many are words."""

    words: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int32]
    words_known: int


class Ngrams(NamedTuple):
    """How runs of ``shortest`` to ``longest`` characters, < and > around the word included, find their vectors.

    ``rows`` is the row of each bucket, -1 where it was pruned; empty where none was: words + bucket. ``present`` has a
    bit per bucket that was not pruned: it fits into a cache that the rows do not fit. Runs of up to ``run`` words, where that
    is above 1, share the buckets.
    """

    rows: npt.NDArray[np.int32]
    present: npt.NDArray[np.uint64]
    buckets: int
    shortest: int
    longest: int
    run: int = 1


class Network(NamedTuple):
    """V × D vectors, of words and then of n-grams, and the layer that makes labels of their mean.

    Softmax: L × D. Hierarchical softmax: (L - 1) × D, a row per inner node of a tree, whose ``children`` ((L - 1) × 2)
    are labels below L and else L + the child's row. ``children`` is empty for other losses. ``independent``: each label has a
    sigmoid of its own (one against all, negative sampling).
    """

    vectors: Floats
    layer: Floats
    children: npt.NDArray[np.int32]
    independent: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    """What a file holds, as kernels take it."""

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    ngrams: Ngrams
    network: Network


def read(data: bytes, where: str) -> Model:
    """The model in a file's bytes; ``where`` names the file in errors. Raises ConfigError for any other content."""
    try:
        return _read(_Reader(data), where)
    except (struct.error, ValueError, IndexError) as error:
        raise ConfigError(f"{where} is no whole fastText model: {error}") from error


class _Reader:
    """Takes values off the front of a file."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Any:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found[0] if len(found) == 1 else found

    def array(self, kind: str, count: int) -> Any:
        found = np.frombuffer(self.data, kind, count, self.at).copy()
        self.at += found.nbytes
        return found

    def string(self) -> bytes:
        end = self.data.index(b"\0", self.at)
        found, self.at = self.data[self.at:end], end + 1
        return found


def _read(file: _Reader, where: str) -> Model:
    magic, version = file.take("ii")
    if (magic, version) != (MAGIC, VERSION):
        raise ConfigError(f"{where} is no fastText model of version {VERSION}: it begins with {magic}, {version}")
    dimensions, _, _, _, _, word_ngrams, loss, kind, bucket_count, shortest, longest, _, _ = file.take("12id")
    if kind != _SUPERVISED or loss not in (_HIERARCHICAL, _NEGATIVES, _SOFTMAX, _ONE_VERSUS_ALL) or word_ngrams < 1:
        raise ConfigError(f"{where}: only classifiers can be used; this file has model {kind}, loss {loss} and wordNgrams "
                          f"{word_ngrams}, where a classifier has model 3, loss 1 to 4 and wordNgrams from 1 on")
    size, words, labels, _, pruned = file.take("iiiqq")
    entries = [(file.string(), *file.take("qb")) for _ in range(size)]
    pairs = file.array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    quantised = file.take("?")
    vectors = _matrix(file, quantised)
    layer = _matrix(file, file.take("?") and quantised)
    if vectors.shape[1] != dimensions or layer.shape != (labels, dimensions) or len(entries) != words + labels:
        raise ConfigError(f"{where}: shapes {vectors.shape} and {layer.shape} do not fit {dimensions} dimensions and "
                          f"{labels} labels")
    hashed = longest > 0 or word_ngrams > 1
    needed = words + bucket_count if pruned < 0 and hashed else max([words - 1, *pairs[:, 1] + words]) + 1
    if len(vectors) < needed or (hashed and bucket_count < 1) or (longest > 0 and not 0 < shortest <= longest):
        raise ConfigError(f"{where}: {len(vectors)} vectors, but {needed} are needed by {words} words and {bucket_count} "
                          f"buckets of n-grams of {shortest} to {longest} characters")
    children = np.zeros((0, 2), np.int32)
    if loss == _HIERARCHICAL:
        children, layer = _tree([count for _, count, _ in entries[words:]]), layer[:-1]
    names = tuple(name.removeprefix(_PREFIX).decode() for name, _, _ in entries[words:])
    vocabulary = vocabulary_of([name for name, _, _ in entries], words)
    pairs[:, 1] += words
    ngrams = _ngrams(pairs, pruned >= 0, bucket_count, shortest, longest, word_ngrams)
    independent = loss in (_NEGATIVES, _ONE_VERSUS_ALL)
    return Model(names, vocabulary, ngrams, Network(vectors, np.ascontiguousarray(layer), children, independent))


def vocabulary_of(names: list[bytes], known: int) -> Vocabulary:
    """An index of words, of which there are ``known``, and of the labels after them."""
    words, ends = np.frombuffer(b"".join(names), np.uint8), np.cumsum([len(name) for name in names], dtype=np.int64)
    slots = np.empty(1 << (2 * len(names)).bit_length(), np.int32)
    index_words(words, ends, slots)
    return Vocabulary(words, ends, slots, known)


def _ngrams(pairs: Any, pruned: bool, buckets: int, shortest: int, longest: int, run: int) -> Ngrams:
    """``pairs`` are bucket and row of those that were kept."""
    rows = np.full(buckets if pruned else 0, -1, np.int32)
    present = np.zeros(-(-len(rows) // 64) * 64, np.bool_)
    if pruned:
        rows[pairs[:, 0]] = pairs[:, 1]
        present[pairs[:, 0]] = True
    return Ngrams(rows, np.packbits(present, bitorder="little").view(np.uint64), buckets, shortest, longest, run)


def _matrix(file: _Reader, quantised: bool) -> Floats:
    """A dense matrix, or one of which groups of columns are codes of 256 centroids each, and the rows' norms too."""
    if not quantised:
        rows, columns = file.take("qq")
        return np.asarray(file.array("<f4", rows * columns).reshape(rows, columns))
    has_norms, rows, _, codes = file.take("?qqi")
    matrix = _decoded(file, file.array("u1", codes).reshape(rows, -1))
    if has_norms:
        matrix *= _decoded(file, file.array("u1", rows).reshape(rows, 1))
    return matrix


def _decoded(file: _Reader, codes: Any) -> Floats:
    """Columns from centroids; the last group may have fewer columns than the others."""
    columns, groups, width, last = file.take("4i")
    centroids = file.array("<f4", columns * 256)
    parts = []
    for group in range(groups):
        held = last if group == groups - 1 else width
        at = group * 256 * width
        parts.append(centroids[at:at + 256 * held].reshape(256, held)[codes[:, group]])
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _tree(counts: list[int]) -> npt.NDArray[np.int32]:
    """The Huffman tree of labels in descending order of count, ties as in the library."""
    total = len(counts)
    weights, children = [*counts, *[10**15] * (total - 1)], np.zeros((total - 1, 2), np.int32)
    leaf, node = total - 1, total
    for row in range(total - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children[row, side], leaf = leaf, leaf - 1
            else:
                children[row, side], node = node, node + 1
        weights[total + row] = int(weights[children[row, 0]] + weights[children[row, 1]])
    return children
