"""The shared columns, and when a chain may use them."""

import dataclasses

import pyarrow as pa
import pytest

from corpusmill.operators.contract import chain
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import LAYER, TextLayer
from corpusmill.operators.text.normalise import Normalise

TEXT = pa.schema([DOCUMENTS.field("text")])


@dataclasses.dataclass(frozen=True)
class Reader(TextLayer):
    """An operator that reads the shared words."""

    name: str = "reader"
    reads = pa.schema([LAYER.field("_words")])
    adds = pa.schema([])


def test_spans_are_starts_and_ends_in_bytes():
    batch = pa.record_batch([pa.array(["é  ab\nc\n", ""], pa.string())], schema=TEXT)
    found = TextLayer().open({})(batch).batch.to_pydict()
    assert found["_words"] == [[0, 2, 4, 6, 7, 8], []]
    assert found["_lines"] == [[0, 6, 7, 8, 9, 9], [0, 0]]


def test_an_edit_invalidates_the_spans():
    chain([TextLayer(), Reader()], DOCUMENTS)
    with pytest.raises(ConfigError, match="reads '_words', which no operator before it adds"):
        chain([TextLayer(), Normalise(), Reader()], DOCUMENTS)
    batch = pa.record_batch([pa.array(["a b"], pa.string())], schema=TEXT)
    assert chain([TextLayer(), Normalise()], TEXT).open()(batch).batch.schema.names == ["text"]


def test_a_second_layer_replaces_the_first():
    batch = pa.record_batch([pa.array(["a \n"], pa.string())], schema=TEXT)
    found = chain([TextLayer(), TextLayer("again")], TEXT).open()(batch).batch
    assert found.schema.names == ["text", "_words", "_lines"]
