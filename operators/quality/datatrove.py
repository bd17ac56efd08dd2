"""``Datatrove``: the counts of datatrove's Gopher and FineWeb filters, with datatrove's own definitions."""

import dataclasses

from corpusmill.operators.quality.counts import Counts, Fill, words_and_lines
from corpusmill.operators.quality.datatrove_counting import COLUMNS, count_datatrove
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.spacy import rules


@dataclasses.dataclass(frozen=True)
class Datatrove(Counts):
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

    columns = COLUMNS
    version = "1"

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table = rules()

        def fill(texts: Texts, counts: Integers) -> None:
            chunks, lines = words_and_lines(texts)
            count_datatrove(texts.addresses, texts.lengths, chunks, lines, table.address, table.most, counts)

        return fill
