"""Learning a classifier of fastText's kind: the same texts, seed and parameters give the same bytes.

Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification": a text is the mean of the vectors of its words and runs
of words, hashed into buckets; a softmax over labels follows; both are learned by stochastic gradient descent, one text a
step, at a rate that falls to 0 in proportion to the bytes seen. As in facebookresearch/fastText (src/fasttext.cc, model.cc,
loss.cc) but: one thread; the library's rate falls with the words seen; texts in an order drawn anew for each epoch, where the
library keeps that of the file; vectors begin uniform in ±1/D by a hash of their place, and those of buckets that no text
reached are 0. As there, a word ``</s>`` ends a text: what follows it is counted among the words, but not learned from.

Sums are never reordered, so that of the machine only the C library's ``exp`` matters, which may differ in its last bit.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.classifying import collect, find, hash_of, is_label, rows_at_most, separates
from corpusmill.operators.text.fasttext import Ngrams, vocabulary_of
from corpusmill.operators.text.fasttext_writing import write
from corpusmill.operators.text.simd import byte_at, inlined, kernel

END = b"</s>"
_END_TEXT = np.frombuffer(END, np.uint8)
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_R30, _R27, _R31, _R40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)


@dataclasses.dataclass(frozen=True, slots=True)
class Training:
    """How a classifier is learned. Raises ConfigError for what cannot be."""

    dimensions: int = 32
    run: int = 2  # words of the longest run: fastText's wordNgrams
    buckets: int = 1 << 18  # of runs of words
    min_count: int = 1  # a rarer word is known by its runs only
    epochs: int = 5
    rate: float = 0.5  # of the first step
    sample: int = 1 << 16  # bytes of each text that are learned from, less what would be part of a word
    seed: int = 0

    version = "1"

    def __post_init__(self) -> None:
        bounds = {"dimensions": (1, 1024), "run": (1, 5), "buckets": (1, 1 << 26), "min_count": (1, 1 << 30),
                  "epochs": (1, 1000), "sample": (1, 1 << 26), "seed": (0, (1 << 63) - 1)}
        for name, (low, high) in bounds.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise ConfigError(f"training.{name}={value}: give a whole number from {low} to {high}")
        if not 0 < self.rate <= 10:
            raise ConfigError(f"training.rate={self.rate}: give a number above 0 and up to 10")


def train(texts: Texts, labels: npt.NDArray[np.int64], names: Sequence[str], training: Training) -> bytes:
    """A classifier in fastText's format; ``labels`` holds the number of each text's name.

    Raises DataError where a name has no text, or the texts have no word.
    """
    counts = np.bincount(labels, minlength=len(names))
    if len(names) < 2 or not counts.all():
        raise DataError("a classifier needs texts of at least two labels; got "
                        f"{dict(zip(names, counts.tolist(), strict=True))}")
    order = np.lexsort((np.array(names), -counts))  # the most frequent first, as the library has them
    place = np.argsort(order)[labels]
    lengths = texts.lengths.copy()
    cut_at_words(texts.addresses, lengths, training.sample)
    texts = dataclasses.replace(texts, lengths=lengths)
    known = [(word, n) for word, n in count_words(texts) if n >= training.min_count or word == END]
    if len(known) < 2:
        raise DataError("a classifier needs words; the texts have none that is frequent enough")
    vocabulary = vocabulary_of([word for word, _ in known], len(known))
    run = training.run
    ngrams = Ngrams(np.empty(0, np.int32), np.empty(0, np.uint64), training.buckets, 0, 0, run)
    vectors = np.empty((len(known) + (training.buckets if run > 1 else 0), training.dimensions), np.float32)
    layer = np.zeros((len(names), training.dimensions), np.float32)
    reached = np.zeros(len(vectors), np.bool_)
    scatter(vectors, training.seed)
    steps = np.concatenate([_shuffled(len(texts), training.seed, epoch) for epoch in range(training.epochs)])
    descend(texts.addresses, texts.lengths, place, steps, vocabulary, ngrams, vectors, layer, reached, training.rate)
    vectors[~reached] = 0
    return write(known, [(names[i], int(counts[i])) for i in order], vectors, layer, run, training.epochs)


def count_words(texts: Texts) -> list[tuple[bytes, int]]:
    """Words and how often they are in the texts, the most frequent first and else in the order of bytes; END once a text."""
    room, first = 1 << 16, 0
    slots, found, n = np.zeros(room, np.int32), np.empty((room // 2 + 1, 3), np.int64), 0
    while True:
        first, n = _count(texts.addresses, texts.lengths, first, slots, found, n)
        if first == len(texts):
            break
        room *= 4
        slots, grown = np.zeros(room, np.int32), np.empty((room // 2 + 1, 3), np.int64)
        grown[:n] = found[:n]
        found = grown
        _place(found, n, slots)
    words = [(_bytes_at(int(address), int(size)), int(count)) for address, size, count in found[:n]]
    totals = dict(words) | {END: len(texts)}
    return sorted(totals.items(), key=lambda one: (-one[1], one[0]))


@kernel
def cut_at_words(addresses: Any, lengths: Any, most: int) -> None:
    """Shorten the texts to ``most`` bytes, or as many fewer as it takes not to end within a word."""
    for d in range(len(addresses)):
        if lengths[d] > most:
            end = most
            while end > 0 and not separates(byte_at(addresses[d] + end)):
                end -= 1
            lengths[d] = end


def _bytes_at(address: int, size: int) -> bytes:
    held = np.empty(size, np.uint8)
    _copy(address, held)
    return held.tobytes()


def _shuffled(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    keys = np.empty(count, np.uint64)
    _draw(keys, seed, epoch)
    return np.argsort(keys, kind="stable")


@inlined
def _mixed(number: Any) -> Any:
    """SplitMix64."""
    number = (number ^ (number >> _R30)) * _MIX_1
    number = (number ^ (number >> _R27)) * _MIX_2
    return number ^ (number >> _R31)


@kernel
def _draw(keys: Any, seed: int, epoch: int) -> None:
    start = _mixed(np.uint64(seed) + _GOLDEN * np.uint64(epoch + 2))
    for i in range(len(keys)):
        keys[i] = _mixed(start + _GOLDEN * np.uint64(i + 1))


@kernel
def scatter(vectors: Any, seed: int) -> None:
    """Fill with numbers uniform in ±1/D that depend on the seed and their place alone."""
    dimensions, start = vectors.shape[1], _mixed(np.uint64(seed) + _GOLDEN)
    for row in range(len(vectors)):
        for k in range(dimensions):
            drawn = _mixed(start + _GOLDEN * np.uint64(row * dimensions + k + 1)) >> _R40  # 24 bits
            vectors[row, k] = np.float32((np.float64(drawn) / 8388608 - 1) / dimensions)


@kernel
def _copy(address: int, held: Any) -> None:
    for i in range(len(held)):
        held[i] = byte_at(address + i)


@kernel
def _slot(address: int, size: int, slots: Any, found: Any) -> int:
    """Where the word is in the table, or the empty slot where it would be."""
    slot = np.int64(hash_of(address, size)) & (len(slots) - 1)
    while slots[slot] != 0:
        other = slots[slot] - 1
        if found[other, 1] == size:
            i = 0
            while i < size and byte_at(address + i) == byte_at(found[other, 0] + i):
                i += 1
            if i == size:
                return int(slot)
        slot = (slot + 1) & (len(slots) - 1)
    return int(slot)


@kernel
def _place(found: Any, n: int, slots: Any) -> None:
    for i in range(n):
        slots[_slot(found[i, 0], found[i, 1], slots, found)] = i + 1


@kernel
def _count(addresses: Any, lengths: Any, first: int, slots: Any, found: Any, n: int) -> tuple[int, int]:
    """Count the words of texts from ``first`` on (address, size and count of each) while there is room.

    Returns the first text that was not counted, and how many words there are. A text is counted whole or not at all.
    """
    for d in range(first, len(addresses)):
        if n + lengths[d] // 2 + 1 >= len(found):
            return d, n
        at, length, address = 0, lengths[d], addresses[d]
        while at < length:
            while at < length and separates(byte_at(address + at)):
                at += 1
            start = at
            while at < length and not separates(byte_at(address + at)):
                at += 1
            if at == start or is_label(address + start, at - start):
                continue
            slot = _slot(address + start, at - start, slots, found)
            if slots[slot] == 0:
                found[n, 0], found[n, 1], found[n, 2] = address + start, at - start, 0
                n += 1
                slots[slot] = n
            found[slots[slot] - 1, 2] += 1
    return len(addresses), n


@kernel
def descend(
    addresses: Any, lengths: Any, labels: Any, steps: Any, vocabulary: Any, ngrams: Any, vectors: Any, layer: Any, reached: Any,
    rate: float,
) -> None:
    """One step per entry of ``steps``, a text's number; ``reached`` marks the vectors that a text has."""
    most, dimensions = lengths.max(), vectors.shape[1]
    rows = np.empty(rows_at_most(most, ngrams) + 2, np.int32)
    hashes, padded = np.empty(most // 2 + 2, np.int32), np.empty(most + 2, np.uint8)
    mean, gradient = np.empty(dimensions, np.float32), np.empty(dimensions, np.float32)
    scores = np.empty(len(layer), np.float32)
    last = find(vocabulary, _END_TEXT.ctypes.data, 4)
    everything, done = 0.0, 0.0
    for d in steps:
        everything += lengths[d] + 1
    for d in steps:
        n, _, _, _ = collect(addresses[d], lengths[d], vocabulary, ngrams, vectors, last, padded, hashes, rows, mean)
        mean[:] = 0
        for i in range(n):
            reached[rows[i]] = True
            for k in range(dimensions):
                mean[k] += vectors[rows[i], k]
        mean *= np.float32(1.0 / n)
        _step(mean, layer, labels[d], np.float32(rate * (1 - done / everything)), scores, gradient)
        gradient *= np.float32(1.0 / n)
        for i in range(n):
            for k in range(dimensions):
                vectors[rows[i], k] += gradient[k]
        done += lengths[d] + 1


@kernel
def _step(mean: Any, layer: Any, label: int, rate: Any, scores: Any, gradient: Any) -> None:
    """Move the layer towards the label; ``gradient`` is what the mean should move by."""
    highest, total = np.float32(-np.inf), 0.0
    for row in range(len(layer)):
        value = np.float32(0)
        for k in range(len(mean)):
            value += layer[row, k] * mean[k]
        scores[row] = value
        highest = max(highest, value)
    for row in range(len(layer)):
        total += math.exp(scores[row] - highest)
    gradient[:] = 0
    for row in range(len(layer)):
        missed = np.float32((1.0 if row == label else 0.0) - math.exp(scores[row] - highest) / total)
        for k in range(len(mean)):
            gradient[k] += rate * missed * layer[row, k]
            layer[row, k] += rate * missed * mean[k]
