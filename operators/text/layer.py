"""``TextLayer``: words and lines located once, for the operators of the chain that read them."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lines import count_lines, locate_lines
from corpusmill.operators.text.words import UNROLLED, count_words, locate_words

SPANS = pa.list_(pa.field("item", pa.int32(), nullable=False))
LAYER = pa.schema([pa.field("_words", SPANS, nullable=False), pa.field("_lines", SPANS, nullable=False)])


@dataclasses.dataclass(frozen=True)
class TextLayer:
    """Adds ``_words`` and ``_lines``: per document start₀, end₀, start₁, end₁ … in bytes from the document's start.

    Worth its memory (8 bytes per word, about 1.3 times the text) only where several operators of a chain read the
    spans: a kernel that needs words once finds them faster than it could read them here.
    """

    name: str = "layer"

    reads = TEXT
    adds = LAYER
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds both columns."""
        return _locate


def _locate(batch: pa.RecordBatch) -> Outcome:
    require(batch, TEXT, "TextLayer's batch")
    texts = Texts.of(batch.column("text"))
    columns = [_spans(texts, count_words, locate_words), _spans(texts, count_lines, locate_lines)]
    return Outcome(append(batch, LAYER, columns), {})


def _spans(texts: Texts, count: Callable[..., None], locate: Callable[..., None]) -> pa.ListArray:
    counts = np.empty(len(texts), np.int64)
    count(texts.addresses, texts.lengths, counts)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(counts * 2, out=offsets[1:])
    spans = np.empty(int(offsets[-1]) + UNROLLED, np.int32)
    locate(texts.addresses, texts.lengths, spans)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(spans[:-UNROLLED]), type=SPANS)
