"""Lines against text.split(chr(10))."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.lines import count_lines, locate_lines

TEXTS = st.text(st.sampled_from("\n\na b\r\u2028é中\x85"), max_size=200)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_lines_are_those_of_split_at_line_feeds(values):
    texts = Texts.of(pa.array(values, pa.string()))
    counts = np.empty(len(values), np.int64)
    count_lines(texts.addresses, texts.lengths, counts)
    assert counts.tolist() == [len(value.split("\n")) for value in values]
    spans = np.empty(int(counts.sum()) * 2, np.int64)
    locate_lines(texts.addresses, texts.lengths, spans)
    pairs = iter(spans.reshape(-1, 2).tolist())
    for value in values:
        for line in value.split("\n"):
            start, stop = next(pairs)
            assert value.encode()[start:stop].decode() == line
