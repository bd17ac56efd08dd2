"""Web archives as bytes, inflated: gzip members one by one, and after a broken one the next that begins with a record."""

import dataclasses
import zlib
from collections.abc import Generator, Iterator

import pyarrow as pa

from corpusmill.jobs.sources.inflate import BrokenFileError, chunks

HEAD_BYTES = 64 << 10  # of what is damaged, to be looked at
_READ = 1 << 20
_FEED = 64 << 10  # what a member leaves over is copied: small slices keep that cheap
_WINDOW = 4 << 20  # compressed bytes that are searched again after damage
_MAGIC = b"\x1f\x8b\x08"
_PADDING = b"\0\r\n\t "


@dataclasses.dataclass(frozen=True, slots=True)
class Damage:
    """What is no record, or no whole one: the quarantine's reason and detail, and what there is of it.

    ``lost`` tells that it hides an unknown number of records; ``between``, that nothing of it was read, so that what came
    before may be whole.
    """

    reason: str
    detail: str
    content: bytes = b""
    lost: bool = False
    between: bool = False


class Boundary:
    """A gzip member begins here, and it begins with a record; or a file of members is at its end."""


Event = bytes | Boundary | Damage


def events(handle: pa.NativeFile, name: str) -> Iterator[Event]:
    """The content of a file, inflated where its name ends in .gz or .zst, and what is known of where records begin."""
    if name.lower().endswith(".gz"):
        yield from _members(handle)
        return
    try:
        yield from chunks(handle, name, _READ)
    except BrokenFileError as error:
        yield Damage(error.reason, error.detail, lost=True)


def _members(handle: pa.NativeFile) -> Iterator[Event]:
    """Inflated members; after a broken one, the next that begins with a record."""
    window = _Window(handle)
    failed = ""
    while window.fill(1):
        if not window.starts_member():
            junk = window.seek_member()
            if junk.strip(_PADDING):
                reason = "truncated" if _MAGIC.startswith(junk) else "unreadable_member"
                yield Damage(reason, f"{len(junk)} bytes that are no gzip member", junk, lost=True, between=True)
            continue
        failed, anything = yield from _member(window)
        if failed:
            reason = "truncated" if window.at_end else "unreadable_member"
            yield Damage(reason, f"gzip: {failed}", lost=True, between=not anything)
            window.rewind()
            window.seek_member()
    if not failed:
        yield Boundary()


def _member(window: "_Window") -> Generator[Event, None, tuple[str, bool]]:
    """One member; returns what is wrong with it, or nothing, and whether anything came out."""
    inflater = zlib.decompressobj(wbits=31)
    window.mark()
    first = True
    while True:
        data = window.take(_FEED)
        if not data:
            return "the stream ends before its end", not first
        while data and not inflater.eof:
            try:
                out = inflater.decompress(data, _READ)
            except zlib.error as error:
                return str(error), not first
            if first and out:
                first = False
                if out.startswith(b"WARC/"):
                    yield Boundary()
            if out:
                yield out
            data = inflater.unconsumed_tail
        if inflater.eof:
            window.give_back(inflater.unused_data)
            return "", not first


class _Window:
    """Compressed bytes: what is read, what is consumed, and where the member began that is being inflated."""

    def __init__(self, handle: pa.NativeFile) -> None:
        self._handle = handle
        self._data = b""
        self._at = 0
        self._mark = 0
        self.at_end = False

    def fill(self, size: int) -> bool:
        """Whether there are so many bytes more."""
        while len(self._data) - self._at < size:
            more = self._handle.read(_READ)
            if not more:
                self.at_end = True
                return False
            keep = max(min(self._mark, self._at), self._at - _WINDOW)
            self._data, self._at, self._mark = self._data[keep:] + more, self._at - keep, max(0, self._mark - keep)
        return True

    def take(self, size: int) -> bytes:
        """Up to so many bytes."""
        self.fill(1)
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def give_back(self, unused: bytes) -> None:
        """What was taken beyond the member's end."""
        self._at -= len(unused)
        self._mark = self._at

    def mark(self) -> None:
        """A member begins here."""
        self._mark = self._at

    def rewind(self) -> None:
        """Back behind the start of a member that failed, as far as it is still here."""
        self._at = self._mark = self._mark + 1
        self.at_end = False

    def starts_member(self) -> bool:
        """Whether a gzip header is here."""
        self.fill(len(_MAGIC))
        return self._data.startswith(_MAGIC, self._at)

    def seek_member(self) -> bytes:
        """Go to the next member that begins with a record, or to the end; returns the start of what was passed."""
        passed = b""
        while self.fill(len(_MAGIC)):
            found = self._data.find(_MAGIC, self._at)
            stop = found if found >= 0 else len(self._data) - len(_MAGIC) + 1
            passed = (passed + self._data[self._at : stop])[:HEAD_BYTES]
            self._at = self._mark = stop
            if found >= 0:
                if self._begins_record():
                    return passed
                self._at += 1
        passed += self._data[self._at :]
        self._at = self._mark = len(self._data)
        return passed[:HEAD_BYTES]

    def _begins_record(self) -> bool:
        self.fill(_FEED)
        try:
            return zlib.decompressobj(wbits=31).decompress(self._data[self._at : self._at + _FEED], 16).startswith(b"WARC/")
        except zlib.error:
            return False
