"""Text as a stream of hashed tokens, for the models that count n-grams of words.

A *token* is a maximal run of word characters, lower-cased and with every decimal digit as ``0``; or one Han or Kana
character, since those scripts do not mark words; or a run of one symbol (``...`` and ``!!!`` are a token each). Word
characters are all but whitespace, symbols and controls, so that combining marks stay with their letters. The digits and
symbols follow the normalisation of CCNet (Wenzek et al. 2020), which counts numbers of equal shape as one.

A *line* that has tokens ends in the token ``BOUNDARY``, which also stands for what is before its first. Tokens are 63-bit
hashes: there is no vocabulary to keep, and two of ten million words share one with probability 5e-6.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.buffers import Integers
from corpusmill.operators.text.lines import LINE_FEED
from corpusmill.operators.text.simd import byte_at, fold_multiply, inlined, kernel
from corpusmill.operators.text.unicode import DECODABLE, DIGIT, LETTER, SPACE, SYMBOL, classes
from corpusmill.operators.text.words import decode, width

Codes = npt.NDArray[np.int32]

BOUNDARY = np.uint64(0x1)  # no other token: theirs are odd and above
BLOCK = 1 << 12  # tokens that kernels hold at once

POINT = np.int32((1 << 24) - 1)
WORD, ALONE, RUN = np.int32(1 << 24), np.int32(1 << 25), np.int32(1 << 26)  # flags: what a character is part of

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)  # FNV-1a, over code points
_FINAL = np.uint64(0x9E3779B97F4A7C15)
_ODD = np.uint64(1)
# Letters of these have had their case for as long as Unicode counts; later additions elsewhere must not change a token.
_CASED = ((0, 0x590), (0x10A0, 0x1100), (0x1E00, 0x2000))
_UNSPACED = ((0x3040, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
_CONTROLS = ((0, 0x20), (0x7F, 0xA0))


@functools.cache
def points(*, digits: bool = False) -> Codes:
    """Per code point 0 between tokens, else the character that counts, with its flag; ``digits`` keeps them apart."""
    table = np.arange(DECODABLE, dtype=np.int32)
    for first, end in _CASED:
        for point in range(first, end):
            lower = chr(point).lower()
            table[point] = ord(lower) if len(lower) == 1 else point
    kinds = classes()
    if not digits:
        table[(kinds & DIGIT) != 0] = ord("0")
    flags = np.where((kinds & SYMBOL) != 0, RUN, WORD)
    for first, end in _UNSPACED:
        letters = (kinds[first:end] & LETTER) != 0
        flags[first:end][letters] = ALONE
    table |= flags.astype(np.int32)
    table[(kinds & SPACE) != 0] = 0
    for first, end in _CONTROLS:
        table[first:end] = 0
    table[0x110000:] = 0
    table.flags.writeable = False
    return table


@inlined
def point_at(table: Codes, address: int, lead: int) -> Any:
    """The entry of the character at an address."""
    return table[lead] if lead < 0x80 else table[decode(address)]


@kernel
def lex(at: int, end: int, last: Any, table: Codes, block: Any) -> tuple[int, int]:
    """Tokens of the text from ``at`` to ``end`` until ``block`` is full; returns where it stopped, and how many there are.

    ``last`` is the token before, BOUNDARY at the start of a document. The end of the text ends its last line.
    """
    filled = 0
    while at < end and filled < len(block):
        lead = byte_at(at)
        point = point_at(table, at, lead)
        at += width(lead)
        if point == 0:
            if lead == LINE_FEED and last != BOUNDARY:
                block[filled] = last = BOUNDARY
                filled += 1
            continue
        hashed = (_SEED ^ np.uint64(point)) * _PRIME
        while at < end and point < ALONE:
            lead = byte_at(at)
            following = point_at(table, at, lead)
            if following < WORD or following >= ALONE:
                break
            hashed = (hashed ^ np.uint64(following)) * _PRIME
            at += width(lead)
        while at < end and point >= RUN and point_at(table, at, byte_at(at)) == point:
            at += width(lead)
        block[filled] = last = token(hashed)
        filled += 1
    if at >= end and filled < len(block) and last != BOUNDARY:
        block[filled] = BOUNDARY
        filled += 1
    return min(at, end), filled


@inlined
def token(hashed: Any) -> Any:
    """The token of a word, from FNV-1a over its characters: spread over 64 bits, odd, never BOUNDARY."""
    mixed = fold_multiply(hashed, _FINAL) | _ODD
    return mixed if mixed != BOUNDARY else _FINAL


@kernel
def count_tokens(addresses: Integers, lengths: Integers, table: Codes, counts: Integers) -> None:
    """Tokens of each document, boundaries included."""
    block = np.empty(BLOCK, np.uint64)
    for d in range(len(addresses)):
        at, end, last, counts[d] = addresses[d], addresses[d] + lengths[d], BOUNDARY, 0
        while True:
            at, filled = lex(at, end, last, table, block)
            counts[d] += filled
            if filled < BLOCK:
                break
            last = block[filled - 1]
