"""Sets of shingles, and their similarity, against Python's own sets."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.shingle_sets import shingle_sets
from corpusmill.operators.dedup.verify import jaccard
from corpusmill.operators.errors import DataError

unhurried = settings(deadline=None)  # the first example may compile a kernel
WORDS = st.lists(st.sampled_from(["a", "B", "b", "long_word_of_more_than_eight", "é", "7"]), max_size=12)
SPACE = st.sampled_from([" ", ", ", "\u2003"])
TEXTS = st.lists(st.tuples(WORDS, SPACE).map(lambda drawn: drawn[1].join(drawn[0])), max_size=6)


def plain(text, ngram):
    words = "".join(c.lower() if c.isalnum() or c == "_" else " " for c in text).split()
    return {tuple(words[i : i + ngram]) for i in range(max(1, len(words) - ngram + 1))} if words else set()


@unhurried
@given(TEXTS, st.integers(1, 4))
def test_sets_have_the_size_and_the_similarity_of_plain_ones(texts, ngram):
    sets = shingle_sets(pa.array(texts, pa.string()), "folded", "folded", ngram)
    expected = [plain(text, ngram) for text in texts]
    offsets, hashes = sets
    assert np.diff(offsets).tolist() == [len(one) for one in expected]
    for i in range(len(texts)):
        mine = hashes[offsets[i] : offsets[i + 1]]
        assert (mine[1:] > mine[:-1]).all()
    one, other = (side.ravel() for side in np.indices((len(texts), len(texts))))
    found = jaccard(sets, sets, (one, other))
    both = [(expected[i], expected[j]) for i, j in zip(one, other, strict=True)]
    assert found.tolist() == [len(a & b) / len(a | b) if a | b else 1.0 for a, b in both]


def test_a_text_of_many_chunks_is_one_set():
    words = [f"w{i % 4001}" for i in range(60_000)]
    (_, end), hashes = shingle_sets(pa.array([" ".join(words)]), "folded", "folded", 5)
    assert end == len(set(hashes.tolist())) == 4001


def test_the_signer_sketches_these_sets():
    """The share of bytes of the lanes that agree estimates the similarity of the sets."""
    words = [f"w{i}" for i in range(400)]
    text = pa.array([" ".join(words), " ".join([*words[:300], *(f"v{i}" for i in range(100))])])
    signer = MinHash(lanes=4096)
    sets = signer.shingle_sets(text)
    exact = jaccard(sets, sets, (np.array([0]), np.array([1])))[0]
    _, lanes, _ = signer.sketches(text)
    assert abs((lanes[0] == lanes[1]).mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / 4096) + 1 / 256


@pytest.mark.parametrize(("shingles", "profile", "expected"), [
    ("characters", "none", {"Ab", "bA"}), ("words", "lowered", {"ab"}), ("characters", "lowered", {"ab", "ba"}),
])
def test_sets_are_of_the_units_and_of_the_form_that_is_sketched(shingles, profile, expected):
    offsets, _ = shingle_sets(pa.array(["AbAb"]), shingles, profile, 2)
    assert offsets.tolist() == [0, len(expected)]


def test_nulls_are_refused():
    with pytest.raises(DataError, match="1 nulls"):
        shingle_sets(pa.array(["a", None]), "folded", "folded", 2)
