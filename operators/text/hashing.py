"""Identity: BLAKE2b (RFC 7693) over Arrow buffers, with no Python per document.

Every digest is 16 bytes and can be recomputed with ``hashlib.blake2b(..., digest_size=16)``. ``document_ids`` is

    u64 = lambda b: len(b).to_bytes(8, "little")
    prefix = u64(source) + source + u64(native_id) + native_id + u64(text)
    doc_id = hashlib.blake2b(prefix + bytes(-len(prefix) % 128) + text, digest_size=16).digest()

over the UTF-8 bytes. The lengths make the parts unambiguous; the padding lets the text start at a block, so that it is
hashed where it lies in the Arrow buffer. These definitions are frozen: they are the identity of documents.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from corpusmill.operators.errors import ConfigError, DataError, SchemaError

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]
U64 = np.uint64
State = tuple[U64, ...]  # 8 words of chaining value, or 16 of working vector

_BLOCK = 128
_SIZE = 16
_IV0, _IV1, _IV2, _IV3, _IV4, _IV5, _IV6, _IV7 = (
    np.uint64(0x6A09E667F3BCC908), np.uint64(0xBB67AE8584CAA73B), np.uint64(0x3C6EF372FE94F82B),
    np.uint64(0xA54FF53A5F1D36F1), np.uint64(0x510E527FADE682D1), np.uint64(0x9B05688C2B3E6C1F),
    np.uint64(0x1F83D9ABFB41BD6B), np.uint64(0x5BE0CD19137E2179),
)
# Parameter block of RFC 7693: fanout 1, depth 1, no key, 16 bytes of digest.
_START = (_IV0 ^ np.uint64(0x01010000 | _SIZE), _IV1, _IV2, _IV3, _IV4, _IV5, _IV6, _IV7)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_ZERO = np.uint64(0)
_R16, _R24, _R32, _R40, _R48, _R63, _R1 = (np.uint64(n) for n in (16, 24, 32, 40, 48, 63, 1))


def document_ids(source: pa.StringArray, native_id: pa.StringArray, text: pa.StringArray) -> pa.FixedSizeBinaryArray:
    """The identity of each document, as the module defines it.

    Raises DataError where an array holds a null or the lengths differ.
    """
    if not len(source) == len(native_id) == len(text):
        raise DataError(f"source, native_id and text must have one length; got {len(source)}, {len(native_id)}, "
                        f"{len(text)}")
    parts = [spans(_complete(a, n)) for a, n in ((source, "source"), (native_id, "native_id"), (text, "text"))]
    out = np.empty((len(text), 2), np.uint64)
    room = sum(int(np.diff(offsets).max(initial=0)) for _, offsets in parts[:2]) + 24
    scratch = np.zeros(-(-room // _BLOCK) * _BLOCK, np.uint8)
    _hash_documents(*parts[0], *parts[1], *parts[2], scratch, out)
    return _fixed(out)


def text_digests(text: pa.StringArray | pa.BinaryArray) -> pa.FixedSizeBinaryArray:
    """Plain BLAKE2b-128 of each value's bytes; raises DataError where one is null."""
    return _fixed(_hashed(*spans(_complete(text, "text"))))


def row_digests(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.FixedSizeBinaryArray:
    """A digest of each row's values in ``columns``, in that order.

    BLAKE2b-128 of 16 bytes per column, concatenated: zeros where the value is null, else BLAKE2b-128 of its bytes
    (little-endian for timestamps and integers). Raises SchemaError for a missing column or a type with no such bytes.
    """
    slots = np.zeros((batch.num_rows, len(columns), 2), np.uint64)
    for at, name in enumerate(columns):
        if batch.schema.names.count(name) != 1:
            raise SchemaError(f"the row digest needs one column {name!r}; there is {', '.join(batch.schema.names)}")
        column = batch.column(name)
        if column.null_count == len(column):
            continue
        digests = _hashed(*spans(column))
        if column.null_count:
            digests[column.is_null().to_numpy(zero_copy_only=False)] = 0
        slots[:, at] = digests
    return _fixed(_hashed_rows(slots.view(np.uint8).reshape(batch.num_rows, len(columns) * _SIZE)))


def priorities(
    doc_id: pa.FixedSizeBinaryArray, seed: int, purpose: str, copy: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.uint64]:
    """Uniform 64-bit numbers that depend on (seed, purpose, doc_id, copy) alone: the randomness of every draw.

    The first 8 bytes, little-endian, of BLAKE2b-128(u64(seed) + BLAKE2b-128(purpose) + doc_id + u64(copy or 0)), where
    u64 is 8 bytes little-endian. Raises ConfigError for a seed outside [0, 2^64) and DataError for a null or a ``copy``
    of another length.
    """
    if not 0 <= seed < 1 << 64:
        raise ConfigError(f"a seed lies between 0 and 2^64 - 1; got {seed}")
    n = len(_complete(doc_id, "doc_id"))
    if copy is not None and copy.shape != (n,):
        raise DataError(f"copy must hold one number per document; got shape {copy.shape} for {n} documents")
    rows = np.zeros((n, 48), np.uint8)
    head = seed.to_bytes(8, "little") + hashlib.blake2b(purpose.encode(), digest_size=_SIZE).digest()
    rows[:, :24] = np.frombuffer(head, np.uint8)
    rows[:, 24:40] = fixed_bytes(doc_id)
    if copy is not None:
        rows[:, 40:] = np.ascontiguousarray(copy, "<u8").view(np.uint8).reshape(n, 8)
    return np.ascontiguousarray(_hashed_rows(rows)[:, 0])


def fixed_bytes(array: pa.Array) -> Bytes:
    """Fixed-width values as a view of shape (rows, width in bytes); whatever lies under a null is in it."""
    width = array.type.bit_width // 8
    data = _buffer(array.buffers()[1], np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width].reshape(len(array), width)


def spans(array: pa.Array) -> tuple[Bytes, Offsets]:
    """The data buffer of an array, and where its values begin and end in it (rows + 1 offsets, not always from 0).

    Raises SchemaError for a type whose values are not runs of bytes.
    """
    kind, first, rows = array.type, array.offset, len(array)
    if pa.types.is_temporal(kind) or pa.types.is_integer(kind) or pa.types.is_fixed_size_binary(kind):
        starts = np.arange(first, first + rows + 1, dtype=np.int64)
        return _buffer(array.buffers()[1], np.uint8), starts * (kind.bit_width // 8)
    short = pa.types.is_string(kind) or pa.types.is_binary(kind)
    if not short and not pa.types.is_large_string(kind) and not pa.types.is_large_binary(kind):
        raise SchemaError(f"cannot hash values of type {kind}: only strings, bytes, times and integers")
    if rows == 0:
        return _buffer(None, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = array.buffers()
    starts = _buffer(offsets, np.int32 if short else np.int64)[first : first + rows + 1]
    return _buffer(data, np.uint8), starts.astype(np.int64)


def _complete(array: pa.Array, name: str) -> pa.Array:
    if array.null_count:
        raise DataError(f"{name} must not be null, but {array.null_count} of {len(array)} values are: drop or "
                        f"quarantine those rows first")
    return array


def _buffer(buffer: pa.Buffer | None, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    array = np.frombuffer(b"" if buffer is None else buffer, dtype)
    array.flags.writeable = False  # the kernels are compiled once, for read-only arrays
    return array


def _hashed(data: Bytes, offsets: Offsets) -> Words:
    out = np.empty((len(offsets) - 1, 2), np.uint64)
    _hash_values(data, offsets, out)
    return out


def _hashed_rows(rows: Bytes) -> Words:
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1]
    return _hashed(_buffer(pa.py_buffer(np.ascontiguousarray(rows)), np.uint8), offsets)


def _fixed(digests: Words) -> pa.FixedSizeBinaryArray:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(_SIZE), len(digests), [None, pa.py_buffer(digests)])


@intrinsic
def _load(typingctx: Any, data: Any, at: Any) -> Any:
    """The 8 bytes from ``data[at]`` on as a little-endian u64, aligned or not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        address = builder.gep(array.data, [args[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), codegen


@njit(nogil=True, cache=True)
def _mix(a: U64, b: U64, c: U64, d: U64, x: U64, y: U64) -> tuple[U64, U64, U64, U64]:
    a = a + b + x
    d ^= a
    d = (d >> _R32) | (d << _R32)
    c += d
    b ^= c
    b = (b >> _R24) | (b << _R40)
    a = a + b + y
    d ^= a
    d = (d >> _R16) | (d << _R48)
    c += d
    b ^= c
    return a, (b >> _R63) | (b << _R1), c, d


@njit(nogil=True, cache=True)
def _round(
    v: State, m0: U64, m1: U64, m2: U64, m3: U64, m4: U64, m5: U64, m6: U64, m7: U64,
    m8: U64, m9: U64, m10: U64, m11: U64, m12: U64, m13: U64, m14: U64, m15: U64,
) -> State:
    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15 = v
    v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m0, m1)
    v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m2, m3)
    v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m4, m5)
    v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m6, m7)
    v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m8, m9)
    v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m10, m11)
    v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m12, m13)
    v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m14, m15)
    return v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15


@njit(nogil=True, cache=True)
def _compress(h: State, data: Bytes, at: int, count: U64, final: U64) -> State:
    """Absorb 128 bytes from ``data[at]`` on; ``count`` is the bytes with them, ``final`` all ones for the last."""
    h0, h1, h2, h3, h4, h5, h6, h7 = h
    m0, m1, m2, m3 = _load(data, at), _load(data, at + 8), _load(data, at + 16), _load(data, at + 24)
    m4, m5, m6, m7 = _load(data, at + 32), _load(data, at + 40), _load(data, at + 48), _load(data, at + 56)
    m8, m9, ma, mb = _load(data, at + 64), _load(data, at + 72), _load(data, at + 80), _load(data, at + 88)
    mc, md, me, mf = _load(data, at + 96), _load(data, at + 104), _load(data, at + 112), _load(data, at + 120)
    v = (h0, h1, h2, h3, h4, h5, h6, h7, _IV0, _IV1, _IV2, _IV3, _IV4 ^ count, _IV5, _IV6 ^ final, _IV7)
    v = _round(v, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, ma, mb, mc, md, me, mf)
    v = _round(v, me, ma, m4, m8, m9, mf, md, m6, m1, mc, m0, m2, mb, m7, m5, m3)
    v = _round(v, mb, m8, mc, m0, m5, m2, mf, md, ma, me, m3, m6, m7, m1, m9, m4)
    v = _round(v, m7, m9, m3, m1, md, mc, mb, me, m2, m6, m5, ma, m4, m0, mf, m8)
    v = _round(v, m9, m0, m5, m7, m2, m4, ma, mf, me, m1, mb, mc, m6, m8, m3, md)
    v = _round(v, m2, mc, m6, ma, m0, mb, m8, m3, m4, md, m7, m5, mf, me, m1, m9)
    v = _round(v, mc, m5, m1, mf, me, md, m4, ma, m0, m7, m6, m3, m9, m2, m8, mb)
    v = _round(v, md, mb, m7, me, mc, m1, m3, m9, m5, m0, mf, m4, m8, m6, m2, ma)
    v = _round(v, m6, mf, me, m9, mb, m3, m0, m8, mc, m2, md, m7, m1, m4, ma, m5)
    v = _round(v, ma, m2, m8, m4, m7, m6, m1, m5, mf, mb, m9, me, m3, mc, md, m0)
    v = _round(v, m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, ma, mb, mc, md, me, mf)
    v = _round(v, me, ma, m4, m8, m9, mf, md, m6, m1, mc, m0, m2, mb, m7, m5, m3)
    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15 = v
    return h0 ^ v0 ^ v8, h1 ^ v1 ^ v9, h2 ^ v2 ^ v10, h3 ^ v3 ^ v11, h4 ^ v4 ^ v12, h5 ^ v5 ^ v13, \
        h6 ^ v6 ^ v14, h7 ^ v7 ^ v15


@njit(nogil=True, cache=True)
def _finish(h: State, data: Bytes, start: int, end: int, done: int, block: Bytes) -> tuple[U64, U64]:
    """Absorb ``data[start:end]`` after ``done`` bytes ; ``block`` is 128 bytes of scratch. Returns the digest."""
    count = np.uint64(done)
    while end - start > _BLOCK:
        count += np.uint64(_BLOCK)
        h = _compress(h, data, start, count, _ZERO)
        start += _BLOCK
    count += np.uint64(end - start)
    # A shorter block is hashed from scratch: reading on would leave the buffer.
    if end - start == _BLOCK:
        h = _compress(h, data, start, count, _ONES)
    else:
        block[:] = 0
        for i in range(end - start):
            block[i] = data[start + i]
        h = _compress(h, block, 0, count, _ONES)
    return h[0], h[1]


@njit(nogil=True, cache=True)
def _hash_values(data: Bytes, offsets: Offsets, out: Words) -> None:
    block = np.zeros(_BLOCK, np.uint8)
    for row in range(len(out)):
        out[row, 0], out[row, 1] = _finish(_START, data, offsets[row], offsets[row + 1], 0, block)


@njit(nogil=True, cache=True)
def _append(scratch: Bytes, at: int, length: int, data: Bytes, start: int, end: int) -> int:
    """Write ``length`` as u64 and ``data[start:end]`` into ``scratch``; returns where they end."""
    for i in range(8):
        scratch[at + i] = length >> (8 * i)
    at += 8
    for i in range(start, end):
        scratch[at] = data[i]
        at += 1
    return at


@njit(nogil=True, cache=True)
def _hash_documents(
    source: Bytes, source_at: Offsets, native: Bytes, native_at: Offsets, text: Bytes, text_at: Offsets,
    scratch: Bytes, out: Words,
) -> None:
    block = np.zeros(_BLOCK, np.uint8)
    for row in range(len(out)):
        start, end = source_at[row], source_at[row + 1]
        used = _append(scratch, 0, end - start, source, start, end)
        start, end = native_at[row], native_at[row + 1]
        used = _append(scratch, used, end - start, native, start, end)
        start, end = text_at[row], text_at[row + 1]
        used = _append(scratch, used, end - start, text, 0, 0)
        padded = (used + _BLOCK - 1) // _BLOCK * _BLOCK
        for i in range(used, padded):
            scratch[i] = 0
        if start == end:
            out[row, 0], out[row, 1] = _finish(_START, scratch, 0, padded, 0, block)
            continue
        h = _START
        for at in range(0, padded, _BLOCK):
            h = _compress(h, scratch, at, np.uint64(at + _BLOCK), _ZERO)
        out[row, 0], out[row, 1] = _finish(h, text, start, end, padded, block)
