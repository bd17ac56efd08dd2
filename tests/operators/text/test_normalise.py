"""Normalise against its rules written as regular expressions."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.normalise import Normalise

ODD = "\n\n\n\n\r\t  ab\x0b\x0c\x1c\x1f\x00\x7f\x85\x9f\xa0\xad\u200b\u200d\u2028\u2029\u2060\ufeff\u3000é中🙂"
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=200)


def tidy(text):
    text = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    text = re.sub("[\x1c-\x1f]", " ", text)
    text = re.sub("[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u200b\u2060\ufeff]", "", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub("\\A\n{3,}", "\n\n", re.sub("\n{4,}", "\n\n\n", text))


def normalise(values):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    outcome = Normalise().open({})(batch)
    outcome.batch.validate(full=True)
    assert outcome.batch.schema == batch.schema
    return outcome.batch.column("text").to_pylist(), outcome.counts


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=5))
@example(["a" * 63 + " \nb", "a" * 64 + "\r\n", " " * 200, "\n" * 200, "x" + "\n" * 130 + "y", "a \u200b \u200b\n"])
@example(["\n\n\n", "a\n\n\n\n", "tail\u3000", "é" * 31 + "x\u2028", "\ufeffstart", "\r", "\r\r\n\n", ""])
def test_texts_become_what_the_rules_say(values):
    found, counts = normalise(values)
    assert found == [tidy(value) for value in values]
    assert counts == {"edited": sum(tidy(value) != value for value in values)}


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_a_second_run_changes_nothing(values):
    once, _ = normalise(values)
    assert normalise(once) == (once, {"edited": 0})


@pytest.mark.parametrize("n", range(60, 68))
def test_rules_hold_across_the_edges_of_blocks(n):
    values = ["a" * n + tail for tail in ("\n" * 5 + "b", " \n", "\r\n", "\u3000\nb", "\u2028", "\xad", "\x1c", "\t")]
    assert normalise(values)[0] == [tidy(value) for value in values]


def test_a_tidy_batch_keeps_its_column():
    batch = pa.record_batch([pa.array(["tidy\n", "é"], pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    found = Normalise().open({})(batch).batch
    assert found.column("text").buffers()[2].address == batch.column("text").buffers()[2].address


def test_joiners_and_marks_of_direction_stay():
    values = ["👩\u200d👩", "\u200fשלום\u200e", "می\u200cخواهم"]
    assert normalise(values) == (values, {"edited": 0})
