"""Kernels that find keys and tokens; ``quality.pii`` lists their shapes.

Shapes begin with a fixed prefix. A run of token characters is looked at only from its beginning, so that no text is read
more than a few times.
"""

from typing import Any

import numpy as np

from corpusmill.operators.quality.pii_spans import (
    ALNUM,
    BASE64,
    DIGIT,
    KEY,
    LETTER,
    TOKEN,
    UPPER,
    added,
    is_a,
    lower_word_before,
    peek,
    reversed_word,
    run_end,
)
from corpusmill.operators.text.simd import (
    NONE,
    ONE,
    between,
    byte_at,
    count_ones,
    equal,
    inlined,
    kernel,
    low_bits,
    lowest,
    word_at,
)

HYPHEN, UNDERSCORE, DOT, EQUALS, COLON, GREATER, OPEN = b"-_.=:>("

# Prefix, classes of what follows, and how many of it: as the providers document them.
SHAPES = (
    *((prefix, UPPER | DIGIT, 16, 16) for prefix in ("AKIA", "ASIA")),  # AWS access key ids
    *((f"gh{kind}_", ALNUM, 36, 251) for kind in "pousr"),  # GitHub
    ("github_p", TOKEN, 85, 85),  # github_pat_ and 82 more
    ("glpat-", TOKEN, 20, 64),  # GitLab
    *((f"xox{kind}-", TOKEN, 10, 250) for kind in "abeoprs"),  # Slack
    *((f"{kind}k_{mode}_", ALNUM, 16, 247) for kind in "sr" for mode in ("live", "test")),  # Stripe
    ("AIza", TOKEN, 35, 35),  # Google
    ("npm_", ALNUM, 36, 36),
    ("pypi-AgE", TOKEN, 50, 500),
    ("hf_", ALNUM, 30, 40),  # Hugging Face
    ("sk-", TOKEN, 32, 250),  # OpenAI, Anthropic
)
LEAST_VALUE, MOST_VALUE, LEAST_DISTINCT = 20, 200, 10  # characters of a value that stands behind a name
LONGEST_LABEL = 60

_PREFIXES = np.array([int.from_bytes(shape[0].encode(), "little") for shape in SHAPES], np.uint64)
_SIZES = np.array([len(shape[0]) for shape in SHAPES], np.int64)
_RULES = np.array([shape[1:] for shape in SHAPES], np.int64)
_JWT = np.uint64(int.from_bytes(b"eyJ", "little"))
_BEGIN = np.uint64(int.from_bytes(b"-----BEG", "little"))
_END = np.uint64(int.from_bytes(b"-----END", "little"))
_NAMES = np.array([reversed_word(name) for name in ("token", "secret", "passwd", "password")], np.uint64)
_NAME_BITS = np.array([40, 48, 48, 64], np.int64)
_OWNERS = np.array([reversed_word(name) for name in ("api", "auth", "access", "secret", "private")], np.uint64)
_OWNER_BITS = np.array([24, 32, 48, 48, 56], np.int64)
_KEY_WORD = reversed_word("key")
_BLOCK_WORD, _ATE_KEY, _PRIV = reversed_word(" block"), reversed_word("vate key"), reversed_word("pri")


@inlined
def _anchors(block: int) -> Any:
    """Where a shape may begin."""
    capital, small = equal(block, 0x41), equal(block, 0x67)
    found = capital & equal(block + 2, 0x49) & equal(block + 3, 0x41)
    found |= capital & equal(block + 1, 0x49) & equal(block + 2, 0x7A)
    found |= small & ((equal(block + 1, 0x68) & equal(block + 3, UNDERSCORE)) | (equal(block + 6, UNDERSCORE))
                      | (equal(block + 1, 0x6C) & equal(block + 5, HYPHEN)))
    found |= equal(block, 0x78) & equal(block + 2, 0x78) & equal(block + 4, HYPHEN)
    found |= equal(block + 1, 0x6B) & (equal(block + 2, UNDERSCORE) | equal(block + 2, HYPHEN))
    found |= equal(block, 0x6E) & equal(block + 1, 0x70) & equal(block + 3, UNDERSCORE)
    found |= equal(block, 0x70) & equal(block + 1, 0x79) & equal(block + 4, HYPHEN)
    found |= equal(block, 0x68) & equal(block + 1, 0x66) & equal(block + 2, UNDERSCORE)
    found |= equal(block, 0x65) & equal(block + 1, 0x79) & equal(block + 2, 0x4A)
    return found | (equal(block, HYPHEN) & equal(block + 5, 0x42) & equal(block + 6, 0x45))


@kernel
def find_secrets(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every key that has a shape of its own."""
    floor = 0
    for at in range(0, length, 64):
        found = _anchors(address + at) & low_bits(length - at)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            if here < floor:
                continue
            end = _pem_end(address, here, length) if byte_at(address + here) == HYPHEN else _token_end(address, here, length)
            if end:
                spans = added(spans, n, here, end, KEY)
                n, floor = n + 1, end
    return spans, n


@kernel
def _token_end(address: int, start: int, length: int) -> int:
    """Where the token ends that begins here; 0 where none does."""
    if is_a(peek(address, start - 1, length), TOKEN):
        return 0
    word = word_at(address + start)
    if word & low_bits(24) == _JWT:
        return _jwt_end(address, start, length)
    for i in range(len(_PREFIXES)):
        if word & low_bits(8 * _SIZES[i]) == _PREFIXES[i]:
            first = start + _SIZES[i]
            end = run_end(address, first, length, _RULES[i, 0])
            fits = _RULES[i, 1] <= end - first <= _RULES[i, 2] and not is_a(peek(address, end, length), TOKEN)
            return end if fits else 0
    return 0


@kernel
def _jwt_end(address: int, start: int, length: int) -> int:
    """Where three parts of base64url end, of which the first two begin as JSON objects do."""
    at = start
    for part in range(3):
        begins = word_at(address + at) & low_bits(24) == _JWT
        end = run_end(address, at, length, TOKEN)
        if end - at < 13 or (part < 2 and not begins):
            return 0
        if part < 2 and peek(address, end, length) != DOT:
            return 0
        at = end + 1
    return at - 1


@kernel
def _pem_end(address: int, start: int, length: int) -> int:
    """Where a PEM block of a private key ends, ASCII throughout; 0 where none begins here, or it is not closed."""
    if word_at(address + start) != _BEGIN or not _spells(address, start + 8, length, 0x49, 0x4E, 0x20):
        return 0
    label = start + 11
    stop = label
    while stop < length and stop - label <= LONGEST_LABEL and (
            is_a(byte_at(address + stop), UPPER | DIGIT) or byte_at(address + stop) == 0x20):
        stop += 1
    if stop - label > LONGEST_LABEL or not _is_private_key(address, label, stop, length) or not _hyphens(address, stop, length):
        return 0
    body = stop + 5
    close = _next_hyphens(address, body, length)
    size = stop - label
    end = close + 9 + size + 5
    if close < 0 or end > length or word_at(address + close) != _END or byte_at(address + close + 8) != 0x20:
        return 0
    for i in range(size):
        if byte_at(address + close + 9 + i) != byte_at(address + label + i):
            return 0
    return end if _hyphens(address, end - 5, length) else 0


@kernel
def _spells(address: int, at: int, length: int, first: int, second: int, third: int) -> bool:
    return peek(address, at, length) == first and peek(address, at + 1, length) == second \
        and peek(address, at + 2, length) == third


@kernel
def _is_private_key(address: int, label: int, stop: int, length: int) -> bool:
    """Whether a label ends in PRIVATE KEY, or in PRIVATE KEY BLOCK."""
    if stop - label >= 17 and lower_word_before(address, stop, length) & low_bits(48) == _BLOCK_WORD:
        stop -= 6
    return stop - label >= 11 and bool(lower_word_before(address, stop, length) == _ATE_KEY
                                       and lower_word_before(address, stop - 8, length) & low_bits(24) == _PRIV)


@inlined
def _five_hyphens(block: int) -> Any:
    pairs = equal(block, HYPHEN) & equal(block + 1, HYPHEN)
    return pairs & equal(block + 2, HYPHEN) & equal(block + 3, HYPHEN) & equal(block + 4, HYPHEN)


@kernel
def _hyphens(address: int, at: int, length: int) -> bool:
    """Whether five hyphens stand here."""
    return at + 5 <= length and _five_hyphens(address + at) & ONE != NONE


@kernel
def _next_hyphens(address: int, at: int, length: int) -> int:
    """Where five hyphens come next; -1 where none do, or something that is not ASCII comes before."""
    while at < length:
        valid = low_bits(length - at)
        hyphens, wide = _five_hyphens(address + at) & valid, between(address + at, 0x80, 0xFF) & valid
        if hyphens | wide != NONE:
            return at + lowest(hyphens) if lowest(hyphens) < lowest(wide) else -1
        at += 64
    return -1


@kernel
def find_assigned(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every value behind a name such as ``api_key =`` or ``"password":`` that looks drawn at random."""
    floor = 0
    for at in range(0, length, 64):
        block = address + at
        found = (equal(block, EQUALS) | equal(block, COLON)) & low_bits(length - at)
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            if here >= floor and _is_named(address, here, length):
                start = _value_start(address, here, length)
                end = _value_end(address, start, length)
                if end:
                    spans = added(spans, n, start, end, KEY)
                    n, floor = n + 1, end
    return spans, n


@inlined
def _is_quote(byte: int) -> bool:
    return byte == 0x22 or byte == 0x27 or byte == 0x60


@inlined
def _is_blank(byte: int) -> bool:
    return byte == 0x20 or byte == 0x09


@kernel
def _is_named(address: int, sign: int, length: int) -> bool:
    """Whether a secret's name stands before the sign: perhaps a quote and a blank are between."""
    end = sign
    end -= _is_blank(peek(address, end - 1, length))
    end -= _is_quote(peek(address, end - 1, length))
    last = peek(address, end - 1, length) | 0x20
    if last != 0x79 and last != 0x6E and last != 0x74 and last != 0x64:
        return False
    word = lower_word_before(address, end, length)
    for i in range(len(_NAMES)):
        if word & low_bits(_NAME_BITS[i]) == _NAMES[i]:
            return True
    if word & low_bits(24) != _KEY_WORD:
        return False
    end -= 3
    before = peek(address, end - 1, length)
    end -= before in (HYPHEN, UNDERSCORE)
    word = lower_word_before(address, end, length)
    for i in range(len(_OWNERS)):
        if word & low_bits(_OWNER_BITS[i]) == _OWNERS[i]:
            return True
    return False


@kernel
def _value_start(address: int, sign: int, length: int) -> int:
    """Where the value behind = or : or := or => begins: a blank and a quote may be between."""
    at, after = sign + 1, peek(address, sign + 1, length)
    at += after == (EQUALS if byte_at(address + sign) == COLON else GREATER)
    at += _is_blank(peek(address, at, length))
    return at + _is_quote(peek(address, at, length))


@kernel
def _value_end(address: int, start: int, length: int) -> int:
    """Where a value ends that looks random; 0 where it does not.

    Twenty to 200 characters of base64 in either alphabet, two digits, two letters, and ten distinct characters, which
    stands for a bound on entropy: a count is the same on every machine.
    """
    end = run_end(address, start, length, BASE64)
    if not LEAST_VALUE <= end - start <= MOST_VALUE or peek(address, end, length) == OPEN:
        return 0
    digits, letters, low, high = 0, 0, NONE, NONE
    for at in range(start, end):
        byte = byte_at(address + at)
        digits += is_a(byte, DIGIT)
        letters += is_a(byte, LETTER)
        if byte < 64:
            low |= ONE << np.uint64(byte)
        else:
            high |= ONE << np.uint64(byte - 64)
    if digits < 2 or letters < 2 or count_ones(low) + count_ones(high) < LEAST_DISTINCT:
        return 0
    return end + (peek(address, end, length) == EQUALS) + (
        peek(address, end, length) == EQUALS and peek(address, end + 1, length) == EQUALS)
