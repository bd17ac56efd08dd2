import hashlib
import math
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.embed import LOGS, log_weights, nearest, project, sequence, spelt, terms
from corpusmill.operators.text.unicode import DIGIT, LETTER, UNICODE_VERSION, classes

TEXTS = st.lists(st.text(st.one_of(st.sampled_from("abAB zé É\n-_'09٣ЖжΣς中文かカ한국ﬁ🙂\u0301"), st.characters(codec="utf-8")),
                         max_size=80), max_size=6)
CASED = {*range(0x590), *range(0x10A0, 0x1100), *range(0x1E00, 0x2000)}
UNSPACED = [range(0x3040, 0x3100), range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x32000)]


def in_words(character):
    """Letters and decimal digits, by this Python where it knows the same characters."""
    if unicodedata.unidata_version != UNICODE_VERSION:
        return bool(classes()[ord(character)] & (LETTER | DIGIT))
    category = unicodedata.category(character)
    return category.startswith("L") or category == "Nd"


def plain_words(text):
    """Runs of letters and digits, lower-cased where case is old; Han and Kana one by one."""
    found, run = [], ""
    for character in text:
        if not in_words(character):
            found, run = [*found, run], ""
        elif any(ord(character) in block for block in UNSPACED):
            found, run = [*found, run, character], ""
        else:
            lower = character.lower()
            run += lower if len(lower) == 1 and ord(character) in CASED else character
    return [word for word in [*found, run] if word]


def plain_bucket(word, bits):
    """FNV-1a over code points, then a folded 128-bit product."""
    state = 0xCBF29CE484222325
    for character in word:
        state = (state ^ ord(character)) * 0x100000001B3 % 2**64
    product = state * 0x9E3779B97F4A7C15
    return ((product ^ product >> 64) % 2**64) >> (64 - bits)


def array(values):
    return pa.array(values, pa.string())


@settings(max_examples=150)
@given(texts=TEXTS, bits=st.sampled_from([8, 12, 18]))
def test_words_are_counted_as_a_plain_scan_counts_them(texts, bits):
    found = terms(array(texts), bits)
    for d, text in enumerate(texts):
        counts = {}
        for word in plain_words(text):
            bucket = plain_bucket(word, bits)
            counts[bucket] = counts.get(bucket, 0) + 1
        here = slice(found.offsets[d], found.offsets[d + 1])
        assert list(zip(found.buckets[here].tolist(), found.counts[here].tolist(), strict=True)) == list(counts.items())
        assert found.words[d] == sum(counts.values())


@given(texts=TEXTS, data=st.data())
def test_slices_and_any_batches_give_the_same_entries(texts, data):
    whole = terms(array(texts), 18)
    cut = data.draw(st.integers(0, len(texts)))
    parts = [terms(array(texts).slice(0, cut), 18), terms(array(texts).slice(cut), 18)]
    for name in ("buckets", "counts", "starts", "ends", "words"):
        assert np.concatenate([getattr(p, name) for p in parts]).tolist() == getattr(whole, name).tolist()


@given(texts=st.lists(st.text("abcXYZ 中é-", max_size=40), max_size=5))
def test_the_first_word_of_each_bucket_can_be_spelt(texts):
    values = array(texts)
    expected = [word for text in texts for word in dict.fromkeys(plain_words(text))]
    assert spelt(values, terms(values, 24)).to_pylist() == expected


def test_case_does_not_count_and_neither_does_punctuation():
    found = terms(array(["Straße, STRASSE! straße", "naïve NAÏVE “Naïve”", "ЖЖ жж"]), 18)
    assert np.diff(found.offsets).tolist() == [2, 1, 1]
    assert found.words.tolist() == [3, 3, 2]


def test_a_document_of_every_bucket_leaves_no_trace_in_the_next():
    many = " ".join(f"w{i}" for i in range(5000))
    found = terms(array([many, "w1 w1", many]), 8)
    assert np.diff(found.offsets).tolist() == [256, 1, 256]
    assert found.counts.sum() == 10_002


@pytest.fixture(scope="module")
def space():
    rng = np.random.default_rng(3)
    rows = rng.permutation(256).astype(np.int32) - 100
    rows[rows < 0] = -1
    return rows, rng.standard_normal((156, 24)).astype(np.float32), rng.standard_normal((5, 24)).astype(np.float32)


def plain_vector(buckets, counts, rows, projection):
    """Sums in float32, one product and one addition at a time: equal bits mean that nothing was fused or reordered."""
    vector = np.zeros(projection.shape[1], np.float32)
    for bucket, count in zip(buckets, counts, strict=True):
        if rows[bucket] >= 0:
            vector += log_weights()[min(count, LOGS)] * projection[rows[bucket]]
    square = np.float32(0)
    for value in vector:
        square += value * value
    return vector * (np.float32(1) / np.sqrt(square)) if square > 0 else vector


@given(texts=TEXTS)
def test_vectors_have_the_bits_of_a_plain_sum_in_order(space, texts):
    rows, projection, _ = space
    found = terms(array(texts), 8)
    vectors = project(found.offsets, found.buckets, found.counts, rows, projection)
    for d in range(len(texts)):
        here = slice(found.offsets[d], found.offsets[d + 1])
        expected = plain_vector(found.buckets[here].tolist(), found.counts[here].tolist(), rows, projection)
        assert vectors[d].tobytes() == expected.tobytes()


@given(seed=st.integers(0, 10**6), n=st.integers(0, 20))
def test_the_nearest_centroid_is_that_of_the_smallest_distance(space, seed, n):
    centroids = space[2] / 5
    points = np.random.default_rng(seed).standard_normal((n, 24)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    codes, distances = nearest(points, centroids)
    exact = ((points[:, None].astype(float) - centroids) ** 2).sum(2)
    assert np.allclose(distances, exact.min(1), atol=1e-5)
    assert np.allclose(exact[np.arange(n), codes], exact.min(1), atol=1e-5)


def test_no_known_word_means_no_centroid_and_equal_ones_mean_the_first():
    codes, distances = nearest(np.float32([[0, 0], [1, 0]]), np.float32([[0, 1], [1, 0], [1, 0]]))
    assert codes.tolist() == [-1, 1]
    assert distances.tolist() == [0, 0]


def test_counts_weigh_by_their_logarithm():
    assert log_weights()[[0, 1, 10, LOGS]].tolist() == pytest.approx([0, 1, 1 + math.log(10), 1 + math.log(LOGS)])


def test_weights_are_those_that_models_were_learned_with():
    """A model learned elsewhere must assign alike here: where this fails, KMeans needs a new version."""
    assert hashlib.sha256(log_weights().tobytes()).hexdigest()[:16] == "234ec42d3a210ae8"


def test_a_count_above_the_table_weighs_as_its_last(space):
    rows, projection = np.zeros(256, np.int32), space[1]
    found = terms(array(["a " * (LOGS + 50)]), 8)
    assert found.counts.tolist() == [LOGS + 50]
    vector = project(found.offsets, found.buckets, found.counts, rows, projection)[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@given(texts=st.lists(st.text(st.sampled_from("aB1é 中-\n"), max_size=30), max_size=6), large=st.booleans())
def test_the_sequence_holds_each_word_that_has_a_row_as_often_as_terms_count_it(texts, large):
    rows = np.where(np.arange(64) % 3 == 0, -1, np.arange(64)).astype(np.int32)
    found = terms(pa.array(texts, pa.string()), 6)
    offsets, words = sequence(pa.array(texts, pa.large_string() if large else pa.string()), rows)
    for d in range(len(texts)):
        part = slice(found.offsets[d], found.offsets[d + 1])
        counted = np.bincount(found.buckets[part], found.counts[part], minlength=64) * (rows >= 0)
        assert np.array_equal(np.bincount(words[offsets[d]:offsets[d + 1]], minlength=64), counted)
