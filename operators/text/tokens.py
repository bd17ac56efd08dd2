"""How long a document is: in tokens of a vocabulary, in words or in bytes.

A counter is a frozen dataclass; ``open`` gives the function that a worker calls: a string array of D documents in, an
int64 array of D counts out. A document's count never depends on the batch around it. Special tokens are neither added
nor recognised: ``<|endoftext|>`` in a text counts as the thirteen characters that it is.
"""

import base64
import binascii
import dataclasses
import functools
import importlib
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.words import count_words

Count = Callable[[pa.StringArray], npt.NDArray[np.int64]]

# An Encoding of `tokenizers` takes some hundred bytes per token, so a batch is encoded in groups of this many bytes.
GROUP_BYTES = 1 << 20

# The split patterns that a ranks file does not carry, as tiktoken publishes them (tiktoken_ext/openai_public.py).
PATTERNS = {
    "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
    "cl100k": (
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
        r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
    ),
    "o200k": (
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    ),
}


class Counter(Protocol):
    """Counts the length of each document."""

    def __hash__(self) -> int:
        """Of its parameters: a worker opens each counter once."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def unit(self) -> str:
        """``tokens``, ``words`` or ``bytes``."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever counts do."""

    @property
    def exact(self) -> bool:
        """True: the same text has the same count everywhere."""

    @property
    def artifacts(self) -> Mapping[str, str]:
        """Name → digest of the vocabulary file; empty where the vocabulary is built in."""

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts; ``files`` holds the artifacts by name.

        The function raises SchemaError for an array that is not of strings, and DataError for nulls.
        """


@dataclasses.dataclass(frozen=True)
class Bytes:
    """Bytes of UTF-8."""

    name = unit = "bytes"
    version = "1"
    exact = True

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts."""
        return lambda texts: Texts.of(texts).lengths


@dataclasses.dataclass(frozen=True)
class Words:
    """Words as ``len(text.split())`` counts them."""

    name = unit = "words"
    version = "1"
    exact = True

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts."""
        return _words


@dataclasses.dataclass(frozen=True)
class Bpe:
    """Tokens of a built-in vocabulary: ``cl100k`` (100,256 tokens) or ``o200k`` (199,998).

    The counts are those of tiktoken's ``cl100k_base`` and ``o200k_base`` with ``encode_ordinary``. Time is linear
    in the text, whatever it holds. Counting holds the interpreter lock: use a process per core.
    """

    vocabulary: str = "cl100k"
    unit = "tokens"
    version = "1"
    exact = True

    def __post_init__(self) -> None:
        if self.vocabulary not in ("cl100k", "o200k"):
            raise ConfigError(f"tokenizer.vocabulary must be cl100k or o200k, got {self.vocabulary!r}; any other "
                              "vocabulary is given as a file with tokenizer=huggingface or tokenizer=tiktoken")

    @property
    def name(self) -> str:
        """The vocabulary."""
        return self.vocabulary

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None: the vocabulary is built in."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts."""
        return _each(_built_in(self.vocabulary))


@dataclasses.dataclass(frozen=True)
class HuggingFace:
    """Tokens of a ``tokenizer.json``, with its normaliser, on one thread.

    Padding and truncation that the file asks for are off. A document is encoded whole and takes some hundred bytes of
    memory per token. Needs ``corpusmill[tokenizers]``.
    """

    path: str  # where the job finds the file; a worker reads files["tokenizer"]
    digest: str = ""  # of the file: filled in by the job
    unit = "tokens"
    version = "1"
    exact = True

    @property
    def name(self) -> str:
        """The file with its folder, which is what tells one tokenizer.json from another."""
        return _label(self.path)

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The tokenizer file."""
        return {"tokenizer": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts; raises ConfigError where the file is none that `tokenizers` can read."""
        # Workers are one per core, and a thread pool in each would also deadlock after a fork.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        tokenizer = _tokenizer_json(_file(self, files), self.digest)

        def count(texts: pa.StringArray) -> Integers:
            counts = np.empty(len(texts), np.int64)
            for start, stop in _groups(Texts.of(texts).lengths):
                group = texts.slice(start, stop - start).to_pylist()
                counts[start:stop] = [len(e) for e in tokenizer.encode_batch_fast(group, add_special_tokens=False)]
            return counts

        return count


@dataclasses.dataclass(frozen=True)
class Tiktoken:
    """Tokens of a tiktoken ranks file (one «base64 rank» per line) and the split pattern that belongs to it.

    ``pattern`` is gpt2 (also of r50k and p50k), cl100k, o200k or a regular expression; text that it does not match
    counts as nothing, as in tiktoken. Needs ``corpusmill[tokenizers]``.
    """

    path: str  # where the job finds the file; a worker reads files["tokenizer"]
    digest: str = ""  # of the file: filled in by the job
    pattern: str = "cl100k"
    unit = "tokens"
    version = "1"
    exact = True

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS and re.fullmatch(r"\w*", self.pattern):
            raise ConfigError(f"tokenizer.pattern must be {', '.join(PATTERNS)} or a regular expression, "
                              f"got {self.pattern!r}")

    @property
    def name(self) -> str:
        """The file with its folder."""
        return _label(self.path)

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The ranks file."""
        return {"tokenizer": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Count:
        """The function that counts; raises ConfigError for a file that holds no ranks or a pattern that is none."""
        return _each(_ranks_file(_file(self, files), self.digest, PATTERNS.get(self.pattern, self.pattern)))


def _words(texts: pa.StringArray) -> Integers:
    found = Texts.of(texts)
    counts = np.empty(len(found), np.int64)
    count_words(found.addresses, found.lengths, counts)
    return counts


def _each(count: Callable[[str], int]) -> Count:
    """A count of one string as a count of arrays; one string exists at a time."""

    def count_all(texts: pa.StringArray) -> Integers:
        Texts.of(texts)
        return np.fromiter((count(text.as_py()) for text in texts), np.int64, len(texts))

    return count_all


def _groups(lengths: Integers) -> Iterator[tuple[int, int]]:
    """Row ranges that begin less than GROUP_BYTES of text apart."""
    group = (np.cumsum(lengths) - lengths) // GROUP_BYTES
    edges = np.flatnonzero(np.diff(group)) + 1
    bounds = [0, *edges.tolist(), len(lengths)]
    return itertools.pairwise(bounds)


def _label(path: str) -> str:
    return "/".join(PurePosixPath(path).parts[-2:])


def _file(counter: HuggingFace | Tiktoken, files: Mapping[str, Path]) -> Path:
    if not counter.digest or "tokenizer" not in files:
        raise ConfigError(f"the tokenizer file {counter.path!r} has not been fetched: a counter that reads a file is "
                          "opened with its digest and files['tokenizer'], which the count job fills in")
    return files["tokenizer"]


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"this tokenizer needs the package {module!r}, which is not installed: "
                          "pip install 'corpusmill[tokenizers]'") from error


@functools.cache
def _built_in(vocabulary: str) -> Callable[[str], int]:
    """The count of one text. Encoders do not pickle, so each process makes its own, once."""
    openai = importlib.import_module("rs_bpe.bpe").openai  # 50 MB that other counters do without
    encoder = openai.cl100k_base() if vocabulary == "cl100k" else openai.o200k_base()
    count: Callable[[str], int] = encoder.count
    return count


@functools.cache
def _tokenizer_json(path: Path, digest: str) -> Any:
    library = _optional("tokenizers")
    try:
        tokenizer = library.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"{path} is no tokenizer.json that `tokenizers` can read: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


@functools.cache
def _ranks_file(path: Path, digest: str, pattern: str) -> Callable[[str], int]:
    """The count of one text with the ranks of a file."""
    tiktoken, regex = _optional("tiktoken"), _optional("regex")
    ranks = _ranks(path)
    try:
        encoding = tiktoken.Encoding(digest, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        pieces = regex.compile(pattern)
    except (ValueError, regex.error) as error:
        raise ConfigError(f"tokenizer.pattern is no regular expression: {error}; got {pattern!r}") from error

    def count(text: str) -> int:
        try:
            return len(encoding.encode_ordinary(text))
        except BaseException as error:
            # Seen with a run of 10^6 spaces: the stack of tiktoken's regex engine ends, and Rust panics.
            if type(error).__name__ != "PanicException":
                raise
            single = encoding._core_bpe.encode_single_piece
            return sum(len(single(piece.group().encode())) for piece in pieces.finditer(text))

    return count


def _ranks(path: Path) -> dict[bytes, int]:
    """Token → rank. tiktoken's own reader keeps copies by path in a temporary folder, which outlive the file."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line:
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ConfigError(f"{path}, line {number}: expected a base64 token and a rank, "
                              f"got {line[:50]!r}") from error
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise ConfigError(f"{path} has no rank for {len(missing)} of the 256 single bytes, first 0x{missing[0]:02x}: "
                          "it is not a whole tiktoken ranks file")
    if len(set(ranks.values())) < len(ranks):
        raise ConfigError(f"{path} gives two tokens the same rank: it is not a tiktoken ranks file")
    return ranks
