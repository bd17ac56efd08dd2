"""``BasicSignals``: what a document is made of, in exact counts. Ratios belong to the rules (``quality.select``)."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.counting import COLUMNS, count_signals
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.unicode import classes


@dataclasses.dataclass(frozen=True)
class BasicSignals:
    """Adds int64 counts named ``{name}.{signal}``.

    Characters are Unicode code points, classes those of ``text.unicode``; words are maximal runs of non-whitespace;
    lines are the pieces of ``text.split("\\n")``, and a line's *content* is the line without whitespace at its ends.

    ================== =================================================================================================
    bytes, chars       size in UTF-8 and in characters
    words, word_chars  words, and the characters in them (mean word length = word_chars / words)
    alpha_chars        letters (category L*)
    digit_chars        decimal digits (Nd)
    symbol_chars       punctuation and symbols (P*, S*)
    space_chars        whitespace
    upper_chars        capital letters (Lu)
    alpha_words        words with at least one letter
    lines, blank_lines lines, and those without content
    filled_lines       lines with content: the denominator for the line signals below
    short_lines        content of at most 30 characters
    max_line_chars     characters of the longest line, whitespace at its ends included
    terminal_lines     content ends in one of . ! ? "
    bullet_lines       content begins with one of - * • ‣ ◦ ● ○ ▪ ■
    duplicate_lines    content equals that of an earlier line (by a 64-bit hash)
    duplicate_line_chars  characters in the content of duplicate lines
    ================== =================================================================================================
    """

    name: str = "text"

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """The counts, as int64."""
        return pa.schema([pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the counts."""
        fields, table = self.adds, classes()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            bitmaps = np.empty((2, (texts.longest >> 6) + 1), np.uint64)
            count_signals(texts.addresses, texts.lengths, table, bitmaps, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply
