"""``BasicSignals``: what a document is made of, in exact counts. Ratios belong to the rules (``quality.select``)."""

import dataclasses

import numpy as np

from corpusmill.operators.quality.counting import COLUMNS, count_signals
from corpusmill.operators.quality.counts import Counts, Fill
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.unicode import classes


@dataclasses.dataclass(frozen=True)
class BasicSignals(Counts):
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

    columns = COLUMNS
    version = "1"

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table = classes()

        def fill(texts: Texts, counts: Integers) -> None:
            bitmaps = np.empty((2, (texts.longest >> 6) + 1), np.uint64)
            count_signals(texts.addresses, texts.lengths, table, bitmaps, counts)

        return fill
