"""Paragraphs or lines that another document holds already."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.dedup.exact import normalise
from corpusmill.operators.dedup.repeats import Items, Pieces
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.editing import copy, has_words, line_end
from corpusmill.operators.text.hashing import fixed_bytes, text_digests
from corpusmill.operators.text.lines import count_lines
from corpusmill.operators.text.simd import PADDING, kernel
from corpusmill.operators.text.words import count_characters

Words = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class Paragraphs:
    """Removes paragraphs or lines that occur before, by a 128-bit digest of each.

    A ``line`` ends at a line feed and is no blank one; a ``paragraph`` is a run of lines without a blank one between. The
    digest is of its bytes (``raw``), or of its text with ASCII letters lowered and each run of white space one space
    (``folded``). The shorter than ``min_chars`` stay wherever they are.
    """

    unit: str = "paragraph"  # paragraph | line
    match: str = "folded"  # raw | folded
    scope: str = "global"  # global: over all sources; source: within each
    min_chars: int = 80  # characters; what is shorter is never removed
    min_left: int = 200  # characters of paragraphs or lines; a document of which less is left is dropped

    def __post_init__(self) -> None:
        one_of("unit", self.unit, ("paragraph", "line"))
        one_of("match", self.match, ("raw", "folded"))
        one_of("scope", self.scope, ("global", "source"))
        at_least("min_chars", self.min_chars, 1)
        at_least("min_left", self.min_left, 1)

    version = "1"
    width = 1
    reasons = ("too_little_left",)

    def drops(self, removed: Integers, total: Integers) -> Integers:
        """1 where something is removed and less than ``min_left`` is left."""
        return ((removed > 0) & (total - removed < self.min_left)).astype(np.int64)

    def pieces(self, texts: Texts) -> Pieces:
        """The units; offsets of shape (documents + 1,)."""
        counts = np.empty(len(texts), np.int64)
        count_lines(texts.addresses, texts.lengths, counts)
        starts, ends = np.empty(int(counts.sum()), np.int64), np.empty(int(counts.sum()), np.int64)
        offsets = np.zeros(len(texts) + 1, np.int64)
        _locate_units(texts.addresses, texts.lengths, self.unit == "paragraph", offsets, starts, ends)
        return Pieces(offsets, starts[:offsets[-1]], ends[:offsets[-1]])

    def sightings(self, batch: pa.RecordBatch) -> Words:
        """A key per unit that is long enough."""
        return self._units(batch)[2][:, 0]

    def items(self, batch: pa.RecordBatch, repeated: Words) -> Items:
        """The units whose key is among ``repeated``; a size is in characters."""
        row, at, digests, size, total = self._units(batch)
        taken = np.isin(digests[:, 0], repeated)
        row, digests = row[taken], digests[taken]
        return Items(row, digests[:, 0], at[taken], size[taken], total[row], np.arange(len(row) + 1), digests[:, 1])

    def _units(self, batch: pa.RecordBatch) -> tuple[Integers, Integers, Words, Integers, Integers]:
        """Of units that are long enough: row, place in it, digest (units × 2), characters; and characters by document."""
        texts = Texts.of(batch.column("text"))
        pieces = self.pieces(texts)
        row = np.repeat(np.arange(len(texts)), np.diff(pieces.offsets))
        addresses, lengths = texts.addresses[row] + pieces.starts, pieces.ends - pieces.starts
        chars = np.empty(len(row), np.int64)
        count_characters(addresses, lengths, chars)
        total = np.bincount(row, chars, len(texts)).astype(np.int64)
        long = np.flatnonzero(chars >= self.min_chars)
        row, at = row[long], long - pieces.offsets[row[long]]
        found = digests(gathered(addresses[long], lengths[long]), self.match)
        if self.scope == "source":
            found ^= source_digests(batch.column("source"))[row]
        return row, at, found, chars[long], total


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ConfigError for another value."""
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}")


def at_least(name: str, value: int, least: int) -> None:
    """Raise ConfigError for a smaller number."""
    if type(value) is not int or value < least:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number, at least {least}")


def digests(units: pa.StringArray, match: str) -> Words:
    """BLAKE2b-128 of each unit, raw or folded, as two numbers; shape (units, 2)."""
    return _words(text_digests(normalise(units) if match == "folded" else units))


def source_digests(source: pa.StringArray) -> Words:
    """What keeps the keys of sources apart; shape (documents, 2)."""
    coded = source.dictionary_encode()
    found: Words = _words(text_digests(coded.dictionary))[coded.indices.to_numpy()]
    return found


def _words(column: pa.FixedSizeBinaryArray) -> Words:
    found: Words = np.ascontiguousarray(fixed_bytes(column)).view("<u8").astype(np.uint64)
    return found


def gathered(addresses: Integers, lengths: Integers) -> pa.StringArray:
    """Spans of memory as strings."""
    offsets = np.zeros(len(addresses) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data = np.empty(int(offsets[-1]) + PADDING, np.uint8)
    _gather(addresses, lengths, data.ctypes.data)
    return pa.StringArray.from_buffers(len(addresses), pa.py_buffer(offsets), pa.py_buffer(data))


@kernel
def _gather(addresses: Integers, lengths: Integers, target: int) -> None:
    for i in range(len(addresses)):
        target = copy(addresses[i], addresses[i] + lengths[i], target)


@kernel
def _locate_units(
    addresses: Integers, lengths: Integers, paragraphs: bool, offsets: Integers, starts: Any, ends: Any
) -> None:
    filled = 0
    for d in range(len(addresses)):
        at, joined = 0, False
        while at < lengths[d]:
            stop = line_end(addresses[d], lengths[d], at, False)
            filled_line = has_words(addresses[d] + at, addresses[d] + stop, 1)
            if filled_line and joined:
                ends[filled - 1] = stop
            elif filled_line:
                starts[filled], ends[filled] = at, stop
                filled += 1
            joined = paragraphs and filled_line
            at = stop + 1
        offsets[d + 1] = filled
