"""``RefinedWebLines``: RefinedWeb's rules for lines, which edit the text, as DCLM runs them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.contract import Apply
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.refinedweb_editing import COLUMNS, edit_lines
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.categories import categories
from corpusmill.operators.text.columns import TEXT, check_whole, editing
from corpusmill.operators.text.lines import count_lines
from corpusmill.operators.text.sentences import marks


@dataclasses.dataclass(frozen=True)
class RefinedWebLines:
    """Removes lines and phrases of web pages' furniture and adds int64 counts named ``{name}.{signal}``.

    Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", table G.2, with the definitions of mlfoundations/dclm
    15af3ce5, baselines/mappers/modifiers.py. Lines are pieces between line feeds; empty ones stay. Each rule goes over all
    lines before the next does, and whitespace around the text goes after each but the fourth.

    1. Removed: lines with a share of capitals above ``most_capitals``;
    2. with a share of numerals above ``most_numerals``;
    3. that count something: a number, with K, M or B, and likes, shares, comments, retweets, reposts, quotes, bookmarks,
       upvotes, downvotes, downloads, views or followers;
    4. with fewer than ``fewest_words`` words.
    5. In lines of at most ``phrase_words`` words, in any case: «items in cart» is removed, then «read more» with the three
       characters after it at the end of a line, then «sign-in» at its start; lines that become blank go.

    ============================ =======================================================================================
    words, words_removed         words before, and how many fewer there are after: those that begin with a letter or
                                 numeral, of what ASCII whitespace separates, as fastText does
    capital_lines, numeric_lines removed by rules 1 and 2
    counter_lines, short_lines   removed by rules 3 and 4
    phrases, phrase_lines        phrases removed, and the lines that went with them
    ============================ =======================================================================================

    Counts ``edited``: the rows whose text changed. Raises ConfigError for a bound that cannot be met.
    """

    name: str = "refinedweb"
    most_capitals: float = 0.5
    most_numerals: float = 0.999999
    fewest_words: int = 2
    phrase_words: int = 10

    reads = TEXT
    edits = frozenset({"text"})
    exact = True
    version = "1"

    def __post_init__(self) -> None:
        for field in ("most_capitals", "most_numerals"):
            value = getattr(self, field)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
                raise ConfigError(f"operator {self.name!r}: {field} must be a number from 0 to 1; got {value!r}")
        check_whole(self, "fewest_words", "phrase_words")

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
        table, kinds = marks(), categories()
        bounds = np.array([self.most_capitals, self.most_numerals, self.fewest_words, self.phrase_words], np.float64)

        def write(texts: Texts, data: int, offsets: Any, counts: Integers) -> None:
            lines = np.empty(len(texts), np.int64)
            count_lines(texts.addresses, texts.lengths, lines)
            if len(texts):
                edit_lines(texts.addresses, texts.lengths, lines, bounds, table, kinds, data, offsets, counts)

        return editing(self.name, self.adds, write)
