"""Masks and bit searches against plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.text import simd

BLOCKS = st.binary(min_size=64, max_size=64)
BYTES = st.integers(0, 255)
BITMAPS = st.lists(st.sampled_from([0, 1, 2**63, 2**64 - 1, 0x0F0F, 2**64 - 2]), min_size=1, max_size=4)


@simd.kernel
def masks(block, value, low, high):
    at = block.ctypes.data
    return simd.equal(at, value), simd.between(at, low, high), simd.between_caseless(at, low, high)


@simd.kernel
def reads(block, target):
    simd.copy_block(target.ctypes.data, block.ctypes.data)
    simd.put_byte(target.ctypes.data + 3, 7)
    simd.put_word(target.ctypes.data + 8, np.uint64(2**64 - 1))
    simd.add_to(target.ctypes.data + 16, simd.add_to(target.ctypes.data + 16, 1) * 0 + 5)
    return simd.byte_at(block.ctypes.data), simd.word_at(block.ctypes.data + 1)


@simd.kernel
def bits(mask):
    return simd.count_ones(mask), simd.lowest(mask), simd.leading_zeros(mask)


@simd.kernel
def product(left, right):
    return simd.fold_multiply(left, right)


def as_mask(block, test):
    return sum(1 << i for i, byte in enumerate(block) if test(byte))


@settings(deadline=None)
@given(BLOCKS, BYTES, BYTES, BYTES)
def test_a_mask_has_the_bit_of_every_byte_that_matches(block, value, one, other):
    low, high = sorted([one, other])
    equal, between, caseless = masks(np.frombuffer(block, np.uint8).copy(), value, low, high)
    assert equal == as_mask(block, lambda byte: byte == value)
    assert between == as_mask(block, lambda byte: low <= byte <= high)
    assert caseless == as_mask(block, lambda byte: low <= byte | 0x20 <= high)


def test_blocks_bytes_and_words_are_read_and_written_in_place():
    block, target = np.arange(200, 264).astype(np.uint8), np.zeros(64, np.uint8)
    first, word = reads(block, target)
    assert (first, word) == (200, int.from_bytes(bytes(block[1:9]), "little"))
    added = (int.from_bytes(bytes(block[16:24]), "little") + 6) % 2**64
    expected = bytes(block[:3]) + b"\x07" + bytes(block[4:8]) + b"\xff" * 8 + added.to_bytes(8, "little")
    assert bytes(target) == expected + bytes(block[24:])


@pytest.mark.parametrize("mask", [0, 1, 6, 2**63, 2**64 - 1, 0x00F0_0000_0000_0000])
def test_bits_are_counted_and_found(mask):
    lowest = (mask & -mask).bit_length() - 1 if mask else 64
    assert bits(np.uint64(mask)) == (mask.bit_count(), lowest, 64 - mask.bit_length())


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_fold_multiply_joins_the_halves_of_the_product(left, right):
    whole = left * right
    assert int(product(np.uint64(left), np.uint64(right))) == (whole >> 64) ^ (whole & (2**64 - 1))


@pytest.mark.parametrize("n", [1, 17, 63, 64, 65, 1000])
def test_low_bits_fill_from_below(n):
    assert int(simd.low_bits(n)) == (1 << min(n, 64)) - 1


@settings(deadline=None)
@given(BITMAPS, st.data())
def test_bitmaps_are_counted_and_searched_within_bounds(words, data):
    memory = np.array(words, np.uint64)
    bitmap = memory.ctypes.data
    start = data.draw(st.integers(0, 64 * len(words) - 1))
    stop = data.draw(st.integers(start + 1, 64 * len(words)))
    ones = [i for i in range(start, stop) if words[i >> 6] >> (i & 63) & 1]
    clear = sorted(set(range(start, stop)) - set(ones))
    assert simd.count_between(bitmap, start, stop) == len(ones)
    assert simd.count_between(bitmap, start, start) == 0
    assert simd.first_clear(bitmap, start, stop) == (clear[0] if clear else stop)
    assert simd.last_clear(bitmap, start, stop) == (clear[-1] if clear else start - 1)
