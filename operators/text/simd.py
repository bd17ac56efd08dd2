"""Sixty-four bytes at a time: the only module that emits machine instructions.

A *block* is 64 bytes of text at an address; a *mask* is a ``uint64`` whose bit ``i`` tells something of byte ``i`` of
the block. Kernels turn blocks into masks and then work on masks: words, lines and characters are counted with a handful
of bit operations per 64 bytes. LLVM lowers the same IR to AVX-512, AVX2, SSE or NEON.

Every block load reads 64 bytes, whatever the document's length: addresses come from ``buffers.Texts``, which guarantees
``PADDING`` readable bytes after each document. Masks are ``uint64`` and positions ``int64``; numba turns a mix of the
two into ``float64``, so constants that meet masks are ``np.uint64``.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

PADDING = 128  # a block that starts at a document's last byte, loaded at offset 2, ends 65 bytes after the document

NONE = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
TOP = np.uint64(63)

Function = TypeVar("Function", bound=Callable[..., Any])

_BYTE, _WORD, _DOUBLE = ir.IntType(8), ir.IntType(64), ir.IntType(128)
_BLOCK = ir.VectorType(_BYTE, 64)
_LANES = ir.VectorType(ir.IntType(32), 64)
_EXACT = ir.Constant(ir.IntType(1), 0)

# To the type checker masks are Any and numbers int: a numpy scalar's type would not survive the arithmetic.
_mask = cast("Callable[[Callable[..., Any]], Callable[..., Any]]", intrinsic)
_number = cast("Callable[[Callable[..., Any]], Callable[..., int]]", intrinsic)


def kernel(function: Function) -> Function:
    """Compile without the GIL, kept on disk between processes (see ``jobs.runtime.kernels``)."""
    return cast("Function", njit(cache=True, nogil=True, boundscheck=False)(function))


def inlined(function: Function) -> Function:
    """Compile into its callers. For functions of numbers: numba counts references around a call that passes arrays."""
    return cast("Function", njit(cache=True, nogil=True, boundscheck=False, forceinline=True)(function))


def _emit(build: Callable[..., Any]) -> Callable[..., Any]:
    """The code generator that numba calls, from a function of the builder and the arguments."""
    return lambda context, builder, signature, arguments: build(builder, *arguments)


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _splat(builder: Any, byte: Any) -> Any:
    one = builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), builder.trunc(byte, _BYTE), ir.Constant(_WORD, 0))
    return builder.shuffle_vector(one, ir.Constant(_BLOCK, ir.Undefined), ir.Constant(_LANES, None))


@_mask
def equal(context: Any, address: Any, byte: Any) -> Any:
    """Mask of the bytes of the block that equal ``byte``."""
    def build(builder: Any, at: Any, value: Any) -> Any:
        same = builder.icmp_unsigned("==", _load(builder, at, _BLOCK), _splat(builder, value))
        return builder.bitcast(same, _WORD)

    return types.uint64(types.int64, types.int64), _emit(build)


@_mask
def between(context: Any, address: Any, low: Any, high: Any) -> Any:
    """Mask of the bytes of the block in ``low … high``, both included."""
    def build(builder: Any, at: Any, first: Any, last: Any) -> Any:
        shifted = builder.sub(_load(builder, at, _BLOCK), _splat(builder, first))
        inside = builder.icmp_unsigned("<=", shifted, _splat(builder, builder.sub(last, first)))
        return builder.bitcast(inside, _WORD)

    return types.uint64(types.int64, types.int64, types.int64), _emit(build)


@_mask
def between_caseless(context: Any, address: Any, low: Any, high: Any) -> Any:
    """Mask of the bytes of the block that are in ``low … high`` once bit 0x20 is set: ASCII letters of both cases."""
    def build(builder: Any, at: Any, first: Any, last: Any) -> Any:
        folded = builder.or_(_load(builder, at, _BLOCK), ir.Constant(_BLOCK, [0x20] * 64))
        shifted = builder.sub(folded, _splat(builder, first))
        inside = builder.icmp_unsigned("<=", shifted, _splat(builder, builder.sub(last, first)))
        return builder.bitcast(inside, _WORD)

    return types.uint64(types.int64, types.int64, types.int64), _emit(build)


@_number
def copy_block(context: Any, target: Any, source: Any) -> Any:
    """Copy 64 bytes; returns ``target``. The blocks may overlap."""
    def build(builder: Any, to: Any, at: Any) -> Any:
        builder.store(_load(builder, at, _BLOCK), builder.inttoptr(to, _BLOCK.as_pointer()), align=1)
        return to

    return types.int64(types.int64, types.int64), _emit(build)


@_number
def put_byte(context: Any, target: Any, byte: Any) -> Any:
    """Write one byte; returns ``target``."""
    def build(builder: Any, to: Any, value: Any) -> Any:
        builder.store(builder.trunc(value, _BYTE), builder.inttoptr(to, _BYTE.as_pointer()))
        return to

    return types.int64(types.int64, types.int64), _emit(build)


@_number
def byte_at(context: Any, address: Any) -> Any:
    """The byte at an address, 0 … 255, as ``int64``."""
    return types.int64(types.int64), _emit(lambda builder, at: builder.zext(_load(builder, at, _BYTE), _WORD))


@_mask
def word_at(context: Any, address: Any) -> Any:
    """The eight bytes at an address as a little-endian ``uint64``."""
    return types.uint64(types.int64), _emit(lambda builder, at: _load(builder, at, _WORD))


@_number
def put_word(context: Any, target: Any, word: Any) -> Any:
    """Write eight bytes, little-endian; returns ``target``."""
    def build(builder: Any, to: Any, value: Any) -> Any:
        builder.store(value, builder.inttoptr(to, _WORD.as_pointer()), align=1)
        return to

    return types.int64(types.int64, types.uint64), _emit(build)


@_number
def add_to(context: Any, target: Any, number: Any) -> Any:
    """Add to the ``int64`` at an address; returns the sum."""
    def build(builder: Any, to: Any, value: Any) -> Any:
        total = builder.add(_load(builder, to, _WORD), value)
        builder.store(total, builder.inttoptr(to, _WORD.as_pointer()), align=1)
        return total

    return types.int64(types.int64, types.int64), _emit(build)


@_number
def count_ones(context: Any, mask: Any) -> Any:
    """How many bits are set, as ``int64``."""
    return types.int64(types.uint64), _emit(lambda builder, mask: builder.ctpop(mask))


@_number
def lowest(context: Any, mask: Any) -> Any:
    """The position of the lowest set bit; 64 where none is."""
    return types.int64(types.uint64), _emit(lambda builder, mask: builder.cttz(mask, _EXACT))


@_number
def leading_zeros(context: Any, mask: Any) -> Any:
    """How many bits above the highest set one are clear; 64 where none is set."""
    return types.int64(types.uint64), _emit(lambda builder, mask: builder.ctlz(mask, _EXACT))


@_mask
def fold_multiply(context: Any, left: Any, right: Any) -> Any:
    """The 128-bit product of two words, its halves joined by XOR: the mixing step of the hashes."""
    def build(builder: Any, a: Any, b: Any) -> Any:
        product = builder.mul(builder.zext(a, _DOUBLE), builder.zext(b, _DOUBLE))
        high = builder.lshr(product, ir.Constant(_DOUBLE, 64))
        return builder.xor(builder.trunc(product, _WORD), builder.trunc(high, _WORD))

    return types.uint64(types.uint64, types.uint64), _emit(build)


@inlined
def low_bits(n: int) -> Any:
    """A mask of the lowest ``n`` bits, all 64 for larger ``n``."""
    return ALL if n >= 64 else (ONE << np.uint64(n)) - ONE


@inlined
def bitmap_word(bitmap: int, i: int) -> Any:
    """Word ``i`` of the bitmap at an address: bits ``64 i … 64 i + 63``."""
    return word_at(bitmap + i * 8)


@inlined
def count_between(bitmap: int, start: int, stop: int) -> int:
    """How many bits are set in ``start … stop - 1`` of the bitmap at an address."""
    if stop <= start:
        return 0
    first, last = start >> 6, (stop - 1) >> 6
    head = ALL << np.uint64(start & 63)
    tail = ALL >> np.uint64(63 - ((stop - 1) & 63))
    if first == last:
        return count_ones(bitmap_word(bitmap, first) & head & tail)
    total = count_ones(bitmap_word(bitmap, first) & head) + count_ones(bitmap_word(bitmap, last) & tail)
    for i in range(first + 1, last):
        total += count_ones(bitmap_word(bitmap, i))
    return total


@inlined
def first_clear(bitmap: int, start: int, stop: int) -> int:
    """The first clear bit in ``start … stop - 1``; ``stop`` where all are set."""
    i = start >> 6
    clear = ~bitmap_word(bitmap, i) & (ALL << np.uint64(start & 63))
    while clear == NONE:
        i += 1
        if i << 6 >= stop:
            return stop
        clear = ~bitmap_word(bitmap, i)
    return min((i << 6) + lowest(clear), stop)


@inlined
def last_clear(bitmap: int, start: int, stop: int) -> int:
    """The last clear bit in ``start … stop - 1``; ``start - 1`` where all are set."""
    i = (stop - 1) >> 6
    clear = ~bitmap_word(bitmap, i) & (ALL >> np.uint64(63 - ((stop - 1) & 63)))
    while clear == NONE:
        i -= 1
        if (i << 6) + 63 < start:
            return start - 1
        clear = ~bitmap_word(bitmap, i)
    return max((i << 6) + 63 - leading_zeros(clear), start - 1)
