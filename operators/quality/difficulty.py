"""``Difficulty``: how hard a text is to read, and how varied its words are."""

import dataclasses
import functools
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.quality.repetition import number, slots_for
from corpusmill.operators.schema import require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.columns import TEXT, append
from corpusmill.operators.text.lexing import ALONE, POINT, RUN, WORD, Codes, point_at, points, token
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import byte_at, inlined, kernel
from corpusmill.operators.text.unicode import DECODABLE
from corpusmill.operators.text.words import width

COLUMNS = ("words", "types", "syllables", "sentences")
VOWEL, ENDS, ENDS_AT_ONCE, JOINS = 1, 2, 4, 8  # classes of code points

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_D, _E, _L, _S, _T = (ord(letter) for letter in "delst")
_HISSING = (ord("c"), ord("g"), ord("h"), ord("s"), ord("x"), ord("z"))


@dataclasses.dataclass(frozen=True)
class Difficulty:
    """Adds counts (int64) that readability formulas are made of, and two figures (float32, null without words).

    A word is a run of characters other than whitespace, symbols and controls, in which apostrophes may stand; a Han or Kana
    character is one of its own. Words are compared in lower case.

    ============================= ======================================================================================
    words, types                  words, and how many distinct ones
    syllables                     groups of the vowels a e i o u y, with accents or without; less one for a silent e at
                                  the end (made, makes, walked), but not in -le after a consonant, -ted, -ded, nor -es
                                  after c g h s x z; at least one for each word
    sentences                     pieces with words that end in . ! ? or … before whitespace or symbols, in 。！？, at a
                                  blank line, or with the text
    flesch_reading_ease           206.835 - 1.015 words / sentences - 84.6 syllables / words (Flesch 1948): about 100 is
                                  very easy, 60 plain, below 30 academic. It means something for English only
    mtld                          mean length of runs of words whose type-token ratio stays above .72, the last one taken
                                  in part, forwards and backwards (McCarthy and Jarvis 2010); null where no word repeats
    ============================= ======================================================================================

    The syllables are those of the CMU Pronouncing Dictionary for 88 % of its 117,000 words and 95 % of the words of an
    encyclopedia, speeches and science, whose sum is 2 % low: vowels that meet (area, being) count as one.

    How far a text can be compressed is ``compression``'s to say, how long it is ``signals``'.
    """

    name: str = "difficulty"

    reads = TEXT
    edits = frozenset[str]()
    exact = True
    version = "1"

    @property
    def adds(self) -> pa.Schema:
        """The counts, and both figures."""
        counts = [pa.field(f"{self.name}.{column}", pa.int64()) for column in COLUMNS]
        return pa.schema([*counts, *(pa.field(f"{self.name}.{c}", pa.float32()) for c in ("flesch_reading_ease", "mtld"))])

    @property
    def artifacts(self) -> Mapping[str, str]:
        """None."""
        return {}

    def open(self, files: Mapping[str, Path], /) -> Apply:
        """The function that adds the columns."""
        fields, table, kinds = self.adds, points(digits=True), classes_of()

        def apply(batch: pa.RecordBatch) -> Outcome:
            require(batch, TEXT, f"the batch of {self.name!r}")
            texts = Texts.of(batch.column("text"))
            counts = np.zeros((len(COLUMNS), len(texts)), np.int64)
            factors = np.zeros((2, len(texts)))
            if len(texts):
                _count(texts.addresses, texts.lengths, table, kinds, counts, factors)
            figures = [pa.array(ease(counts), mask=counts[0] == 0), pa.array(_mtld(counts[0], factors), mask=factors[0] == 0)]
            return Outcome(append(batch, fields, [*map(pa.array, counts), *figures]), {})

        return apply


def ease(counts: Integers) -> npt.NDArray[np.float32]:
    """Flesch's figure from the counts of COLUMNS (4, n); 206.835 where there are no words."""
    words, _, syllables, sentences = counts
    found: npt.NDArray[np.float32] = (
        206.835 - 1.015 * words / np.maximum(sentences, 1) - 84.6 * syllables / np.maximum(words, 1)
    ).astype(np.float32)
    return found


def _mtld(words: Integers, factors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    lengths = words / np.where(factors > 0, factors, 1)
    found: npt.NDArray[np.float32] = ((lengths[0] + lengths[1]) / 2).astype(np.float32)
    return found


@functools.cache
def classes_of() -> npt.NDArray[np.uint8]:
    """Class bits per code point; shape (DECODABLE,)."""
    table = np.zeros(DECODABLE, np.uint8)
    for point in (*range(0x250), *range(0x1E00, 0x1F00)):  # Latin: decompositions there are as old as Unicode
        table[point] = VOWEL if unicodedata.normalize("NFD", chr(point))[0].lower() in "aeiouyæœøı" else 0
    for chars, kind in ((".!?…", ENDS), ("。！？｡", ENDS_AT_ONCE), ("'’", JOINS)):
        table[[ord(char) for char in chars]] = kind
    table.flags.writeable = False
    return table


@kernel
def _count(addresses: Integers, lengths: Integers, table: Codes, kinds: Any, counts: Integers, factors: Any) -> None:
    words = np.empty(1 << 10, np.uint64)
    ids, seen, slots, distinct = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64)
    for d in range(len(addresses)):
        n, words = _read(addresses[d], addresses[d] + lengths[d], table, kinds, words, counts[:, d])
        if n > len(ids):
            room = max(n, 2 * len(ids))
            ids, seen, distinct = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint64)
            slots = np.empty(slots_for(room), np.int64)
        counts[1, d] = number(words, n, ids, distinct, seen, slots)
        seen[:counts[1, d]] = 0
        factors[0, d], stamp = _factors(ids, 0, n, 1, seen, 1)
        factors[1, d], stamp = _factors(ids, n - 1, -1, -1, seen, stamp)


@kernel
def _read(at: int, end: int, table: Codes, kinds: Any, words: Any, row: Integers) -> tuple[int, Any]:
    """Count one document; returns its number of words, and their tokens, in the memory of ``words`` unless it had to grow."""
    n = pending = feeds = 0  # words; those of the sentence; line feeds since the last character that is not blank
    ended = False  # a sentence may have, unless a word follows at once
    while at < end:
        lead = byte_at(at)
        point = point_at(table, at, lead)
        kind = kinds[point & POINT]
        if point >= WORD and point < RUN:
            at, hashed, syllables = _word(at, end, table, kinds)
            if n == len(words):
                words = np.concatenate((words, np.empty(n, np.uint64)))
            words[n] = hashed
            n, pending, row[2], feeds, ended = n + 1, pending + 1, row[2] + syllables, 0, False
            continue
        at += width(lead)
        feeds = feeds + (lead == LINE_FEED) if point == 0 else 0
        over = (ended or feeds > 1) if point == 0 else (kind & ENDS_AT_ONCE) != 0
        if over and pending:
            row[3], pending = row[3] + 1, 0
        ended = point != 0 and (ended or (kind & ENDS) != 0)
    row[0], row[3] = n, row[3] + (pending > 0)
    return n, words


@kernel
def _word(at: int, end: int, table: Codes, kinds: Any) -> tuple[int, Any, int]:
    """The word that begins at an address: where it ends, its token and its syllables."""
    hashed, groups, vowel = _SEED, 0, False
    first: Any = 0
    second = third = first  # with it the last characters, the latest first
    while at < end:
        lead = byte_at(at)
        point = point_at(table, at, lead)
        step = width(lead)
        if point >= RUN and first != 0 and kinds[point & POINT] & JOINS and at + step < end:
            following = point_at(table, at + step, byte_at(at + step))
            if following < WORD or following >= ALONE:
                break
        elif point < WORD or point >= RUN or (point >= ALONE and first != 0):
            break
        char: Any = np.int64(point & POINT)
        hashed = (hashed ^ np.uint64(char)) * _PRIME
        now = (kinds[char] & VOWEL) != 0
        groups += now and not vowel
        vowel = now
        first, second, third = char, first, second
        at += step
        if point >= ALONE and point < RUN:
            break
    return at, token(hashed), max(1, groups - _is_silent(first, second, third, kinds))


@inlined
def _is_silent(first: int, second: int, third: int, kinds: Any) -> bool:
    """Whether the e at the end of a word that ends in these, the last first, is not spoken."""
    if first == _E:
        before, earlier = second, third
    elif second == _E and first in (_S, _D):
        before, earlier = third, 0
    else:
        return False
    if before == 0 or kinds[before] & VOWEL:
        return False
    if first == _D:
        return before != _T and before != _D
    if first == _S:
        return before not in _HISSING and before != _L
    return before != _L or (earlier != 0 and (kinds[earlier] & VOWEL) != 0)


@kernel
def _factors(ids: Integers, start: int, stop: int, step: int, seen: Integers, stamp: int) -> tuple[float, int]:
    """Runs of a type-token ratio that falls to 18/25, the last in part, and the next free stamp for ``seen``."""
    full = tokens = types = 0
    for i in range(start, stop, step):
        tokens += 1
        if seen[ids[i]] != stamp:
            seen[ids[i]] = stamp
            types += 1
        if 25 * types <= 18 * tokens:
            full, stamp, tokens, types = full + 1, stamp + 1, 0, 0
    rest = (tokens - types) / (tokens * 0.28) if tokens else 0.0
    return full + rest, stamp + 1
