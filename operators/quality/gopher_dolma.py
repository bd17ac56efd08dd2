"""``GopherDolma``: the counts that Gopher's rules are made of, as Dolma defines them."""

import dataclasses

from corpusmill.operators.quality.counts import Counts, Fill, words_and_lines
from corpusmill.operators.quality.gopher_dolma_counting import COLUMNS, count_dolma
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.wordbreak import properties


@dataclasses.dataclass(frozen=True)
class GopherDolma(Counts):
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

    columns = COLUMNS
    version = "1"

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table, breaking = classes(), properties()

        def fill(texts: Texts, counts: Integers) -> None:
            words, lines = words_and_lines(texts)
            count_dolma(texts.addresses, texts.lengths, words, lines, table, breaking, counts)

        return fill
