"""``Datatrove``: the counts of datatrove's Gopher and FineWeb filters, with datatrove's own definitions."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.datatrove_counting import COLUMNS, count_datatrove
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lines import count_lines
from corpusmill.operators.text.spacy import rules
from corpusmill.operators.text.words import count_words


@dataclasses.dataclass(frozen=True)
class Datatrove:
    """Adds int64 counts named ``{name}.{signal}``: what GopherQualityFilter, GopherRepetitionFilter and
    FineWebQualityFilter of datatrove 0.10.1 (commit a649de79) divide; their thresholds are rules.

    Words are those of spaCy 3.8's ``blank("en")`` without whitespace, found by ``text.spacy``; characters are code
    points. A *copy* is an item that occurred before, so the first is none; copies are told by 64-bit hashes.

    ============================= ======================================================================================
    chars                         code points of the text
    line_feeds, line_chars        "\\n", and all other characters
    words                         words, punctuation included
    plain_words, plain_word_chars words with a character outside datatrove's punctuation, and the characters in them
    alpha_words                   words with a letter
    stop_words                    how many of the be to of and that have with are words, in this case
    number_signs, ellipses        "#"; "..." and "…"
    lines                         pieces of ``str.splitlines()``, blank ones too
    bullet_lines, ellipsis_lines  those that begin with • or -, or end in "..." or "…", but for whitespace
    pieces                        what "\\n" and its repetitions separate, whitespace kept: GopherRepetitionFilter's lines
    duplicate_pieces, ~_chars     copies among them, and the characters in those
    paragraphs                    what two or more "\\n" separate in the stripped text
    duplicate_paragraphs, ~_chars copies among them, and the characters in those
    top_{n}gram_chars             n = 2, 3, 4: occurrences × characters, spaces between words included, of the most
                                  frequent n-gram, the first of equally frequent ones; 0 where there are too few words
    duplicate_{n}gram_chars       n = 5 … 10: characters of n-grams seen before, from left to right, without overlaps;
                                  n-grams are the same where their words joined without spaces are
    filled_lines                  pieces between "\\n" that are not blank: FineWebQualityFilter's lines
    terminal_lines, short_lines   those whose very last character ends a sentence; those of at most 30 characters
    duplicate_line_chars          characters in copies among them
    ============================= ======================================================================================
    """

    name: str = "datatrove"

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
        fields, table = self.adds, rules()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            chunks, lines = np.empty((2, len(texts)), np.int64)
            count_words(texts.addresses, texts.lengths, chunks)
            count_lines(texts.addresses, texts.lengths, lines)
            counts = np.empty((len(COLUMNS), len(texts)), np.int64)
            if len(texts):
                count_datatrove(texts.addresses, texts.lengths, chunks, lines, table.address, table.most, counts)
            return Outcome(append(batch, fields, [pa.array(column) for column in counts]), {})

        return apply
