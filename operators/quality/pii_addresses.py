"""Kernels that find email addresses and IP addresses; ``quality.pii`` states their grammars."""

from typing import Any

import numpy as np

from corpusmill.operators.quality.pii_spans import (
    ALNUM,
    DIGIT,
    EMAIL,
    HEX,
    IP,
    LETTER,
    LOCAL,
    PRIVATE_IP,
    added,
    is_a,
    peek,
    run_end,
)
from corpusmill.operators.text.simd import NONE, ONE, between, byte_at, equal, inlined, kernel, low_bits, lowest, word_at

AT, DOT, COLON, HYPHEN, UNDERSCORE = b"@.:-_"
# Four small numbers are a section, a version or a taxonomy's: of 672 rows of four numbers that seemed global in 221 MB of
# text this left 233, where one in 4,096 addresses has no number of 32 or more.
LEAST_LARGEST = 32
LONGEST_LOCAL, LONGEST_LABEL, LONGEST_IPV6 = 64, 63, 39  # RFC 5321, RFC 1035, RFC 4291

# IPv4 blocks that are not globally reachable: IANA's special-purpose registry (RFC 6890), 192.0.0.0/24 as a whole.
PRIVATE_BLOCKS = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
)  # fmt: skip


def _blocks() -> Any:
    rows = []
    for block in PRIVATE_BLOCKS:
        base, _, bits = block.partition("/")
        rows.append((int.from_bytes(map(int, base.split(".")), "big"), 32 - int(bits)))
    return np.array(rows, np.int64)


_PRIVATE = _blocks()
_LOWER_CASE = np.uint64(0x2020202020202020)
# «icon@2x.png»: an image for denser screens is no address.
_PNG, _JPG, _GIF, _SVG = (np.uint64(int.from_bytes(name, "little")) for name in (b"png", b"jpg", b"gif", b"svg"))


@kernel
def find_emails(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every email address."""
    floor = 0
    for at in range(0, length, 64):
        signs = equal(address + at, AT) & low_bits(length - at)
        while signs != NONE:
            here = at + lowest(signs)
            signs &= signs - ONE
            start = _local_start(address, here, floor, length)
            if start < here:
                end = _domain_end(address, here + 1, length)
                if end > 0:
                    spans = added(spans, n, start, end, EMAIL)
                    n, floor = n + 1, end
    return spans, n


@kernel
def _local_start(address: int, sign: int, floor: int, length: int) -> int:
    """Where the local part before the sign begins; ``sign`` where there is none.

    It begins with a letter, digit or underscore after something else, as far back as 64 bytes and no two full stops allow.
    """
    start, at, stop = sign, sign - 1, max(floor, sign - LONGEST_LOCAL)
    if at < stop or byte_at(address + at) == DOT:
        return sign
    while at >= stop:
        byte = byte_at(address + at)
        if not is_a(byte, LOCAL) or (byte == DOT and byte_at(address + at + 1) == DOT):
            break
        if _is_word(byte) and not _is_word(peek(address, at - 1, length)):
            start = at
        at -= 1
    return start


@inlined
def _is_word(byte: int) -> bool:
    return is_a(byte, ALNUM) or byte == UNDERSCORE


@kernel
def _domain_end(address: int, at: int, length: int) -> int:
    """Where the longest domain ends whose last label is two to 24 letters; 0 where there is none, or it is an image's."""
    end = labels = 0
    while True:
        last = run_end(address, at, length, LETTER)
        after = peek(address, last, length)
        joined = is_a(after, DIGIT) or (after == HYPHEN and is_a(peek(address, last + 1, length), ALNUM))
        if labels and 2 <= last - at <= 24 and not joined:
            end = last
        stop = last
        while stop < length and (is_a(byte_at(address + stop), ALNUM) or byte_at(address + stop) == HYPHEN):
            stop += 1
        edges = byte_at(address + at) == HYPHEN or byte_at(address + stop - 1) == HYPHEN
        if not 0 < stop - at <= LONGEST_LABEL or edges or peek(address, stop, length) != DOT:
            return 0 if end and _is_image(address, end) else end
        labels, at = labels + 1, stop + 1


@kernel
def _is_image(address: int, end: int) -> bool:
    name = (word_at(address + end - 3) | _LOWER_CASE) & low_bits(24)
    return byte_at(address + end - 4) == DOT and bool(name in (_PNG, _JPG, _GIF, _SVG))


@kernel
def find_ips(address: int, length: int, spans: Any, n: int) -> Any:
    """Add every IPv4 and IPv6 address, as ``ip`` where it is globally reachable and else as ``private_ip``."""
    floor = 0
    for at in range(0, length, 64):
        block, valid = address + at, low_bits(length - at)
        colons = equal(block, COLON) & valid
        dots = equal(block + 1, DOT) & valid
        if colons | dots == NONE:
            continue
        if dots != NONE:
            dots &= between(block, 0x30, 0x39) & between(block + 2, 0x30, 0x39)
            dots &= equal(block + 3, DOT) | equal(block + 4, DOT) | equal(block + 5, DOT)
        if colons != NONE:
            colons &= (equal(block + 1, COLON) | equal(block + 2, COLON) | equal(block + 3, COLON) | equal(block + 4, COLON)
                       | equal(block + 5, COLON))
        found = dots | colons
        while found != NONE:
            here = at + lowest(found)
            found &= found - ONE
            start, end, kind = _ipv6(address, here, length) if byte_at(address + here) == COLON \
                else _ipv4(address, here, length)
            if end > 0 and start >= floor:
                spans = added(spans, n, start, end, kind)
                n, floor = n + 1, end
    return spans, n


@kernel
def _ipv4(address: int, here: int, length: int) -> Any:
    """The address whose first number ends at ``here``: (start, end, kind), end 0 where there is none."""
    start = here
    while here - start < 2 and is_a(peek(address, start - 1, length), DIGIT):
        start -= 1
    before = peek(address, start - 1, length)
    if is_a(before, ALNUM) or (before == DOT and is_a(peek(address, start - 2, length), DIGIT)):
        return start, 0, IP
    value, at, largest = 0, start, 0
    for i in range(4):
        stop = run_end(address, at, min(length, at + 3), DIGIT)
        number = 0
        for digit in range(at, stop):
            number = number * 10 + byte_at(address + digit) - 48
        if stop == at or number > 255 or (byte_at(address + at) == 0x30 and stop > at + 1):
            return start, 0, IP
        value, at, largest = value << 8 | number, stop, max(largest, number)
        if i < 3:
            if peek(address, at, length) != DOT:
                return start, 0, IP
            at += 1
    after = peek(address, at, length)
    if is_a(after, ALNUM) or (after == DOT and is_a(peek(address, at + 1, length), DIGIT)):
        return start, 0, IP
    private = _is_private(value)
    return start, at if private or largest >= LEAST_LARGEST else 0, PRIVATE_IP if private else IP


@kernel
def _is_private(value: int) -> bool:
    for i in range(len(_PRIVATE)):
        if value >> _PRIVATE[i, 1] == _PRIVATE[i, 0] >> _PRIVATE[i, 1]:
            return True
    return False


@kernel
def _ipv6(address: int, here: int, length: int) -> Any:
    """The address whose first colon is at ``here``: (start, end, kind), end 0 where there is none."""
    start = here - 4
    before = peek(address, start - 1, length)
    if start < 0 or run_end(address, start, here, HEX) < here or is_a(before, ALNUM) or before in (COLON, DOT):
        return start, 0, IP
    end, numbered = start, False
    while end < length and end - start <= LONGEST_IPV6 + 1:
        byte = byte_at(address + end)
        if not is_a(byte, HEX) and byte != COLON:
            break
        numbered |= is_a(byte, DIGIT)
        end += 1
    if byte_at(address + end - 1) == COLON and byte_at(address + end - 2) != COLON:
        end -= 1
    after = peek(address, end, length)
    if not numbered or end - start > LONGEST_IPV6 or is_a(after, ALNUM) \
            or (after == DOT and is_a(peek(address, end + 1, length), DIGIT)) or not _is_ipv6(address, start, end):
        return start, 0, IP
    first, second = _group(address, start, end), _group(address, here + 1, end)
    special = first == 0x2002 or (first == 0x3FFF and second < 0x1000)
    special |= first == 0x2001 and (second < 0x200 or second == 0xDB8)
    return start, end, IP if 0x2000 <= first <= 0x3FFF and not special else PRIVATE_IP


@kernel
def _is_ipv6(address: int, start: int, end: int) -> bool:
    """Whether hexadecimal digits and colons spell eight groups, or two to seven with one ``::``."""
    groups, gaps, at = 0, 0, start
    while at < end:
        stop = run_end(address, at, end, HEX)
        if not 1 <= stop - at <= 4:
            return False
        groups, at = groups + 1, stop + 1
        if at < end and byte_at(address + at) == COLON:
            gaps, at = gaps + 1, at + 1
    return (gaps == 0 and groups == 8) or (gaps == 1 and 2 <= groups <= 7)


@kernel
def _group(address: int, at: int, end: int) -> int:
    """The number that begins at ``at``; 0 where none does."""
    value = 0
    while at < end and is_a(byte_at(address + at), HEX):
        byte = byte_at(address + at)
        value = value << 4 | (byte - 48 if byte < 58 else (byte | 0x20) - 87)
        at += 1
    return value
