"""``Gopher``: the counts that Gopher's quality and repetition rules are made of, as DCLM defines them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.gopher_counting import COLUMNS, count_gopher
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lines import count_lines
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.words import count_words


@dataclasses.dataclass(frozen=True)
class Gopher:
    """Adds int64 counts named ``{name}.{signal}``; the thresholds of Rae et al. (2021) over their ratios are rules.

    Definitions are DCLM's. Words are maximal runs of non-whitespace (DCLM's n-grams are of UAX #29 words), characters
    Unicode code points, characters of words those without the space between. Lines are pieces between line feeds,
    without whitespace at their ends; paragraphs are pieces between two or more line feeds, likewise; empty pieces do
    not count. Copies of lines, paragraphs and n-grams are told by 64-bit hashes, and every copy counts, the first too.

    ============================= ======================================================================================
    words, word_chars             words, and the characters in them
    alnum_words                   words that begin with a letter or decimal digit: what DCLM's page length counts
    alpha_words                   words with at least one letter
    stop_words                    words equal to one of the be to of and that have with, in any case
    distinct_stop_words           how many of these eight there are
    symbols                       number signs and ellipses: # … ... and . . .
    filled_lines, line_chars      lines, and the characters in them
    bullet_lines, ellipsis_lines  lines that begin with one of ● • * - or end in an ellipsis
    duplicate_lines, ~_line_chars lines that occur more than once, and the characters in them
    paragraphs, paragraph_chars   paragraphs, and the characters in them
    duplicate_paragraphs, ~_chars paragraphs that occur more than once, and the characters in them
    top_{n}gram_chars             n = 2, 3, 4: occurrences × characters of the most frequent n-gram (of those equally
                                  frequent the longest), 0 where none occurs twice
    duplicate_{n}gram_chars       n = 5 … 10: characters of the words in any n-gram that occurs twice, each word once
    ============================= ======================================================================================
    """

    name: str = "gopher"

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
            words, lines = np.empty((2, len(texts)), np.int64)
            count_words(texts.addresses, texts.lengths, words)
            count_lines(texts.addresses, texts.lengths, lines)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            if len(texts):
                count_gopher(texts.addresses, texts.lengths, words, lines, table, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply
