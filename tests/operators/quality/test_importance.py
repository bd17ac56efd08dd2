"""Importance weights against a plain reference that takes the buckets of single n-grams from the fit."""

import functools
import itertools
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.importance import Histogram, ImportanceWeight, log_ratios, to_bytes
from corpusmill.operators.schema import DOCUMENTS

BUCKETS = 997
FIELDS = pa.schema([DOCUMENTS.field("text")])
TARGET = ["the mill grinds wheat, the river turns the mill", "wheat and flour 12", "a river"]
RAW = ["the shop sells lamps! lamps and more lamps", "the river 12 34", "a mill shop\nopen today"]


def batch_of(texts):
    return pa.record_batch([pa.array(texts, pa.string())], schema=FIELDS)


def counted(texts, buckets=BUCKETS):
    return Histogram(buckets).partial(batch_of(texts))


@functools.cache
def bucket(*words):
    """Of an n-gram: where its text alone falls, but for the words in it."""
    alone = counted([" ".join(words)])
    for word in words if len(words) == 2 else ():
        alone = alone - counted([word])
    assert alone.sum() == 1
    return int(alone.argmax())


def ngrams(text):
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    return [*((w,) for w in words), *itertools.pairwise(words)]


def reference(texts):
    """Shares of the buckets, each with one more."""
    counts = [1] * BUCKETS
    for text in texts:
        for gram in ngrams(text):
            counts[bucket(*gram)] += 1
    return [count / sum(counts) for count in counts]


def weights(texts, tmp_path, data=None):
    path = tmp_path / "ratios"
    path.write_bytes(data or to_bytes(counted(TARGET), counted(RAW)))
    found = ImportanceWeight(digest=str(path)).open({"ratios": path})(batch_of(texts)).batch
    return found["importance.log_weight"].to_pylist(), found["importance.ngrams"].to_pylist()


@given(st.lists(st.lists(st.sampled_from([*" ".join(TARGET + RAW).split(), "new", "\n", "é", "?"]), max_size=12).map(" ".join),
                max_size=4))
@example([*TARGET, *RAW, "", "wheat"])
def test_weights_are_sums_of_log_ratios(tmp_path_factory, texts):
    target, raw = reference(TARGET), reference(RAW)
    found, counts = weights(texts, tmp_path_factory.mktemp("ratios"))
    for text, weight, count in zip(texts, found, counts, strict=True):
        logs = [math.log(target[b] / raw[b]) for b in (bucket(*gram) for gram in ngrams(text))]
        assert count == len(logs)
        assert weight == pytest.approx(sum(logs), abs=1e-6 * (len(logs) + 1))


def test_texts_like_the_target_weigh_more(tmp_path):
    (like, unlike), _ = weights(["the mill grinds wheat", "the shop sells lamps"], tmp_path)
    assert like > 0 > unlike


@given(st.lists(st.text(max_size=40), max_size=6), st.randoms(use_true_random=False))
def test_counts_add_up_in_any_order(texts, draw):
    fit, whole = Histogram(64), counted(texts, 64)
    draw.shuffle(texts)
    total = fit.partial(batch_of([]))
    for text in texts:
        total = fit.merge(fit.partial(batch_of([text])), total)
    assert fit.finish(total) == fit.finish(whole)


def test_n_grams_are_spread_over_all_buckets():
    """Chi-square of 100,000 n-grams over 1,000 buckets: 999 degrees of freedom, five standard deviations."""
    counts = counted([" ".join(map(str, range(50_000)))], 1000)
    assert counts.sum() == 99_999
    assert abs(((counts - 99.999) ** 2 / 99.999).sum() - 999) < 5 * math.sqrt(2 * 999)


def test_bad_files_and_settings_are_refused(tmp_path):
    good = to_bytes(counted(TARGET), counted(RAW))
    for data in (b"x", good[:-1], good.replace(b"importance.1", b"importance.2"), good.replace(b"997", b"996")):
        with pytest.raises(DataError, match="does not hold importance weights"):
            log_ratios(data)
    with pytest.raises(DataError, match="the raw documents have no word"):
        to_bytes(counted(TARGET), np.zeros(BUCKETS, np.int64))
    with pytest.raises(ConfigError, match="buckets=1: give a whole number"):
        Histogram(1)
    with pytest.raises(ConfigError, match="has not been fetched"):
        ImportanceWeight().open({})
