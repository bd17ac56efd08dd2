"""The kernels of ``fasttext``: from text to the rows of vectors, to their mean, to the most probable label.

Words are split at bytes as the library does: at blank, tab, line feed, VT, FF, CR and NUL. Sums run in the library's order
in float32, so probabilities agree to the last digits.
"""

import math
from typing import Any

import numpy as np

from corpusmill.operators.text.simd import ONE, byte_at, inlined, kernel, word_at

_HASH_START, _HASH_PRIME = np.uint64(2166136261), np.uint64(16777619)  # FNV-1a of 32 bits
_32_BITS = np.uint64(0xFFFFFFFF)
_SIGN = np.uint64(0xFFFFFF00)
_END = np.uint64(int.from_bytes(b"</s>", "little"))
_LABEL = np.uint64(int.from_bytes(b"__label_", "little"))
_END_TEXT = np.frombuffer(b"</s>", np.uint8)
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
    addresses: Any, lengths: Any, vocabulary: Any, ngrams: Any, network: Any, labels: Any, probabilities: Any
) -> None:
    """Write each text's most probable label and its probability; label -1 and 0 for a text without words."""
    most = lengths.max()
    rows = np.empty(rows_at_most(most, ngrams.shortest, ngrams.longest), np.int32)
    padded = np.empty(most + 2, np.uint8)
    mean = np.empty(network.vectors.shape[1], np.float32)
    scores = np.empty(max(len(network.layer), 2 * len(network.children) + 1), np.float32)
    last = _find(vocabulary, _END_TEXT.ctypes.data, 4)
    for d in range(len(addresses)):
        labels[d], probabilities[d] = -1, 0
        n = _collect(addresses[d], lengths[d], vocabulary, ngrams, last, padded, rows)
        if n > 0:
            _average(network.vectors, rows, n, mean)
            if len(network.children):
                best, probability = _by_tree(mean, network.layer, network.children, scores)
            else:
                best, probability = _by_softmax(mean, network.layer, scores)
            labels[d], probabilities[d] = best, probability


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
def _find(vocabulary: Any, address: int, size: int) -> int:
    """The number of the word at an address, -1 where it is none of the model's."""
    slots, ends = vocabulary.slots, vocabulary.ends
    slot = np.int64(_hash(address, size)) & (len(slots) - 1)
    while slots[slot] != 0:
        word = np.int64(slots[slot]) - 1
        start = ends[word - 1] if word else 0
        if ends[word] - start == size and _is_same(vocabulary.words.ctypes.data + start, address, size):
            return int(word)
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@inlined
def _is_same(left: int, right: int, size: int) -> bool:
    at = 0
    while at < size and byte_at(left + at) == byte_at(right + at):
        at += 1
    return at == size


@inlined
def _separates(byte: int) -> bool:
    return byte == 0x20 or 0x09 <= byte <= 0x0D or byte == 0


@kernel
def _collect(address: int, length: int, vocabulary: Any, ngrams: Any, last: int, padded: Any, rows: Any) -> int:
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
        word = _find(vocabulary, token, size)
        if word >= 0:
            rows[n] = word
            n += 1
        if ngrams.longest > 0:
            n = _collect_ngrams(token, size, len(vocabulary.ends), ngrams, padded, rows, n)
    if tokens == 0:
        return 0
    if last >= 0:
        rows[n] = last
        n += 1
    return n


@inlined
def _remainder(number: int, divisor: int, inverse: float) -> int:
    """``number % divisor`` for numbers below 2^32, without a division: it would be most of the time."""
    rest = number - int(number * inverse) * divisor
    if rest < 0:
        return rest + divisor
    return rest - divisor if rest >= divisor else rest


@kernel
def _collect_ngrams(token: int, size: int, words: int, ngrams: Any, padded: Any, rows: Any, n: int) -> int:
    pruned, inverse = len(ngrams.rows) > 0, 1 / ngrams.buckets
    longest, shortest, buckets = ngrams.longest, ngrams.shortest, ngrams.buckets
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
                bucket = _remainder(int(hashed), buckets, inverse)
                if not pruned:
                    rows[n] = words + bucket
                    n += 1
                elif ngrams.present[bucket >> 6] >> np.uint64(bucket & 63) & ONE:
                    rows[n] = ngrams.rows[bucket]
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
    best = int(np.argmax(scores[:count]))
    return best, min(1.0, math.exp(scores[best]))


@kernel
def _by_softmax(mean: Any, layer: Any, scores: Any) -> tuple[int, float]:
    for row in range(len(layer)):
        scores[row] = _dot(layer, row, mean)
    best = int(np.argmax(scores[:len(layer)]))
    total = 0.0
    for row in range(len(layer)):
        total += math.exp(scores[row] - scores[best])
    return best, min(1.0, 1 / total + _TINY)
