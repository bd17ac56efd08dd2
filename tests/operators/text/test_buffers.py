"""Texts: every document's bytes, wherever Arrow holds them, with room for block loads."""

import ctypes
import mmap

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import DataError, SchemaError
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise
from corpusmill.operators.text.simd import PADDING


def contents(texts):
    return [ctypes.string_at(at, n) for at, n in zip(texts.addresses.tolist(), texts.lengths.tolist(), strict=True)]


@settings(deadline=None)
@given(st.lists(st.text(max_size=200)), st.integers(0, 5), st.integers(0, 5))
def test_slices_hold_the_bytes_of_their_rows(values, skip, drop):
    array = pa.array(values, pa.string())
    array = array.slice(min(skip, len(array)), max(len(array) - skip - drop, 0))
    texts = Texts.of(array)
    assert contents(texts) == [value.encode() for value in array.to_pylist()]
    assert len(texts) == len(array)
    assert texts.longest == max((len(value.encode()) for value in array.to_pylist()), default=0)


def test_an_array_without_any_buffer_is_empty():
    assert len(Texts.of(pa.array([], pa.string()))) == 0
    assert contents(Texts.of(pa.array(["", ""], pa.string()))) == [b"", b""]


def test_nulls_are_refused_with_their_number():
    with pytest.raises(DataError, match="column 'text' has 1 nulls in 2 rows"):
        Texts.of(pa.array(["a", None], pa.string()))


def test_other_types_are_refused():
    with pytest.raises(SchemaError, match="column 'text' is large_string, expected string"):
        Texts.of(pa.array(["a"], pa.large_string()))


def test_large_arrays_reach_beyond_two_gibibytes():
    """Of a buffer of 2 GiB and more, most of which is never touched."""
    far, values = 1 << 31, [b"one", "zwölf".encode()]
    area = mmap.mmap(-1, far + mmap.PAGESIZE)
    area[far:far + 9] = b"".join(values)
    offsets = pa.array([far, far + 3, far + 9]).buffers()[1]
    array = pa.Array.from_buffers(pa.large_string(), 2, [None, offsets, pa.py_buffer(area)])
    assert contents(Texts.of(array, kind=pa.large_string())) == values
    with pytest.raises(SchemaError, match="is string, expected large_string"):
        Texts.of(pa.array(["a"]), kind=pa.large_string())


def on_last_page(values):
    """The strings as an array whose data ends where a page begins that must not be read."""
    page = mmap.PAGESIZE
    area = mmap.mmap(-1, 2 * page)
    data = "".join(values).encode()
    area[page - len(data):page] = data
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0) == 0
    buffer = pa.foreign_buffer(start + page - len(data), len(data), base=area)
    lengths = [0]
    for value in values:
        lengths.append(lengths[-1] + len(value.encode()))
    offsets = pa.array(lengths, pa.int32()).buffers()[1]
    return pa.StringArray.from_buffers(len(values), offsets, buffer)


@pytest.mark.parametrize("values", [["last\n"], ["a " * 500, "é\u3000 x"], ["x" * 64], ["", "tail \n\n\n\n\n\n", ""]])
@pytest.mark.parametrize("operator", [BasicSignals(), Compression(), Normalise(), TextLayer()], ids=lambda op: op.name)
def test_nothing_is_read_past_the_last_mapped_page(operator, values):
    """A regression here kills the process: the page after the text is unreadable."""
    field = pa.field("text", pa.string(), nullable=False)
    batch = pa.record_batch([on_last_page(values)], schema=pa.schema([field]))
    assert operator.open({})(batch).batch.num_rows == len(values)


def test_documents_away_from_the_end_are_not_copied():
    array = pa.array(["first", "x" * 4 * PADDING], pa.string())
    assert Texts.of(array).addresses[0] == array.buffers()[2].address
