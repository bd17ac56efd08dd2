import itertools

import numpy as np
import pytest

from corpusmill.operators.domain.embedders import word_vectors
from corpusmill.operators.domain.embedders.word_vectors import DRAWS, Plan, learn
from corpusmill.operators.text.fasttext_training import scatter

SPELLINGS = ["river", "rivers", "stone", "中"]
_64 = (1 << 64) - 1


class Numbers:
    """SplitMix64 (Steele, Lea, Flood 2014) in Python's integers."""

    def __init__(self, seed):
        self.state = (seed * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15) & _64

    def __call__(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & _64
        z = ((self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9) & _64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64
        return z ^ (z >> 31)


def grams(word, shortest, longest):
    marked = f"<{word}>"
    return {marked[i:i + n] for n in range(shortest, longest + 1) for i in range(len(marked) - n + 1)} - {marked}


def fnv(text):
    found = 2166136261
    for byte in text.encode():
        found = (found ^ byte) * 16777619 % 2**32
    return found


def plain(offsets, words, plan):
    """The same learning as it is told in the docstrings, in float64 and without a kernel."""
    counts = np.bincount(words, minlength=len(SPELLINGS))
    units = [[row, *sorted(len(SPELLINGS) + fnv(g) % plan.buckets for g in grams(word, plan.shortest, plan.longest))]
             for row, word in enumerate(SPELLINGS)]
    vectors = np.empty((len(SPELLINGS) + plan.buckets, plan.dimensions), np.float32)
    scatter(vectors, plan.seed)
    vectors, outward = vectors.astype(np.float64), np.zeros((len(SPELLINGS), plan.dimensions))
    edges, draw = np.cumsum(counts**0.75) / (counts**0.75).sum(), Numbers(plan.seed)
    shares, passes, done = counts / counts.sum(), -(-plan.words // len(words)), 0
    for _ in range(passes):
        for a, b in itertools.pairwise(offsets):
            line = [w for w in words[a:b] if (draw() >> 11) / 2**53 < min(1, np.sqrt(1e-4 / shares[w]) + 1e-4 / shares[w])]
            pace = plan.rate * (1 - done / (passes * len(words)))
            done += b - a
            for i, word in enumerate(line):
                reach = 1 + draw() % plan.window
                around = [line[j] for j in range(max(0, i - reach), min(len(line), i + reach + 1)) if j != i]
                if not around:
                    continue
                mean, gradient = vectors[units[word]].mean(0), np.zeros(plan.dimensions)
                drawn = [int(np.searchsorted(edges, ((draw() & (DRAWS - 1)) + 0.5) / DRAWS)) for _ in range(plan.negatives)]
                share = pace * 5 * len(around) / plan.negatives
                for other, label, rate in [(w, 1, pace) for w in around] + [(w, 0, share) for w in drawn]:
                    step = rate * (label - 1 / (1 + np.exp(-(outward[other] @ mean))))
                    gradient += step * outward[other]
                    outward[other] += step * mean
                for unit in units[word]:
                    vectors[unit] += gradient
    return np.array([vectors[one].mean(0) for one in units])


@pytest.mark.parametrize("plan", [
    Plan(8, 400, 3, 4, 3, 4, 32, 0.2, seed=5), Plan(5, 300, 1, 2, 1, 0, 1, 0.5, seed=0),
], ids=["with n-grams", "words alone"])
def test_the_kernel_learns_what_a_plain_loop_learns(plan):
    rng = np.random.default_rng(1)
    words = rng.integers(0, 4, 90).astype(np.int32)
    offsets = np.array([0, 30, 30, 90])
    found = learn(offsets, words, SPELLINGS, plan)
    expected = plain(offsets.tolist(), words.tolist(), plan)
    assert np.abs(expected).max() > 0.05  # it has moved
    assert np.allclose(found, expected, atol=2e-3)


def test_a_word_that_is_never_seen_keeps_what_its_n_grams_say():
    """As fastText gives words that it never saw a vector."""
    words = np.tile(np.array([0, 2], np.int32), 500)
    found = learn(np.array([0, len(words)]), words, SPELLINGS, Plan(16, 20_000, 2, 5, 3, 5, 1 << 10, 0.05))
    near = lambda a, b: found[a] @ found[b] / np.linalg.norm(found[a]) / np.linalg.norm(found[b])  # noqa: E731
    assert near(1, 0) > near(3, 0)
    assert np.isfinite(found).all()


def test_negatives_are_drawn_by_frequency_to_the_power_of_three_quarters():
    counts = np.array([1, 16, 0, 81])
    found = np.bincount(word_vectors._negatives(counts), minlength=4) / DRAWS
    assert np.allclose(found, counts**0.75 / 36, atol=2e-6)


def test_another_seed_gives_other_vectors_and_the_same_one_the_same():
    words, offsets = np.tile(np.arange(4, dtype=np.int32), 50), np.array([0, 200])
    first, again, other = (learn(offsets, words, SPELLINGS, Plan(8, 1000, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
