"""The kernel of ``C4Lines``: each line is written, looked at as it then stands, and kept or written over."""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.editing import (
    LOWER,
    begins_with,
    break_size,
    copy,
    ends_with,
    has_long_word,
    has_words,
    line_end,
    phrase_of,
    trim_end,
    trim_start,
)
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.sentences import DECIMAL, count_by_spaces
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    between_caseless,
    byte_at,
    equal,
    kernel,
    low_bits,
    lowest,
    put_byte,
)
from corpusmill.operators.text.spacy_sentences import count_by_tokens
from corpusmill.operators.text.words import characters_in, decode, width

COLUMNS = (
    "chars", "lines", "kept_lines", "sentences", "citations",
    "long_word_lines", "unpunctuated_lines", "short_lines", "javascript_lines", "policy_lines",
    "lorem_lines", "curly_lines", "lorem_first",
)  # fmt: skip
CHARS, LINES, KEPT, SENTENCES, CITATIONS, LONG_WORD, UNPUNCTUATED, SHORT, SCRIPT, POLICY, LOREM, CURLY, LOREM_FIRST = range(13)

# What the kernel is told, as positions in ``options``.
OPTIONS = (
    "every_break",  # lines are those of str.splitlines, without whitespace at their ends; or else of split("\n"), as they are
    "keep_blank",  # empty lines stay
    "terminal",  # the sum of END_MARKS that may end a line; 0 keeps lines whatever they end in
    "fewest_words",  # of a line
    "words_as_written",  # counted before citations are removed
    "longest_word",  # in characters
    "by_tokens",  # sentences by spaCy's rules, which lie at this address; 0: by those that stand in for Punkt
    "joined_tokens",  # how many of spaCy's tokens are one exception, at most
    "by_line",  # counted in each line, or else in the text that remains
    "fold",  # how javascript and the policy phrases are compared
)
(EVERY_BREAK, KEEP_BLANK, TERMINAL, FEWEST_WORDS, WORDS_AS_WRITTEN, LONGEST_WORD, BY_TOKENS, JOINED_TOKENS, BY_LINE,
 FOLD) = range(10)
END_MARKS = {".": 1, "?": 2, "!": 4, '"': 8, "'": 16}

_BRACKET, _CLOSING, _CURLY, _POINT = 0x5B, 0x5D, 0x7B, 0x2E
_FINDS_LOREM, _FINDS_SCRIPT, _FINDS_POLICY, _FINDS_CURLY = 1, 2, 4, 8


_EDIT, _NEEDED = phrase_of("edit]"), phrase_of("citation needed]")
_LOREM, _JAVASCRIPT = phrase_of("lorem ipsum"), phrase_of("javascript")
_TERMS, _PRI, _VACY = phrase_of("terms of use"), phrase_of("pri"), phrase_of("vacy policy")
_COOKIE_POLICY, _COOKIES = phrase_of("cookie policy"), phrase_of("cookies")
_USES, _USE_OF, _USE = phrase_of("uses "), phrase_of("use of "), phrase_of("use ")


@kernel
def edit_pages(
    addresses: Integers, lengths: Integers, options: Integers, table: Any, data: int, offsets: Any, counts: Integers
) -> None:
    """Write the edited documents one after another to the address ``data``, their offsets, and COLUMNS × documents counts."""
    row = np.empty(len(counts), np.int64)
    end = data
    for d in range(len(addresses)):
        row[:] = 0
        end = _edit_page(addresses[d], lengths[d], options, table, end, row)
        offsets[d + 1] = end - data
        counts[:, d] = row


@kernel
def _edit_page(address: int, length: int, options: Integers, table: Any, target: int, row: Integers) -> int:
    """Write one document; returns the end of what was written."""
    every_break, blank_stays = options[EVERY_BREAK] != 0, options[KEEP_BLANK] != 0
    row[CHARS] = characters_in(address, address + length)
    end, at = target, 0
    while at < length or (at == length and not every_break):
        stop = line_end(address, length, at, every_break)
        first, last = address + at, address + stop
        at = stop + break_size(address, length, stop) if stop < length else length + 1
        if every_break:
            first = trim_start(first, last, table)
            last = trim_end(first, last, table)
        row[LINES] += 1
        begin = end + (end > target)
        line_stop, kept = _edit_line(first, last, options, table, begin, row)
        if not kept and not (blank_stays and line_stop == begin):
            continue
        row[KEPT] += kept
        if end == target:
            first = trim_start(begin, line_stop, table)
            end = copy(first, line_stop, target) if first > begin else line_stop
        else:
            put_byte(end, LINE_FEED)
            end = line_stop
    end = trim_end(target, end, table)
    if options[BY_LINE] == 0:
        row[SENTENCES] = _sentences(target, end, options, table)
    return end


@kernel
def _sentences(start: int, stop: int, options: Integers, table: Any) -> int:
    if options[BY_TOKENS]:
        return count_by_tokens(start, stop - start, options[BY_TOKENS], options[JOINED_TOKENS], table)
    return count_by_spaces(start, stop - start, table)


@kernel
def _edit_line(
    first: int, last: int, options: Integers, table: Any, begin: int, row: Integers
) -> tuple[int, bool]:
    """Write a line without citations to ``begin``; returns where it ends, and whether it passed every rule.

    An empty line that may stay (``keep_blank``) ends at ``begin`` and counts for no rule.
    """
    if has_long_word(first, last, options[LONGEST_WORD]):
        row[LONG_WORD] += 1
        return begin + 1, False
    end, citations = _without_citations(first, last, begin, table)
    row[CITATIONS] += citations
    if options[KEEP_BLANK] and end == begin:
        return end, False
    if options[TERMINAL] and not _is_terminated(begin, end, options[TERMINAL], options[EVERY_BREAK] == 0, table):
        row[UNPUNCTUATED] += 1
        return begin + 1, False
    if not (has_words(first, last, options[FEWEST_WORDS]) if options[WORDS_AS_WRITTEN]
            else has_words(begin, end, options[FEWEST_WORDS])):
        row[SHORT] += 1
        return begin + 1, False
    found = _find_phrases(begin, end, options[FOLD])
    if found & _FINDS_LOREM:
        row[LOREM_FIRST] |= row[LOREM] + row[CURLY] == 0
        row[LOREM] += 1
    if found & _FINDS_SCRIPT:
        row[SCRIPT] += 1
        return begin + 1, False
    row[CURLY] += (found & _FINDS_CURLY) != 0
    if found & _FINDS_POLICY:
        row[POLICY] += 1
        return begin + 1, False
    if options[BY_LINE]:
        row[SENTENCES] += _sentences(begin, end, options, table)
    return end, True


@kernel
def _without_citations(start: int, stop: int, target: int, table: Any) -> tuple[int, int]:
    """Copy a line without [1], [], [edit] and [citation needed]; returns the end of the copy and how many were left out."""
    citations, copied, at = 0, start, start
    while at < stop:
        found = equal(at, _BRACKET) & low_bits(stop - at)
        if found == NONE:
            at += 64
            continue
        bracket = at + lowest(found)
        at = _citation_end(bracket + 1, stop, table)
        if at == 0:
            at = bracket + 1
            continue
        target = copy(copied, bracket, target)
        copied, citations = at, citations + 1
    return copy(copied, stop, target), citations


@kernel
def _citation_end(start: int, stop: int, table: Any) -> int:
    """Where the citation ends whose bracket is before ``start``; 0 where there is none."""
    at = start
    while at < stop and table[decode(at)] & DECIMAL:
        at += width(byte_at(at))
    if at < stop and byte_at(at) == _CLOSING:
        return at + 1
    if at > start:
        return 0
    # The names are in small letters: a folded match of other bytes is none.
    for phrase in (_EDIT, _NEEDED):
        if stop - start >= len(phrase):
            same = True
            for i in range(len(phrase)):
                same &= byte_at(start + i) == phrase[i]
            if same:
                return start + len(phrase)
    return 0


@kernel
def _is_terminated(start: int, stop: int, terminal: int, trailing: bool, table: Any) -> bool:
    """Whether a line ends as a sentence does and not in an ellipsis; ``trailing`` whitespace may follow."""
    if trailing:
        stop = trim_end(start, stop, table)
    if stop == start:
        return False
    last = byte_at(stop - 1)
    if last == _POINT:
        return bool(terminal & 1) and not (stop - start >= 3 and byte_at(stop - 2) == _POINT and byte_at(stop - 3) == _POINT)
    return ((last == 0x3F and terminal & 2 != 0) or (last == 0x21 and terminal & 4 != 0)
            or (last == 0x22 and terminal & 8 != 0) or (last == 0x27 and terminal & 16 != 0))


@kernel
def _find_phrases(start: int, stop: int, fold: int) -> int:
    """Which of the phrases are there, as a sum of bits."""
    found, before_at = 0, start
    while before_at < stop:
        at = before_at
        before_at += 64
        valid = low_bits(stop - at)
        o, o2 = between_caseless(at + 1, 0x6F, 0x6F), between_caseless(at + 2, 0x6F, 0x6F)
        a = between_caseless(at + 1, 0x61, 0x61)
        r2 = between_caseless(at + 2, 0x72, 0x72)
        events = between_caseless(at, 0x6C, 0x6C) & o & r2  # lor
        events |= between_caseless(at, 0x63, 0x63) & o & o2  # coo
        events |= between_caseless(at, 0x6A, 0x6A) & a & between_caseless(at + 2, 0x76, 0x76)  # jav
        events |= between_caseless(at, 0x76, 0x76) & a & between_caseless(at + 2, 0x63, 0x63)  # vac
        events |= between_caseless(at, 0x74, 0x74) & between_caseless(at + 1, 0x65, 0x65) & r2  # ter
        events |= equal(at, _CURLY)
        events &= valid
        while events != NONE:
            here = at + lowest(events)
            events &= events - ONE
            found |= _phrase_at(start, here, stop, fold)
    return found


@kernel
def _phrase_at(start: int, here: int, stop: int, fold: int) -> int:
    """The phrase whose telling letters are at ``here``, as its bit; 0 for none."""
    first = byte_at(here) | 0x20
    if byte_at(here) == _CURLY:
        return _FINDS_CURLY
    if first == 0x6C:
        return _FINDS_LOREM if begins_with(here, stop, _LOREM, LOWER) else 0
    if first == 0x6A:
        return _FINDS_SCRIPT if begins_with(here, stop, _JAVASCRIPT, fold) else 0
    if first == 0x74:
        return _FINDS_POLICY if begins_with(here, stop, _TERMS, fold) else 0
    if first == 0x76:
        return _FINDS_POLICY if ends_with(start, here, _PRI, fold) and begins_with(here, stop, _VACY, fold) else 0
    if begins_with(here, stop, _COOKIE_POLICY, fold):
        return _FINDS_POLICY
    if begins_with(here, stop, _COOKIES, fold) and (
            ends_with(start, here, _USES, fold) or ends_with(start, here, _USE_OF, fold) or ends_with(start, here, _USE, fold)):
        return _FINDS_POLICY
    return 0
