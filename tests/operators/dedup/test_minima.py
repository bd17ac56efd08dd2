"""Minima against datasketch, lanes against a plain reference and against theory."""

import math

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash as Peer
from hypothesis import given
from hypothesis import strategies as st
from shingling import folded_words, shingle_hash, shingles_of
from sketching import band_hashes, lanes_of, minima_of, sets_of

from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.minima import (
    MOST,
    SCHEMES,
    STEP,
    lower_bins,
    own_functions,
    split_mix,
    write_lanes,
)
from corpusmill.operators.dedup.verify import similarity

halves = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40)


@given(halves, st.sampled_from([0, 1, 42, 2**32 - 1]), st.integers(1, 40), st.sampled_from(SCHEMES[1:]))
def test_minima_are_those_of_datasketch(values, seed, count, scheme):
    peer = Peer(num_perm=count, seed=seed, scheme=scheme, hashfunc=int)
    peer.update_batch(values)
    assert minima_of(scheme, values, seed, count) == peer.hashvalues.tolist()


@pytest.mark.parametrize("scheme", SCHEMES[1:])
def test_minima_of_texts_are_those_of_datasketch(scheme):
    """datasketch is given the words of each shingle and the upper half of the shingle's hash as its hash function."""
    text = " ".join(f"Word{i * i % 977}" for i in range(3000)) + ", and “more” 中文 words"
    words = folded_words(text.lower())
    peer = Peer(num_perm=112, seed=7, scheme=scheme, hashfunc=lambda shingle: shingle_hash(shingle.split()) >> 32)
    peer.update_batch([" ".join(words[i : i + 5]) for i in range(len(words) - 4)])
    bands = MinHash(scheme=scheme, seed=7).sketches(pa.array([text]))[0]
    assert bands[0].tolist() == band_hashes(peer.hashvalues.tolist(), 14)


@given(halves.filter(lambda values: 2**32 - 1 not in values), st.integers(1, 70), st.integers(0, 40))
def test_lanes_are_those_of_the_reference_however_they_are_cut(values, count, cut):
    functions, bins, own = own_functions(1, count), np.full(count, MOST), np.full(count, MOST)
    for part in (values[:cut], values[cut:]):
        lower_bins(np.array([*part, *[0] * STEP], np.uint32), len(part), functions, bins, own)
    lanes = np.zeros(count, np.uint8)
    write_lanes(bins, own, functions, lanes)
    assert lanes.tobytes() == lanes_of(values, count)


def test_random_words_are_split_mix():
    assert [hex(x) for x in split_mix(0, 2)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4"]


def test_the_reference_takes_the_halves_of_a_shingle():
    text = "one two three four five six seven"
    low = [value & 0xFFFFFFFF for value in shingles_of(text, 5)]
    assert MinHash().sketches(pa.array([text]))[1][0].tobytes() == lanes_of(low, 128)


def spread(jaccard, size, lanes):
    """The standard error of the estimate on ``lanes`` bytes, of sets of ``size`` together.

    Two lanes whose bins hold something are drawn without replacement: their covariance is -J (1 - J) / (size - 1).
    """
    p = jaccard + (1 - jaccard) / 256
    both = 1 - 2 * (1 - 1 / lanes) ** size + (1 - 2 / lanes) ** size  # that two bins hold something
    covariance = (lanes - 1) / lanes * both * jaccard * (1 - jaccard) / (size - 1)
    return math.sqrt(p * (1 - p) / lanes * (256 / 255) ** 2 - covariance)


@pytest.mark.parametrize("size", [2, 10, 20, 50, 100, 200, 500, 3000])
def test_the_estimate_of_documents_of_any_length_is_unbiased_and_its_error_is_that_of_theory(size):
    """Mean within 4 standard errors and standard deviation within 6 %, and never above that of independent lanes."""
    jaccard, pairs = 0.5 if size < 10 else 0.7, 3000 if size < 1000 else 1500
    left, right = (MinHash(ngram=1).sketches(side) for side in sets_of(jaccard, pairs, size, size))
    estimates, expected = similarity(left[1], right[1]), spread(jaccard, size, 128)
    independent = spread(jaccard, 10**9, 128)
    assert abs(estimates.mean() - jaccard) <= 4 * expected / math.sqrt(pairs)
    assert abs(estimates.std() - expected) <= 0.06 * expected
    assert expected <= independent


def interval(p, trials, level):
    """Numbers of hits that lie within the two-sided binomial interval."""
    chances = [math.exp(math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * math.log(p)
                        + (trials - k) * math.log1p(-p)) for k in range(trials + 1)]
    below = np.cumsum(chances)
    return int(np.searchsorted(below, level / 2)), int(np.searchsorted(below, 1 - level / 2))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("bands", "rows", "jaccard"), [(14, 8, 0.7), (14, 8, 0.8), (20, 13, 0.8), (9, 13, 0.8)])
def test_short_documents_are_proposed_as_the_s_curve_says(bands, rows, jaccard, scheme):
    """Of 10 to 200 shingles; two-sided binomial, 1 in 10,000 over all tests."""
    for size in (10, 20, 50, 100, 200):
        pairs = 1000
        left, right = sets_of(jaccard, pairs, size, size + 1)
        one, two = (MinHash(ngram=1, bands=bands, rows=rows, scheme=scheme).sketches(side)[0] for side in (left, right))
        low, high = interval(1 - (1 - jaccard**rows) ** bands, pairs, 1e-4 / 40)
        assert low <= int((one == two).any(axis=1).sum()) <= high
