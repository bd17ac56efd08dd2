"""``Counts``: what the operators have in common whose signals are counts that one kernel fills."""

import abc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lines import count_lines
from corpusmill.operators.text.words import count_words

Fill = Callable[[Texts, Integers], None]


class Counts(abc.ABC):
    """Adds int64 columns ``{name}.{column}``; a subclass is a frozen dataclass with columns, a version and ``filling``."""

    name: str
    columns: ClassVar[tuple[str, ...]]

    reads = TEXT
    edits = frozenset[str]()
    exact = True

    @property
    def adds(self) -> pa.Schema:
        """The counts, as int64."""
        return pa.schema([pa.field(f"{self.name}.{column}", pa.int64()) for column in self.columns])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    @abc.abstractmethod
    def filling(self) -> Fill:
        """The function that fills the counts, columns × documents, of one document or more."""

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the counts."""
        fields, fill = self.adds, self.filling()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            counts = np.empty((len(fields), len(texts)), np.int64)
            if len(texts):
                fill(texts, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply


def words_and_lines(texts: Texts) -> tuple[Integers, Integers]:
    """Words and lines of each document, by which kernels size their memory."""
    words, lines = np.empty((2, len(texts)), np.int64)
    count_words(texts.addresses, texts.lengths, words)
    count_lines(texts.addresses, texts.lengths, lines)
    return words, lines
