"""An n-gram language model as one file, and the kernel that scores text with it.

Log-probabilities are whole millionths of log10, so a document's sum is exact, whatever batch it travels in. N-grams are
told by 63-bit hashes of their tokens (``text.lexing``): of ten million, two are confused with probability 5e-6.

The file is one of ``operators.tensors``, as that of ``domain.model``.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import DataError
from corpusmill.operators.tensors import pack, unpack
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lexing import BLOCK, BOUNDARY, Codes, lex
from corpusmill.operators.text.simd import fold_multiply, inlined, kernel

FORMAT = "corpusmill.ngrams.1"
UNIT = 1_000_000  # of log10
LONGEST = 6  # tokens of an n-gram

Words = npt.NDArray[np.uint64]

_FIRST, _SECOND, _SLOT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xE7037ED1A0B428DB), np.uint64(0xD6E8FEB86659FD93)
_ODD, _NOTHING, _LOW, _HALF = np.uint64(1), np.uint64(0), np.uint64(0xFFFFFFFF), np.uint64(32)


@inlined
def longer(first: Any, rest: Any) -> Any:
    """The key of an n-gram, from its first token and the key of the others; a single token is its own key. Never 0."""
    return fold_multiply(first ^ _FIRST, rest ^ _SECOND) | _ODD


@dataclasses.dataclass(frozen=True)
class Model:
    """Log-probabilities of the n-grams that were seen (G of them), and what their contexts leave to shorter ones."""

    facts: dict[str, Any]  # order, unknown, and what tells how it was made
    keys: Words  # (G,), ascending
    log_probs: Codes  # (G,): of the last token after the others, in millionths of log10, below 0
    backoffs: Codes  # (G,): of a token that was not seen after all of these, in the same unit

    @property
    def order(self) -> int:
        """Tokens of the longest n-gram."""
        return int(self.facts["order"])

    @property
    def unknown(self) -> int:
        """Log-probability of any token that was not seen, in millionths of log10."""
        return int(self.facts["unknown"])

    @functools.cached_property
    def table(self) -> Words:
        """The n-grams by hash; shape (slots, 2): the key, 0 where empty, and both numbers in one word."""
        slots = 64
        while slots < 2 * len(self.keys):
            slots *= 2
        table = np.zeros((slots, 2), np.uint64)
        _fill(table, self.keys, self.log_probs, self.backoffs)
        return table

    def to_bytes(self) -> bytes:
        """The file."""
        return pack(FORMAT, self.facts, {"keys": self.keys, "log_probs": self.log_probs, "backoffs": self.backoffs})

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "this artifact") -> "Model":
        """Read the file. Raises DataError where it is another kind of file, or not the whole of one."""
        try:
            facts, arrays = unpack(FORMAT, data)
            model = cls(facts, **arrays)
            if not (model.keys.shape == model.log_probs.shape == model.backoffs.shape and model.keys.ndim == 1):
                raise ValueError("its arrays are not of one length")
            if not (1 <= model.order <= LONGEST and model.unknown <= 0):
                raise ValueError(f"order is {model.order}, unknown {model.unknown}")
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where} is not an n-gram model ({FORMAT}): {error}; give one that train_perplexity "
                            "wrote") from error
        return model


@kernel
def _fill(table: Words, keys: Words, log_probs: Codes, backoffs: Codes) -> None:
    mask = len(table) - 1
    for i in range(len(keys)):
        slot = slot_of(keys[i], mask)
        while table[slot, 0] != _NOTHING:
            slot = (slot + 1) & mask
        table[slot, 0] = keys[i]
        table[slot, 1] = (np.uint64(log_probs[i]) & _LOW) | np.uint64(backoffs[i]) << _HALF


@inlined
def slot_of(key: Any, mask: int) -> Any:
    """Where the search for a key begins."""
    return np.int64(fold_multiply(key, _SLOT)) & mask


@kernel
def score(addresses: Integers, lengths: Integers, points: Codes, table: Words, order: int, unknown: int, share: float,
          found: Integers) -> None:
    """Fill ``found`` (5, n): sum of log-probabilities, tokens, unknown tokens; sum and number of the least probable tokens.

    A token's probability is that after the tokens of its line before it, ``order - 1`` at most. ``share`` of a document's
    tokens, rounded down but at least one, are the least probable ones.
    """
    block = np.empty(BLOCK, np.uint64)
    keys = np.zeros((order, order + BLOCK), np.uint64)  # [n - 1, i]: of the n tokens that end at i; 0 past a boundary
    values = np.zeros((order, order + BLOCK), np.uint64)  # what the table holds for them
    scores = np.empty(1 << 10, np.int32)
    for d in range(len(addresses)):
        at, end, last, filled, tokens = addresses[d], addresses[d] + lengths[d], BOUNDARY, BLOCK, 0
        found[:, d] = 0
        _begin(keys, values, table)
        while filled == BLOCK:
            at, filled = lex(at, end, last, points, block)
            if filled == 0:
                break
            last = block[filled - 1]
            if tokens + filled > len(scores):
                scores = np.concatenate((scores, np.empty(tokens + filled, np.int32)))
            _look_up(block, filled, keys, values, table)
            found[2, d] += _combine(keys, values, filled, unknown, scores[tokens:])
            tokens += filled
        for i in range(tokens):
            found[0, d] += scores[i]
        found[1, d] = tokens
        if tokens:
            least: Any = np.int64(share * tokens)
            found[4, d] = max(1, least)
            found[3, d] = sum_of_least(scores[:tokens], found[4, d])


@kernel
def _begin(keys: Words, values: Words, table: Words) -> None:
    """Nothing is before a document but a boundary, in the last column of the history."""
    order = len(keys)
    keys[:, :order] = _NOTHING
    values[:, :order] = _NOTHING
    keys[0, order - 1] = BOUNDARY
    values[0, order - 1] = _find(BOUNDARY, table)


@inlined
def _find(key: Any, table: Words) -> Any:
    mask = len(table) - 1
    slot = slot_of(key, mask)
    while table[slot, 0] != key:
        if table[slot, 0] == _NOTHING:
            return _NOTHING
        slot = (slot + 1) & mask
    return table[slot, 1]


@kernel
def _look_up(block: Words, filled: int, keys: Words, values: Words, table: Words) -> None:
    """Keys and values of all n-grams that end in the block. Columns 0 … order - 1 are the history, kept from the last."""
    order = len(keys)
    for i in range(filled):
        keys[0, order + i] = block[i]
    for n in range(1, order):
        for i in range(order, order + filled):
            # The first token is the boundary that the history begins with, or one of the same line.
            first, rest = keys[0, i - n], keys[n - 1, i]
            crossed = rest == _NOTHING or first == _NOTHING or (n > 1 and keys[0, i - n + 1] == BOUNDARY)
            keys[n, i] = _NOTHING if crossed else longer(first, rest)
    # Order by order, since lookups that do not wait for one another overlap in the memory.
    for n in range(order):
        for i in range(order, order + filled):
            values[n, i] = _NOTHING if keys[n, i] == _NOTHING else _find(keys[n, i], table)


@kernel
def _combine(keys: Words, values: Words, filled: int, unknown: int, scores: Any) -> int:
    """Write the log-probability of each token, and return how many are unknown; then move the history."""
    order, strangers = len(keys), 0
    for i in range(order, order + filled):
        n = order - 1
        total: Any = 0
        while n >= 0 and values[n, i] == _NOTHING:
            if n > 0 and values[n - 1, i - 1] != _NOTHING:
                total += np.int64(np.int32(values[n - 1, i - 1] >> _HALF))
            n -= 1
        strangers += n < 0
        scores[i - order] = total + (unknown if n < 0 else np.int64(np.int32(values[n, i] & _LOW)))
    for n in range(order):
        for i in range(order):
            keys[n, i] = keys[n, filled + i]
            values[n, i] = values[n, filled + i]
    return strangers


@kernel
def sum_of_least(scores: Any, count: int) -> Any:
    """The sum of the ``count`` smallest of ``scores``, by counting: in linear time, whatever they are."""
    low: Any = np.int64(scores[0])
    high: Any = low
    for value in scores:
        low, high = min(low, np.int64(value)), max(high, np.int64(value))
    shift = 0
    while (high - low) >> shift >= 1 << 12:
        shift += 1
    total = 0
    while True:
        counts = np.zeros(((high - low) >> shift) + 1, np.int64)
        for value in scores:
            if low <= value <= high:
                counts[(value - low) >> shift] += 1
        bucket = 0
        while counts[bucket] < count:
            count -= counts[bucket]
            bucket += 1
        first = low + (bucket << shift)
        for value in scores:
            if low <= value < first:
                total += value
        if shift == 0:
            return total + count * first
        low, high, shift = first, min(high, first + (1 << shift) - 1), max(0, shift - 12)
