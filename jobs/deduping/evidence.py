"""What verifies a candidate pair: the lanes of both signatures, or the shingles of both texts."""

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.jobs.runtime import aligned, kernels
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.dedup.shingle_sets import Sets
from corpusmill.operators.dedup.verify import jaccard, similarity

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BYTES = pa.large_binary()  # of one document
SLICE_PAIRS = 1 << 16  # whose lanes are side by side in memory at a time: 16 MiB


class Shingler(Protocol):
    """A signer that gives what it sketches in full."""

    def shingle_sets(self, text: pa.StringArray, /) -> Sets:
        """Offsets (documents + 1) and sorted distinct hashes."""


class Evidence(Protocol):
    """Gives what is compared of a document, and compares it; a frozen dataclass."""

    @property
    def text(self) -> bool:
        """Whether the text is read."""

    @property
    def width(self) -> int:
        """Bytes of an average document's evidence."""

    def of(self, store: Store, one: Aligned, rows: Integers, /) -> pa.Array:
        """Evidence (BYTES) of some rows of a shard, which are distinct and in order."""

    def similarity(self, upper: pa.Array, lower: pa.Array, pairs: tuple[Integers, Integers], /) -> Floats:
        """Of pairs, each an index of ``upper`` and one of ``lower``."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lanes:
    """Estimates the similarity on ``width`` bytes of the signatures."""

    width: int

    @property
    def text(self) -> bool:
        """No."""
        return False

    def of(self, store: Store, one: Aligned, rows: Integers) -> pa.Array:
        """The lanes."""
        lanes = aligned.read(store, one, {"lanes": ("signatures", "lanes")}).column("lanes")
        return lanes.take(pa.array(rows)).cast(BYTES)

    def similarity(self, upper: pa.Array, lower: pa.Array, pairs: tuple[Integers, Integers]) -> Floats:
        """Unbiased; see ``operators.dedup.verify``."""
        left, right = (_bytes(side).reshape(-1, self.width) for side in (upper, lower))
        found = np.empty(len(pairs[0]), np.float64)
        for at in range(0, len(found), SLICE_PAIRS):
            here = slice(at, at + SLICE_PAIRS)
            found[here] = similarity(left[pairs[0][here]], right[pairs[1][here]])
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Shingles:
    """The Jaccard similarity of the sets of shingles, which are made of the texts of candidates alone."""

    signer: Shingler
    width: int

    @property
    def text(self) -> bool:
        """Yes."""
        return True

    def of(self, store: Store, one: Aligned, rows: Integers) -> pa.Array:
        """The sorted hashes of the shingles."""
        kernels.share([type(self.signer).__qualname__, "shingle_sets"], lambda b: self.signer.shingle_sets(b.column("text")))
        parts = [self._of(text) for text in _texts(store, one, rows)]
        return pa.concat_arrays([pa.array([], BYTES), *parts])

    def _of(self, text: pa.StringArray) -> pa.Array:
        offsets, hashes = self.signer.shingle_sets(text)
        return pa.Array.from_buffers(BYTES, len(text), [None, pa.py_buffer(8 * offsets), pa.py_buffer(hashes)])

    def similarity(self, upper: pa.Array, lower: pa.Array, pairs: tuple[Integers, Integers]) -> Floats:
        """Exact."""
        return jaccard(_sets(upper), _sets(lower), pairs)


def _texts(store: Store, one: Aligned, rows: Integers) -> Iterator[pa.StringArray]:
    """The texts of some rows at the view, batch by batch."""
    first = 0
    for batch in aligned.read_text(store, one, {"text": ("documents", "text")}):
        low, high = np.searchsorted(rows, [first, first + batch.num_rows])
        if high > low:
            yield batch.column("text").take(pa.array(rows[low:high] - first))
        first += batch.num_rows


def _bytes(values: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all values, which have no nulls, one after another."""
    offsets = _offsets(values)
    data = values.buffers()[2]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data is not None else np.empty(0, np.uint8)


def _offsets(values: pa.Array) -> Integers:
    return np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]


def _sets(values: pa.Array) -> Sets:
    offsets = _offsets(values)
    return (offsets - offsets[0]) // 8, _bytes(values).view(np.uint64)
