"""The kernels of ``fasttext``: from text to the rows of vectors, to their mean, to the most probable label.

Words are split at bytes as the library does: at blank, tab, line feed, VT, FF, CR and NUL. Sums run in the library's order
in float32, so probabilities agree to the last digits.
"""

import math
from typing import Any

import numpy as np

from corpusmill.operators.text.simd import byte_at, inlined, kernel, word_at

_HASH_START, _HASH_PRIME = np.uint64(2166136261), np.uint64(16777619)  # FNV-1a of 32 bits
_32_BITS = np.uint64(0xFFFFFFFF)
_SIGN = np.uint64(0xFFFFFF00)
_END = np.uint64(int.from_bytes(b"</s>", "little"))
_LABEL = np.uint64(int.from_bytes(b"__label_", "little"))
_LESS, _GREATER, _UNDERSCORE = 0x3C, 0x3E, 0x5F
_TINY = 1e-5  # added to every probability before its logarithm, as in the library


@kernel
def rows_at_most(length: int, shortest: int, longest: int) -> int:
    """Words and n-grams that a text of so many bytes can have."""
    words = length // 2 + 2
    return words + (length + 2 * words) * max(0, longest - shortest + 1)


@kernel
def index_words(words: Any, ends: Any, slots: Any) -> None:
    """Fill a hash table of a power of two, at most half full: word + 1, 0 where empty."""
    slots[:] = 0
    for word in range(len(ends)):
        start = ends[word - 1] if word else 0
        slot = np.int64(_hash(words.ctypes.data + start, ends[word] - start)) & (len(slots) - 1)
        while slots[slot] != 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word + 1


@kernel
def classify(
    addresses: Any, lengths: Any, words: Any, ends: Any, slots: Any, buckets: Any, bucket_count: int, shortest: int,
    longest: int, vectors: Any, layer: Any, children: Any, labels: Any, probabilities: Any,
) -> None:
    """Write each text's most probable label and its probability; label -1 and 0 for a text without words."""
    most = max(0, lengths.max())
    rows = np.empty(rows_at_most(most, shortest, longest), np.int32)
    padded = np.empty(most + 2, np.uint8)
    mean = np.empty(vectors.shape[1], np.float32)
    scores = np.empty(max(layer.shape[0], 2 * len(children) + 1), np.float32)
    last = _find(words.ctypes.data, ends, slots, _END_TEXT.ctypes.data, 4)
    for d in range(len(addresses)):
        n = _collect(addresses[d], lengths[d], words, ends, slots, buckets, bucket_count, shortest, longest, last, padded, rows)
        labels[d], probabilities[d] = -1, 0
        if n > 0:
            _average(vectors, rows, n, mean)
            labels[d], probabilities[d] = _by_tree(mean, layer, children, scores) if len(children) \
                else _by_softmax(mean, layer, scores)


_END_TEXT = np.frombuffer(b"</s>", np.uint8)


@inlined
def _extend(hashed: Any, byte: int) -> Any:
    """The library hashes bytes as signed numbers."""
    wide = np.uint64(byte) | (_SIGN if byte >= 0x80 else np.uint64(0))
    return ((hashed ^ wide) * _HASH_PRIME) & _32_BITS


@inlined
def _hash(address: int, size: int) -> Any:
    hashed = _HASH_START
    for i in range(size):
        hashed = _extend(hashed, byte_at(address + i))
    return hashed


@kernel
def _find(words: int, ends: Any, slots: Any, address: int, size: int) -> int:
    """The number of the word at an address, -1 where it is none of the model's."""
    slot = np.int64(_hash(address, size)) & (len(slots) - 1)
    while slots[slot] != 0:
        word = slots[slot] - 1
        start = ends[word - 1] if word else 0
        if ends[word] - start == size and _same(words + start, address, size):
            return word
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@inlined
def _same(left: int, right: int, size: int) -> bool:
    for i in range(size):
        if byte_at(left + i) != byte_at(right + i):
            return False
    return True


@inlined
def _separates(byte: int) -> bool:
    return byte == 0x20 or 0x09 <= byte <= 0x0D or byte == 0


@kernel
def _collect(
    address: int, length: int, words: Any, ends: Any, slots: Any, buckets: Any, bucket_count: int, shortest: int,
    longest: int, last: int, padded: Any, rows: Any,
) -> int:
    """Write the rows of a text's words, of their n-grams and of the end of the text; returns how many, 0 for no words."""
    n = at = tokens = 0
    while at < length:
        if _separates(byte_at(address + at)):
            at += 1
            continue
        start = at
        while at < length and not _separates(byte_at(address + at)):
            at += 1
        token, size = address + start, at - start
        tokens += 1
        if size == 4 and word_at(token) & _32_BITS == _END:
            break
        if size >= 9 and word_at(token) == _LABEL and byte_at(token + 8) == _UNDERSCORE:
            continue
        word = _find(words.ctypes.data, ends, slots, token, size)
        if word >= 0:
            rows[n] = word
            n += 1
        if longest > 0:
            n = _collect_ngrams(token, size, len(ends), buckets, bucket_count, shortest, longest, padded, rows, n)
    if tokens == 0:
        return 0
    if last >= 0:
        rows[n] = last
        n += 1
    return n


@kernel
def _collect_ngrams(
    token: int, size: int, words: int, buckets: Any, bucket_count: int, shortest: int, longest: int,
    padded: Any, rows: Any, n: int,
) -> int:
    padded[0], padded[size + 1] = _LESS, _GREATER
    for i in range(size):
        padded[i + 1] = byte_at(token + i)
    size += 2
    for first in range(size):
        if padded[first] & 0xC0 == 0x80:
            continue
        hashed, at, characters = _HASH_START, first, 1
        while at < size and characters <= longest:
            hashed = _extend(hashed, padded[at])
            at += 1
            while at < size and padded[at] & 0xC0 == 0x80:
                hashed = _extend(hashed, padded[at])
                at += 1
            # A single < or > is no n-gram.
            if characters >= shortest and not (characters == 1 and (first == 0 or at == size)):
                bucket = np.int64(hashed % np.uint64(bucket_count))
                row = np.int64(buckets[bucket]) if len(buckets) else words + bucket
                if row >= 0:
                    rows[n] = row
                    n += 1
            characters += 1
    return n


@kernel
def _average(vectors: Any, rows: Any, n: int, mean: Any) -> None:
    mean[:] = 0
    for i in range(n):
        for k in range(len(mean)):
            mean[k] += vectors[rows[i], k]
    mean *= np.float32(1.0 / n)


@inlined
def _dot(layer: Any, row: int, mean: Any) -> Any:
    total = np.float32(0)
    for k in range(len(mean)):
        total += layer[row, k] * mean[k]
    return total


@kernel
def _by_tree(mean: Any, layer: Any, children: Any, scores: Any) -> tuple[int, float]:
    """The label with the most probable way from the root, which is the last node; scores are sums of logarithms."""
    count = len(children) + 1
    scores[2 * count - 2] = 0
    for row in range(count - 2, -1, -1):
        right = np.float32(1 / (1 + math.exp(-_dot(layer, row, mean))))
        here = scores[count + row]
        scores[children[row, 0]] = here + np.float32(math.log(np.float32(1 - right) + _TINY))
        scores[children[row, 1]] = here + np.float32(math.log(right + _TINY))
    best = np.argmax(scores[:count])
    return best, min(1.0, math.exp(scores[best]))


@kernel
def _by_softmax(mean: Any, layer: Any, scores: Any) -> tuple[int, float]:
    for row in range(len(layer)):
        scores[row] = _dot(layer, row, mean)
    best = np.argmax(scores[:len(layer)])
    total = 0.0
    for row in range(len(layer)):
        total += math.exp(scores[row] - scores[best])
    return best, min(1.0, 1 / total + _TINY)
