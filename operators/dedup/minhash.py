"""MinHash: signatures whose agreement estimates the Jaccard similarity of two documents' sets of word n-grams.

Each document has two independent sketches, from the two halves of each shingle's 64-bit hash: ``bands`` × ``rows``
minima, hashed band by band, propose pairs of documents; ``lanes`` further minima, a byte of each, verify them. A
similarity estimated on the minima that proposed a pair would be biased upwards.

    K minima = bands · rows + lanes · a pair of Jaccard J shares a band with probability 1 - (1 - J^rows)^bands
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.exact import OTHERS
from corpusmill.operators.dedup.shingle_sets import Sets, shingle_sets
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES, require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.hashing import row_digests, text_digests
from corpusmill.operators.text.shingles import CHUNK, ROOM, hash_shingles, locate_folded, mixed, weight_of_oldest
from corpusmill.operators.text.simd import NONE, fold_multiply, kernel

Halves = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

_MOST = np.uint32(0xFFFFFFFF)
_HALF = np.uint64(32)
_BAND_START, _BAND_MULTIPLIER = np.uint64(0x452821E638D01377), np.uint64(0xE7037ED1A0B428DB)
_LANE_MULTIPLIER, _LANE_SHIFT, _LANE_TOP = np.uint32(0x7FEB352D), np.uint32(15), np.uint32(24)
_STEP = 4  # shingles per pass over the minima: each is loaded and stored a quarter as often


@dataclasses.dataclass(frozen=True)
class MinHash:
    """Near duplicates: documents that share many word n-grams (see ``operators.text.shingles`` for what a word is)."""

    ngram: int = 5  # words per shingle; a document of fewer words is one shingle
    bands: int = 14  # a pair is proposed where all rows of a band agree
    rows: int = 8  # minima per band
    lanes: int = 128  # minima that verify
    seed: int = 1  # of the hash functions

    def __post_init__(self) -> None:
        for name, most in (("ngram", 64), ("bands", 1024), ("rows", 64), ("lanes", 4096)):
            if not 1 <= (value := getattr(self, name)) <= most:
                raise ConfigError(f"{name} is {value}; it must lie between 1 and {most}")
        if not 0 <= self.seed < 1 << 64:
            raise ConfigError(f"seed is {self.seed}; it must lie between 0 and 2^64 - 1")

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""
        return "1"

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
        """Band hashes (documents, bands), verify lanes (documents, lanes), and whether each document has a word."""
        texts = Texts.of(text)
        n, minima = len(texts), self.bands * self.rows
        bands, lanes, worded = np.zeros((n, self.bands), "<u8"), np.zeros((n, self.lanes), np.uint8), np.zeros(n, np.bool_)
        numbers = _random_words(self.seed, 2 * (minima + self.lanes))
        multipliers = (numbers[::2] >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
        increments = (numbers[1::2] >> np.uint64(32)).astype(np.uint32)
        _sketch(texts.addresses, texts.lengths, np.zeros(self.ngram, np.uint64), weight_of_oldest(self.ngram),
                (multipliers[:minima], increments[:minima]), (multipliers[minima:], increments[minima:]),
                bands, lanes, worded)
        return bands, lanes, worded

    def shingle_sets(self, text: pa.StringArray) -> Sets:
        """The shingles that are sketched, in full: offsets (documents + 1) and sorted hashes."""
        return shingle_sets(text, self.ngram)


def _random_words(seed: int, count: int) -> Words:
    """SplitMix64 from ``seed``."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@kernel
def _sketch(
    addresses: Integers, lengths: Integers, recent: Words, oldest: np.uint64, proposing: tuple[Halves, Halves],
    verifying: tuple[Halves, Halves], bands: Words, lanes: Bytes, worded: npt.NDArray[np.bool_],
) -> None:
    spans, shingles = np.empty(2 * ROOM, np.int64), np.empty(ROOM, np.uint64)
    half, state, rolling = np.empty(ROOM + _STEP, np.uint32), np.zeros(4, np.uint64), np.zeros(2, np.uint64)
    first, second = np.empty(len(proposing[0]), np.uint32), np.empty(len(verifying[0]), np.uint32)
    for d in range(len(addresses)):
        state[:], rolling[:], recent[:], first[:], second[:] = NONE, NONE, NONE, _MOST, _MOST
        for at in range(0, lengths[d], CHUNK):
            filled = locate_folded(addresses[d], lengths[d], at, state, spans)
            written = hash_shingles(addresses[d], spans, filled, recent, oldest, rolling, shingles)
            _lower(shingles, written, half, proposing, verifying, first, second)
        words = np.int64(rolling[1])
        if 0 < words < len(recent):
            shingles[0] = mixed(rolling[0])
            _lower(shingles, 1, half, proposing, verifying, first, second)
        if words > 0:
            worded[d] = True
            _hash_bands(first, bands[d])
            _to_bytes(second, lanes[d])


@kernel
def _lower(
    shingles: Words, count: int, half: Halves, proposing: tuple[Halves, Halves], verifying: tuple[Halves, Halves],
    first: Halves, second: Halves,
) -> None:
    """Lower both sketches' minima: the first by the high half of each shingle's hash, the second by the low one."""
    for i in range(count):
        half[i] = np.uint32(shingles[i] >> _HALF)
    _lower_minima(half, count, proposing[0], proposing[1], first)
    for i in range(count):
        half[i] = np.uint32(shingles[i])
    _lower_minima(half, count, verifying[0], verifying[1], second)


@kernel
def _lower_minima(values: Halves, count: int, multipliers: Halves, increments: Halves, minima: Halves) -> None:
    if count == 0:
        return
    for i in range(count, count + _STEP - 1):
        values[i] = values[count - 1]  # a value seen again changes no minimum
    for i in range(0, count, _STEP):
        a, b, c, d = values[i], values[i + 1], values[i + 2], values[i + 3]
        for k in range(len(minima)):
            by, plus = multipliers[k], increments[k]
            low = min(min(np.uint32(by * a + plus), np.uint32(by * b + plus)),
                      min(np.uint32(by * c + plus), np.uint32(by * d + plus)))
            minima[k] = min(minima[k], low)


@kernel
def _hash_bands(minima: Halves, bands: Words) -> None:
    rows = len(minima) // len(bands)
    for band in range(len(bands)):
        value = _BAND_START + np.uint64(band)
        for row in range(rows):
            value = fold_multiply(value ^ np.uint64(minima[band * rows + row]), _BAND_MULTIPLIER)
        bands[band] = mixed(value)


@kernel
def _to_bytes(minima: Halves, lanes: Bytes) -> None:
    """A byte that depends on all of each minimum: its own low byte would depend on the shingle's low byte alone."""
    for k in range(len(minima)):
        value = np.uint32((minima[k] ^ (minima[k] >> _LANE_SHIFT)) * _LANE_MULTIPLIER)
        lanes[k] = np.uint8(np.uint32(value ^ (value >> _LANE_SHIFT)) * _LANE_MULTIPLIER >> _LANE_TOP & np.uint32(255))
