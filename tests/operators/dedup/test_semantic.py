"""Sketches of documents' words, against plain Python."""

import collections
import math
import random
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.dedup.semantic import BLOCKS, EACH, MOST, WIDTHS, Semantic, rarities, sketched
from corpusmill.operators.domain.embed import LOGS, terms
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.schema import DOCUMENTS, SIGNATURES

BITS, MASK = 12, (1 << 64) - 1
WORDS = [f"w{i}" for i in range(400)]
texts = st.lists(st.sampled_from([*WORDS[:9], "Ünï", "中文", "?!", "\n"]), max_size=30).map(" ".join)


def made(cells=3, known=300, seed=0):
    """A model that no corpus was shown to."""
    draw = np.random.default_rng(seed)
    buckets = np.sort(draw.choice(1 << BITS, known, replace=False)).astype(np.int32)
    facts = {"bits": BITS, "documents": 1000, "names": [f"domain{i}" for i in range(cells)]}
    return Model(facts, buckets, draw.integers(3, 900, known),
                 draw.standard_normal((known, 8)).astype(np.float32), draw.standard_normal((cells, 8)).astype(np.float32))


def reference(text, model, dimensions):
    """The sketch, bucket by bucket, from the definition."""
    found, sums = terms(pa.array([text]), BITS), [0] * dimensions
    rarest = float(np.float32(math.log(1001 / (1 + int(model.frequencies.min()))) + 1))
    known = dict(zip(model.buckets.tolist(), model.frequencies.tolist(), strict=True))
    for bucket, count in zip(found.buckets.tolist(), found.counts.tolist(), strict=True):
        rarity = np.float32(math.log(1001 / (1 + known[bucket])) + 1) if bucket in known else np.float32(rarest)
        weight = int(np.float32(1 + math.log(min(count, LOGS))) * rarity * np.float32(1024))
        product = ((bucket + 1) * 0x9E3779B97F4A7C15 & MASK) * 0xD1B54A32D192ED03
        hashed = product & MASK ^ product >> 64
        for block in range(BLOCKS):
            bits = hashed >> 8 * block & 255
            sums[block * dimensions // BLOCKS + ((bits >> 1) * (dimensions // BLOCKS) >> 7)] += weight if bits & 1 else -weight
    largest = max(map(abs, sums))
    return [round(127 * value / largest) if largest else 0 for value in sums]  # both round half to even


@given(st.lists(texts, max_size=5), st.sampled_from(WIDTHS), st.integers(0, 2))
def test_a_sketch_is_that_of_the_plain_reference(values, dimensions, cut):
    model = made()
    _, found = sketched(pa.array(values, pa.string())[cut:], model, rarities(model), dimensions)
    assert found.tolist() == [reference(text, model, dimensions) for text in values[cut:]]


def test_the_order_of_words_and_their_case_do_not_count():
    draw, model = random.Random(1), made()
    words = draw.choices(WORDS, k=500)
    mixed = pa.array([" ".join(words), ", ".join(draw.sample(words, len(words))).upper()])
    cells, found = sketched(mixed, model, rarities(model), 256)
    assert (found[0] == found[1]).all()
    assert found[0].any()
    assert cells[0] == cells[1]


def weights(text, model):
    """TF-IDF by bucket."""
    found, rare = terms(pa.array([text]), BITS), rarities(model)
    return {b: (1 + math.log(c)) * float(rare[b]) for b, c in zip(found.buckets.tolist(), found.counts.tolist(), strict=True)}


def cosine(one, other):
    both = sum(weight * other.get(key, 0) for key, weight in one.items())
    return both / math.hypot(*one.values()) / math.hypot(*other.values())


@pytest.mark.parametrize("dimensions", [128, 256, 1024])
def test_cosines_are_estimated_as_well_as_theory_says(dimensions):
    draw, model, errors = random.Random(2), made(), []
    for _ in range(300):
        own = draw.choices(WORDS, k=150)
        other = own[: draw.randint(60, 145)] + draw.choices(WORDS, k=20)
        values = [" ".join(own), " ".join(other)]
        _, (left, right) = sketched(pa.array(values), model, rarities(model), dimensions)
        found = left.astype(float) @ right / np.linalg.norm(left.astype(float)) / np.linalg.norm(right.astype(float))
        true = cosine(*(weights(v, model) for v in values))
        errors.append((found - true) / ((1 - true**2) / math.sqrt(dimensions)))
    assert abs(np.mean(errors)) < 0.25
    assert 0.7 < np.std(errors) < 1.3


def documents(values):
    filled = {"doc_id": [bytes([i]) * 16 for i in range(len(values))], "text": values, "source": ["s"] * len(values),
              "native_id": ["n"] * len(values)}
    return pa.record_batch([pa.array(filled.get(f.name, [None] * len(values)), f.type) for f in DOCUMENTS], schema=DOCUMENTS)


@pytest.fixture
def signed(tmp_path):
    (tmp_path / "model").write_bytes(made().to_bytes())
    return Semantic(dimensions=64, artifact="0" * 32).open({"model": tmp_path / "model"})


def test_documents_without_a_word_have_no_cell_and_unknown_words_one_of_their_own(signed):
    known = terms(pa.array(WORDS), BITS).buckets.tolist()
    stranger = next(word for word, bucket in zip(WORDS, known, strict=True) if bucket not in made().buckets)
    found = signed(documents(["?!", " ".join(WORDS), stranger, ""]))
    assert found.schema == pa.schema([*SIGNATURES, ("cell", pa.int32()), ("sketch", pa.binary(64))])
    cells = found.column("cell").to_pylist()
    assert (cells[0], cells[2], cells[3]) == (None, 3, None)
    assert 0 <= cells[1] < 3
    assert found.column("sketch").is_valid().to_pylist() == [False, True, True, False]
    found.validate(full=True)


def test_a_row_has_the_same_signature_in_any_batch(signed):
    batch = documents([" ".join(WORDS[i : i + 40]) for i in range(20)] + [""])
    whole = signed(batch).to_pylist()
    assert [signed(batch.slice(i, 1)).to_pylist()[0] for i in range(len(whole))] == whole
    assert signed(batch.slice(0, 0)).num_rows == 0


def test_wrong_columns_and_nulls_are_named(signed):
    with pytest.raises(SchemaError, match="text"):
        signed(documents(["a"]).drop_columns(["text"]))
    with pytest.raises(DataError, match="null"):
        signed(documents([None]))


@pytest.mark.parametrize(("values", "message"),
                         [({"dimensions": 100}, "dimensions is 100.*64, 128"), ({"cells": -1}, "cells is -1")])
def test_wrong_parameters_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        Semantic(**values)


def test_cells_grow_with_the_corpus_up_to_a_bound():
    cells = {n: Semantic().learner(n).k for n in (0, 1, EACH, EACH + 1, 10**6, 10**10)}
    assert cells == {0: 1, 1: 1, EACH: 1, EACH + 1: 2, 10**6: 123, 10**10: MOST}
    assert Semantic(cells=7).learner(10**6).k == 7


def test_what_only_learning_needs_is_no_part_of_a_signature():
    assert Semantic(dimensions=64, cells=5, sample=9, seed=3).applied("d") == Semantic(dimensions=64, artifact="d")


def test_words_are_counted_as_they_are_written():
    """The words of the reference above are those of the kernel: runs of letters and digits."""
    text = "One two, TWO; three-3 one"
    counted = collections.Counter(re.findall(r"\w+", text.lower()))
    assert sorted(terms(pa.array([text]), 24).counts.tolist()) == sorted(counted.values())
