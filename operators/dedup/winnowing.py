"""Windows of tokens and their anchors, as hashes: winnowing (Schleimer, Wilkerson and Aiken, 2003).

A window of N tokens has N - k + 1 runs of k tokens; that of the least hash is its *anchor*. What is chosen depends on the
window alone, so equal windows have anchors of equal hash, and only windows whose anchor occurs twice need be compared.
Neighbouring windows mostly share their anchor: there is one for about N / 4 tokens.
"""

from typing import Any

import numpy as np

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.shingles import mixed
from corpusmill.operators.text.simd import byte_at, fold_multiply, inlined, kernel, low_bits, word_at

_START, _BY_LENGTH = np.uint64(0x243F6A8885A308D3), np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xA0761D6478BD642F)
_RADIX, _OTHER_RADIX = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xC2B2AE3D27D4EB4F)
_ONE, _ZERO = np.uint64(1), np.uint64(0)


@inlined
def _token_hash(address: int, length: int) -> Any:
    """The hash of ``length`` bytes as they are, at least 1."""
    found, at = _START ^ (np.uint64(length) * _BY_LENGTH), 0
    while length - at > 8:
        found = fold_multiply(found ^ word_at(address + at), _MULTIPLIER)
        at += 8
    return mixed(fold_multiply(found ^ (word_at(address + at) & low_bits((length - at) * 8)), _MULTIPLIER))


@kernel
def hash_tokens(addresses: Integers, offsets: Integers, spans: Integers, hashes: Any) -> None:
    """The hash of each token; ``spans`` are start₀, end₀, start₁ …"""
    for d in range(len(addresses)):
        for i in range(offsets[d], offsets[d + 1]):
            hashes[i] = _token_hash(addresses[d] + spans[2 * i], spans[2 * i + 1] - spans[2 * i])


@kernel
def hash_bytes(addresses: Integers, lengths: Integers, hashes: Any) -> None:
    """The hash of each byte."""
    table = np.empty(256, np.uint64)
    for value in range(256):
        table[value] = mixed(np.uint64(value + 1) * _BY_LENGTH)
    filled = 0
    for d in range(len(addresses)):
        for i in range(lengths[d]):
            hashes[filled] = table[byte_at(addresses[d] + i)]
            filled += 1


@inlined
def _power(radix: Any, exponent: int) -> Any:
    found = _ONE
    for _ in range(exponent):
        found *= radix
    return found


@kernel
def _roll(hashes: Any, first: int, count: int, size: int, radix: Any, out: Any) -> None:
    """The hash of each run of ``size`` among ``count`` tokens; shape (count - size + 1,)."""
    oldest, value = _power(radix, size), _ZERO
    for i in range(count):
        value = value * radix + hashes[first + i]
        if i >= size:
            value -= hashes[first + i - size] * oldest
        if i >= size - 1:
            out[i - size + 1] = mixed(value)


@kernel
def _anchors(runs: Any, count: int, choices: int, chosen: Any) -> None:
    """For each of ``count`` windows the place of the least of ``choices`` runs from its first on.

    Of equal ones it keeps to that of the window before, and else takes the last: a text of one word has few anchors.
    """
    best = -1
    for window in range(count):
        last = window + choices - 1
        if best < window:
            best = window
            for i in range(window + 1, last + 1):
                if runs[i] <= runs[best]:
                    best = i
        elif runs[last] < runs[best]:
            best = last
        chosen[window] = best


@inlined
def _key(run: Any, seed: Any) -> Any:
    """Of an anchor's hash: the least of many hashes are small numbers, keys are spread evenly."""
    return mixed(run ^ seed ^ _BY_LENGTH)


@kernel
def anchor_keys(offsets: Integers, hashes: Any, seeds: Any, length: int, size: int, keys: Any) -> int:
    """Write the key of each anchor, once for its place in a document; returns how many."""
    longest = _longest(offsets)
    runs, chosen = np.empty(longest, np.uint64), np.empty(longest, np.int64)
    filled = 0
    for d in range(len(offsets) - 1):
        tokens = offsets[d + 1] - offsets[d]
        if tokens < length:
            continue
        _roll(hashes, offsets[d], tokens, size, _RADIX, runs)
        _anchors(runs, tokens - length + 1, length - size + 1, chosen)
        before = -1
        for window in range(tokens - length + 1):
            if chosen[window] != before:
                before = chosen[window]
                keys[filled] = _key(runs[before], seeds[d])
                filled += 1
    return filled


@kernel
def shared_windows(
    offsets: Integers, hashes: Any, seeds: Any, length: int, size: int, repeated: Any,
    row: Integers, at: Integers, key: Any, ends: Integers, windows: Any,
) -> int:
    """Write runs of windows with one anchor whose key is in ``repeated``: document, first window, key, where its hashes end.

    Returns how many runs there are.
    """
    longest = _longest(offsets)
    runs, chosen, whole = np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.uint64)
    filled = written = 0
    for d in range(len(offsets) - 1):
        tokens = offsets[d + 1] - offsets[d]
        if tokens < length:
            continue
        count, hashed, window = tokens - length + 1, False, 0
        _roll(hashes, offsets[d], tokens, size, _RADIX, runs)
        _anchors(runs, count, length - size + 1, chosen)
        while window < count:
            begin, place = window, chosen[window]
            while window < count and chosen[window] == place:
                window += 1
            found = _key(runs[place], seeds[d])
            if not _contains(repeated, found):
                continue
            if not hashed:
                _roll(hashes, offsets[d], tokens, length, _OTHER_RADIX, whole)
                hashed = True
            for i in range(begin, window):
                windows[written] = whole[i]
                written += 1
            row[filled], at[filled], key[filled], ends[filled] = d, begin, found, written
            filled += 1
    return filled


@inlined
def _contains(ordered: Any, value: Any) -> bool:
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < len(ordered) and ordered[low] == value


@kernel
def _longest(offsets: Integers) -> int:
    longest = 0
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    return longest
