import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import DataError


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    facts = {"bits": 8, "names": ["d00-a", "d01-b", "d02-c"], "cards": [{"domain": "d00-a"}], "next": 3}
    return Model(facts, np.arange(0, 200, 2, dtype=np.int32), np.arange(100), rng.standard_normal((100, 6)).astype(np.float32),
                 rng.standard_normal((3, 6)).astype(np.float32))


def test_a_model_is_what_was_written(model):
    data = model.to_bytes()
    read = Model.from_bytes(data)
    assert read.to_bytes() == data
    assert read.facts == model.facts
    for name in ("buckets", "frequencies", "projection", "centroids"):
        assert np.array_equal(getattr(read, name), getattr(model, name))


def test_the_file_has_the_safetensors_layout(model):
    data = model.to_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    first, end = header["centroids"]["data_offsets"]
    assert size % 8 == 0
    assert header["centroids"]["dtype"] == "F32"
    assert data[8 + size + first:8 + size + end] == model.centroids.tobytes()
    assert max(f["data_offsets"][1] for n, f in header.items() if n != "__metadata__") == len(data) - 8 - size


@pytest.mark.parametrize("data", [b"", b"not a model at all", (2).to_bytes(8, "little") + b"{}",
                                  (1).to_bytes(8, "little") + b"3", b"\xff" * 64])
def test_another_file_is_refused(data):
    with pytest.raises(DataError, match="not a model of domains"):
        Model.from_bytes(data)


def test_a_model_cut_short_is_refused(model):
    for size in (4, model.projection.shape[1] * 4):
        with pytest.raises(DataError, match="here is not a model of domains"):
            Model.from_bytes(model.to_bytes()[:-size], "here")


def test_a_model_whose_arrays_contradict_each_other_is_refused(model):
    for name in ("buckets", "frequencies", "projection", "centroids"):
        with pytest.raises(DataError, match="has the shape"):
            Model.from_bytes(dataclasses.replace(model, **{name: getattr(model, name)[1:]}).to_bytes())
    with pytest.raises(DataError, match="its buckets go up to 198, which 7 bits do not hold"):
        Model.from_bytes(dataclasses.replace(model, facts={**model.facts, "bits": 7}).to_bytes())


@given(texts=st.lists(st.text(st.sampled_from("abcdef ghij中-"), max_size=30), max_size=8), data=st.data())
def test_a_document_has_the_same_domain_in_any_batch(model, texts, data):
    whole, words = model.label(pa.array(texts, pa.string()))
    cut = data.draw(st.integers(0, len(texts)))
    parts = [model.label(pa.array(texts, pa.string()).slice(0, cut)), model.label(pa.array(texts, pa.string()).slice(cut))]
    assert [name for labels, _ in parts for name in labels.to_pylist()] == whole.to_pylist()
    assert len(words) == len(texts)


def test_a_document_without_a_known_word_is_in_no_domain(model):
    labels, words = model.label(pa.array(["", " ?! ", "a b c d e f g h"]))
    assert labels.to_pylist()[:2] == ["none", "none"]
    assert labels[2].as_py() in model.names
    assert words.tolist() == [0, 0, 8]
