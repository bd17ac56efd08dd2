"""Compressed files in chunks."""

import gzip

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.jobs.sources.inflate import BrokenFileError, chunks

PACK = {"a.gz": gzip.compress, "a.zst": zstandard.ZstdCompressor().compress, "A.GZ": gzip.compress}


def _read(data, name, read_bytes=1 << 20):
    """What was read, and the reason where it broke off."""
    out = b""
    try:
        for chunk in chunks(pa.BufferReader(data), name, read_bytes):
            out += chunk
    except BrokenFileError as error:
        return out, error.reason
    return out, None


@pytest.mark.parametrize("name", PACK)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4), read=st.integers(1, 64))
@settings(deadline=None, max_examples=50)
def test_any_number_of_members_is_one_content(name, parts, read):
    assert _read(b"".join(map(PACK[name], parts)), name, read) == (b"".join(parts), None)


@pytest.mark.parametrize("name", PACK)
@given(content=st.binary(min_size=1, max_size=2000), cut=st.integers(0, 10_000), read=st.integers(1, 64))
@settings(deadline=None, max_examples=50)
def test_a_cut_file_gives_a_start_of_the_content_and_says_so(name, content, cut, read):
    data = PACK[name](content)
    out, reason = _read(data[: cut % len(data)], name, read)
    assert reason == "truncated"
    assert content.startswith(out)


@pytest.mark.parametrize("name", PACK)
def test_garbage_is_unreadable(name):
    assert _read(b"this is no such file", name) == (b"", "unreadable_file")
    assert _read(PACK[name](b"good") + b"garbage, much of it", name) == (b"good", "unreadable_file")


def test_zeros_after_gzip_are_padding():
    assert _read(gzip.compress(b"good") + bytes(600), "a.gz", 100) == (b"good", None)


@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("a.gz", gzip.compress(bytes(1 << 28), 9)),
        ("a.zst", zstandard.ZstdCompressor(level=19).compress(bytes(1 << 28))),
    ],
)
def test_no_chunk_is_large_however_well_the_content_packs(name, bomb):
    sizes = [len(chunk) for chunk in chunks(pa.BufferReader(bomb), name)]
    assert sum(sizes) == 1 << 28
    assert max(sizes) <= 1 << 27
