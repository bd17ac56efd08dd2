"""WARC framing, with warcio as the writer and the reference."""

import gzip
import io
import re
import zlib

import pyarrow as pa
import pytest
import warcio
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.warcwriter import WARCWriter

from corpusmill.jobs.sources.members import Damage
from corpusmill.jobs.sources.records import Record, parse_headers, records

# warcio leaves its temporary files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
N = 8


def _written(bodies, gz):
    """The file, and where each record begins."""
    out, starts = io.BytesIO(), []
    writer = WARCWriter(out, gzip=gz)
    for at, body in enumerate(bodies):
        starts.append(out.tell())
        record = writer.create_warc_record(
            f"http://e.org/{at}", "resource", payload=io.BytesIO(body), warc_content_type="text/plain")
        writer.write_record(record)
    return out.getvalue(), starts


def _bodies():
    return [f"record {at} ".encode() + b"words and more words\n" * (50 + at) for at in range(N)]


def _read(data, name="x.warc", **options):
    """The records by their number in the file as written, and the damage."""
    found = list(records(pa.BufferReader(data), name, **options))
    whole = {int(r.headers["warc-target-uri"][-1]): r for r in found if isinstance(r, Record)}
    assert len(whole) == sum(isinstance(r, Record) for r in found)
    return whole, [r for r in found if isinstance(r, Damage)]


def _length(data, start, change):
    """The file with another Content-Length in the record that begins at ``start``."""
    at = data.index(b"Content-Length: ", start)
    end = data.index(b"\r\n", at)
    return data[:at] + b"Content-Length: " + change(int(data[at + 16 : end])) + data[end:]


def _member(data, starts, at, change):
    """The file with one record changed inside its gzip member."""
    ends = [*starts[1:], len(data)]
    return data[: starts[at]] + gzip.compress(change(gzip.decompress(data[starts[at] : ends[at]]))) + data[ends[at] :]


@settings(max_examples=60)
@given(bodies=st.lists(st.binary(max_size=300), max_size=6), form=st.sampled_from(["plain", "members", "whole", "blocks"]))
def test_records_are_what_was_written_however_it_is_compressed(bodies, form):
    data, _ = _written(bodies, form == "members")
    if form == "whole":
        data = gzip.compress(data)
    elif form == "blocks":  # members that end anywhere, as pigz and bgzip write them
        data = b"".join(gzip.compress(data[at : at + 97]) for at in range(0, len(data), 97))
    found = list(records(pa.BufferReader(data), "x.warc" if form == "plain" else "x.warc.gz"))
    assert [r.body for r in found] == bodies
    assert not any(r.repaired or r.cut for r in found)


def test_headers_are_those_that_warcio_reads():
    data, _ = _written(_bodies(), gz=True)
    theirs = [{k.lower(): v for k, v in r.rec_headers.headers} for r in warcio.ArchiveIterator(io.BytesIO(data))]
    assert [dict(r.headers) for r in records(pa.BufferReader(data), "x.warc.gz")] == theirs


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("change", [
    lambda n: b"%d" % (n + 100), lambda n: b"%d" % (n - 100), lambda n: b"%d" % 10**12,
    lambda n: b"many", lambda n: b"-4",
])
def test_a_wrong_length_costs_no_record(gz, change):
    """warcio and FastWARC stop, or skip the next record."""
    data, starts = _written(_bodies(), gz)
    data = _member(data, starts, 3, lambda m: _length(m, 0, change)) if gz else _length(data, starts[3], change)
    whole, damage = _read(data, "x.warc.gz" if gz else "x.warc")
    assert [whole[at].body for at in range(N)] == _bodies()
    assert [at for at in range(N) if whole[at].repaired] == [3]
    assert not damage


@settings(max_examples=60)
@given(at=st.integers(0, N - 1), where=st.floats(0, 1), size=st.integers(1, 60),
       change=st.sampled_from(["overwrite", "cut", "insert"]))
def test_a_broken_member_costs_its_record_only(at, where, size, change):
    data, starts = _written(_bodies(), gz=True)
    ends = [*starts[1:], len(data)]
    size = min(size, ends[at] - starts[at])
    begin = starts[at] + int(where * (ends[at] - starts[at] - size))
    new = {"overwrite": b"\xff" * size, "cut": b"", "insert": data[begin : begin + size] + b"junk" * 9}[change]
    whole, _ = _read(data[:begin] + new + data[begin + size :], "x.warc.gz")
    assert set(range(N)) - {at} <= set(whole)
    for one in whole.keys() - {at}:
        assert whole[one].body == _bodies()[one]


@pytest.mark.parametrize("gz", [False, True])
def test_what_stands_where_a_record_should_is_reported_and_passed(gz):
    data, starts = _written(_bodies(), gz)
    if gz:
        data = _member(data, starts, 3, lambda m: b"\0\1garbage\r\n\r\n" + m[40:])
    else:
        data = data[: starts[3]] + b"JUNK" + data[starts[3] + 4 :]
    whole, [damage] = _read(data, "x.warc.gz" if gz else "x.warc")
    assert damage.reason == "malformed_record"
    assert whole.keys() == set(range(N)) - {3}
    assert [whole[at].body for at in sorted(whole)] == [b for at, b in enumerate(_bodies()) if at != 3]


@settings(max_examples=40)
@given(share=st.floats(0, 1, exclude_max=True), gz=st.booleans())
def test_a_file_that_breaks_off_keeps_the_records_before(share, gz):
    data, starts = _written(_bodies(), gz)
    end = int(len(data) * share)
    whole, damage = _read(data[:end], "x.warc.gz" if gz else "x.warc")
    before = [at for at, stop in enumerate([*starts[1:], len(data)]) if stop <= end]
    assert set(before) <= set(whole)
    assert all(whole[at].body == _bodies()[at] for at in whole)
    assert {d.reason for d in damage} <= {"truncated"}
    assert damage or len(whole) >= len([s for s in starts if s + 12 <= end])


def test_a_long_block_is_passed_with_its_start():
    bodies = _bodies()
    bodies[3] = b"x" * 300_000
    data, _ = _written(bodies, gz=False)
    whole, damage = _read(data, max_body=100_000)
    assert whole[3].cut
    assert set(whole[3].body) == {ord("x")}
    assert [r.body for at, r in whole.items() if at != 3] == [b for at, b in enumerate(bodies) if at != 3]
    assert not damage


def test_text_that_looks_like_a_record_stays_in_the_block_that_holds_it():
    bodies = _bodies()
    bodies[3] = b"how a file looks:\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\n\r\n"
    data, _ = _written(bodies, gz=False)
    whole, _ = _read(data)
    assert [whole[at].body for at in range(N)] == bodies


def test_huge_headers_are_no_record():
    data, starts = _written(_bodies(), gz=False)
    data = data[: starts[3] + 10] + b"X-Filler: " + b"y" * (2 << 20) + b"\r\n" + data[starts[3] + 10 :]
    whole, [damage] = _read(data)
    assert damage.reason == "malformed_record"
    assert whole.keys() == set(range(N)) - {3}


def test_zstd_is_read_and_its_end_is_missed():
    import zstandard

    data, _ = _written(_bodies(), gz=False)
    packed = zstandard.compress(data)
    assert len(_read(packed, "x.warc.zst")[0]) == N
    whole, [damage] = _read(packed[:-20], "x.warc.zst")
    assert damage.reason == "truncated"
    assert all(whole[at].body == _bodies()[at] for at in whole)


def test_a_file_that_is_no_archive_is_one_damage():
    assert [d.reason for d in _read(b"hello world, " * 9, "x.warc")[1]] == ["malformed_record"]
    assert [d.reason for d in _read(b"hello world, " * 9, "x.warc.gz")[1]] == ["unreadable_member"]
    assert _read(b"", "x.warc") == ({}, [])


@given(st.binary(max_size=400), st.sampled_from(["x.warc", "x.warc.gz"]))
def test_no_bytes_make_it_fail(junk, name):
    list(records(pa.BufferReader(junk), name))
    list(records(pa.BufferReader(b"WARC/1.0\r\n" + junk), name))
    list(records(pa.BufferReader(zlib.compress(junk, wbits=31) + junk), name))


def test_continued_headers_are_joined():
    assert parse_headers(b"WARC/1.0\r\nA: b\r\n  c\r\na: d\r\nnonsense\r\n e") == {"a": "b c"}


def test_small_reads_change_nothing(monkeypatch):
    """Records, markers and gzip headers fall across the ends of reads."""
    data, _ = _written(_bodies(), gz=True)
    plain, starts = _written(_bodies(), gz=False)
    plain = _length(plain, starts[3], lambda n: b"%d" % (n + 100))
    for module in ("members", "records"):
        monkeypatch.setattr(f"corpusmill.jobs.sources.{module}._READ", 7)
    monkeypatch.setattr("corpusmill.jobs.sources.members._FEED", 5)
    assert [r.body for r in records(pa.BufferReader(data), "x.warc.gz")] == _bodies()
    assert [r.body for r in records(pa.BufferReader(plain), "x.warc")] == _bodies()
    assert re.search(rb"words", plain)
