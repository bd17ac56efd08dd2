"""``Nemo``: the counts that NVIDIA NeMo Curator's English heuristics are made of."""

import dataclasses

from corpusmill.operators.quality.counts import Counts, Fill, words_and_lines
from corpusmill.operators.quality.nemo_counting import COLUMNS, count_nemo
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.unicode import classes


@dataclasses.dataclass(frozen=True)
class Nemo(Counts):
    """Adds int64 counts named ``{name}.{signal}``, for the rules of ``conf/quality/nemo_english.yaml``.

    Definitions are those of NVIDIA-NeMo/Curator, ``stages/text/filters`` at commit 1e2e4275, and for addresses those of
    release 1.4.0, where they no longer end at the first slash. Words are
    those of ``str.split()``, characters code points; lines (there «sentences») are pieces between line feeds that are not
    blank, paragraphs pieces of ``text.split("\\n\\n")``; both are compared as they stand, whitespace included. Ours alone:
    the most frequent n-gram is the first of those equally frequent, where Curator takes what the order of a set gives;
    three long cookie banners are told by how they begin; a letter is category L*, where Curator's has marks too.

    ============================= ======================================================================================
    chars, plain_chars            characters, and those among a-z A-Z 0-9 ? ! , . and line feeds
    digit_chars, blank_chars      decimal digits; tab, line feed, carriage return, backspace and space
    bracket_chars, url_chars      ( ) [ ] { } ⟨ ⟩; characters of http:// and https:// addresses
    words, word_chars             words, and the characters in them
    max_word_chars                characters of the longest word
    symbol_words                  words that are an ellipsis, or more than half of whose length are runs of number signs
    alpha_words, stop_words       words with a letter; words equal to one of the be to of and that have with
    filled_lines, line_chars      lines, and the characters in them
    unique_lines, ~_line_chars    distinct lines, and the characters in them
    unended_lines                 lines whose content does not end in . ? ! " or '
    bullet_lines, ellipsis_lines  lines that begin with one of • ‣ ⁃ ⁌ ⁍ ∙ ○ ● ◘ ◦ ⦾ ⦿; that end in an ellipsis or «read more»
    paragraphs, paragraph_chars   paragraphs, and the characters in them
    unique_paragraphs, ~_chars    distinct paragraphs, and the characters in them
    boilerplate_paragraphs        paragraphs with a phrase of cookie banners and policies
    lorem_ipsum                   1 where the text has these words
    top_{n}gram_chars             n = 2, 3, 4: characters that go when the most frequent n-gram is deleted from the text
    duplicate_{n}gram_chars       n = 5 … 10: characters of n-grams that occurred before, with their inner spaces, each once
    ============================= ======================================================================================
    """

    name: str = "nemo"

    columns = COLUMNS
    version = "1"

    def filling(self) -> Fill:
        """The kernel, with its tables."""
        table = classes()

        def fill(texts: Texts, counts: Integers) -> None:
            words, lines = words_and_lines(texts)
            count_nemo(texts.addresses, texts.lengths, words, lines, table, counts)

        return fill
