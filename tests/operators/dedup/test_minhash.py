"""MinHash signatures against a plain reference, and against what theory says of them."""

import math
import pickle
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.verify import similarity
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES

MASK = (1 << 64) - 1
letters = st.text(st.sampled_from("ab "), max_size=40)


def fold(left, right):
    product = left * right
    return (product >> 64) ^ (product & MASK)


def mix(value):
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def split_mix(seed, count):
    for i in range(1, count + 1):
        z = seed + i * 0x9E3779B97F4A7C15 & MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        yield z ^ z >> 31


def hash_of(word):
    data = word.encode()
    value = 0x243F6A8885A308D3 ^ (len(data) * 0x9E3779B97F4A7C15 & MASK)
    for at in range(0, len(data), 8):
        value = fold(value ^ int.from_bytes(data[at : at + 8], "little"), 0xA0761D6478BD642F)
    return value


def shingles_of(text, ngram):
    """Hashes of the n-grams of a text of lower-case ASCII words between spaces."""
    hashes = [hash_of(word) for word in text.split()]
    runs = [hashes[i : i + ngram] for i in range(max(1, len(hashes) - ngram + 1))] if hashes else []
    return [mix(sum(h * pow(0xD6E8FEB86659FD93, len(run) - 1 - i, 1 << 64) for i, h in enumerate(run)) & MASK) for run in runs]


def reference(minhash, text):
    """(band hashes, lanes), or None without a word."""
    shingles = shingles_of(text, minhash.ngram)
    if not shingles:
        return None
    numbers = [number >> 32 for number in split_mix(minhash.seed, 2 * (minhash.bands * minhash.rows + minhash.lanes))]
    minima = []
    for k, (by, plus) in enumerate(zip(numbers[::2], numbers[1::2], strict=True)):
        halves = [x >> 32 if k < minhash.bands * minhash.rows else x & 0xFFFFFFFF for x in shingles]
        minima.append(min(((by | 1) * x + plus) & 0xFFFFFFFF for x in halves))
    bands = []
    for band in range(minhash.bands):
        value = 0x452821E638D01377 + band
        for one in minima[band * minhash.rows : (band + 1) * minhash.rows]:
            value = fold(value ^ one, 0xE7037ED1A0B428DB)
        bands.append(mix(value))
    lanes = []
    for one in minima[minhash.bands * minhash.rows :]:
        value = (one ^ one >> 15) * 0x7FEB352D & 0xFFFFFFFF
        lanes.append((value ^ value >> 15) * 0x7FEB352D >> 24 & 255)
    return bands, bytes(lanes)


def documents(values):
    filled = {"doc_id": [bytes([i % 251]) * 16 for i in range(len(values))], "text": values, "source": ["s"] * len(values),
              "native_id": ["n"] * len(values)}
    return pa.record_batch([pa.array(filled.get(f.name, [None] * len(values)), f.type) for f in DOCUMENTS], schema=DOCUMENTS)


def sets_of(jaccard, pairs, size, seed):
    """Texts of distinct words whose sets have exactly the Jaccard similarity, ``jaccard · size`` words in common."""
    draw = random.Random(seed)
    both, names = round(jaccard * size), iter(draw.sample(range(10**9), pairs * size))
    left, right = [], []
    for _ in range(pairs):
        words = [f"w{next(names)}" for _ in range(size)]
        shared, rest = words[:both], words[both:]
        half = len(rest) // 2
        left.append(" ".join(shared + rest[:half]))
        right.append(" ".join(draw.sample(shared + rest[half:], both + len(rest) - half)))
    return left, right


@settings(max_examples=60)
@given(st.lists(letters, max_size=6), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9),
       st.integers(0, 2), st.sampled_from([0, 1, MASK]))
def test_signatures_are_those_of_the_plain_reference(values, ngram, bands, rows, lanes, cut, seed):
    minhash = MinHash(ngram=ngram, bands=bands, rows=rows, lanes=lanes, seed=seed)
    found = minhash.signatures(documents(values).slice(cut))
    assert found.schema == minhash.schema
    sketches = (found.column(name).to_pylist() for name in ("bands", "lanes"))
    for text, band, lane in zip(values[cut:], *sketches, strict=True):
        expected = reference(minhash, text)
        assert (band is None) == (lane is None) == (expected is None)
        if expected is not None:
            assert (np.frombuffer(band, "<u8").tolist(), lane) == expected


def test_a_text_longer_than_a_chunk_is_signed_like_the_reference():
    text = " ".join(f"word{i * i % 977}" for i in range(3000))
    bands, lanes, _ = MinHash().sketches(pa.array([text]))
    assert (bands[0].tolist(), lanes[0].tobytes()) == reference(MinHash(), text)


def test_a_document_is_signed_alike_in_any_batch():
    values = [" ".join(f"w{i % k}" for i in range(40 * k)) for k in range(1, 30)]
    whole = MinHash().signatures(documents(values))
    parts = pa.Table.from_batches([MinHash().signatures(documents(values).slice(i, 7)) for i in range(0, len(values), 7)])
    assert pa.Table.from_batches([whole]).equals(parts.combine_chunks())


def test_digests_are_of_the_text_as_it_is():
    """Exact groups collapse by them; letter case and punctuation are left to the sketches."""
    found = MinHash().signatures(documents(["Some words, in all.", "some words in all"]))
    assert len(set(found.column("digest").to_pylist())) == 2
    assert len(set(found.column("bands").to_pylist())) == len(set(found.column("lanes").to_pylist())) == 1
    assert found.schema.names[:3] == SIGNATURES.names


def test_texts_without_words_have_no_sketch():
    found = MinHash().signatures(documents(["", " \n", "?! — …", "\u3000。", "a"]))
    assert found.column("bands").is_null().to_pylist() == found.column("lanes").is_null().to_pylist() == [True] * 4 + [False]


def test_a_hundred_thousand_distinct_words_are_alike_to_none():
    """One shingle each: a 32-bit hash alone would make two of them equal, in bands and lanes."""
    values = [f"w{i}" for i in range(100_000)]
    bands, lanes, worded = MinHash().sketches(pa.array(values))
    assert worded.all()
    same_band = np.flatnonzero(np.diff(np.sort(bands[:, 0])) == 0)
    order = np.argsort(bands[:, 0])
    assert (similarity(lanes[order[same_band]], lanes[order[same_band + 1]]) < 0.2).all()
    assert similarity(lanes[:-1], lanes[1:]).max() < 0.2


@pytest.mark.parametrize("jaccard", [0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_the_estimate_is_unbiased_and_its_error_is_that_of_theory(jaccard):
    """Mean within 4 standard errors, standard deviation within 10 % of sqrt(p (1 - p) / 128) · 256/255."""
    pairs, lanes = 2000, 128
    left, right = sets_of(jaccard, pairs, 100, seed=1)
    minhash = MinHash(ngram=1)
    estimates = similarity(minhash.sketches(pa.array(left))[1], minhash.sketches(pa.array(right))[1])
    p = jaccard + (1 - jaccard) / 256
    error = math.sqrt(p * (1 - p) / lanes) * 256 / 255
    assert abs(estimates.mean() - jaccard) <= 4 * error / math.sqrt(pairs) + 1e-12
    assert abs(estimates.std() - error) <= 0.1 * error


def test_the_estimate_of_proposed_pairs_is_unbiased():
    """Estimated on the minima that proposed them, pairs of .62 would look like .68."""
    jaccard, pairs = 0.62, 6000
    left, right = sets_of(jaccard, pairs, 100, seed=2)
    minhash = MinHash(ngram=1)
    (bands, lanes, _), (other_bands, other_lanes, _) = (minhash.sketches(pa.array(side)) for side in (left, right))
    proposed = (bands == other_bands).any(axis=1)
    estimates = similarity(lanes[proposed], other_lanes[proposed])
    assert proposed.sum() > 1000
    assert abs(estimates.mean() - jaccard) < 4 * math.sqrt(jaccard * (1 - jaccard) / 128 / proposed.sum())


def upper_tail(hits, trials, p):
    """P(X >= hits) for X ~ Binomial(trials, p)."""
    terms = (math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * math.log(p)
             + (trials - k) * math.log1p(-p) for k in range(hits, trials + 1))
    return math.fsum(math.exp(term) for term in terms)


def edited(words, every, draw):
    """A copy with about one word in ``every`` replaced."""
    return [draw.choice(words) + "x" if draw.random() < 1 / every else word for word in words]


def test_pairs_are_proposed_as_the_s_curve_says():
    """Planted edits of running text, by exact Jaccard of their 5-grams; two-sided binomial, 1 in 10,000 over all bins."""
    draw = random.Random(3)
    vocabulary = [f"t{int(draw.paretovariate(0.7))}" for _ in range(5000)]
    left, right, exact = [], [], []
    for _ in range(8000):
        words = [draw.choice(vocabulary) for _ in range(200)]
        other = edited(words, draw.uniform(10, 120), draw)
        one, two = ({tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (words, other))
        left.append(" ".join(words))
        right.append(" ".join(other))
        exact.append(len(one & two) / len(one | two))
    bands, other_bands = (MinHash().sketches(pa.array(side))[0] for side in (left, right))
    proposed, exact = (bands == other_bands).any(axis=1), np.array(exact)
    curve = 1 - (1 - exact**8) ** 14
    bins = [b for i in range(20) if (b := (exact >= i / 20) & (exact < (i + 1) / 20)).sum() >= 30]
    assert len(bins) >= 10
    for one in bins:
        hits, trials, expected = int(proposed[one].sum()), int(one.sum()), float(curve[one].mean())
        level = 1e-4 / len(bins) / 2
        assert upper_tail(hits, trials, expected) > level
        assert upper_tail(trials - hits, trials, 1 - expected) > level


def test_wrong_settings_are_named():
    for wrong in ({"ngram": 0}, {"bands": 0}, {"rows": 65}, {"lanes": 0}, {"seed": -1}):
        with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is"):
            MinHash(**wrong)


def test_other_columns_and_null_texts_are_clear_errors():
    with pytest.raises(SchemaError, match="no column 'doc_id'"):
        MinHash().signatures(pa.record_batch({"text": ["a"]}))
    nullable = pa.schema([f.with_nullable(True) for f in DOCUMENTS])
    with pytest.raises(DataError, match="null"):
        MinHash().signatures(pa.record_batch(documents(["a", None]).columns, schema=nullable))


def test_it_pickles_and_describes_itself():
    assert pickle.loads(pickle.dumps(MinHash(bands=3))) == MinHash(bands=3)
    assert describe(MinHash())["parameters"] == {"ngram": 5, "bands": 14, "rows": 8, "lanes": 128, "seed": 1}
    assert (MinHash().version, MinHash().exact) == ("1", True)
