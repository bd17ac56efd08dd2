"""Kernels that find card numbers, IBANs and telephone numbers; ``quality.pii`` states their grammars."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.pii_spans import (
    ALNUM,
    CARD,
    DIGIT,
    IBAN,
    LETTER,
    PHONE,
    UPPER,
    added,
    digits_near,
    is_a,
    peek,
    run_end,
)
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    TOP,
    between,
    byte_at,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)
from corpusmill.operators.text.wordbreak import CLASS, EXTEND, FORMAT, HEBREW, NUMERIC, ZWJ
from corpusmill.operators.text.wordbreak import LETTER as ALPHABETIC
from corpusmill.operators.text.words import decode, previous

# Characters of an IBAN by country (ISO 13616, the registry that SWIFT keeps).
IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
    26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip

PLUS, OPEN, CLOSE, SPACE, HYPHEN, DOT, SLASH, COLON, EQUALS = b"+() -./:="
_LOWER_CASE = np.uint64(0x2020202020202020)

# Country codes in use (ITU-T E.164, assigned codes); 1 is for North America alone, whose numbers have ten digits.
COUNTRY_CODES = (
    "7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 "
    "93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 "
    "242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 "
    "298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385 386 387 389 "
    "420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 "
    "678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 "
    "961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998"
)


def _lengths() -> Any:
    table = np.zeros(26 * 26, np.int64)
    for length, countries in IBAN_LENGTHS.items():
        for country in countries.split():
            table[(ord(country[0]) - 65) * 26 + ord(country[1]) - 65] = length
    return table


def _codes() -> Any:
    """By their first three digits, the numbers whose country code is in use."""
    table = np.zeros(1000, np.bool_)
    for code in COUNTRY_CODES.split():
        places = 10 ** (3 - len(code))
        table[int(code) * places:(int(code) + 1) * places] = True
    return table


_LENGTHS, _CODES = _lengths(), _codes()
_TEL, _FAX, _CELL, _PHONE, _MOBILE, _TELEPHONE = (
    np.uint64(int.from_bytes(name, "little")) for name in (b"tel", b"fax", b"cell", b"phone", b"mobile", b"telephon"))


@kernel
def find_ibans(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every IBAN: two capitals, two check digits, as many characters as the country has, 1 modulo 97."""
    floor = 0
    for at in range(0, length, 64):
        block = address + at
        found = between(block + 2, 0x30, 0x39) & between(block + 3, 0x30, 0x39) & low_bits(length - at)
        if found != NONE:
            found &= between(block, 0x41, 0x5A) & between(block + 1, 0x41, 0x5A)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            end = _iban_end(address, here, length) if here >= floor else 0
            if end > 0:
                spans = added(spans, n, here, end, IBAN)
                n, floor = n + 1, end
    return spans, n


@kernel
def _iban_end(address: int, start: int, length: int) -> int:
    """Where the IBAN ends that begins here; 0 where none does."""
    if is_a(peek(address, start - 1, length), ALNUM):
        return 0
    size = _LENGTHS[(byte_at(address + start) - 65) * 26 + byte_at(address + start + 1) - 65]
    grouped = peek(address, start + 4, length) == SPACE
    end = start + size + (grouped * (size - 1) >> 2)
    if size == 0 or end > length or is_a(peek(address, end, length), ALNUM):
        return 0
    remainder, at = 0, start + 4
    for i in range(4, size):
        if grouped and i & 3 == 0:
            if byte_at(address + at) != SPACE:
                return 0
            at += 1
        byte = byte_at(address + at)
        if not is_a(byte, DIGIT | UPPER):
            return 0
        remainder = _modulo_97(remainder, byte)
        at += 1
    for i in range(4):
        remainder = _modulo_97(remainder, byte_at(address + start + i))
    return end if remainder == 1 else 0


@inlined
def _modulo_97(remainder: int, byte: int) -> int:
    return (remainder * 10 + byte - 48) % 97 if byte < 65 else (remainder * 100 + byte - 55) % 97


@kernel
def find_cards(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every payment card number: an issuer's prefix and length, a layout in use, Luhn's check digit."""
    floor, before = 0, NONE
    for at in range(0, length, 64):
        digits = between(address + at, 0x30, 0x39) & low_bits(length - at)
        starts = digits & ~(digits << ONE | before)
        before = digits >> TOP
        while starts != NONE:
            here = at + lowest(starts)
            starts &= starts - ONE
            if here >= floor and digits_near(address, here, length) >= 13:
                end = _card_end(address, here, length)
                if end and _is_card(address, here, end):
                    spans = added(spans, n, here, end, CARD)
                    n, floor = n + 1, end
    return spans, n


@kernel
def _card_end(address: int, start: int, length: int) -> int:
    """Where digits in a card's layout end: 13 to 19 together, or 4-4-4-4, 4-6-5, 4-6-4 with spaces or hyphens."""
    before = peek(address, start - 1, length)
    if is_a(before, LETTER) or before in (DOT, SLASH, EQUALS):
        return 0
    if before == HYPHEN and is_a(peek(address, start - 2, length), DIGIT):
        return 0
    end = run_end(address, start, min(length, start + 20), DIGIT)
    if end == start + 4:
        separator = peek(address, end, length)
        if separator != SPACE and separator != HYPHEN:
            return 0
        second = run_end(address, end + 1, length, DIGIT) - end - 1
        third_at = end + second + 2
        if (second != 4 and second != 6) or peek(address, third_at - 1, length) != separator:
            return 0
        end = run_end(address, third_at, min(length, third_at + 6), DIGIT)
        if second == 4:
            if end != third_at + 4 or peek(address, end, length) != separator:
                return 0
            end = run_end(address, end + 1, min(length, end + 6), DIGIT)
            if end != third_at + 9:
                return 0
        elif end != third_at + 5 and end != third_at + 4:
            return 0
    elif not 13 <= end - start <= 19:
        return 0
    return end if _ends(address, end, length) else 0


@inlined
def _ends(address: int, end: int, length: int) -> bool:
    """Whether a number may end here: no letter or digit follows, nor a hyphen or full stop with a digit."""
    after = peek(address, end, length)
    joined = (after in (HYPHEN, DOT)) and is_a(peek(address, end + 1, length), DIGIT)
    return not is_a(after, ALNUM) and not joined


@kernel
def _is_card(address: int, start: int, end: int) -> bool:
    total, size, prefix = 0, 0, 0
    for at in range(end - 1, start - 1, -1):
        value = byte_at(address + at) - 48
        if 0 <= value <= 9:
            doubled = 2 * value
            total += value if size & 1 == 0 else doubled - 9 * (doubled > 9)
            size += 1
    for at in range(start, start + 4):
        prefix = prefix * 10 + byte_at(address + at) - 48
    return total % 10 == 0 and _issued(prefix, size)


@kernel
def _issued(prefix: int, size: int) -> bool:
    """Whether an issuer numbers cards so: the first four digits, and how many there are."""
    two, three = prefix // 100, prefix // 10
    if prefix // 1000 == 4:
        return size == 13 or size == 16
    if 51 <= two <= 55 or 2221 <= prefix <= 2720:
        return size == 16
    if two == 34 or two == 37:
        return size == 15
    if 300 <= three <= 305 or prefix == 3095 or two == 36 or two == 38 or two == 39:
        return size == 14
    if two == 62:
        return size == 16 or size == 19
    return size == 16 and (prefix == 6011 or 644 <= three <= 649 or two == 65 or 3528 <= prefix <= 3589)


@kernel
def find_phones(address: int, length: int, breaks: int, spans: Any, n: int) -> Any:
    """Add every telephone number: international, named as one, or in the layout of North America.

    ``breaks`` is the address of ``wordbreak.properties()``.
    """
    floor, before = 0, NONE
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        digits = between(block, 0x30, 0x39) & valid
        starts = digits & ~(digits << ONE | before)
        before = digits >> TOP
        starts |= (equal(block, PLUS) | equal(block, OPEN)) & between(block + 1, 0x30, 0x39) & valid
        while starts != NONE:
            here = at + lowest(starts)
            starts &= starts - ONE
            if here >= floor and digits_near(address, here, length) >= 7:
                end = _phone_end(address, here, length, breaks)
                if end > 0:
                    spans = added(spans, n, here, end, PHONE)
                    n, floor = n + 1, end
    return spans, n


@kernel
def _phone_end(address: int, start: int, length: int, breaks: int) -> int:
    """Where the telephone number ends that begins here; 0 where none does."""
    first, before = byte_at(address + start), peek(address, start - 1, length)
    if is_a(before, ALNUM) or before == PLUS:
        return 0
    if first == PLUS:
        end, digits = _body(address, start + 1, length)
        return end if 8 <= digits <= 15 and _is_called(address, start + 1, end, digits) else 0
    if _is_labelled(address, start, length, breaks):
        end, digits = _body(address, start, length)
        if 7 <= digits <= 15:
            return end
    joined = before in (HYPHEN, DOT, SLASH)
    if joined and is_a(peek(address, start - 2, length), DIGIT):
        return 0
    return _north_american(address, start, length)


@kernel
def _is_called(address: int, start: int, end: int, digits: int) -> bool:
    """Whether the first digits are a country code in use; behind 1 come ten digits of which the first is 2 to 9."""
    code = seen = 0
    at = start
    while seen < 3 and at < end:
        byte = byte_at(address + at)
        if is_a(byte, DIGIT):
            code, seen = code * 10 + byte - 48, seen + 1
        at += 1
    return digits == 11 and code >= 120 if code < 200 else bool(_CODES[code])


@kernel
def _body(address: int, start: int, length: int) -> tuple[int, int]:
    """Digits with single separators between, one group of them perhaps in parentheses: where they end, and how many.

    No digits where a letter or digit follows.
    """
    at, end, digits, grouped = start, start, 0, False
    while digits <= 15:
        byte = peek(address, at, length)
        if at > start and (byte in (SPACE, DOT, SLASH, HYPHEN)):
            at += 1
            byte = peek(address, at, length)
        if is_a(byte, DIGIT):
            at, digits = at + 1, digits + 1
        elif byte == OPEN and not grouped:
            close = run_end(address, at + 1, min(length, at + 6), DIGIT)
            if not 1 <= close - at - 1 <= 4 or peek(address, close, length) != CLOSE:
                break
            digits, at, grouped = digits + close - at - 1, close + 1, True
        else:
            break
        end = at
    return (end, 0) if is_a(peek(address, end, length), ALNUM) else (end, digits)


@kernel
def _is_labelled(address: int, start: int, length: int, breaks: int) -> bool:
    """Whether the word tel, telephone, phone, fax, mobile or cell stands before, then one to three of space, . and colon."""
    end = start
    while start - end < 4:
        byte = peek(address, end - 1, length)
        if byte != SPACE and byte != DOT and byte != COLON:
            break
        end -= 1
    if not 1 <= start - end <= 3:
        return False
    first = end
    while end - first < 10 and is_a(peek(address, first - 1, length), LETTER):
        first -= 1
    size = end - first
    word = (word_at(address + first) | _LOWER_CASE) & low_bits(8 * min(size, 8)) if size else NONE
    named = ((size == 3 and word in (_TEL, _FAX)) or (size == 4 and word == _CELL) or (size == 5 and word == _PHONE)
             or (size == 6 and word == _MOBILE)
             or (size == 9 and word == _TELEPHONE and byte_at(address + end - 1) | 0x20 == 0x65))
    return named and _begins_word(address, first, breaks)


@kernel
def _begins_word(address: int, at: int, breaks: int) -> bool:
    """Whether no letter or digit of a word, marks on it left out, stands before ``at``: by UAX #29, but _ parts words."""
    while at > 0:
        at = previous(address, address + at) - address
        kind = byte_at(breaks + decode(address + at)) & CLASS
        if kind not in (EXTEND, FORMAT, ZWJ):
            return kind not in (ALPHABETIC, HEBREW, NUMERIC)
    return True


@kernel
def _north_american(address: int, start: int, length: int) -> int:
    """Where (2xx) 2xx-xxxx, 2xx-2xx-xxxx or 2xx.2xx.xxxx ends, the latter two perhaps with a 1 before; 0 elsewhere."""
    at = start
    if byte_at(address + start) == OPEN:
        if not _is_area(address, at + 1, length) or peek(address, at + 4, length) != CLOSE:
            return 0
        at += 5 + (peek(address, at + 5, length) == SPACE)
        between_groups = peek(address, at + 3, length)
        fits = between_groups in (SPACE, DOT, HYPHEN)
    else:
        after = peek(address, at + 1, length)
        if byte_at(address + at) == 0x31 and (after in (SPACE, DOT, HYPHEN)):
            at += 2
        between_groups = peek(address, at + 3, length)
        fits = _is_area(address, at, length) and (between_groups in (DOT, HYPHEN))
        at += 4
        fits = fits and peek(address, at + 3, length) == between_groups
    end = run_end(address, at + 4, min(length, at + 9), DIGIT)
    return end if fits and _is_area(address, at, length) and end == at + 8 and _ends(address, end, length) else 0


@kernel
def _is_area(address: int, at: int, length: int) -> bool:
    """Three digits of which the first is 2 to 9."""
    first = peek(address, at, length)
    others = is_a(peek(address, at + 1, length), DIGIT) and is_a(peek(address, at + 2, length), DIGIT)
    return 0x32 <= first <= 0x39 and others
