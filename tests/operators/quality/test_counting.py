"""The hash behind duplicate lines."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.text.buffers import Texts


def hashes(values):
    texts = Texts.of(pa.array(values, pa.string()))
    return [int(hash_span(at, n)) for at, n in zip(texts.addresses.tolist(), texts.lengths.tolist(), strict=True)]


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_a_hash_depends_on_the_bytes_of_the_span_alone(value, before, after):
    alone, embedded = Texts.of(pa.array([value])), Texts.of(pa.array([before + value + after]))
    assert hash_span(int(alone.addresses[0]), int(alone.lengths[0])) == hash_span(
        int(embedded.addresses[0]) + len(before.encode()), int(alone.lengths[0]))


def test_near_equal_spans_do_not_collide():
    values = [f"{'x' * pad}{i}{'y' * pad}" for pad in range(40) for i in range(500)] + ["\0" * n for n in range(100)]
    assert len(set(hashes(values))) == len(set(values))
