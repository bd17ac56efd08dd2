"""``GopherDolma``: the counts that Gopher's rules are made of, as Dolma defines them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.gopher import sizes
from corpusmill.operators.quality.gopher_dolma_counting import COLUMNS, count_dolma
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.wordbreak import properties


@dataclasses.dataclass(frozen=True)
class GopherDolma:
    """Adds int64 counts named ``{name}.{signal}``: the numerators and denominators of Dolma's attributes.

    Definitions are those of the taggers gopher_v1 and gopher_v2 (allenai/dolma 669f5348, python/dolma/taggers/gopher.py).
    Words are maximal runs of non-whitespace, n-grams are of such words, characters are Unicode code points. Lines are
    pieces between line feeds as they stand: white space at their ends counts, and so do empty lines, of which there are
    copies where there are two. Copies of lines and n-grams are told by 64-bit hashes, and every copy counts.

    ============================= ======================================================================================
    words, word_chars             words, and the characters in them
    double_median_word_chars      twice the median of the characters per word
    symbol_words                  words with # or … (three dots are no symbol here)
    alpha_words                   words with at least one letter
    required_words                words equal to one of the be to of and that have with, in lower case
    lines, bullet_lines           lines, and those that begin with * or -
    ellipsis_lines                lines that end in …
    duplicate_lines, ~_line_chars lines that occur more than once, and the characters in them
    lines_v2, duplicate_lines_v2  the same where pieces are between runs of line feeds, as gopher_v2 has them
    top_{n}gram_chars             n = 2, 3, 4: occurrences × characters of the most frequent n-gram (of those equally
                                  frequent the first), 0 only where there is none
    duplicate_{n}gram_chars       n = 5 … 10: characters of every occurrence of every n-gram that occurs twice
    all_{n}gram_chars             n = 5 … 10: characters of every n-gram; a word counts for each one that it is in
    ============================= ======================================================================================
    """

    name: str = "dolma"

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
        fields, table, breaking = self.adds, classes(), properties()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            words, lines = sizes(texts)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            if len(texts):
                count_dolma(texts.addresses, texts.lengths, words, lines, table, breaking, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply
