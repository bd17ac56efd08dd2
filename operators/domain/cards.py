"""Domain cards: what a domain is about, what it is made of, and a name that stays when domains are learned anew.

    n documents of the sample · E their entries · R buckets with a row · k domains
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.domain.embed import Codes, Floats
from corpusmill.operators.text.buffers import Integers

TERMS = 12  # of a card
NEAREST, FARTHEST = 3, 2  # documents of a card
SOURCES = 10  # of a card
NAME_TERMS = 2
NAME_CHARACTERS = 20  # of a term in a name
SAME = 1 / 3  # overlap of old and new documents, by Jaccard, from which on a domain is the old one


@dataclasses.dataclass(frozen=True)
class Sample:
    """The documents that domains are learned from, in the order of their priority, with their distinct buckets."""

    table: pa.Table  # doc_id, source, excerpt
    offsets: Integers  # (n + 1)
    buckets: Codes  # (E)
    counts: Codes  # (E)
    words: pa.ChunkedArray  # (E)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, rows: pa.Table) -> "Sample":
        """Out of rows of ``kmeans.SAMPLE`` in order."""
        sizes = pc.list_value_length(rows.column("buckets")).to_numpy()
        buckets, counts, words = (pc.list_flatten(rows.column(name)) for name in ("buckets", "counts", "words"))
        return cls(rows.select(["doc_id", "source", "excerpt"]), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
                   buckets.to_numpy(), counts.to_numpy(), words)

    @functools.cached_property
    def lengths(self) -> npt.NDArray[np.float64]:
        """Words of each document; shape (n,)."""
        return np.bincount(self.documents, self.counts, minlength=len(self)).astype(np.float64)

    @functools.cached_property
    def documents(self) -> Integers:
        """The document of each entry; shape (E,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """Domains of an earlier model: their names, the first number that was never given, and each document's old code (n)."""

    names: Sequence[str]
    following: int
    codes: Codes


def cards_of(sample: Sample, rows: Codes, codes: Codes, distances: Floats, k: int) -> list[dict[str, Any]]:
    """A card for each domain, without its name.

    ``rows`` (B) place a bucket, -1 for none; ``codes`` (n) are domains, -1 for none, and ``distances`` (n) squared ones to the
    centroid, of vectors of length 1.
    """
    terms, typical = _terms(sample, rows, codes, k)
    order = np.lexsort((distances, codes))
    bounds = np.searchsorted(codes[order], np.arange(k + 1))
    cards = []
    for code in range(k):
        members = order[bounds[code]:bounds[code + 1]]
        far = members[NEAREST:][-FARTHEST:][::-1]
        cards.append({
            "documents": len(members), "share": round(len(members) / max(1, len(sample)), 6),
            "words": int(sample.lengths[members].sum()), "terms": terms[code], "typical": typical[code],
            "spread": round(float(distances[members].astype(np.float64).mean()), 4) if len(members) else 0.0,
            "sources": _sources(sample, members),
            "nearest": [_told(sample, i, distances[i]) for i in members[:NEAREST].tolist()],
            "farthest": [_told(sample, i, distances[i]) for i in far.tolist()],
        })
    return cards


def keyness(inside: npt.NDArray[np.float64], size: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much more often than elsewhere the documents of a domain hold a word, as signed log-likelihood G².

    ``inside`` (k, R) documents of each domain with the word, ``size`` (k, 1) documents of each. (Dunning 1993, of the 2 × 2
    table of documents with and without the word, inside and outside.)
    """
    total = inside.sum(0)
    outside, others = total - inside, size.sum() - size
    expected = size * total / size.sum()
    sides = ((inside, expected), (outside, total - expected), (size - inside, size - expected),
             (others - outside, others - (total - expected)))
    found = np.zeros_like(inside)
    for seen, awaited in sides:
        found += seen * np.log(np.divide(seen, awaited, where=(seen > 0) & (awaited > 0), out=np.ones_like(seen)))
    result: npt.NDArray[np.float64] = 2 * found * np.sign(inside - expected)
    return result


def class_weights(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """c-TF-IDF: share of a word among the words of a domain, times ln(1 + A / f), both of counts (k, R).

    A is the mean number of words of a domain and f how often all of them hold the word (Grootendorst 2022, BERTopic).
    """
    lengths, frequencies = counts.sum(1, keepdims=True), counts.sum(0)
    rarity = np.log1p(np.divide(lengths.mean(), frequencies, where=frequencies > 0, out=np.zeros_like(frequencies)))
    found: npt.NDArray[np.float64] = counts / np.maximum(1, lengths) * rarity
    return found


def name_all(terms: Sequence[Sequence[dict[str, Any]]], codes: Codes, known: Known | None) -> tuple[list[str], int]:
    """The name of each domain by its terms, and the first number that is free after them.

    A domain that holds mostly the documents of an old one keeps the old name: pairs are matched so that the sum of their
    Jaccard overlaps is largest, of those that overlap by a third or more. No number is given twice, so a name never comes to
    mean something else.
    """
    names = ["" for _ in terms]
    following = 0
    if known is not None:
        following = known.following
        for old, new in _matches(known.codes, codes, len(known.names), len(terms)):
            names[new] = known.names[old]
    for code, listed in enumerate(terms):
        if not names[code]:
            names[code] = "-".join([f"d{following:02d}", *_short(listed)])
            following += 1
    return names, following


def _short(terms: Sequence[dict[str, Any]]) -> list[str]:
    words = [str(term["term"]) for term in terms]
    telling = [word for word in words if len(word) > 1 and not word.isdecimal()] or words
    return [word[:NAME_CHARACTERS] for word in telling[:NAME_TERMS]]


def _matches(old: Codes, new: Codes, olds: int, news: int) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # takes time to import, which workers have no use for

    both = (old >= 0) & (new >= 0)
    shared = np.bincount(old[both].astype(np.int64) * news + new[both], minlength=olds * news).reshape(olds, news)
    sizes = np.bincount(old[old >= 0], minlength=olds)[:, None] + np.bincount(new[new >= 0], minlength=news)
    overlap = shared / np.maximum(1, sizes - shared)
    overlap[overlap < SAME] = 0
    pairs = zip(*linear_sum_assignment(overlap, maximize=True), strict=True)
    return [(int(i), int(j)) for i, j in pairs if overlap[i, j]]


def _terms(sample: Sample, rows: Codes, codes: Codes, k: int) -> tuple[list[list[dict[str, Any]]], list[list[dict[str, Any]]]]:
    """The words of the largest keyness in each domain, and those of the largest c-TF-IDF.

    Spelt as the domain's documents mostly spell the bucket.
    """
    width = int(rows.max(initial=-1)) + 1
    used = np.flatnonzero((codes[sample.documents] >= 0) & (rows[sample.buckets] >= 0))
    domain, row = codes[sample.documents[used]].astype(np.int64), rows[sample.buckets[used]]
    place = domain * width + row
    inside = np.bincount(place, minlength=k * width).reshape(k, width).astype(np.float64)
    counts = np.bincount(place, sample.counts[used], minlength=k * width).reshape(k, width).astype(np.float64)
    sizes = np.bincount(codes[codes >= 0], minlength=k).astype(np.float64)[:, None]
    scores, weights = keyness(inside, sizes), class_weights(counts)
    best, typical = (np.argsort(-values, axis=1, kind="stable")[:, :TERMS] for values in (scores, weights))
    wanted = np.zeros((k, width), np.bool_)
    for places in (best, typical):
        np.put_along_axis(wanted, places, True, 1)
    held = wanted[domain, row]
    words = _spelt(sample, domain[held], row[held], used[held])
    elsewhere = (inside.sum(0) - inside) / np.maximum(1, sizes.sum() - sizes)
    keys = [[{"term": words[code, at], "share": round(inside[code, at] / sizes[code, 0], 4),
              "elsewhere": round(elsewhere[code, at], 4), "keyness": round(float(scores[code, at]), 2)}
             for at in best[code].tolist() if scores[code, at] > 0 and (code, at) in words] for code in range(k)]
    return keys, [[{"term": words[code, at], "weight": round(float(weights[code, at]), 6)} for at in typical[code].tolist()
                   if weights[code, at] > 0 and (code, at) in words] for code in range(k)]


def _spelt(sample: Sample, domain: Integers, row: Codes, entries: Integers) -> dict[tuple[int, int], str]:
    """(domain, row) → its most frequent word; the first in order among equals."""
    found = pa.table({"domain": domain, "row": row, "word": sample.words.take(pa.array(entries)),
                      "n": sample.counts[entries]}).group_by(["domain", "row", "word"]).aggregate([("n", "sum")])
    order = [("domain", "ascending"), ("row", "ascending"), ("n_sum", "ascending"), ("word", "descending")]
    return {(one["domain"], one["row"]): one["word"] for one in found.sort_by(order).to_pylist()}


def _sources(sample: Sample, members: Integers) -> list[dict[str, Any]]:
    found = pc.value_counts(sample.table.column("source").take(pa.array(members))).to_pylist()
    largest = sorted(found, key=lambda one: (-one["counts"], one["values"]))[:SOURCES]
    return [{"source": one["values"], "documents": one["counts"]} for one in largest]


def _told(sample: Sample, place: int, distance: float) -> dict[str, Any]:
    row = sample.table.slice(place, 1).to_pylist()[0]
    return {"doc_id": row["doc_id"].hex(), "source": row["source"], "distance": round(float(distance), 4),
            "excerpt": row["excerpt"]}
