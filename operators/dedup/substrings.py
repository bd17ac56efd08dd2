"""Runs of tokens that occur before, wherever they begin (exact substring dedup: Lee et al., 2022, arXiv 2107.06499)."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.paragraphs import at_least, one_of, source_digests
from corpusmill.operators.dedup.repeats import Items, Pieces
from corpusmill.operators.dedup.winnowing import anchor_keys, hash_bytes, hash_tokens, shared_windows
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.segments import count_segments, locate_segments
from corpusmill.operators.text.wordbreak import properties
from corpusmill.operators.text.words import UNROLLED, count_words, locate_words

Words = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class Substrings:
    """Removes spans of ``length`` tokens or more that occur before, in another document or, without overlap, in their own.

    Tokens are runs without white space (``words``), words by UAX #29 (``uax29``: case, but neither punctuation nor blank
    space, must agree), or ``bytes``. Two windows are equal where two 64-bit hashes of them are. Tokens that several repeated
    windows cover are removed once, so a span is as long as what is repeated.
    """

    tokens: str = "words"  # words | uax29 | bytes
    length: int = 50  # tokens from which a repetition counts
    scope: str = "global"  # global: over all sources; source: within each
    max_fraction: float = 0.8  # of a document's tokens; one that repeats more is dropped
    min_left: int = 10  # tokens; a document of which fewer are left is dropped

    def __post_init__(self) -> None:
        one_of("tokens", self.tokens, ("words", "uax29", "bytes"))
        one_of("scope", self.scope, ("global", "source"))
        at_least("length", self.length, 2)
        at_least("min_left", self.min_left, 1)
        if not 0 <= self.max_fraction <= 1:
            raise ConfigError(f"max_fraction is {self.max_fraction}; it must be between 0 and 1")

    version = "1"
    reasons = ("mostly_repeated", "too_little_left")

    @property
    def width(self) -> int:
        """Tokens of a window."""
        return self.length

    @property
    def anchor(self) -> int:
        """Tokens of an anchor: a window has about as many places for one, and chooses the one of the least hash."""
        return self.length // 2 + 1

    def drops(self, removed: Integers, total: Integers) -> Integers:
        """1 where a larger share than ``max_fraction`` is removed, 2 where fewer tokens than ``min_left`` are left."""
        share = removed / np.maximum(total, 1)
        reason = np.where(share > self.max_fraction, 1, np.where(total - removed < self.min_left, 2, 0))
        return np.where(removed > 0, reason, 0)

    def pieces(self, texts: Texts) -> Pieces:
        """The tokens; offsets of shape (documents + 1,)."""
        if self.tokens == "bytes":
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(texts.lengths)])
            starts = np.arange(offsets[-1]) - np.repeat(offsets[:-1], texts.lengths)
            return Pieces(offsets, starts, starts + 1)
        offsets, spans = self._spans(texts)
        return Pieces(offsets, np.ascontiguousarray(spans[::2]), np.ascontiguousarray(spans[1::2]))

    def sightings(self, batch: pa.RecordBatch) -> Words:
        """The key of every anchor: two windows that are equal have an anchor of one key, and it is counted for each."""
        offsets, hashes, seeds = self._hashed(batch)
        keys = np.empty(len(hashes), np.uint64)
        return keys[:anchor_keys(offsets, hashes, seeds, self.length, self.anchor, keys)].copy()

    def items(self, batch: pa.RecordBatch, repeated: Words) -> Items:
        """The windows whose anchor's key is among ``repeated``; each token has size 1."""
        offsets, hashes, seeds = self._hashed(batch)
        most = len(hashes)
        row, at, ends = (np.empty(most, np.int64) for _ in range(3))
        key, windows = np.empty(most, np.uint64), np.empty(most, np.uint64)
        runs = shared_windows(offsets, hashes, seeds, self.length, self.anchor, repeated, row, at, key, ends, windows)
        bounds = np.concatenate([np.zeros(1, np.int64), ends[:runs]])
        row = row[:runs].copy()
        return Items(row, key[:runs].copy(), at[:runs].copy(), np.ones(runs, np.int64), np.diff(offsets)[row], bounds,
                     windows[:bounds[-1]].copy())

    def _hashed(self, batch: pa.RecordBatch) -> tuple[Integers, Words, Words]:
        """Where documents begin among the tokens, each token's hash, and what keeps the documents' keys apart."""
        texts = Texts.of(batch.column("text"))
        seeds = np.zeros(len(texts), np.uint64)
        if self.scope == "source":
            seeds = np.ascontiguousarray(source_digests(batch.column("source"))[:, 0])
        if self.tokens == "bytes":
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(texts.lengths)])
            hashes = np.empty(int(offsets[-1]), np.uint64)
            hash_bytes(texts.addresses, texts.lengths, hashes)
            return offsets, hashes, seeds
        offsets, spans = self._spans(texts)
        hashes = np.empty(int(offsets[-1]), np.uint64)
        hash_tokens(texts.addresses, offsets, spans, hashes)
        return offsets, hashes, seeds

    def _spans(self, texts: Texts) -> tuple[Integers, Integers]:
        """Where documents begin among the tokens, and each token's start and end."""
        counts = np.empty(len(texts), np.int64)
        bitmaps = np.empty((2, (texts.longest >> 6) + 2), np.uint64)
        if self.tokens == "words":
            count_words(texts.addresses, texts.lengths, counts)
        else:
            count_segments(texts.addresses, texts.lengths, properties(), bitmaps, counts)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        spans = np.empty(2 * int(offsets[-1]) + UNROLLED, np.int64)
        if self.tokens == "words":
            locate_words(texts.addresses, texts.lengths, spans)
        else:
            locate_segments(texts.addresses, texts.lengths, properties(), bitmaps, spans)
        return offsets, spans[:2 * int(offsets[-1])]
