"""BLAKE2b over Arrow buffers: the oracle is hashlib."""

import ctypes
import datetime as dt
import hashlib
import mmap

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.text import hashing

unhurried = settings(deadline=None)  # the first example may compile a kernel

EDGES = (0, 1, 7, 8, 9, 103, 104, 105, 127, 128, 129, 255, 256, 257, 1000)
edge_bytes = st.sampled_from(EDGES).map(lambda n: bytes((i * 7 + n) % 256 for i in range(n)))
values = st.lists(st.one_of(st.binary(max_size=300), edge_bytes), max_size=12)
texts = st.one_of(st.text(max_size=150), st.sampled_from(EDGES).map(lambda n: "é" * (n // 2) + "x" * (n % 2)))
documents = st.lists(st.tuples(texts, texts, texts), max_size=10)
DATE = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
GOLDEN_TEXT = [
    "cae66941d9efbd404e4d88758ea67670",
    "9f06451b586b30a5e8bf55e22fcd3cc5",
    "c2f093e41879e412280bfcc0ed6533e4",
]
GOLDEN_ID = [
    "97b8cf425d5ee9bec06fda9927bba26c",
    "04ed8b21fe616d2a77f5cec6a8d7a0a0",
    "8732e74f214635522e3966ff48e3b3cc",
]
GOLDEN_ROW = [
    "55239f6d084716ecfb7cc019fb26aef3",
    "ff0f22492f44bac4c4b30ae58d0e8daa",
    "facf69d272cf725f9128c66bd816ba82",
]
GOLDEN_PRIORITY = [
    14249917955196849020,
    3664169215354351700,
    4895885652442340809,
]


def blake(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def expected_id(source: bytes, native_id: bytes, text: bytes) -> bytes:
    prefix = u64(len(source)) + source + u64(len(native_id)) + native_id + u64(len(text))
    return blake(prefix + bytes(-len(prefix) % 128) + text)


def expected_row(row: list[bytes | None]) -> bytes:
    return blake(b"".join(bytes(16) if value is None else blake(value) for value in row))


@unhurried
@given(values, st.integers(0, 3), st.sampled_from([pa.binary(), pa.large_binary()]))
def test_text_digests_are_those_of_hashlib(data, skipped, kind):
    array = pa.array([b"skipped"] * skipped + data, kind).slice(skipped)
    assert hashing.text_digests(array).to_pylist() == [blake(value) for value in data]


@unhurried
@given(st.lists(texts), st.integers(0, 2))
def test_text_digests_cover_the_utf8_bytes(data, cut):
    array = pa.array(data, pa.string())[cut:]
    assert hashing.text_digests(array).to_pylist() == [blake(value.encode()) for value in data[cut:]]


@unhurried
@given(documents, st.integers(0, 3))
def test_document_ids_follow_their_published_definition(rows, cut):
    columns = [pa.array([row[i] for row in rows], pa.string())[cut:] for i in range(3)]
    assert hashing.document_ids(*columns).to_pylist() == [
        expected_id(*(part.encode() for part in row)) for row in rows[cut:]
    ]


@unhurried
@given(documents)
def test_document_ids_do_not_depend_on_the_slice(rows):
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(3)]
    whole = hashing.document_ids(*columns).to_pylist()
    assert whole == [hashing.document_ids(*(c.slice(i, 1) for c in columns))[0].as_py() for i in range(len(rows))]


def test_the_parts_of_an_identity_are_not_confused():
    """A byte that moves from one part to the next makes another document."""
    columns = [("ab", "", "c"), ("a", "b", "c"), ("a", "", "bc"), ("", "ab", "c"), ("", "", "abc")]
    ids = hashing.document_ids(*(pa.array(column) for column in zip(*columns, strict=True)))
    assert len(set(ids.to_pylist())) == len(columns)


@unhurried
@given(st.lists(st.tuples(st.none() | texts, st.none() | st.integers(0, 2**50), st.none() | texts), max_size=10),
       st.integers(0, 2))
def test_row_digests_hash_each_value_and_then_the_row(rows, cut):
    batch = pa.record_batch({
        "url": pa.array([row[0] for row in rows], pa.string()),
        "date": pa.array([row[1] for row in rows], pa.timestamp("us", tz="UTC")),
        "license": pa.nulls(len(rows)),
        "metadata": pa.array([row[2] for row in rows], pa.large_string()),
    }).slice(cut)
    plain = [(url, None if date is None else u64(date), None, meta) for url, date, meta in rows[cut:]]
    expected = [expected_row([v.encode() if isinstance(v, str) else v for v in row]) for row in plain]
    assert hashing.row_digests(batch, ["url", "date", "license", "metadata"]).to_pylist() == expected


def test_row_digests_tell_null_from_empty_and_one_column_from_the_next():
    batch = pa.record_batch({"url": ["", None, "a", None], "license": [None, "", None, "a"]})
    assert len(set(hashing.row_digests(batch, ["url", "license"]).to_pylist())) == 4


def test_row_digests_ignore_what_lies_under_a_null():
    kind = pa.timestamp("us", tz="UTC")
    clean = pa.array([DATE, None], kind)
    dirty = pa.Array.from_buffers(kind, 2, [clean.buffers()[0], pa.py_buffer(
        np.array([clean.cast(pa.int64())[0].as_py(), 77]))])
    a, b = (hashing.row_digests(pa.record_batch({"date": array}), ["date"]).to_pylist() for array in (clean, dirty))
    assert a == b


@unhurried
@given(st.lists(st.binary(min_size=16, max_size=16), max_size=8), st.integers(0, 2**64 - 1), st.text(max_size=9),
       st.integers(0, 2**40), st.integers(0, 2))
def test_priorities_are_the_first_eight_bytes_of_a_hash(ids, seed, purpose, copy, cut):
    array = pa.array(ids, pa.binary(16))[cut:]
    got = hashing.priorities(array, seed, purpose, np.full(len(array), copy))
    head = u64(seed) + blake(purpose.encode())
    expected = [int.from_bytes(blake(head + doc_id + u64(copy))[:8], "little") for doc_id in ids[cut:]]
    assert got.dtype == np.uint64
    assert got.tolist() == expected


def test_no_copy_is_copy_zero():
    ids = hashing.text_digests(pa.array(["a", "b"]))
    assert (hashing.priorities(ids, 1, "draw") == hashing.priorities(ids, 1, "draw", np.zeros(2, np.int64))).all()


@pytest.mark.parametrize("shift", [0, 29, 56])
def test_priorities_are_uniform(shift):
    """Chi-square over 256 cells of high, middle and low bits; 1 in 10^6 fair samples exceeds 377."""
    ids = hashing.text_digests(pa.array([str(i) for i in range(100_000)]))
    cells = (hashing.priorities(ids, 11, "order") >> np.uint64(shift)) & np.uint64(255)
    observed = np.bincount(cells.astype(np.int64), minlength=256)
    expected = len(ids) / 256
    assert ((observed - expected) ** 2 / expected).sum() < 377


def test_priorities_of_other_seeds_purposes_and_copies_are_uncorrelated():
    """Five standard errors of a correlation of independent samples are 0.05 at 10^4 documents."""
    ids = hashing.text_digests(pa.array([str(i) for i in range(10_000)]))
    one = np.ones(len(ids), np.int64)
    draws = [(0, "draw", None), (1, "draw", None), (0, "order", None), (0, "draw", one)]
    numbers = np.array([hashing.priorities(ids, *draw) for draw in draws], np.float64)
    assert np.abs(np.corrcoef(numbers) - np.eye(len(draws))).max() < 0.05


def test_definitions_are_frozen():
    """Values made once with hashlib; a change here renames every document that was ever published."""
    text = pa.array(["", "The quick brown fox", "x" * 300])
    source, native_id = pa.array(["web", "web", "books"]), pa.array(["1", "2", "/a/b.txt"])
    ids = hashing.document_ids(source, native_id, text)
    batch = pa.record_batch({"url": pa.array(["http://a", None, ""]), "date": pa.array(
        [DATE, None, DATE], pa.timestamp("us", tz="UTC"))})
    assert [value.hex() for value in hashing.text_digests(text).to_pylist()] == GOLDEN_TEXT
    assert [value.hex() for value in ids.to_pylist()] == GOLDEN_ID
    assert [value.hex() for value in hashing.row_digests(batch, ["url", "date"]).to_pylist()] == GOLDEN_ROW
    assert hashing.priorities(ids, 7, "draw", np.arange(3)).tolist() == GOLDEN_PRIORITY


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 129, 4000])
def test_nothing_is_read_past_the_end_of_a_buffer(size):
    """The byte after the text lies on a page that must not be read: doing so would end the process."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    held = ctypes.c_char.from_buffer(memory)
    address = ctypes.addressof(held)
    text = b"y" * size
    memory[page - size : page] = text
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(address + page), ctypes.c_size_t(page), 0) == 0
    data = pa.foreign_buffer(address + page - size, size, base=held)
    array = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, size], np.int32)), data)
    try:
        assert hashing.text_digests(array).to_pylist() == [blake(text)]
        assert hashing.document_ids(array, array, array).to_pylist() == [expected_id(text, text, text)]
    finally:
        libc.mprotect(ctypes.c_void_p(address + page), ctypes.c_size_t(page), mmap.PROT_READ | mmap.PROT_WRITE)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_nulls_have_no_identity(which):
    columns = [pa.array(["a", "b"]) for _ in range(3)]
    columns[which] = pa.array(["a", None])
    with pytest.raises(DataError, match="must not be null, but 1 of 2 values are"):
        hashing.document_ids(*columns)


def test_null_texts_and_ids_are_refused():
    with pytest.raises(DataError, match="text must not be null"):
        hashing.text_digests(pa.array([None], pa.string()))
    with pytest.raises(DataError, match="doc_id must not be null"):
        hashing.priorities(pa.array([None], pa.binary(16)), 0, "draw")


def test_arguments_that_do_not_fit_are_refused():
    one, two = pa.array(["a"]), pa.array(["a", "b"])
    with pytest.raises(DataError, match="one length; got 1, 2, 1"):
        hashing.document_ids(one, two, one)
    with pytest.raises(ConfigError, match="got -1"):
        hashing.priorities(hashing.text_digests(one), -1, "draw")
    with pytest.raises(DataError, match="one number per document"):
        hashing.priorities(hashing.text_digests(one), 0, "draw", np.zeros(2, np.int64))
    with pytest.raises(SchemaError, match="one column 'url'; there is text"):
        hashing.row_digests(pa.record_batch({"text": one}), ["url"])
    with pytest.raises(SchemaError, match="type double"):
        hashing.row_digests(pa.record_batch({"x": [1.5]}), ["x"])
