"""Pairs of documents of known similarity, made from real text: words replaced, or a span of them left out."""

import math
import random
import re

import numpy as np
import pyarrow.parquet as pq

NGRAM = 5
EDGES = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]  # where bins of similarity begin; the last ends with 1
FEWEST, MOST = 60, 400  # words that are taken of a document


def known_pairs(folder, each, per_file, seed=1):
    """(one, other, Jaccard of their word 5-grams): ``each`` pairs for every bin, each of a document of its own.

    ``per_file``: documents that are read of each file. Texts are lower-case words with blanks between, so that all
    profiles and kinds of words find the same 5-grams in them. Raises ValueError where documents run out.
    """
    draw, found = random.Random(seed), [[] for _ in EDGES]
    texts = [words for path in sorted(folder.glob("*.parquet")) for words in _documents(path, per_file)]
    draw.shuffle(texts)
    for words in texts:
        open_bins = [b for b, pairs in enumerate(found) if len(pairs) < each]
        if not open_bins:
            return [pair for pairs in found for pair in pairs]
        start = draw.randrange(len(words) - FEWEST + 1)
        words = words[start : start + draw.randint(FEWEST, MOST)]
        other = draw.choice((_replaced, _shortened))(words, EDGES[draw.choice(open_bins)] + 0.05 * draw.random(), draw)
        jaccard = similarity(words, other)
        if other != words and jaccard >= EDGES[0] and len(found[b := bin_of(jaccard)]) < each:
            found[b].append((" ".join(words), " ".join(other), jaccard))
    raise ValueError(f"{len(texts)} documents make {[len(pairs) for pairs in found]} pairs, not {each} for each bin")


def similarity(one, other):
    """The Jaccard similarity of two documents' word 5-grams, by sets."""
    left, right = ({tuple(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))} for words in (one, other))
    return len(left & right) / len(left | right)


def bin_of(jaccard):
    """The bin of a similarity."""
    return max(b for b, edge in enumerate(EDGES) if jaccard >= edge)


def binomial_interval(trials, chance, outside):
    """The least interval of successes, tails of ``outside`` / 2 at most beyond each of its ends."""
    k = np.arange(trials + 1)
    ways = np.array([math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1) for i in k.tolist()])
    chance = min(max(chance, 1e-12), 1 - 1e-12)
    below = np.cumsum(np.exp(ways + k * math.log(chance) + (trials - k) * math.log1p(-chance)))
    return int(np.searchsorted(below, outside / 2)), min(trials, int(np.searchsorted(below, 1 - outside / 2)))


def _documents(path, count):
    batch = next(pq.ParquetFile(path).iter_batches(count, columns=["text"]))
    found = (re.findall("[a-z]+", text.lower()) for text in batch.column("text").to_pylist())
    return [words for words in found if len(words) >= FEWEST]


def _replaced(words, jaccard, draw):
    """Each word is another one with a chance that leaves so many 5-grams."""
    chance = 1 - (2 * jaccard / (1 + jaccard)) ** (1 / NGRAM)
    return [draw.choice(words) + "x" if draw.random() < chance else word for word in words]


def _shortened(words, jaccard, draw):
    """A span is left out: n - 4 of 5-grams, of which it takes its length and 4 more; 4 new ones bridge it."""
    length = max(1, round((1 - jaccard) * (len(words) - NGRAM + 1) - (NGRAM - 1) * jaccard))
    start = draw.randrange(len(words) - length)
    return words[:start] + words[start + length :]
