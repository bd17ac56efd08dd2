"""The kernel of ``WebSignals``: what C4 and FineWeb count of lines, added to ``Gopher``'s counts while a document is in cache.

Phrases are looked for 64 bytes at a time by two to four of their bytes that are rare together; only where those stand is
the rest compared. A line is read once, its words and its ends as Gopher's first look left them.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.counting import hash_span
from corpusmill.operators.quality.gopher_counting import COLUMNS as GOPHER_COLUMNS
from corpusmill.operators.quality.gopher_counting import DUPLICATE, count_document, layout_for, tables_for
from corpusmill.operators.quality.repetition import sum_later_copies
from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    between_caseless,
    byte_at,
    count_between,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
)
from corpusmill.operators.text.words import decode

COLUMNS = (
    *GOPHER_COLUMNS,
    "chars", "newlines", "chars_in_lines",
    "terminal_lines", "apostrophe_lines", "dots_lines", "lines_below_3_words", "lines_below_5_words", "long_word_lines",
    "javascript_lines", "policy_lines", "lorem_ipsum_lines", "curly_lines", "citations", "sentences",
    "kept_lines_3", "kept_sentences_3", "kept_lines_5", "kept_sentences_5",
    "stop_lines", "short_lines", "copied_line_chars",
)  # fmt: skip
_FIRST = len(GOPHER_COLUMNS)
CHARS, NEWLINES, CHARS_IN_LINES, TERMINAL, APOSTROPHE, DOTS, BELOW_3, BELOW_5, LONG_WORD = range(_FIRST, _FIRST + 9)
JAVASCRIPT, POLICY, LOREM, CURLY, CITATIONS, SENTENCES, KEPT_3, KEPT_SENTENCES_3, KEPT_5, KEPT_SENTENCES_5 = range(
    _FIRST + 9, _FIRST + 19)
STOP, SHORT, COPIED = range(_FIRST + 19, _FIRST + 22)

LONG_WORD_CHARS, SHORT_LINE_CHARS = 1000, 30

# Sentence_Terminal of Unicode 15.0 and five Khmer signs: what FineWeb takes for the end of a sentence.
SENTENCE_ENDS = (
    "!.?\u0589\u061d\u061e\u061f\u06d4\u0700\u0701\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362"
    "\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u17d6\u17d9\u17da\u1803\u1809\u1944\u1945\u1aa8\u1aa9\u1aaa\u1aab"
    "\u1b5a\u1b5b\u1b5e\u1b5f\u1b7d\u1b7e\u1c3b\u1c3c\u1c7e\u1c7f\u203c\u203d\u2047\u2048\u2049\u2e2e\u2e3c\u2e53"
    "\u2e54\u3002\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d\uaa5e\uaa5f\uaaf0"
    "\uaaf1\uabeb\ufe52\ufe56\ufe57\uff01\uff0e\uff1f\uff61\U00010a56\U00010a57\U00010f55\U00010f56\U00010f57"
    "\U00010f58\U00010f59\U00010f86\U00010f87\U00010f88\U00010f89\U00011047\U00011048\U000110be\U000110bf\U000110c0"
    "\U000110c1\U00011141\U00011142\U00011143\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239"
    "\U0001123b\U0001123c\U000112a9\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9\U000115ca\U000115cb\U000115cc"
    "\U000115cd\U000115ce\U000115cf\U000115d0\U000115d1\U000115d2\U000115d3\U000115d4\U000115d5\U000115d6\U000115d7"
    "\U00011641\U00011642\U0001173c\U0001173d\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c"
    "\U00011c41\U00011c42\U00011ef7\U00011ef8\U00011f43\U00011f44\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38"
    "\U00016b44\U00016e98\U0001bc9f\U0001da88"
)
_WIDE_ENDS = np.array(sorted(ord(c) for c in SENTENCE_ENDS if ord(c) > 0x7F), np.int64)

_JAVASCRIPT, _POLICY, _LOREM, _CURLY = 1, 2, 4, 8  # what a line has


def _bytes(phrase: str) -> Any:
    return np.frombuffer(phrase.encode(), np.uint8)


_SCRIPT_PHRASE, _LOREM_PHRASE = _bytes("javascript"), _bytes("lorem ipsum")
_TERMS_PHRASE, _PRIVACY_PHRASE, _COOKIE_PHRASE = _bytes("terms of use"), _bytes("privacy policy"), _bytes("cookie policy")
_COOKIES_PHRASE, _USES, _USE_OF, _USE = _bytes("cookies"), _bytes("uses "), _bytes("use of "), _bytes("use ")
_EDIT_PHRASE, _NEEDED_PHRASE = _bytes("[edit]"), _bytes("[citation needed]")


@kernel
def count_web(
    addresses: Integers, lengths: Integers, words: Any, lines: Any, by_segments: bool,
    classes: Any, properties: Any, counts: Integers,
) -> None:
    """Fill ``counts`` (COLUMNS × documents), as ``count_gopher`` does."""
    layout, tables = layout_for(lengths, words, lines), tables_for(words.max())
    found, row = np.empty(lines.max(), np.uint8), np.empty(len(counts), np.int64)
    for d in range(len(addresses)):
        row[:] = 0
        tables = count_document(
            addresses[d], lengths[d], words[d], lines[d], by_segments, classes, properties, layout, tables, row)
        spans, feeds, bitmaps = layout
        _, keys, distinct, _, chars, ids, occurrences, slots, _ = tables
        continued = bitmaps[0].ctypes.data
        row[CITATIONS] = _find_phrases(addresses[d], lengths[d], lines[d], feeds, found)
        # Lines that are equal as they stand are equal without white space at their ends: where none are, none is hashed.
        n = _read_lines(
            addresses[d], lines[d], continued, spans, feeds, found, row[DUPLICATE] > 0, keys, chars, row)
        row[COPIED] = sum_later_copies(keys, n, chars, ids, distinct, occurrences, slots)
        row[CHARS] = lengths[d] - count_between(continued, 0, lengths[d])
        row[NEWLINES] = lines[d] - 1
        row[CHARS_IN_LINES] = row[CHARS] - row[NEWLINES]
        counts[:, d] = row


@inlined
def _letter(block: int, letter: int) -> Any:
    """Mask of a letter in either case, which some other characters share: what it finds is compared."""
    return between_caseless(block, letter, letter)


@kernel
def _find_phrases(address: int, length: int, lines: int, feeds: Any, found: Any) -> int:
    """Write what phrases each line has; returns how many citation marks there are."""
    found[:lines] = 0
    line = citations = 0
    for at in range(0, length, 64):
        block = address + at
        curly, bracket = equal(block, 0x7B), equal(block, 0x5B)
        script = _letter(block, 0x6A) & _letter(block + 1, 0x61) & _letter(block + 2, 0x76)
        cookie = _letter(block, 0x6B) & _letter(block + 1, 0x69) & _letter(block + 2, 0x65)
        private = _letter(block, 0x76) & _letter(block + 1, 0x61) & _letter(block + 2, 0x63)
        lorem = _letter(block, 0x70) & _letter(block + 1, 0x73) & _letter(block + 2, 0x75)
        terms = _letter(block, 0x66) & equal(block + 1, 0x20) & _letter(block + 2, 0x75) & _letter(block + 3, 0x73)
        candidates = (curly | bracket | script | cookie | private | lorem | terms) & low_bits(length - at)
        while candidates != NONE:
            here = at + lowest(candidates)
            candidates &= candidates - ONE
            while feeds[line, 0] < here:
                line += 1
            byte = byte_at(address + here) | 0x20
            if byte == 0x7B:  # both brackets, whose codes differ in this bit
                if byte_at(address + here) == 0x7B:
                    found[line] |= _CURLY
                else:
                    citations += _is_citation(address, here, length)
            else:
                begin = feeds[line - 1, 0] + 1 if line else 0
                found[line] |= _phrase_at(address, begin, here, feeds[line, 0], byte)
    return citations


@inlined
def _is_phrase(address: int, begin: int, here: int, stop: int, phrase: Any) -> bool:
    """Whether the phrase, in any case, stands at ``here`` between ``begin`` and ``stop``."""
    if here < begin or here + len(phrase) > stop:
        return False
    for i in range(len(phrase)):
        byte = byte_at(address + here + i)
        if 0x41 <= byte <= 0x5A:
            byte |= 0x20
        if byte != phrase[i]:
            return False
    return True


@kernel
def _phrase_at(address: int, begin: int, here: int, stop: int, byte: int) -> int:
    """What the phrase around ``here``, whose rare bytes begin with ``byte``, says of its line ``begin … stop - 1``."""
    if byte == 0x6A:
        return _JAVASCRIPT if _is_phrase(address, begin, here, stop, _SCRIPT_PHRASE) else 0
    if byte == 0x70:
        return _LOREM if _is_phrase(address, begin, here - 7, stop, _LOREM_PHRASE) else 0
    if byte == 0x66:
        return _POLICY if _is_phrase(address, begin, here - 7, stop, _TERMS_PHRASE) else 0
    if byte == 0x76:
        return _POLICY if _is_phrase(address, begin, here - 3, stop, _PRIVACY_PHRASE) else 0
    start = here - 3
    if _is_phrase(address, begin, start, stop, _COOKIE_PHRASE):
        return _POLICY
    if not _is_phrase(address, begin, start, stop, _COOKIES_PHRASE):
        return 0
    uses = (_is_phrase(address, begin, start - 5, stop, _USES) or _is_phrase(address, begin, start - 7, stop, _USE_OF)
            or _is_phrase(address, begin, start - 4, stop, _USE))
    return _POLICY if uses else 0


@kernel
def _is_citation(address: int, here: int, length: int) -> bool:
    """Whether [], [12], [edit] or [citation needed] stands there, in small letters."""
    at = here + 1
    while at < length and 0x30 <= byte_at(address + at) <= 0x39:
        at += 1
    if at < length and byte_at(address + at) == 0x5D:
        return True
    return _stands(address, here, length, _EDIT_PHRASE) or _stands(address, here, length, _NEEDED_PHRASE)


@inlined
def _stands(address: int, here: int, stop: int, phrase: Any) -> bool:
    """Whether the phrase stands at ``here``, letter by letter."""
    if here + len(phrase) > stop:
        return False
    for i in range(len(phrase)):
        if byte_at(address + here + i) != phrase[i]:
            return False
    return True


@kernel
def _read_lines(
    address: int, lines: int, continued: int, spans: Any, feeds: Any, found: Any, has_copies: bool,
    keys: Any, chars: Any, row: Integers,
) -> int:
    """Count lines with content; where there may be copies, writes hash and characters of each, and returns how many."""
    n = begin = word = 0
    for line in range(lines):
        stop, upto = feeds[line, 0], feeds[line, 1]
        if upto > word:
            sentences = _count_sentences(address, spans, word, upto)
            is_long = stop - begin > LONG_WORD_CHARS and _has_long_word(continued, spans, word, upto)
            size = stop - begin
            if has_copies:
                keys[n] = hash_span(address + begin, size)
                chars[n] = size - count_between(continued, begin, stop)
            if size <= SHORT_LINE_CHARS:
                row[SHORT] += 1
            elif size <= 4 * SHORT_LINE_CHARS:
                row[SHORT] += size - count_between(continued, begin, stop) <= SHORT_LINE_CHARS
            row[STOP] += _is_sentence_end(address + stop)
            _judge_line(address, spans[2 * word], spans[2 * upto - 1], upto - word, sentences, is_long, found[line], row)
            n += has_copies
        word, begin = upto, stop + 1
    return n


@inlined
def _count_sentences(address: int, spans: Any, word: int, upto: int) -> int:
    """How many of the words end in one of . ! ?"""
    sentences = 0
    for i in range(word, upto):
        last = byte_at(address + spans[2 * i + 1] - 1)
        sentences += (last == 0x2E) | (last == 0x21) | (last == 0x3F)
    return sentences


@kernel
def _has_long_word(continued: int, spans: Any, word: int, upto: int) -> bool:
    """Whether one of the words has more than a thousand characters."""
    for i in range(word, upto):
        size = spans[2 * i + 1] - spans[2 * i]
        if size > LONG_WORD_CHARS and size - count_between(continued, spans[2 * i], spans[2 * i + 1]) > LONG_WORD_CHARS:
            return True
    return False


@inlined
def _judge_line(
    address: int, first: int, end: int, words: int, sentences: int, is_long: bool, phrases: int, row: Integers
) -> None:
    """C4's rules on the content ``first … end - 1`` of one line."""
    last = byte_at(address + end - 1)
    is_terminal = (last == 0x2E) | (last == 0x21) | (last == 0x3F) | (last == 0x22)
    dots = last == 0x2E and end - first >= 3 and byte_at(address + end - 2) == 0x2E and byte_at(address + end - 3) == 0x2E
    row[TERMINAL] += is_terminal
    row[APOSTROPHE] += last == 0x27
    row[DOTS] += dots
    row[BELOW_3] += words < 3
    row[BELOW_5] += words < 5
    row[LONG_WORD] += is_long
    row[SENTENCES] += sentences
    if phrases:
        row[JAVASCRIPT] += (phrases & _JAVASCRIPT) != 0
        row[POLICY] += (phrases & _POLICY) != 0
        row[LOREM] += (phrases & _LOREM) != 0
        row[CURLY] += (phrases & _CURLY) != 0
    if is_terminal and not dots and not is_long and (phrases & (_JAVASCRIPT | _POLICY)) == 0 and words >= 3:
        row[KEPT_3] += 1
        row[KEPT_SENTENCES_3] += sentences
        row[KEPT_5] += words >= 5
        row[KEPT_SENTENCES_5] += sentences if words >= 5 else 0


@inlined
def _is_sentence_end(end: int) -> bool:
    """Whether the character before ``end`` is one of SENTENCE_ENDS."""
    last = byte_at(end - 1)
    if last < 0x80:
        return last == 0x2E or last == 0x21 or last == 0x3F
    at = end - 1
    while byte_at(at) & 0xC0 == 0x80:
        at -= 1
    point = decode(at)
    place = np.searchsorted(_WIDE_ENDS, point)
    return bool(place < len(_WIDE_ENDS) and _WIDE_ENDS[place] == point)
