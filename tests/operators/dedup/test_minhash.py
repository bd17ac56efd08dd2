"""MinHash signatures against a plain reference, and against what theory says of them."""

import dataclasses
import math
import pickle
import random

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shingling import shingles_of
from sketching import band_hashes, folded, lanes_of, minima_of, sets_of

from corpusmill.operators.contract import describe
from corpusmill.operators.dedup import minhash as minhashes
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.minima import SCHEMES
from corpusmill.operators.dedup.verify import similarity
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES
from corpusmill.operators.text.profiles import PROFILES
from corpusmill.operators.text.shingles import UNITS

letters = st.text(st.sampled_from("abZ \n.é中"), max_size=60)


def reference(minhash, text):
    """(band hashes, lanes), or None without a shingle; of profile ``none``."""
    shingles = shingles_of(text, minhash.ngram, minhash.shingles)
    if not shingles:
        return None
    minima = minima_of(minhash.scheme, [x >> 32 for x in shingles], minhash.seed, minhash.bands * minhash.rows)
    return band_hashes(minima, minhash.bands), lanes_of([x & 0xFFFFFFFF for x in shingles], minhash.lanes, minhash.seed)


def documents(values):
    filled = {"doc_id": [bytes([i % 251]) * 16 for i in range(len(values))], "text": values, "source": ["s"] * len(values),
              "native_id": ["n"] * len(values)}
    return pa.record_batch([pa.array(filled.get(f.name, [None] * len(values)), f.type) for f in DOCUMENTS], schema=DOCUMENTS)


@settings(max_examples=100)
@given(st.lists(letters, max_size=6), st.builds(
    MinHash, ngram=st.integers(1, 4), shingles=st.sampled_from(UNITS), profile=st.just("none"), scheme=st.sampled_from(SCHEMES),
    bands=st.integers(1, 3), rows=st.integers(1, 3), lanes=st.integers(1, 9), seed=st.sampled_from([0, 1, 2**32 - 1])),
    st.integers(0, 2))
def test_signatures_are_those_of_the_plain_reference(values, minhash, cut):
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
    for unit in UNITS:
        minhash = MinHash(shingles=unit)
        bands, lanes, _ = minhash.sketches(pa.array([text]))
        assert (bands[0].tolist(), lanes[0].tobytes()) == reference(minhash, text)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_signed_is_the_folded_text(profile):
    raw = pa.array(["", "Ünïcode  “quoted”, 3.5 İ and\r\n some_more WORDS; " * 200, "A b", "\u0301 !", "中文,\u3000x" * 900])
    plain = pa.array([folded(text, profile) for text in raw.to_pylist()] if profile != "none" else raw)
    for unit in UNITS:
        found, expected = (MinHash(shingles=unit, profile=p).sketches(t) for p, t in ((profile, raw), ("none", plain)))
        assert all((one == two).all() for one, two in zip(found, expected, strict=True))


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


def test_the_estimate_of_proposed_pairs_is_unbiased():
    """Estimated on the minima that proposed them, pairs of .62 would look like .68."""
    jaccard, pairs = 0.62, 6000
    minhash = MinHash(ngram=1)
    (bands, lanes, _), (other_bands, other_lanes, _) = (minhash.sketches(side) for side in sets_of(jaccard, pairs, 100, seed=2))
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
    for wrong in ({"ngram": 0}, {"bands": 0}, {"rows": 1025}, {"lanes": 0}, {"seed": -1}, {"seed": 1 << 32},
                  {"shingles": "word"}, {"profile": "nfc"}, {"scheme": "affine64"}, {"device": "gpu"}, {"threshold": 0.0},
                  {"threshold": 0.8, "bands": 20}, {"minima": 2000, "threshold": 0.8}):
        with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is"):
            MinHash(**wrong)


def test_a_threshold_chooses_bands_and_rows():
    assert MinHash(threshold=0.8) == MinHash(bands=9, rows=13)
    assert MinHash(threshold=0.7, minima=240) == MinHash(bands=24, rows=10)
    assert MinHash(threshold=0.8, bands=9, rows=13).schema == MinHash(bands=9, rows=13).schema
    assert dataclasses.replace(MinHash(threshold=0.8), lanes=64) == MinHash(bands=9, rows=13, lanes=64)
    assert "threshold" not in describe(MinHash(threshold=0.8))["parameters"]


def test_other_columns_and_null_texts_are_clear_errors():
    with pytest.raises(SchemaError, match="no column 'doc_id'"):
        MinHash().signatures(pa.record_batch({"text": ["a"]}))
    nullable = pa.schema([f.with_nullable(True) for f in DOCUMENTS])
    with pytest.raises(DataError, match="null"):
        MinHash().signatures(pa.record_batch(documents(["a", None]).columns, schema=nullable))


def test_it_pickles_and_describes_itself():
    assert pickle.loads(pickle.dumps(MinHash(bands=3))) == MinHash(bands=3)
    assert describe(MinHash())["parameters"] == {
        "ngram": 5, "shingles": "folded", "profile": "folded", "scheme": "binned", "bands": 14, "rows": 8, "lanes": 128,
        "seed": 1}
    assert (MinHash().version, MinHash().exact) == ("2", True)


@settings(max_examples=25)
@given(st.lists(letters, max_size=6), st.builds(
    MinHash, ngram=st.integers(1, 4), shingles=st.sampled_from(UNITS), profile=st.sampled_from(PROFILES),
    scheme=st.sampled_from(SCHEMES), bands=st.integers(1, 3), rows=st.integers(1, 3), lanes=st.integers(1, 9)))
def test_torch_gives_the_same_bits(values, minhash):
    """On the processor's tensors; on a GPU where there is one."""
    texts = pa.array(values, pa.string())
    for device in ["cpu", *["cuda"] * torch.cuda.is_available()]:
        pairs = zip(minhash.sketches(texts), minhash.torch_sketches(texts, device), strict=True)
        assert all((one == two).all() and one.shape == two.shape and one.dtype == two.dtype for one, two in pairs)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_torch_gives_the_same_bits_of_many_documents(scheme, monkeypatch):
    monkeypatch.setattr(minhashes, "SLICE", 4000)
    texts = pa.array([" ".join(f"w{i * k % 97}" for i in range(9 * k % 500)) for k in range(60)] + ["中文" * 3000])
    pairs = zip(MinHash(scheme=scheme).sketches(texts), MinHash(scheme=scheme).torch_sketches(texts, "cpu"), strict=True)
    assert all((one == two).all() for one, two in pairs)


def test_the_device_is_no_part_of_the_key():
    assert describe(MinHash(device="auto")) == describe(MinHash())
    if not torch.cuda.is_available():
        assert (MinHash(device="auto").sketches(pa.array(["a b"]))[0] == MinHash().sketches(pa.array(["a b"]))[0]).all()
        with pytest.raises(ConfigError, match="device is 'cuda', but torch finds none"):
            MinHash(device="cuda").sketches(pa.array(["a"]))
