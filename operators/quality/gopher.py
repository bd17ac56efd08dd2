"""``Gopher``: the counts that Gopher's quality and repetition rules are made of, as DCLM defines them."""

import dataclasses

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.counts import Counts, Fill, words_and_lines
from corpusmill.operators.quality.gopher_counting import COLUMNS, count_gopher
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.wordbreak import properties

NGRAMS = ("space", "uax29")


@dataclasses.dataclass(frozen=True)
class Gopher(Counts):
    """Adds int64 counts named ``{name}.{signal}``; the thresholds of Rae et al. (2021) over their ratios are rules.

    Definitions are DCLM's (mlfoundations/dclm 361714bd, baselines/mappers/filters/content_filters.py). Words are maximal
    runs of non-whitespace, characters Unicode code points, characters of words those without the space between. N-grams
    are of such words, or with ``ngrams: uax29``, as DCLM's are, of the words of UAX #29 that begin with a letter or number
    (see ``text.segments``). Lines are pieces between line feeds, without whitespace at their ends; paragraphs are pieces
    between two or more line feeds, likewise; empty pieces do not count. Copies of lines, paragraphs and n-grams are told by
    64-bit hashes, and every copy counts, the first too.

    ============================= ======================================================================================
    words, word_chars             words, and the characters in them
    alnum_words                   words that begin with a letter or decimal digit
    alnum_tokens                  what DCLM's page length counts: pieces between ASCII white space or NUL (fastText's
                                  tokens) that begin with a letter or number of any kind, ² and ½ too
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
    ngram_words, ngram_chars      the words that n-grams are made of, and the characters in them
    ============================= ======================================================================================

    Raises ConfigError for another value of ``ngrams``.
    """

    name: str = "gopher"
    ngrams: str = "space"  # or uax29: which words n-grams are of

    columns = COLUMNS
    version = "2"

    def __post_init__(self) -> None:
        if self.ngrams not in NGRAMS:
            raise ConfigError(f"operator {self.name!r}: ngrams must be one of {', '.join(NGRAMS)}; got {self.ngrams!r}")

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table, breaking, by_segments = classes(), properties(), self.ngrams == "uax29"

        def fill(texts: Texts, counts: Integers) -> None:
            words, lines = words_and_lines(texts)
            count_gopher(texts.addresses, texts.lengths, words, lines, by_segments, table, breaking, counts)

        return fill
