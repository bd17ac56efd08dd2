"""``WebSignals``: the counts behind the rules of Gopher, C4 and FineWeb, in one pass over the text."""

import dataclasses

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.counts import Counts, Fill, words_and_lines
from corpusmill.operators.quality.gopher import NGRAMS
from corpusmill.operators.quality.web_counting import COLUMNS, count_web
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.unicode import classes
from corpusmill.operators.text.wordbreak import properties


@dataclasses.dataclass(frozen=True)
class WebSignals(Counts):
    """Adds int64 counts named ``{name}.{signal}``: all that ``Gopher`` counts, under the same names, and those below.

    No text is edited: C4's rules, which drop lines, are counts of the lines that they would drop, so that thresholds can
    be swept without reading text again. Definitions are those of the C4 paper (Raffel et al. 2020, section 2.2) and of
    datatrove a649de79 (pipeline/filters/c4_filters.py, fineweb_quality_filter.py). Lines are pieces between line feeds with
    at least one word, words are maximal runs of non-whitespace; C4 looks at lines without white space at their ends,
    FineWeb at lines as they stand.

    ========================== =========================================================================================
    chars, newlines            characters, and the line feeds among them
    chars_in_lines             characters that are no line feed
    terminal_lines             lines that end in one of . ! ? "
    apostrophe_lines           lines that end in ' (which datatrove's C4 accepts too)
    dots_lines                 lines that end in "..." (terminal lines that datatrove's C4 does not accept)
    lines_below_{3,5}_words    lines of fewer words
    long_word_lines            lines with a word of more than 1,000 characters
    javascript_lines           lines with «javascript», in any case
    policy_lines               lines with terms of use, privacy policy, cookie policy, uses / use of / use cookies
    lorem_ipsum_lines          lines with «lorem ipsum», in any case
    curly_lines                lines with {
    citations                  marks like [12], [], [edit] and [citation needed]
    sentences                  words that end in one of . ! ?: a simple count of sentences
    kept_lines_{3,5}           lines that C4 keeps: terminal, no dots line, so many words, none too long, no javascript, no
                               policy
    kept_sentences_{3,5}       sentences in these
    stop_lines                 FineWeb: lines that end in a sentence terminal of any script, nothing after it
    short_lines                FineWeb: lines of at most 30 characters
    copied_line_chars          FineWeb: characters of lines equal to an earlier one
    ========================== =========================================================================================

    FineWeb's list ratio is newlines / words, its repeated characters are copied_line_chars / chars_in_lines. Raises
    ConfigError for another value of ``ngrams``.
    """

    name: str = "web"
    ngrams: str = "space"  # or uax29: which words n-grams are of

    columns = COLUMNS
    version = "1"

    def __post_init__(self) -> None:
        if self.ngrams not in NGRAMS:
            raise ConfigError(f"operator {self.name!r}: ngrams must be one of {', '.join(NGRAMS)}; got {self.ngrams!r}")

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table, breaking, by_segments = classes(), properties(), self.ngrams == "uax29"

        def fill(texts: Texts, counts: Integers) -> None:
            words, lines = words_and_lines(texts)
            count_web(texts.addresses, texts.lengths, words, lines, by_segments, table, breaking, counts)

        return fill
