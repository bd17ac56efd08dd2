"""``ImportanceWeight``: how much likelier a text is among the texts that are wanted than among all (DSIR)."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.ngrams import longer
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lexing import BLOCK, BOUNDARY, Codes, lex, points
from corpusmill.operators.text.simd import fold_multiply, inlined, kernel

FORMAT = "corpusmill.importance.1"
UNIT = 1_000_000  # of the natural logarithm
MOST = 1 << 24  # buckets

_BUCKET, _HALF = np.uint64(0xA0761D6478BD642F), np.uint64(32)


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """A Fit: how often the unigrams and bigrams of documents fall in each bucket. The artifact is made by ``to_bytes``."""

    buckets: int = 10_000

    def __post_init__(self) -> None:
        if not 2 <= self.buckets <= MOST:
            raise ConfigError(f"buckets={self.buckets}: give a whole number from 2 to {MOST}")

    def partial(self, batch: pa.RecordBatch, /) -> Integers:
        """Counts by bucket of a batch with ``text``; shape (buckets,)."""
        require(batch, TEXT, "documents")
        texts = Texts.of(batch.column("text"))
        counts = np.zeros(self.buckets, np.int64)
        if len(texts):
            _count(texts.addresses, texts.lengths, points(digits=True), counts)
        return counts

    def merge(self, a: Integers, b: Integers, /) -> Integers:
        """Sums."""
        return a + b

    def finish(self, state: Integers, /) -> bytes:
        """The counts as little-endian int64."""
        return state.astype("<i8").tobytes()


def to_bytes(target: Integers, raw: Integers) -> bytes:
    """The artifact: a line of JSON and both histograms. Raises DataError where one of them is empty."""
    for name, counts in (("target", target), ("raw", raw)):
        if not counts.any():
            raise DataError(f"the {name} documents have no word: there is nothing to compare")
    head = json.dumps({"format": FORMAT, "buckets": len(target)}, sort_keys=True).encode()
    return head + b"\n" + target.astype("<i8").tobytes() + raw.astype("<i8").tobytes()


def log_ratios(data: bytes, where: str = "this artifact") -> Codes:
    """ln(target share / raw share) of each bucket, in whole millionths; raises DataError for another kind of file.

    Each bucket counts one more than it holds (Laplace), so that no share is 0.
    """
    head, _, body = data.partition(b"\n")
    try:
        told = json.loads(head)
        if told["format"] != FORMAT:
            raise KeyError(told["format"])
        target, raw = np.frombuffer(body, "<i8").reshape(2, told["buckets"]).astype(np.float64) + 1
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where} does not hold importance weights ({FORMAT}): {type(error).__name__}: {error}; give what "
                        "train_dsir wrote") from error
    ratios = np.log(target / target.sum()) - np.log(raw / raw.sum())
    found: Codes = np.rint(ratios * UNIT).astype(np.int32)
    return found


@dataclasses.dataclass(frozen=True)
class ImportanceWeight:
    """Adds ``{name}.log_weight``, ln of a text's probability under the target over that under all texts, as float64.

    Data Selection with Importance Resampling (Xie et al. 2023): unigrams and bigrams of lower-cased words and symbols are
    hashed into 10,000 buckets, and the logarithms of the buckets' ratios are summed over the text. ``{name}.ngrams`` (int64)
    is how many were summed, so that ``log_weight / ngrams`` is a rule that length does not decide.

    Tokens are those of ``text.lexing``, but numbers are told apart; bigrams go on over line ends, as in the authors' code
    (p-lambda/dsir 14ffaa40, whose tokens are ``\\w+|[^\\w\\s]+``). Theirs adds 1e-8 to each share, ours 1 to each count. To
    resample as they do, add Gumbel noise to the weights and take the top k: that is a selector's part.

    ``path`` is a file or the ``@name`` of what ``train_dsir`` made. Raises DataError for a file that is none.
    """

    name: str = "importance"
    path: str = ""  # the ratios: @name, or a file
    digest: str = ""  # of the file: filled in by the job

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """The weight, and the n-grams that it is summed over."""
        return pa.schema([pa.field(f"{self.name}.log_weight", pa.float64()), pa.field(f"{self.name}.ngrams", pa.int64())])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The file."""
        return {"ratios": self.digest}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both columns; ``files["ratios"]`` is the file."""
        if "ratios" not in files:
            raise ConfigError(f"operator {self.name!r}: {self.path!r} has not been fetched: name what train_dsir made with "
                              "path=@NAME")
        ratios, fields, table = _loaded(files["ratios"], self.digest), self.adds, points(digits=True)

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            sums = np.zeros((2, len(texts)), np.int64)
            if len(texts):
                _sum(texts.addresses, texts.lengths, table, ratios, sums)
            return Outcome(append(batch, fields, [pa.array(sums[0] / UNIT), pa.array(sums[1])]), {})

        return apply


@functools.lru_cache(maxsize=4)
def _loaded(path: Path, digest: str) -> Codes:
    """The ratios, read once per process."""
    return log_ratios(path.read_bytes(), str(path))


@inlined
def bucket_of(key: Any, buckets: int) -> Any:
    """The bucket of an n-gram: all of them are equally likely, whether or not their number is a power of two."""
    return np.int64(((fold_multiply(key, _BUCKET) >> _HALF) * np.uint64(buckets)) >> _HALF)


@kernel
def _count(addresses: Integers, lengths: Integers, table: Codes, counts: Integers) -> None:
    block = np.empty(BLOCK, np.uint64)
    for d in range(len(addresses)):
        at, end, last, before, filled = addresses[d], addresses[d] + lengths[d], BOUNDARY, BOUNDARY, BLOCK
        while filled == BLOCK:
            at, filled = lex(at, end, last, table, block)
            for i in range(filled):
                last = block[i]
                if last != BOUNDARY:
                    counts[bucket_of(last, len(counts))] += 1
                    if before != BOUNDARY:
                        counts[bucket_of(longer(before, last), len(counts))] += 1
                    before = last


@kernel
def _sum(addresses: Integers, lengths: Integers, table: Codes, ratios: Codes, sums: Integers) -> None:
    """``sums`` (2, n): of the ratios, and how many there were."""
    block = np.empty(BLOCK, np.uint64)
    for d in range(len(addresses)):
        at, end, last, before, filled = addresses[d], addresses[d] + lengths[d], BOUNDARY, BOUNDARY, BLOCK
        ngrams = 0
        total: Any = 0
        while filled == BLOCK:
            at, filled = lex(at, end, last, table, block)
            for i in range(filled):
                last = block[i]
                if last != BOUNDARY:
                    total += np.int64(ratios[bucket_of(last, len(ratios))])
                    ngrams += 1
                    if before != BOUNDARY:
                        total += np.int64(ratios[bucket_of(longer(before, last), len(ratios))])
                        ngrams += 1
                    before = last
        sums[0, d], sums[1, d] = total, ngrams
