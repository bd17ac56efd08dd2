"""MinHash: signatures whose agreement estimates the Jaccard similarity of two documents' sets of word n-grams.

Each document has two independent sketches, from the two halves of each shingle's 64-bit hash: ``bands`` × ``rows``
minima, hashed band by band, propose pairs of documents; ``lanes`` further minima, a byte of each, verify them. A
similarity estimated on the minima that proposed a pair would be biased upwards.

    K minima = bands · rows + lanes · a pair of Jaccard J shares a band with probability 1 - (1 - J^rows)^bands
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.banding import best_banding
from corpusmill.operators.dedup.exact import OTHERS
from corpusmill.operators.dedup.minima import (
    BINNED,
    LEGACY,
    MOST,
    SCHEMES,
    Functions,
    lower_affine,
    lower_bins,
    lower_legacy,
    own_functions,
    permutations,
    stand_in,
    write_lanes,
)
from corpusmill.operators.dedup.shingle_sets import Sets, shingle_hashes, shingle_sets
from corpusmill.operators.errors import ConfigError, whole
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES, require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.hashing import row_digests, text_digests
from corpusmill.operators.text.profiles import NO_COPY, PROFILES, Folding, fold, folding, room
from corpusmill.operators.text.shingles import (
    CHUNK,
    UNITS,
    Scratch,
    begin,
    mixed,
    next_shingles,
    only_shingle,
    scratch,
    weight_of_oldest,
)
from corpusmill.operators.text.simd import fold_multiply, kernel

Halves = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

DEVICES = ("cpu", "cuda", "auto")
SLICE = 8 << 20  # bytes of text whose minima are taken at once where a kernel of torch takes them

_BAND_START, _BAND_MULTIPLIER = np.uint64(0x452821E638D01377), np.uint64(0xE7037ED1A0B428DB)


@dataclasses.dataclass(frozen=True)
class MinHash:
    """Near duplicates: documents that share many n-grams of words or of characters (see ``operators.text.shingles``).

    ``threshold`` instead of bands and rows: those that suit it best out of ``minima`` (128) hashes, as datasketch chooses them.
    """

    ngram: int = 5  # words or characters per shingle; a document of fewer is one shingle
    shingles: str = "folded"  # what of: folded (words, CJK characters), words (between white space), uax29 or characters
    profile: str = "folded"  # what is folded before (operators.text.profiles): none, folded, lowered or a system's
    scheme: str = "binned"  # of the minima that propose: binned (fast), or affine32 or legacy, as datasketch computes them
    bands: int = 14  # a pair is proposed where all rows of a band agree
    rows: int = 8  # minima per band
    lanes: int = 128  # bytes that verify
    seed: int = 1  # of the hash functions
    device: str = dataclasses.field(default="cpu", compare=False, metadata={"key": False})  # cpu, cuda or auto; same results
    threshold: dataclasses.InitVar[float | None] = None
    minima: dataclasses.InitVar[int | None] = None

    def __post_init__(self, threshold: float | None, minima: int | None) -> None:
        if threshold is not None:
            self._cut(threshold, 128 if minima is None else minima)
        elif minima is not None:
            raise ConfigError(f"minima is {minima}, but no threshold is given that bands and rows of so many could suit")
        for name, most in (("ngram", 64), ("bands", 1024), ("rows", 1024), ("lanes", 4096)):
            whole(name, getattr(self, name), 1, most)
        for name, known in (("shingles", UNITS), ("profile", PROFILES), ("scheme", SCHEMES), ("device", DEVICES)):
            if (chosen := getattr(self, name)) not in known:
                raise ConfigError(f"{name} is {chosen!r}; it must be one of {', '.join(known)}")
        whole("seed", self.seed, 0, (1 << 32) - 1)

    def _cut(self, threshold: float, minima: int) -> None:
        """Set bands and rows. Raises ConfigError where others are given too."""
        if not 0 < threshold <= 1:
            raise ConfigError(f"threshold is {threshold}; it must be above 0 and at most 1")
        whole("minima", minima, 1, 1024)
        bands, rows = best_banding(threshold, minima)
        if (self.bands, self.rows) not in ((MinHash.bands, MinHash.rows), (bands, rows)):
            raise ConfigError(f"threshold is {threshold}, which takes {bands} bands of {rows} rows, but bands is {self.bands} "
                              f"and rows is {self.rows}; give either threshold, or bands and rows")
        object.__setattr__(self, "bands", bands)
        object.__setattr__(self, "rows", rows)

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""
        return "2"

    @property
    def exact(self) -> bool:
        """True: a row's signature depends on that row alone."""
        return True

    @property
    def schema(self) -> pa.Schema:
        """SIGNATURES and the two sketches, null where a document has no word."""
        return pa.schema([
            *SIGNATURES,
            pa.field("bands", pa.binary(8 * self.bands)),  # a uint64 per band, little-endian
            pa.field("lanes", pa.binary(self.lanes)),
        ])

    def signatures(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The signatures of a batch of DOCUMENTS, row by row.

        Raises SchemaError where a column is missing or of another type, DataError where a text is null.
        """
        require(batch, DOCUMENTS, "documents")
        text = batch.column("text")
        bands, lanes, worded = self.sketches(text)
        missing = None if worded.all() else pa.py_buffer(np.packbits(worded, bitorder="little"))
        columns = [batch.column("doc_id"), text_digests(text), row_digests(batch, OTHERS)]
        for name, values in (("bands", bands), ("lanes", lanes)):
            kind = self.schema.field(name).type
            columns.append(pa.FixedSizeBinaryArray.from_buffers(kind, len(text), [missing, pa.py_buffer(values)]))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def sketches(self, text: pa.StringArray) -> tuple[Words, Bytes, npt.NDArray[np.bool_]]:
        """Band hashes (documents, bands), verify lanes (documents, lanes), and whether each document has a shingle."""
        if self.device != "cpu" and self._torch_device() != "cpu":
            return self.torch_sketches(text, self._torch_device())
        texts = Texts.of(text)
        n, unit, folded = len(texts), UNITS.index(self.shingles), folding(self.profile)
        bands, lanes, worded = np.zeros((n, self.bands), "<u8"), np.zeros((n, self.lanes), np.uint8), np.zeros(n, np.bool_)
        _sketch(texts.addresses, texts.lengths, folded, room(folded, texts.longest), unit, self.ngram,
                weight_of_oldest(self.ngram), scratch(unit, self.ngram, texts.longest * folded.growth),
                SCHEMES.index(self.scheme), permutations(self.scheme, self.seed, self.bands * self.rows),
                own_functions(self.seed, self.lanes), bands, lanes, worded)
        return bands, lanes, worded

    def shingle_sets(self, text: pa.StringArray) -> Sets:
        """The shingles that are sketched, in full: offsets (documents + 1) and sorted hashes."""
        return shingle_sets(text, self.shingles, self.profile, self.ngram)


    def torch_sketches(self, text: pa.StringArray, device: str) -> tuple[Words, Bytes, npt.NDArray[np.bool_]]:
        """The same by torch on a device, ``cpu`` included: shingles are hashed here, minima taken there."""
        parts = [self._torch_slice(text.slice(start, stop - start), device) for start, stop in _slices(Texts.of(text).lengths)]
        empty = np.zeros((0, self.bands), "<u8"), np.zeros((0, self.lanes), np.uint8), np.zeros(0, np.bool_)
        bands, lanes, worded = (np.concatenate(found) for found in zip(empty, *parts, strict=True))
        return bands, lanes, worded

    def _torch_slice(self, text: pa.StringArray, device: str) -> tuple[Words, Bytes, npt.NDArray[np.bool_]]:
        from corpusmill.operators.dedup.minima_torch import sketch

        counts, hashes = shingle_hashes(text, self.shingles, self.profile, self.ngram)
        high, low = (hashes >> np.uint64(32)).astype(np.uint32), hashes.astype(np.uint32)
        n, verifying = len(counts), own_functions(self.seed, self.lanes)
        found = sketch(high, low, counts, SCHEMES.index(self.scheme),
                       permutations(self.scheme, self.seed, self.bands * self.rows), verifying, device)
        bands, lanes, worded = np.zeros((n, self.bands), "<u8"), np.zeros((n, self.lanes), np.uint8), counts > 0
        _write(found.minima, found.bins, found.own, verifying, worded, bands, lanes)
        return bands, lanes, worded

    def _torch_device(self) -> str:
        from corpusmill.operators.dedup.minima_torch import chosen

        return chosen(self.device)


def _slices(lengths: Integers) -> Iterator[tuple[int, int]]:
    """Ranges of documents of ``SLICE`` bytes at most, or one longer document."""
    start, size = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if size and size + length > SLICE:
            yield start, i
            start, size = i, 0
        size += length
    if len(lengths):
        yield start, len(lengths)


@kernel
def _write(
    minima: Halves, bins: Halves, own: Halves, verifying: Functions, worded: npt.NDArray[np.bool_], bands: Words, lanes: Bytes
) -> None:
    for d in range(len(minima)):
        if worded[d]:
            _hash_bands(minima[d], bands[d])
            write_lanes(bins[d], own[d], verifying, lanes[d])


@kernel
def _sketch(
    addresses: Integers, lengths: Integers, folded: Folding, form: Bytes, unit: int, ngram: int, oldest: np.uint64,
    kept: Scratch, scheme: int, proposing: Functions, verifying: Functions, bands: Words, lanes: Bytes,
    worded: npt.NDArray[np.bool_],
) -> None:
    first, second = np.empty((2, len(proposing[0])), np.uint32), np.empty((2, len(verifying[0])), np.uint32)
    minima, stand_ins, bins, own = first[0], first[1], second[0], second[1]
    for d in range(len(addresses)):
        first[:], second[:] = MOST, MOST
        address, length = addresses[d], lengths[d]
        if folded.mode != NO_COPY:
            address = form.ctypes.data
            length = fold(addresses[d], length, folded, address)
        begin(unit, address, length, ngram, kept)
        for at in range(0, length, CHUNK):
            count = next_shingles(unit, address, length, at, ngram, oldest, kept)
            _lower(kept.high, count, scheme, proposing, minima, stand_ins)
            lower_bins(kept.low, count, verifying, bins, own)
        count = only_shingle(ngram, kept)
        _lower(kept.high, count, scheme, proposing, minima, stand_ins)
        lower_bins(kept.low, count, verifying, bins, own)
        if kept.rolling[1] > 0:
            worded[d] = True
            stand_in(minima, stand_ins)
            _hash_bands(minima, bands[d])
            write_lanes(bins, own, verifying, lanes[d])


@kernel
def _lower(values: Halves, count: int, scheme: int, functions: Functions, minima: Halves, own: Halves) -> None:
    if scheme == BINNED:
        lower_bins(values, count, functions, minima, own)
    elif scheme == LEGACY:
        lower_legacy(values, count, functions, minima)
    else:
        lower_affine(values, count, functions, minima)


@kernel
def _hash_bands(minima: Halves, bands: Words) -> None:
    rows = len(minima) // len(bands)
    for band in range(len(bands)):
        value = _BAND_START + np.uint64(band)
        for row in range(rows):
            value = fold_multiply(value ^ np.uint64(minima[band * rows + row]), _BAND_MULTIPLIER)
        bands[band] = mixed(value)
