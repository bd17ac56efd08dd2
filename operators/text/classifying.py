"""The kernels of ``fasttext``: from text to the rows of vectors, to their mean, to the probabilities of labels.

Words are split at bytes as the library does: at blank, tab, line feed, VT, FF, CR and NUL. Sums run in the library's order
in float32, so probabilities agree to the last digits. Rows are summed as soon as a buffer of them is full, so a document of
any length takes no memory but 4 bytes for each of its words where the model has n-grams of words.
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
_WORD_PRIME = np.uint64(116049371)  # of n-grams of words
_RANGE, _STEPS = 8, 512  # the library's table of sigmoids: its range on both sides of 0, and how many steps it has
BUFFER = 1 << 14  # rows that are summed at once
_TINY = 1e-5  # added to every probability before its logarithm, as in the library


@kernel
def rows_at_most(length: int, ngrams: Any) -> int:
    """Words and n-grams that a text of so many bytes can have."""
    words = length // 2 + 2
    return int(words * ngrams.run + (length + 2 * words) * max(0, ngrams.longest - ngrams.shortest + 1))


@kernel
def index_words(words: Any, ends: Any, slots: Any) -> None:
    """Fill a hash table of a power of two, at most half full: word + 1, 0 where empty."""
    slots[:] = 0
    for word in range(len(ends)):
        start = ends[word - 1] if word else 0
        slot = np.int64(hash_of(words.ctypes.data + start, ends[word] - start)) & (len(slots) - 1)
        while slots[slot] != 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word + 1


@kernel
def classify(
    addresses: Any, lengths: Any, vocabulary: Any, ngrams: Any, network: Any, labels: Any, probabilities: Any
) -> None:
    """Write each text's most probable label and its probability; label -1 and 0 for a text without words."""
    most = lengths.max()
    rows, hashes, padded, mean, scores = _scratch(most, ngrams, network)
    last = find(vocabulary, _END_TEXT.ctypes.data, 4)
    for d in range(len(addresses)):
        labels[d], probabilities[d] = -1, 0
        n, tokens = _average(addresses[d], lengths[d], vocabulary, ngrams, network.vectors, last, padded, hashes, rows, mean)
        if n == 0 or tokens == 0:
            continue
        if len(network.children):
            best, probability = _by_tree(mean, network.layer, network.children, scores)
        elif network.independent:
            best, probability = _by_sigmoids(mean, network.layer, scores)
        else:
            best, probability = _by_softmax(mean, network.layer, scores)
        labels[d], probabilities[d] = best, probability


@kernel
def score(
    addresses: Any, lengths: Any, vocabulary: Any, ngrams: Any, network: Any, wanted: Any, labels: Any, best: Any,
    probabilities: Any,
) -> None:
    """Each text's most probable label, its probability, and those of the labels ``wanted`` (texts × wanted).

    Label -1 and 0 throughout for a text of which the model knows nothing, not even the end.
    """
    most = lengths.max()
    rows, hashes, padded, mean, scores = _scratch(most, ngrams, network)
    last = find(vocabulary, _END_TEXT.ctypes.data, 4)
    for d in range(len(addresses)):
        labels[d], best[d] = -1, 0
        probabilities[d, :] = 0
        n, _ = _average(addresses[d], lengths[d], vocabulary, ngrams, network.vectors, last, padded, hashes, rows, mean)
        if n == 0:
            continue
        if len(network.children):
            labels[d], best[d] = _by_tree(mean, network.layer, network.children, scores)
            for i in range(len(wanted)):
                probabilities[d, i] = min(1.0, math.exp(scores[wanted[i]]))
        elif network.independent:
            labels[d], best[d] = _by_sigmoids(mean, network.layer, scores)
            for i in range(len(wanted)):
                probabilities[d, i] = min(1.0, scores[wanted[i]] + _TINY)
        else:
            labels[d], best[d] = _by_softmax(mean, network.layer, scores)
            total = 0.0
            for row in range(len(network.layer)):
                total += math.exp(scores[row] - scores[labels[d]])
            for i in range(len(wanted)):
                probabilities[d, i] = min(1.0, math.exp(scores[wanted[i]] - scores[labels[d]]) / total + _TINY)


@kernel
def _scratch(most: int, ngrams: Any, network: Any) -> Any:
    """Memory for the longest text: rows, hashes of words, a word with its marks, the mean, the labels' scores."""
    rows = np.empty(max(min(rows_at_most(most, ngrams), BUFFER), ngrams.longest + ngrams.run + 2), np.int32)
    hashes = np.empty(most // 2 + 2 if ngrams.run > 1 else 0, np.int32)
    scores = np.empty(max(len(network.layer), 2 * len(network.children) + 1), np.float32)
    return rows, hashes, np.empty(most + 2, np.uint8), np.empty(network.vectors.shape[1], np.float32), scores


@inlined
def _extend(hashed: Any, byte: int) -> Any:
    """The library hashes bytes as signed numbers."""
    wide = np.uint64(byte) | (_SIGN if byte >= 0x80 else np.uint64(0))
    return ((hashed ^ wide) * _HASH_PRIME) & _32_BITS


@inlined
def hash_of(address: int, size: int) -> Any:
    """FNV-1a of 32 bits, as the library has it."""
    hashed = _HASH_START
    for i in range(size):
        hashed = _extend(hashed, byte_at(address + i))
    return hashed


@kernel
def find(vocabulary: Any, address: int, size: int) -> int:
    """The number of the word at an address, -1 where it is none of the model's."""
    slots, ends = vocabulary.slots, vocabulary.ends
    slot = np.int64(hash_of(address, size)) & (len(slots) - 1)
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
def separates(byte: int) -> bool:
    """Whether a byte parts words."""
    return byte == 0x20 or 0x09 <= byte <= 0x0D or byte == 0


@kernel
def _average(
    address: int, length: int, vocabulary: Any, ngrams: Any, vectors: Any, last: int, padded: Any, hashes: Any, rows: Any,
    mean: Any,
) -> tuple[int, int]:
    """The mean of a text's vectors; returns how many they are, and how many words the text has."""
    mean[:] = 0
    n, summed, _, tokens = collect(address, length, vocabulary, ngrams, vectors, last, padded, hashes, rows, mean)
    add_rows(vectors, rows, n, mean)
    total = summed + n
    if total:
        mean *= np.float32(1.0 / total)
    return total, tokens


@kernel
def collect(
    address: int, length: int, vocabulary: Any, ngrams: Any, vectors: Any, last: int, padded: Any, hashes: Any, rows: Any,
    total: Any,
) -> tuple[int, int, int, int]:
    """Write the rows of a text's words, of their n-grams, of the end of the text and of runs of words, in this order.

    Whenever ``rows`` is full, their vectors are added to ``total`` and it begins anew. Returns the rows that are left in it,
    how many were added, the hashes that were written, and the words of the text, known or not, without labels.
    """
    n = at = tokens = summed = words = 0
    size, token, ended = 0, address, False
    while not ended:
        while at < length and separates(byte_at(address + at)):
            at += 1
        ended = at >= length
        if not ended:
            token, start = address + at, at
            while at < length and not separates(byte_at(address + at)):
                at += 1
            size = at - start
            tokens += 1
            ended = size == 4 and word_at(token) & _32_BITS == _END
        if ended:
            token, size, word = _END_TEXT.ctypes.data, 4, last
        else:
            word = find(vocabulary, token, size)
        if word >= vocabulary.words_known or (word < 0 and is_label(token, size)):
            continue
        if n + 1 >= len(rows):
            add_rows(vectors, rows, n, total)
            summed, n = summed + n, 0
        if word >= 0:
            rows[n] = word
            n += 1
        if ngrams.longest > 0 and not ended:
            n, summed = _collect_ngrams(token, size, vocabulary.words_known, ngrams, padded, rows, n, summed, vectors, total)
        if ngrams.run > 1:
            hashes[words] = np.int32(np.uint32(hash_of(token, size)))
            words += 1
    if ngrams.run > 1:
        n, summed = _collect_runs(hashes, words, vocabulary.words_known, ngrams, rows, n, summed, vectors, total)
    return n, summed, words, tokens


@inlined
def is_label(token: int, size: int) -> bool:
    """Whether a word begins with ``__label__``."""
    return size >= 9 and word_at(token) == _LABEL and byte_at(token + 8) == _UNDERSCORE


@kernel
def _collect_runs(
    hashes: Any, words: int, known: int, ngrams: Any, rows: Any, n: int, summed: int, vectors: Any, total: Any
) -> tuple[int, int]:
    """Rows of two to ``run`` words. The library keeps hashes as signed numbers of 32 bits and adds them to one of 64."""
    pruned, buckets = len(ngrams.rows) > 0, np.uint64(ngrams.buckets)
    for first in range(words):
        if n + ngrams.run > len(rows):
            add_rows(vectors, rows, n, total)
            summed, n = summed + n, 0
        hashed = np.uint64(np.int64(hashes[first]))
        for i in range(first + 1, min(words, first + ngrams.run)):
            hashed = hashed * _WORD_PRIME + np.uint64(np.int64(hashes[i]))
            bucket = np.int64(hashed % buckets)
            if not pruned:
                rows[n] = known + bucket
                n += 1
            elif ngrams.present[bucket >> 6] >> np.uint64(bucket & 63) & ONE:
                rows[n] = ngrams.rows[bucket]
                n += 1
    return n, summed


@inlined
def _remainder(number: int, divisor: int, inverse: float) -> int:
    """``number % divisor`` for numbers below 2^32, without a division: it would be most of the time."""
    rest = number - int(number * inverse) * divisor
    if rest < 0:
        return rest + divisor
    return rest - divisor if rest >= divisor else rest


@kernel
def _collect_ngrams(
    token: int, size: int, words: int, ngrams: Any, padded: Any, rows: Any, n: int, summed: int, vectors: Any, total: Any
) -> tuple[int, int]:
    pruned, inverse = len(ngrams.rows) > 0, 1 / ngrams.buckets
    longest, shortest, buckets = ngrams.longest, ngrams.shortest, ngrams.buckets
    padded[0], padded[size + 1] = _LESS, _GREATER
    for i in range(size):
        padded[i + 1] = byte_at(token + i)
    size += 2
    for first in range(size):
        if padded[first] & 0xC0 == 0x80:
            continue
        if n + longest > len(rows):
            add_rows(vectors, rows, n, total)
            summed, n = summed + n, 0
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
    return n, summed


@kernel
def add_rows(vectors: Any, rows: Any, n: int, total: Any) -> None:
    """Add the vectors of the first ``n`` rows, one after another."""
    for i in range(n):
        for k in range(len(total)):
            total[k] += vectors[rows[i], k]


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


@kernel
def _by_sigmoids(mean: Any, layer: Any, scores: Any) -> tuple[int, float]:
    """One against all: each label for itself, by the library's table of sigmoids, whose steps are wider than its digits."""
    for row in range(len(layer)):
        value = _dot(layer, row, mean)
        if value < -_RANGE:
            scores[row] = 0
        elif value > _RANGE:
            scores[row] = 1
        else:
            step = int((value + np.float32(_RANGE)) * np.float32(_STEPS) / np.float32(_RANGE) / np.float32(2))
            scores[row] = 1 / (1 + math.exp(_RANGE - step * 2 * _RANGE / _STEPS))
    best = int(np.argmax(scores[:len(layer)]))
    return best, min(1.0, scores[best] + _TINY)
