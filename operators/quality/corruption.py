"""``Corruption``: traces of broken encodings, of machines, and of text that says everything twice."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.corruption_counting import COLUMNS, count_corruption
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.words import count_words


@dataclasses.dataclass(frozen=True)
class Corruption:
    """Adds int64 counts named ``{name}.{signal}``: what Rikters (2018), "Impact of Corpora Quality on Neural Machine
    Translation", removes, for documents of one language.

    Characters are code points, words those of ``str.split()``, lines pieces between line feeds that are not blank.

    ==================== ===============================================================================================
    chars                characters
    alphabetic_chars     letters (L*), whitespace, and characters without a class of their own that follow a letter: the
                         marks of Indic scripts. The paper's non-alphabetic characters are all others
    control_chars        U+0000 … U+001F but tab, line feed and carriage return; U+007F … U+009F
    replacement_chars    U+FFFD: bytes that some earlier step could not decode
    private_chars        private use: glyphs of one font
    mojibake             UTF-8 that was read as Latin-1 or Windows-1252: Â or Ã before U+0080 … U+00BF, and â before €
    longest_run          the most times that one character stands in a row, whitespace excepted
    filled_lines         lines
    repeating_lines      lines in which a run of one to four words is followed by itself at once
    ==================== ===============================================================================================
    """

    name: str = "corruption"

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
            words = np.empty(len(texts), np.int64)
            count_words(texts.addresses, texts.lengths, words)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            if len(texts):
                count_corruption(texts.addresses, texts.lengths, words, table, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply
