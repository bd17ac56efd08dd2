import math

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.cards import Known, Sample, cards_of, keyness, name_all
from corpusmill.operators.domain.kmeans import SAMPLE

DOCUMENTS = [
    ("0a", "web", "Cats purr", {1: (2, "cats"), 2: (1, "purr")}), ("0b", "web", "cat purrs", {1: (1, "cats"), 9: (1, "the")}),
    ("0c", "wiki", "Dogs bark", {3: (1, "dogs"), 9: (4, "the")}), ("0d", "web", "dogs!", {3: (2, "dog"), 4: (1, "bark")}),
    ("0e", "web", "dog", {3: (3, "dog")}), ("0f", "web", "?", {}),
]
ROWS = np.array([-1, 0, 1, 2, 3, -1, -1, -1, -1, 4], np.int32)
CODES = np.array([0, 0, 1, 1, 1, -1], np.int32)
DISTANCES = np.float32([0.2, 0.1, 0.5, 0.25, 0.75, 0])


def sample():
    rows = [{"priority": i, "doc_id": bytes.fromhex(name * 16), "source": source, "excerpt": text, "buckets": list(entries),
             "counts": [n for n, _ in entries.values()], "words": [w for _, w in entries.values()]}
            for i, (name, source, text, entries) in enumerate(DOCUMENTS)]
    return Sample.of(pa.Table.from_pylist(rows, schema=SAMPLE))


def test_a_card_tells_size_sources_words_and_documents():
    cats, dogs = cards_of(sample(), ROWS, CODES, DISTANCES, 2)
    assert (cats["documents"], cats["share"], dogs["documents"]) == (2, 0.333333, 3)
    assert cats["sources"] == [{"source": "web", "documents": 2}]
    assert dogs["sources"] == [{"source": "web", "documents": 2}, {"source": "wiki", "documents": 1}]
    assert cats["terms"][0] == {"term": "cats", "share": 1.0, "elsewhere": 0.0, "keyness": 6.73}
    assert (cats["words"], dogs["words"]) == (5, 11)
    assert [one["excerpt"] for one in cats["nearest"]] == ["cat purrs", "Cats purr"]
    assert [one["distance"] for one in dogs["nearest"]] == [0.25, 0.5, 0.75]
    assert dogs["nearest"][0]["doc_id"] == "0d" * 16
    assert dogs["spread"] == 0.5


def test_a_bucket_is_spelt_as_its_domain_spells_it_most():
    dogs = cards_of(sample(), ROWS, CODES, DISTANCES, 2)[1]
    assert dogs["terms"][0]["term"] == "dog"


def test_no_word_that_is_rarer_in_a_domain_than_elsewhere_is_on_its_card():
    cards = cards_of(sample(), ROWS, CODES, DISTANCES, 2)
    assert all(term["share"] > term["elsewhere"] for card in cards for term in card["terms"])


@given(table=st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(sum))
def test_keyness_is_the_log_likelihood_of_a_two_by_two_table(table):
    a, b, c, d = table  # with the word inside and outside, without it inside and outside
    n, expected = sum(table), 0.0
    for seen, row, column in ((a, a + b, a + c), (b, a + b, b + d), (c, c + d, a + c), (d, c + d, b + d)):
        if seen:
            expected += 2 * seen * math.log(seen * n / (row * column))
    sign = np.sign(a - (a + b) * (a + c) / n)
    found = keyness(np.array([[a], [b]], float), np.array([[a + c], [b + d]], float))
    assert math.isclose(found[0, 0], sign * expected, abs_tol=1e-6)


def listed(*words):
    return [{"term": word} for word in words]


def test_names_are_numbers_and_telling_words():
    names, following = name_all([listed("1981", "x", "law", "court", "act"), listed("7", "8"), []], np.int32([0, 1, 2]), None)
    assert names == ["d00-law-court", "d01-7-8", "d02"]
    assert following == 3


def test_a_domain_keeps_its_name_where_it_keeps_most_documents():
    old, new = np.int32([0] * 10 + [1] * 10), np.int32([1] * 9 + [0] * 11)
    names, following = name_all([listed("aa", "bb"), listed("cc", "dd")], new, Known(["d00-old-one", "d01-old-two"], 5, old))
    assert names == ["d01-old-two", "d00-old-one"]
    assert following == 5


def test_a_new_domain_has_a_number_that_was_never_given():
    """A name that came back for other documents would mix two domains in every comparison over time."""
    old, new = np.int32([0] * 10 + [-1] * 10), np.int32([0] * 10 + [1] * 10)
    names, following = name_all([listed("aa"), listed("bb")], new, Known(["d03-old"], 7, old))
    assert names == ["d03-old", "d07-bb"]
    assert following == 8


@given(pairs=st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 5)), min_size=1, max_size=60))
def test_no_two_domains_share_a_name(pairs):
    old, new = (np.int32(column) for column in zip(*pairs, strict=True))
    known = Known([f"d{i:02d}-x" for i in range(5)], 5, old)
    names, following = name_all([listed("same", "words")] * 6, new, known)
    assert len(set(names)) == 6
    assert following == 5 + sum(name not in known.names for name in names)
