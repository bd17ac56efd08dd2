"""``C4Lines``: C4's rules for lines, which edit the text, in the three definitions that are in use."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.c4_editing import COLUMNS, END_MARKS, OPTIONS, edit_pages
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, check_whole, editing
from corpusmill.operators.text.editing import IGNORE_CASE, LOWER
from corpusmill.operators.text.sentences import marks
from corpusmill.operators.text.spacy import rules

VARIANTS = ("tfds", "datatrove", "dclm")
_TERMINAL = {"tfds": '.?!"', "datatrove": ".?!\"'", "dclm": '.?!"'}


@dataclasses.dataclass(frozen=True)
class C4Lines:
    """Removes lines that are no sentences and adds int64 counts named ``{name}.{signal}``; Raffel et al. 2020, section 2.2.

    A line goes by the first rule that it breaks, in this order; the lines that stay are joined by line feeds, without
    whitespace around them all.

    1. A word has more than ``longest_word`` characters.
    2. Citations are removed: ``[1]``, ``[]``, ``[edit]``, ``[citation needed]``.
    3. It does not end in . ? ! or ", or ends in "...". Lines stay whatever they end in where ``terminal_punctuation`` is
       False, as in FineWeb.
    4. It has fewer than ``fewest_words`` words.
    5. It mentions javascript.
    6. It speaks of terms of use, a privacy policy, a cookie policy or the use of cookies.

    ============== ========================= ============================== ==========================================
    ``variant``    ``tfds``                  ``datatrove``                  ``dclm``
    ============== ========================= ============================== ==========================================
    lines          ``str.splitlines``, ends  as tfds                        ``split("\\n")`` as they are; empty ones stay
                   stripped
    ends of lines  . ? ! "                   . ? ! " '                      . ? ! " before any whitespace
    words counted  after rule 2              before it                      after it
    phrases        ``str.lower``             as tfds                        ``re.IGNORECASE``
    sentences      in each line, as Punkt    in each line, as spaCy         in the whole text, as Punkt
    ============== ========================= ============================== ==========================================

    Sources: tensorflow/datasets 0560e686, text/c4_utils.py; huggingface/datatrove 0.10.1, filters/c4_filters.py;
    mlfoundations/dclm 404fc2e3, baselines_configs/c4.yaml. Sentences are spaCy's own, and for Punkt those of a short rule
    (``text.sentences``).

    ====================== =============================================================================================
    chars                  characters of the page as it came
    lines, kept_lines      lines, and those that stay, empty ones not among them
    sentences              in the lines that stay
    citations              removed
    long_word_lines        removed by rule 1; likewise unpunctuated_lines, short_lines, javascript_lines, policy_lines
    lorem_lines            lines that pass rules 1 to 4 and say lorem ipsum; they stay
    curly_lines            lines that pass rules 1 to 5 and have a {; they stay
    lorem_first            1 where a line of the former comes before any of the latter, in which case tfds and datatrove
                           drop the page for it, and otherwise for the latter
    ====================== =============================================================================================

    Counts ``edited``: the rows whose text changed. Raises ConfigError for an unknown variant and a bound that is not a whole
    number from 0 to 2^31 - 1.
    """

    name: str = "c4"
    variant: str = "datatrove"
    fewest_words: int = 3  # in a line; 0: no rule
    longest_word: int = 1000  # characters
    terminal_punctuation: bool = True

    reads = TEXT
    edits = frozenset({"text"})
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ConfigError(f"operator {self.name!r}: variant must be one of {', '.join(VARIANTS)}; got {self.variant!r}")
        check_whole(self, "fewest_words", "longest_word")

    @property
    def adds(self) -> pa.Schema:
        """The counts, as int64."""
        return pa.schema([pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that replaces the text column and adds the counts."""
        table, options = marks(), self._options()

        def write(texts: Texts, data: int, offsets: Any, counts: Integers) -> None:
            edit_pages(texts.addresses, texts.lengths, options, table, data, offsets, counts)

        return editing(self.name, self.adds, write)

    def _options(self) -> Integers:
        dclm, datatrove = self.variant == "dclm", self.variant == "datatrove"
        chosen = {
            "every_break": not dclm,
            "keep_blank": dclm,
            "terminal": sum(END_MARKS[mark] for mark in _TERMINAL[self.variant]) if self.terminal_punctuation else 0,
            "fewest_words": self.fewest_words,
            "words_as_written": datatrove,
            "longest_word": self.longest_word,
            "by_tokens": rules().address if datatrove else 0,  # kept in memory by its cache
            "joined_tokens": rules().most if datatrove else 0,
            "by_line": not dclm,
            "fold": IGNORE_CASE if dclm else LOWER,
        }
        return np.array([chosen[option] for option in OPTIONS], np.int64)
