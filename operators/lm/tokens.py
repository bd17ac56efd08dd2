"""Text as tokens: bytes, or the tokens of a vocabulary; a boundary comes before every document."""

import dataclasses
import functools
import importlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError

Tokens = npt.NDArray[np.int16] | npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

BOUNDARY = 256
VOCABULARY = 257
SIZES = {"cl100k": 100_256, "o200k": 199_998}  # ids of the published vocabularies
TOKENIZERS = ("bytes", *SIZES)


def stream(texts: Iterable[bytes]) -> npt.NDArray[np.int16]:
    """One array of all documents as bytes, a boundary before each and one after the last; (N,)."""
    parts = [np.array([BOUNDARY], np.int16)]
    for text in texts:
        parts += [np.frombuffer(text, np.uint8).astype(np.int16), parts[0]]
    return np.concatenate(parts)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Tokens 0 to 255 are bytes, 256 is the boundary, and from 257 on stand ``kept``: ids of a published vocabulary.

    A token that is not kept is spelled in bytes, so that any text can be written and nothing is lost.
    """

    name: str = "bytes"
    kept: tuple[int, ...] = ()

    def __len__(self) -> int:
        return VOCABULARY + len(self.kept)

    @property
    def widths(self) -> npt.NDArray[np.int32]:
        """Bytes of each token, 0 of the boundary; (V,)."""
        found = np.ones(len(self), np.int32)
        found[BOUNDARY] = 0
        if self.kept:
            found[VOCABULARY:] = np.diff(_spelling(self.name)[1])[list(self.kept)]
        return found

    def stream(self, texts: Iterable[bytes]) -> Tokens:
        """As ``stream`` above, in tokens of this vocabulary; bytes that are not UTF-8 at the end of a text are left out."""
        if self.name == "bytes":
            return stream(texts)
        parts = [np.array([BOUNDARY], np.int32)]
        for text in texts:
            parts += [self._written(encoded(self.name, text)), parts[0]]
        return np.concatenate(parts)

    def _written(self, ids: Integers) -> npt.NDArray[np.int32]:
        data, starts = _spelling(self.name)
        places = _places(self)[ids]
        sizes = np.where(places >= 0, 1, starts[ids + 1] - starts[ids])
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        spelled = data[np.repeat(starts[ids], sizes) + within].astype(np.int32)
        known = np.repeat(places, sizes)
        return np.where(known >= 0, known, spelled).astype(np.int32)


def chosen(name: str, texts: Iterable[bytes], most: int) -> Vocabulary:
    """The vocabulary of at most ``most`` tokens that keeps those of ``name`` that occur most often, the first among equals.

    Raises ConfigError for a name that is none of TOKENIZERS, or too few tokens.
    """
    if name not in TOKENIZERS:
        raise ConfigError(f"streams.tokenizer={name!r}: give one of {', '.join(TOKENIZERS)}")
    if name == "bytes":
        return Vocabulary()
    if most <= VOCABULARY:
        raise ConfigError(f"streams.vocabulary={most}: give more than {VOCABULARY}, which are the bytes and the boundary")
    _, starts = _spelling(name)
    counts = np.zeros(len(starts) - 1, np.int64)
    for text in texts:
        counts += np.bincount(encoded(name, text), minlength=len(counts))
    counts[np.diff(starts) < 2] = 0  # a byte stands for itself
    order = np.argsort(-counts, kind="stable")[: most - VOCABULARY]
    return Vocabulary(name, tuple(np.sort(order[counts[order] > 0]).tolist()))


def encoded(name: str, text: bytes) -> Integers:
    """Ids of a published vocabulary."""
    ids: Sequence[int] = _encoder(name).encode(text.decode("utf-8", "ignore"))
    return np.array(ids, np.int64)


@functools.cache
def _encoder(name: str) -> Any:
    """Encoders do not pickle, so each process makes its own, once."""
    openai = importlib.import_module("rs_bpe.bpe").openai  # 50 MB that bytes do without
    return openai.cl100k_base() if name == "cl100k" else openai.o200k_base()


@functools.lru_cache(maxsize=2)
def _spelling(name: str) -> tuple[npt.NDArray[np.uint8], Integers]:
    """The bytes of all ids of a vocabulary, one after another, and where each begins (ids + 1)."""
    decode = _encoder(name).bpe().decode_tokens
    parts = [decode([place]) for place in range(SIZES[name])]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return np.frombuffer(b"".join(parts), np.uint8), starts.astype(np.int64)


@functools.lru_cache(maxsize=2)
def _places(vocabulary: Vocabulary) -> Integers:
    """Of each id: its token, -1 where it is spelled."""
    _, starts = _spelling(vocabulary.name)
    found = np.full(len(starts) - 1, -1, np.int64)
    found[list(vocabulary.kept)] = VOCABULARY + np.arange(len(vocabulary.kept))
    return found
