"""Vectors of words that stand near the same words: skip-grams with negative sampling over words and their n-grams.

Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information": a word's vector is the mean of its own and of those
of its n-grams of characters; it is learned to foretell the words around it. As in facebookresearch/fastText (src/fasttext.cc,
model.cc, loss.cc) but: one thread; the words around a word share their negatives (Ji et al. 2016), which leaves most of the
time for the words themselves; a logistic function by a table, and numbers by SplitMix64, so that no library matters.

    T words in a row, D dimensions · R known words · G buckets of n-grams · U units (n-grams) of all words
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from corpusmill.operators.domain.embed import Codes, Floats
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.fasttext_training import scatter
from corpusmill.operators.text.simd import inlined

SHARPNESS = 64  # entries of the logistic table per unit
REACH = 8  # beyond ± this the logistic function is 0 or 1
DRAWS = 1 << 20  # entries of the table that negatives are drawn from
EACH = 5  # negatives that a pair of words counts with, whatever number is drawn
POWER = 0.75  # of a word's frequency among negatives
LEAST = 1e-4  # share of the words above which a word is left out now and then

_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_R30, _R27, _R31, _R11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How word vectors are learned."""

    dimensions: int = 96  # D
    words: int = 20_000_000  # that are learned from, repeats included
    window: int = 5  # words on either side at most
    negatives: int = 8  # that the words around one word share
    shortest: int = 4  # characters of an n-gram, < and > around the word included …
    longest: int = 5
    buckets: int = 1 << 16  # G
    rate: float = 0.05  # of the first step; it falls to 0
    seed: int = 0


def learn(offsets: Integers, words: Codes, spellings: Sequence[str], plan: Plan) -> Floats:
    """Vectors of the known words; (R, D).

    ``words`` are rows of R, cut by ``offsets`` (n + 1) into documents; ``spellings`` (R) give the n-grams of each. The same
    ones and plan give the same bits on one machine; another may add in another order.
    """
    counts = np.bincount(words, minlength=len(spellings))
    ends, units = _units(spellings, plan)
    vectors = np.empty((len(spellings) + plan.buckets, plan.dimensions), np.float32)
    scatter(vectors, plan.seed)
    shares = counts / max(1, counts.sum())
    with np.errstate(divide="ignore"):
        spared = np.minimum(1, np.sqrt(LEAST / shares) + LEAST / shares)
    spared[counts == 0] = 0
    passes = max(1, -(-plan.words // max(1, len(words))))
    outward = np.zeros((len(spellings), plan.dimensions), np.float32)
    _descend(offsets, words, spared, _negatives(counts), ends, units, vectors, outward, _logistic(), plan.window,
             plan.negatives, plan.rate, passes, plan.seed)
    found = np.empty_like(outward)
    _compose(ends, units, vectors, found)
    return found


def _units(spellings: Sequence[str], plan: Plan) -> tuple[Integers, Codes]:
    """The rows of each word's vectors, its own first: where they begin (R + 1), and they themselves (U)."""
    ends, found = [0], []
    for row, word in enumerate(spellings):
        marked = f"<{word}>"
        grams = {marked[at : at + size] for size in range(plan.shortest, plan.longest + 1)
                 for at in range(len(marked) - size + 1)} - {marked}
        found.append(row)
        found += sorted(len(spellings) + _bucket(gram.encode(), plan.buckets) for gram in grams)
        ends.append(len(found))
    return np.array(ends, np.int64), np.array(found, np.int32)


def _bucket(gram: bytes, buckets: int) -> int:
    """FNV-1a of 32 bits, as fastText hashes."""
    hashed = 2166136261
    for byte in gram:
        hashed = (hashed ^ byte) * 16777619 & 0xFFFFFFFF
    return hashed % buckets


def _negatives(counts: Integers) -> Codes:
    """Words, each as often as it is drawn; (DRAWS,)."""
    weights = np.cumsum(counts.astype(np.float64) ** POWER)
    places = (np.arange(DRAWS) + 0.5) / DRAWS * weights[-1]
    found: Codes = np.searchsorted(weights, places).astype(np.int32)
    return found


def _logistic() -> Floats:
    places = (np.arange(2 * REACH * SHARPNESS) + 0.5) / SHARPNESS - REACH
    found: Floats = (1 / (1 + np.exp(-places))).astype(np.float32)
    return found


@inlined
def _drawn(state: Any) -> Any:
    """SplitMix64."""
    number = (state ^ (state >> _R30)) * _MIX_1
    number = (number ^ (number >> _R27)) * _MIX_2
    return number ^ (number >> _R31)


# Sums of products may be reordered here, unlike in the kernels of texts: it is four times as fast, and what is learned is
# committed once.
_summing = njit(cache=True, nogil=True, boundscheck=False, fastmath={"reassoc", "contract", "nsz"})


@_summing
def _compose(ends: Integers, units: Codes, vectors: Floats, found: Floats) -> None:
    found[:] = 0
    for row in range(len(found)):
        for u in range(ends[row], ends[row + 1]):
            for k in range(found.shape[1]):
                found[row, k] += vectors[units[u], k]
        for k in range(found.shape[1]):
            found[row, k] /= np.float32(ends[row + 1] - ends[row])


@_summing
def _descend(offsets: Any, words: Any, spared: Any, negatives: Any, ends: Any, units: Any, vectors: Any, outward: Any,
             logistic: Any, window: int, drawn: int, rate: float, passes: int, seed: int) -> None:
    """A step for each word that is not left out: towards the words around it, away from those drawn."""
    state = np.uint64(seed) * _MIX_1 + _GOLDEN
    width, everything, done = vectors.shape[1], passes * len(words), 0
    longest: Any = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    line, mean, gradient = np.empty(longest, np.int32), np.empty(width, np.float32), np.empty(width, np.float32)
    for _ in range(passes):
        for d in range(len(offsets) - 1):
            n = 0
            for i in range(offsets[d], offsets[d + 1]):
                state += _GOLDEN
                if (_drawn(state) >> _R11) * 2.0**-53 < spared[words[i]]:
                    line[n] = words[i]
                    n += 1
            pace = np.float32(rate * (1 - done / everything))
            done += offsets[d + 1] - offsets[d]
            for i in range(n):
                state += _GOLDEN
                reach: Any = 1 + np.int64(_drawn(state) % np.uint64(window))
                first, last = max(0, i - reach), min(n, i + reach + 1)
                if last - first < 2:
                    continue
                _gather(line[i], ends, units, vectors, mean)
                gradient[:] = 0
                for j in range(first, last):
                    if j != i:
                        _step(line[j], np.float32(1), pace, mean, gradient, outward, logistic)
                weight = pace * np.float32(EACH * (last - first - 1) / drawn)
                for _negative in range(drawn):
                    state += _GOLDEN
                    other: Any = negatives[np.int64(_drawn(state) & np.uint64(DRAWS - 1))]
                    _step(other, np.float32(0), weight, mean, gradient, outward, logistic)
                for u in range(ends[line[i]], ends[line[i] + 1]):
                    unit = units[u]
                    for k in range(width):
                        vectors[unit, k] += gradient[k]


@_summing
def _gather(word: int, ends: Any, units: Any, vectors: Any, mean: Any) -> None:
    mean[:] = 0
    for u in range(ends[word], ends[word + 1]):
        unit = units[u]
        for k in range(len(mean)):
            mean[k] += vectors[unit, k]
    scale = np.float32(1) / np.float32(ends[word + 1] - ends[word])
    for k in range(len(mean)):
        mean[k] *= scale


@_summing
def _step(word: int, label: Any, pace: Any, mean: Any, gradient: Any, outward: Any, logistic: Any) -> None:
    """Towards the label, 1 for a word that is there: the outward vector moves, and ``gradient`` is what the mean is to."""
    score = np.float32(0)
    for k in range(len(mean)):
        score += outward[word, k] * mean[k]
    place = np.int64((score + np.float32(REACH)) * np.float32(SHARPNESS))
    told = logistic[min(max(place, 0), len(logistic) - 1)]
    weight = pace * (label - told)
    for k in range(len(mean)):
        gradient[k] += weight * outward[word, k]
        outward[word, k] += weight * mean[k]
