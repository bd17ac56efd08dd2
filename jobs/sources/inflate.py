"""Files and their decompressed bytes as chunks, with a clear end where a compressed file breaks off."""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import pyarrow as pa
import zstandard

from corpusmill.operators.errors import DataError

_READ = 1 << 20
# A zstd block of 4 bytes can stand for 128 KiB: what is fed at once bounds what comes out at once, 128 MiB at worst.
_FEED = 4 << 10
_MAX_OUT = 1 << 20
_ZSTD_WINDOW = 1 << 31


class BrokenFileError(DataError):
    """A file's content ends or goes wrong before its end; ``reason`` is what the quarantine records."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def chunks(handle: pa.NativeFile, name: str, read_bytes: int = _READ) -> Iterator[bytes]:
    """The content of a file, decompressed where its name ends in .gz or .zst, in chunks of about 1 MiB.

    Raises BrokenFileError, after all that could be read: ``truncated`` where the content breaks off,
    ``unreadable_file`` where it is something else than the name says.
    """
    raw = iter(lambda: handle.read(read_bytes), b"")
    if name.lower().endswith(".gz"):
        return _members(raw, _gzip, "gzip")
    if name.lower().endswith(".zst"):
        return _members(raw, _zstd, "zstd")
    return raw


class _Member(Protocol):
    """One gzip member or zstd frame on its way."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self.eof:
            if out := self._inner.decompress(data, _MAX_OUT):
                yield out
            data = self._inner.unconsumed_tail


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _FEED):
            if out := self._inner.decompress(data[start : start + _FEED]):
                yield out
            if self.eof:
                self._rest = data[start + _FEED :]
                return


def _gzip() -> _Member:
    return _Gzip()


def _zstd() -> _Member:
    return _Zstd()


def _members(raw: Iterator[bytes], new: Callable[[], _Member], kind: str) -> Iterator[bytes]:
    """A file is any number of members, one after another; gzip's may be followed by zeros."""
    member: _Member | None = None
    finished = 0
    for data in raw:
        while data:
            if member is None:
                if finished and kind == "gzip" and not data.strip(b"\0"):
                    break
                member = new()
            try:
                yield from member.feed(data)
            except (zlib.error, zstandard.ZstdError) as error:
                raise BrokenFileError("unreadable_file", f"{kind}: {error}") from error
            if not member.eof:
                break
            data, member, finished = member.unused_data, None, finished + 1
    if member is not None or not finished:
        raise BrokenFileError("truncated", f"the {kind} stream ends before its end")
