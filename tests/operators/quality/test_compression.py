"""Compression against a plain-Python greedy coder and against zlib's order of texts."""

import random
import zlib

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.schema import DOCUMENTS


def sizes(values, sample=16384):
    batch = pa.record_batch([pa.array(values, pa.string())], schema=pa.schema([DOCUMENTS.field("text")]))
    found = Compression(sample=sample).open({})(batch).batch
    return list(zip(found["compression.coded_bytes"].to_pylist(), found["compression.sampled_bytes"].to_pylist(),
                    strict=True))


def reference(text, sample):
    """The same coder with a dictionary per hash slot, byte by byte."""
    data = text.encode()[:sample]
    bits = min(12, max(6, (len(data) - 1).bit_length()))
    latest, at, coded, missed = {}, 0, 0, 0
    while at + 8 <= len(data):
        slot = (int.from_bytes(data[at:at + 8], "little") * 0x9E3779B97F4A7C15 % 2**64) >> (64 - bits)
        before, latest[slot] = latest.get(slot), at
        if before is None or data[before:before + 8] != data[at:at + 8]:
            missed += 1
            step = 1 + (missed >> 5)
            coded, at = coded + min(step, len(data) - at), at + step
            continue
        size = 8
        while at + size < len(data) and data[before + size] == data[at + size]:
            size += 1
        coded, at, missed = coded + 3, at + size, 0
    return coded + max(len(data) - at, 0), len(data)


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=300), st.text("ab", max_size=300), st.text("abé中", max_size=40).map(
    lambda s: s * 20)), max_size=4), st.sampled_from([1, 100, 16384]))
@example(["", "a" * 40000, "abcdefgh" * 2, "é" * 9000], 16384)
def test_sizes_are_those_of_the_reference(values, sample):
    assert sizes(values, sample) == [reference(value, sample) for value in values]


def test_texts_are_ordered_as_zlib_orders_them():
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(300)]
    texts = ["x" * 8000, "the same line again\n" * 400, " ".join(draw.choices(words[:20], k=1500)),
             " ".join(draw.choices(words, k=1500)), "".join(map(chr, draw.choices(range(33, 127), k=8000)))]
    ours = [coded / sampled for coded, sampled in sizes(texts)]
    assert ours == sorted(ours)
    assert [len(zlib.compress(t.encode())) / len(t) for t in texts] == sorted(
        len(zlib.compress(t.encode())) / len(t) for t in texts)


@pytest.mark.parametrize("sample", [0, -1, 65537])
def test_a_sample_out_of_range_is_refused(sample):
    with pytest.raises(ConfigError, match="sample must be 1 to 65536 bytes; got"):
        Compression(sample=sample)
