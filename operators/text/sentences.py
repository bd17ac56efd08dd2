"""How many sentences a text has, as two systems count them: kernels over bytes, and no model.

``count_by_tokens``  spaCy's rule ``sentencizer`` over its English tokens, which datatrove counts with: a sentence ends at a
                     token that is one of . ! ? (or another script's mark), with the punctuation after it, where another
                     token follows. A point is a token of its own only after a digit, a small letter, a closing mark or two
                     capitals; "...", "Mr." and "J." are none. Never 0.
``count_by_spaces``  a small stand-in for the English model of Punkt (Kiss & Strunk 2006), which C4 and DCLM count with: a
                     sentence ends at . ! or ?, closing quotes and brackets after it, where whitespace and more text
                     follow; not after a number before a small letter, nor, unless one of STARTERS follows, after several
                     points, a point by itself, one of ABBREVIATIONS or a capital before a capital. 0 for blank text.

Character sets of the first are those of explosion/spaCy v3.8.18, lang/char_classes.py, lang/punctuation.py,
lang/en/tokenizer_exceptions.py and pipeline/sentencizer.pyx, letters reduced to what ``text.unicode`` tells of them.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from corpusmill.operators.text.categories import OTHER_SYMBOL, PUNCTUATION, WORD, categories
from corpusmill.operators.text.simd import NONE, between, byte_at, equal, inlined, kernel, low_bits, lowest, word_at
from corpusmill.operators.text.unicode import DIGIT, LETTER, classes
from corpusmill.operators.text.unicode import SPACE as _SPACE
from corpusmill.operators.text.unicode import UPPER as _UPPER
from corpusmill.operators.text.words import decode, previous, width

# Bits of ``marks``: what sentence counting, and the kernels that edit lines, ask of a code point.
MARK = 1  # punctuation to Unicode
STOP = 2  # ends a sentence where it is a token of its own
PREFIX = 4  # a token of its own at the start of a word
SUFFIX = 8  # … and at its end
BEFORE_POINT = 16  # after it, a point at the end of a word is a token
CAPITALS = 32  # … after two of these too
BEFORE_INNER = 64  # between this and the next, a point within a word is a token
AFTER_INNER = 128
SPACE = 256
DECIMAL = 512
WORD_CHARACTER = 1024

FULL_STOPS = (
    "!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌"
    "𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈｡。"
)
_PUNCTUATION = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧"
_CURRENCIES = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_CASELESS = (  # scripts without case, whose letters count as small and as capital
    (0x0591, 0x05F4), (0x0620, 0x064A), (0x066E, 0x06D5), (0x06E5, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08BD),
    (0x0900, 0x097F), (0x0980, 0x09FF), (0x0B80, 0x0BFF), (0x0C00, 0x0CFF), (0x0D80, 0x0DFF), (0x1100, 0x137F),
    (0x2E80, 0x303F), (0x3040, 0x30FF), (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF), (0xFB1D, 0xFDFB), (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x20000, 0x2FA1F),
)  # fmt: skip
_CASED = ((0x41, 0x24F), (0x250, 0x2AF), (0x370, 0x3FF), (0x400, 0x4FF), (0x1D00, 0x1D9A), (0x1E00, 0x1EFF),
          (0x2C60, 0x2C7F), (0xA722, 0xA7FA), (0xAB30, 0xAB64), (0xFF21, 0xFF5A))

# Words that keep their point, as spaCy's English tokenizer has them.
_WITH_POINT = (
    "Adm Ak Ala Apr Ariz Ark Aug Bros Calif Co Colo Conn Corp D.C Dec Del Dr E.G E.g Feb Fla Ga Gen Gov I.E I.e Ia "
    "Id Ill Inc Ind Jan Jr Jul Jun Kan Kans Ky La Ltd Mar Mass Md Messrs Mich Minn Miss Mo Mont Mr Mrs Ms Mt N.C "
    "N.D N.H N.J N.M N.Y Neb Nebr Nev Nov Oct Okla Ore Pa Ph.D Prof Rep Rev S.C Sen Sep Sept St Tenn Va Wash Wis "
    "a.m co e.g i.e p.m v.s vs a b c d e f g h i j k l m n o p q r s t u v w x y z ä ö ü "
)
POINTED = tuple(_WITH_POINT.split()) + tuple(f"{hour}{half}.m" for hour in range(1, 13) for half in "ap")
# Words after whose point a sentence goes on, in small letters: common ones of those that Punkt's English model knows.
_SHORTENED = (
    "adm aug ave bros co col corp dec dr feb ft gen inc jan jr lt ltd maj messrs mr mrs ms nov oct ph.d prof rep "
    "sen sep sept sr st u.k u.s vs a.m p.m d.c u.n c d e f g h k l m n p r s t v w "
)
ABBREVIATIONS = tuple(_SHORTENED.split())
# Words that begin a sentence wherever they have a capital.
_FIRST_WORDS = (
    "After All Although An And Are As At Because But By Did Do Does Each Find For From He Her His How However If In "
    "Is It Its Let Many No Now On One Our She Since So Some Such That The Their Then There These They This Those "
    "Though To Was We What When Where Which While Who Why Will With You Your Solve Suppose Give Put Round Collect "
    "Expand Simplify Rewrite "
)
STARTERS = tuple(_FIRST_WORDS.split())
_SLOTS_BITS = 10
_SLOT_SHIFT = np.uint64(64 - _SLOTS_BITS)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LOWER_CASE = np.uint64(0x2020202020202020)
_LONGEST = 8  # bytes of a word in a table
POINT = 0x2E


def _table(words: Iterable[str]) -> Any:
    """Words of at most eight bytes as little-endian numbers, in open addressing."""
    table = np.zeros(1 << _SLOTS_BITS, np.uint64)
    for word in words:
        number = int.from_bytes(word.encode(), "little")
        slot = number * int(_MULTIPLIER) % (1 << 64) >> int(_SLOT_SHIFT)
        while table[slot] and table[slot] != number:
            slot = (slot + 1) % len(table)
        table[slot] = number
    return table


_POINTED_TABLE, _ABBREVIATIONS_TABLE, _STARTERS_TABLE = _table(POINTED), _table(ABBREVIATIONS), _table(STARTERS)


@functools.cache
def marks() -> Any:
    """The bits of every code point; shape (DECODABLE,), uint16."""
    known, kinds = classes(), categories()
    table = np.zeros(len(known), np.uint16)
    table[(kinds & PUNCTUATION) != 0] |= MARK
    table[(known & _SPACE) != 0] |= SPACE
    table[(known & DIGIT) != 0] |= DECIMAL
    table[(kinds & WORD) != 0] |= WORD_CHARACTER
    table[(kinds & OTHER_SYMBOL) != 0] |= PREFIX | SUFFIX
    for characters, bits in ((FULL_STOPS, STOP), (_PUNCTUATION, PREFIX | SUFFIX | BEFORE_POINT), ("§%=—–", PREFIX),
                             (_QUOTES, PREFIX | SUFFIX | BEFORE_POINT | BEFORE_INNER | AFTER_INNER), (_CURRENCIES, PREFIX),
                             ("—–", SUFFIX), ("0123456789%²-+|", BEFORE_POINT)):
        table[[ord(character) for character in characters]] |= bits
    for first, last in _CASED:
        piece, letters = table[first:last + 1], known[first:last + 1]
        capital = (letters & _UPPER) != 0
        piece[capital] |= CAPITALS | AFTER_INNER
        piece[((letters & LETTER) != 0) & ~capital] |= BEFORE_POINT | BEFORE_INNER
    for first, last in _CASELESS:
        table[first:last + 1] |= BEFORE_POINT | CAPITALS | BEFORE_INNER | AFTER_INNER
    table[0x3000] &= ~np.uint16(BEFORE_POINT | CAPITALS | BEFORE_INNER | AFTER_INNER)
    table.flags.writeable = False
    return table


@inlined
def _listed(table: Any, number: Any) -> bool:
    """Whether a word, as a number, is in the table."""
    slot = np.int64((number * _MULTIPLIER) >> _SLOT_SHIFT)
    while table[slot] != NONE:
        if table[slot] == number:
            return True
        slot = (slot + 1) & ((1 << _SLOTS_BITS) - 1)
    return False


@kernel
def _next_mark(address: int, length: int, at: int, wide: bool) -> int:
    """Where . ! ? comes next, or with ``wide`` a byte beyond ASCII; ``length`` where none does."""
    while at < length:
        block = address + at
        found = equal(block, POINT) | equal(block, 0x21) | equal(block, 0x3F)
        if wide:
            found |= between(block, 0x80, 0xFF)
        found &= low_bits(length - at)
        if found != NONE:
            return at + lowest(found)
        at += 64
    return length


@inlined
def _fed(state: int, bits: int) -> int:
    """The state after a token: twice the sentences that have begun, plus one where the last may have ended."""
    if bits & STOP:
        return state | 1
    return state + (state & 1) if bits & MARK == 0 else state


@kernel
def count_by_tokens(address: int, length: int, table: Any) -> int:
    """Sentences of the ``length`` bytes at an address, by spaCy's rules; ``table`` is ``marks()``."""
    state, at = 2, 0
    while at < length:
        start = at
        if state & 1:
            start = after_spaces(address, length, at, table)
            # One space belongs to the word before it; more whitespace is a token.
            if start - at > 1 or (start > at and byte_at(address + at) != 0x20):
                state = _fed(state, 0)
        else:
            mark = _next_mark(address, length, at, True)
            if mark == length:
                break
            start = mark
            while start > at and byte_at(address + start - 1) > 0x20:
                start -= 1
            start = after_spaces(address, length, start, table)
        at = _after_word(address, length, start, table)
        if at > start:
            state = _read_word(address + start, address + at, state, table)
    return state >> 1


@kernel
def after_spaces(address: int, length: int, at: int, table: Any) -> int:
    """The first position from ``at`` that is not of whitespace."""
    while at < length and table[decode(address + at)] & SPACE:
        at += width(byte_at(address + at))
    return at


@kernel
def _after_word(address: int, length: int, at: int, table: Any) -> int:
    while at < length:
        byte = byte_at(address + at)
        if (byte <= 0x20 or byte >= 0x80) and table[decode(address + at)] & SPACE:
            break
        at += width(byte)
    return at


@kernel
def _read_word(start: int, stop: int, state: int, table: Any) -> int:
    """The state after the tokens of one word: what stands before it, the word, what stands after it."""
    low, high, size = start, stop, -1
    while low < high and high - low != size and not _is_pointed(low, high):
        size = high - low
        before = _prefix(low, high, table)
        if before > 0 and _is_pointed(low + before, high):
            state = _fed(state, _affix_bits(low, before, table))
            low += before
            break
        after = _suffix(low + before, high, table)
        if after > 0 and _is_pointed(low, high - after):
            high -= after
            break
        if before > 0:
            state = _fed(state, _affix_bits(low, before, table))
            low += before
        high -= after
    state = _read_middle(low, high, state, table)
    while high < stop:
        size = width(byte_at(high))
        while byte_at(high) == POINT and high + size < stop and byte_at(high + size) == POINT:
            size += 1
        state = _fed(state, _affix_bits(high, size, table))
        high += size
    return state


@inlined
def _affix_bits(at: int, size: int, table: Any) -> int:
    """Bits of a token split off a word; several points are punctuation that ends nothing."""
    bits: Any = np.int64(table[decode(at)])
    return MARK if byte_at(at) == POINT and size > 1 else bits


@inlined
def _is_pointed(start: int, stop: int) -> bool:
    """Whether a word is one that keeps its point."""
    size = stop - start - 1
    if size < 1 or size > _LONGEST or byte_at(stop - 1) != POINT:
        return False
    return _listed(_POINTED_TABLE, word_at(start) & low_bits(8 * size))


@inlined
def _prefix(start: int, stop: int, table: Any) -> int:
    """Bytes of the token that is split off the start, 0 for none."""
    first = byte_at(start)
    if first == POINT:
        at = start
        while at < stop and byte_at(at) == POINT:
            at += 1
        return at - start if at - start > 1 else 0
    if first == 0x2B:  # +
        return 0 if start + 1 < stop and 0x30 <= byte_at(start + 1) <= 0x39 else 1
    return min(width(first), stop - start) if table[decode(start)] & PREFIX else 0


@inlined
def _suffix(start: int, stop: int, table: Any) -> int:
    """Bytes of the token that is split off the end, 0 for none."""
    if start >= stop:
        return 0
    last = previous(start, stop)
    if byte_at(last) != POINT:
        return stop - last if table[decode(last)] & SUFFIX else 0
    at = last
    while at > start and byte_at(at - 1) == POINT:
        at -= 1
    if stop - at > 1 or at == start:
        return stop - at if stop - at > 1 else 0
    one = previous(start, at)
    bits = table[decode(one)]
    if bits & BEFORE_POINT:
        return 1
    if one == start:
        return 0
    two = previous(start, one)
    if byte_at(two) == 0xC2 and byte_at(two + 1) == 0xB0:  # °C.
        letter = byte_at(one) | 0x20
        return 1 if letter == 0x63 or letter == 0x66 or letter == 0x6B else 0
    return 1 if bits & table[decode(two)] & CAPITALS else 0


@kernel
def _read_middle(start: int, stop: int, state: int, table: Any) -> int:
    """The state after a word without its affixes, which points between a small letter and a capital still split."""
    if start >= stop:
        return state
    bits: Any = np.int64(table[decode(start)])
    if start + width(byte_at(start)) >= stop:
        return _fed(state, bits)
    if _is_pointed(start, stop):
        return _fed(state, 0)
    splits = not _is_address(start, stop, table)
    before: Any = 0
    at = start
    while at < stop:
        byte = byte_at(at)
        bits = np.int64(table[decode(at)])
        after = at + width(byte)
        if byte == POINT and splits and before & BEFORE_INNER and after < stop and table[decode(after)] & AFTER_INNER:
            state = _fed(state, STOP)
        else:
            state = _fed(state, bits & MARK)
        before, at = bits, after
    return state


@kernel
def _is_address(start: int, stop: int, table: Any) -> bool:
    """Whether the word looks like a host name: its last label, before any path, is of two or more small letters."""
    at = start
    while at + 2 < stop and not (byte_at(at) == 0x3A and byte_at(at + 1) == 0x2F and byte_at(at + 2) == 0x2F):
        at += 1
    at = at + 3 if at + 2 < stop else start
    label = letters = points = 0
    while at < stop:
        byte = byte_at(at)
        if byte == 0x2F or byte == 0x3F or byte == 0x23 or byte == 0x3A:
            break
        if byte == POINT:
            points, label, letters = points + 1, 0, 0
        else:
            label += 1
            letters += (table[decode(at)] & BEFORE_INNER) != 0 and byte != 0x27 and byte != 0x22
        at += width(byte)
    return points > 0 and label >= 2 and label == letters


@kernel
def count_by_spaces(address: int, length: int, table: Any) -> int:
    """Sentences of the ``length`` bytes at an address, by the rules that stand in for Punkt; ``table`` is ``marks()``."""
    if after_spaces(address, length, 0, table) == length:
        return 0
    sentences, at = 1, 0
    while at < length:
        mark = _next_mark(address, length, at, False)
        at, points = mark, 0
        while at < length and (
                byte_at(address + at) == POINT or byte_at(address + at) == 0x21 or byte_at(address + at) == 0x3F):
            points += byte_at(address + at) == POINT
            at += 1
        last = byte_at(address + at - 1)
        end = _after_closers(address, length, at)
        after = after_spaces(address, length, end, table)
        if end < after < length:
            goes_on = last == POINT and _goes_on(address, mark, at - mark, after, length)
            sentences += not goes_on
        at = max(after, at)
    return sentences


@inlined
def _after_closers(address: int, length: int, at: int) -> int:
    """Where the quotes and brackets that close at ``at`` end."""
    while at < length:
        byte = byte_at(address + at)
        if byte == 0x22 or byte == 0x27 or byte == 0x29 or byte == 0x5D or byte == 0x7D:
            at += 1
        elif byte == 0xE2 and at + 2 < length and byte_at(address + at + 1) == 0x80 \
                and (byte_at(address + at + 2) == 0x9D or byte_at(address + at + 2) == 0x99):
            at += 3
        else:
            break
    return at


@kernel
def _goes_on(address: int, mark: int, marks: int, after: int, length: int) -> bool:
    """Whether the sentence goes on after points at ``mark``, before the word at ``after``."""
    follower, size = byte_at(address + after), 0
    while after + size < length and size <= _LONGEST and 0x61 <= byte_at(address + after + size) | 0x20 <= 0x7A:
        size += 1
    if 0 < size <= _LONGEST and _listed(_STARTERS_TABLE, word_at(address + after) & low_bits(8 * size)):
        return False
    if marks > 1:
        return True
    size = 0
    while size <= _LONGEST and mark - size > 0 and (
            0x61 <= byte_at(address + mark - size - 1) | 0x20 <= 0x7A or byte_at(address + mark - size - 1) == POINT):
        size += 1
    before = byte_at(address + mark - size - 1) if mark > size else 0x20
    is_number = 0x30 <= before <= 0x39
    if size == 0:
        return before <= 0x20 or (is_number and 0x61 <= follower <= 0x7A)
    if size > _LONGEST or is_number or before >= 0x80:
        return False
    if size == 1 and 0x41 <= byte_at(address + mark - 1) <= 0x5A and 0x41 <= follower <= 0x5A:
        return True
    return _listed(_ABBREVIATIONS_TABLE, _small(word_at(address + mark - size), size))


@inlined
def _small(number: Any, size: int) -> Any:
    """The first ``size`` bytes of a number in small letters; points stay what they are."""
    # A point has bit 0x20 set already.
    return (number | _LOWER_CASE) & low_bits(8 * size)
