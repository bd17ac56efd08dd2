"""WARC files as records, whatever is damaged: every record that is whole is found.

Neither warcio nor FastWARC goes on after a broken gzip member or a length that runs past its record (docs/decisions/0011),
so the framing is done here. Where a record ends is told by its Content-Length if what follows is the start of another, by the
next gzip member that begins with ``WARC/``, or else by the next line ``WARC/1.x``.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping

import pyarrow as pa

from corpusmill.jobs.sources.members import HEAD_BYTES, Boundary, Damage, Event, events

MAX_BODY = 64 << 20
_READ = 1 << 20
_MAX_HEADER = 1 << 20
_BLANK = b"\r\n"
_PADDING = b"\0\r\n\t "
_NEXT = re.compile(rb"\nWARC/(?:0\.1[78]|1\.[01])\r?\n")
_NEXT_LENGTH = 12
_HEADER_END = re.compile(rb"\r?\n\r?\n")


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """Headers by their name in lower case, and the block; of a block beyond the limit, its start only."""

    headers: Mapping[str, str]
    body: bytes
    cut: bool = False  # the block is longer than the limit
    repaired: bool = False  # the length was wrong, and the record ends where the next begins


def records(handle: pa.NativeFile, name: str, max_body: int = MAX_BODY) -> Iterator[Record | Damage]:
    """The records of a WARC file in order, inflated where its name ends in .gz or .zst."""
    return _Framer(events(handle, name), max_body).run()


class _Framer:
    """Cuts events into records. ``_stop`` is what ends the bytes at hand: a boundary, damage, or the end of the file."""

    def __init__(self, events: Iterator[Event], max_body: int) -> None:
        self._events = events
        self._max_body = max_body
        self._data = bytearray()
        self._at = 0
        self._stop: Boundary | Damage | None = None
        self._ended = False

    def run(self) -> Iterator[Record | Damage]:
        while True:
            self._skip_blank()
            if self._at < len(self._data):
                yield from self._one()
            elif isinstance(self._stop, Damage):
                yield self._stop
                self._stop = None
            elif self._stop is not None:
                self._stop = None
            elif self._ended:
                return

    def _pull(self) -> bool:
        """Add the next bytes; False where a boundary, damage or the end comes first."""
        if self._stop is not None or self._ended:
            return False
        event = next(self._events, None)
        if event is None:
            self._ended = True
            return False
        if not isinstance(event, bytes):
            self._stop = event
            return False
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += event
        return True

    def _have(self, size: int) -> bool:
        while len(self._data) - self._at < size:
            if not self._pull():
                return False
        return True

    def _skip_blank(self) -> None:
        while self._have(1):
            if self._data[self._at] not in _BLANK:
                return
            self._at += 1

    def _one(self) -> Iterator[Record | Damage]:
        """What begins here."""
        headers = self._headers()
        if headers is None:
            yield from self._skip_to_next()
            return
        try:
            length: int | None = int(headers.get("content-length", ""))
        except ValueError:
            length = None
        if length is not None and 0 <= length <= self._max_body and self._have(length) and self._ends_after(length):
            body = self._take(length)
            yield self._damaged(headers, body, complete=True) or Record(headers, body)
        else:
            yield self._until_next(headers, length)

    def _headers(self) -> dict[str, str] | None:
        """The headers of a record, if one begins here."""
        self._have(_NEXT_LENGTH)
        if not self._data.startswith(b"WARC/", self._at):
            return None
        searched = self._at
        while (end := _HEADER_END.search(self._data, searched)) is None:
            done = len(self._data) - self._at
            if done > _MAX_HEADER or not self._pull():
                return None
            searched = self._at + max(0, done - 3)
        headers = parse_headers(bytes(self._data[self._at : end.start()]))
        self._at = end.end()
        return headers

    def _ends_after(self, length: int) -> bool:
        """Whether a block of this length is followed by two line ends, by a record, or by the end of the bytes at hand."""
        self._have(length + 8)
        after = bytes(self._data[self._at + length : self._at + length + 8])
        return after.startswith(b"\r\n\r\n") or not (rest := after.lstrip(_BLANK)) or rest.startswith(b"WARC/"[: len(rest)])

    def _until_next(self, headers: Mapping[str, str], length: int | None) -> Record | Damage:
        """A record of unknown length; what is not ended by a record, or by its gzip member, may be cut off."""
        found = self._find_next(self._max_body)
        if found is None and not isinstance(self._stop, Boundary):
            if self._stop is None and not self._ended:
                return self._long(headers, length)
            content = self._take(len(self._data) - self._at)
            return self._damaged(headers, content, complete=False) or Damage(
                "truncated", f"{named(headers)}: the file ends in this record", content[:HEAD_BYTES])
        size = (len(self._data) if found is None else found) - self._at
        if size > self._max_body + 4:
            return self._long(headers, length)
        body = self._take(size)
        return Record(headers, body.removesuffix(b"\r\n\r\n"), repaired=True)

    def _damaged(self, headers: Mapping[str, str], content: bytes, *, complete: bool) -> Damage | None:
        """The record that was read last, if damage comes right behind it: a checksum tells of it only at the end."""
        if self._have(_NEXT_LENGTH) or not isinstance(self._stop, Damage) or (complete and self._stop.between):
            return None
        stop, self._stop = self._stop, None
        self._at = len(self._data)
        return Damage(stop.reason, f"{named(headers)}: {stop.detail}", content[:HEAD_BYTES])

    def _long(self, headers: Mapping[str, str], length: int | None) -> Record:
        """Pass a block that is not to be held in memory; another record in it ends it."""
        head = bytes(self._data[self._at : self._at + HEAD_BYTES])
        left = float("inf") if length is None or length < 0 else length
        while left > 0:
            found = _NEXT.search(self._data, self._at)
            if found is not None:
                self._at = found.start() + 1
                break
            step = min(left, len(self._data) - self._at - _NEXT_LENGTH)
            if step > 0:
                self._at += int(step)
                left -= step
            elif not self._pull():
                self._at = len(self._data)
                break
        return Record(headers, head, cut=True)

    def _skip_to_next(self) -> Iterator[Damage]:
        """What stands where a record should."""
        start = bytes(self._data[self._at : self._at + HEAD_BYTES])
        while (found := self._find_next(_READ)) is None and self._stop is None and not self._ended:
            self._at = max(self._at, len(self._data) - _NEXT_LENGTH)
        self._at = len(self._data) if found is None else found
        if not start.strip(_PADDING):
            return
        reason = "malformed_record"
        if start.startswith(b"WARC/") and found is None:
            if isinstance(self._stop, Damage) and not self._stop.between:
                reason, self._stop = self._stop.reason, None
            elif self._ended:
                reason = "truncated"
        yield Damage(reason, f"no record begins with {start[:40]!r}", start)

    def _find_next(self, limit: int) -> int | None:
        """Where the next record begins, within so many bytes of the bytes at hand."""
        searched = self._at
        while (found := _NEXT.search(self._data, searched)) is None:
            done = len(self._data) - self._at
            if done > limit or not self._pull():
                return None
            searched = self._at + max(0, done - _NEXT_LENGTH)
        return found.start() + 1

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._data)[self._at : self._at + size])
        self._at += size
        return taken


def named(headers: Mapping[str, str]) -> str:
    """A record as a person would look for it."""
    place = headers.get("warc-target-uri") or headers.get("warc-record-id", "")
    return f"{headers.get('warc-type', 'a record')} {place}".strip()


def parse_headers(block: bytes) -> dict[str, str]:
    """Header lines after the first, by their names in lower case; of several of one name the first stands."""
    found: dict[str, str] = {}
    last = ""
    for line in block.decode(errors="replace").split("\n")[1:]:
        if line[:1] in " \t" and last:
            found[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        last = name.strip().lower() if colon else ""
        if last:
            found.setdefault(last, value.strip())
    return found
