"""``Compression``: how much of a text repeats what stands shortly before it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.simd import NONE, kernel, lowest, word_at

MATCH = 8  # bytes: the shortest repetition that counts
MATCH_COST = 3  # bytes: a token and a two-byte offset, as in LZ4
LARGEST_SAMPLE = 1 << 16  # an offset has two bytes
_TABLE_BITS = 12
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclasses.dataclass(frozen=True)
class Compression:
    """Adds the size of the text's first ``sample`` bytes as a greedy LZ4-style coder would write them.

    ``{name}.coded_bytes`` = literals + 3 bytes per match of at least 8 bytes; ``{name}.sampled_bytes`` = bytes looked
    at. Their ratio is about .3 for templates and lists, .7 to .9 for prose of a few KB and 1 for text that never
    repeats. It is an estimate of our own rather than a library's output, because zlib and zstd change theirs between
    versions, and a signal must not change with the environment; it also runs ten times as fast as zlib.

    Raises ConfigError for a sample outside 1 … 65,536 bytes.
    """

    name: str = "compression"
    sample: int = 1 << 14  # bytes

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if not 1 <= self.sample <= LARGEST_SAMPLE:
            raise ConfigError(f"operator {self.name!r}: sample must be 1 to {LARGEST_SAMPLE} bytes; got {self.sample}")

    @property
    def adds(self) -> pa.Schema:
        """Both sizes, as int64."""
        return pa.schema([pa.field(f"{self.name}.{c}", pa.int64()) for c in ("coded_bytes", "sampled_bytes")])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both sizes."""
        fields, sample = self.adds, self.sample

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            sampled = np.minimum(texts.lengths, sample)
            coded = np.empty(len(texts), np.int64)
            estimate(texts.addresses, sampled, coded)
            return Outcome(append(batch, fields, [pa.array(coded), pa.array(sampled)]), {})

        return apply


@kernel
def estimate(addresses: Integers, lengths: Integers, coded: Integers) -> None:
    """Coded size of the first ``lengths`` bytes at each address."""
    latest = np.empty(1 << _TABLE_BITS, np.int32)
    for d in range(len(addresses)):
        bits = 6
        while bits < _TABLE_BITS and 1 << bits < lengths[d]:
            bits += 1
        latest[: 1 << bits] = -1
        coded[d] = _coded_bytes(addresses[d], lengths[d], latest, np.uint64(64 - bits))


@kernel
def _coded_bytes(address: int, length: int, latest: Any, shift: Any) -> int:
    """One greedy pass; ``latest`` maps the hash of eight bytes to where they were last seen, -1 for nowhere."""
    at = matches = matched = missed = 0
    while at + MATCH <= length:
        word = word_at(address + at)
        slot = np.int64((word * _MULTIPLIER) >> shift)
        before = latest[slot]
        latest[slot] = at
        if before < 0 or word_at(address + before) != word:
            missed += 1
            at += 1 + (missed >> 5)
            continue
        size = _match_length(address, before, at, length)
        matches, matched, missed = matches + 1, matched + size, 0
        at += size
    return length - matched + MATCH_COST * matches


@kernel
def _match_length(address: int, before: int, at: int, length: int) -> int:
    """How many bytes from ``at`` repeat those from ``before``, at least the eight that are known to."""
    size = MATCH
    while at + size < length:
        differing = word_at(address + before + size) ^ word_at(address + at + size)
        if differing != NONE:
            return min(size + (lowest(differing) >> 3), length - at)
        size += 8
    return min(size, length - at)
