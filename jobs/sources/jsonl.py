"""JSON Lines, plain or compressed: blocks of whole lines, each parsed at once where every line of it is good.

A block with a bad line, a mixed type or an object as metadata is parsed line by line instead, so that only the bad
lines are bad; both ways give a good line the same document. Rows are the lines that are not blank, counted from 0.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from corpusmill.jobs.sources.files import SourceFile, opened
from corpusmill.jobs.sources.inflate import BrokenFileError, chunks
from corpusmill.jobs.sources.pieces import Piece, Reading, defaults_of, kept, mapped, piece, unreadable
from corpusmill.operators.documents import KEPT, QUARANTINED_BYTES, BadRow, Rows, canonical, json_object

_BLOCK = 8 << 20
_READ = 1 << 20
_SNIFFED_LINES = 100
_MAX_PARSED_AT_ONCE = (1 << 31) - 2
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


@dataclasses.dataclass(frozen=True, slots=True)
class LongLine:
    """The start of a line that is longer than a document may be, and was skipped."""

    head: bytes


class _BadLineError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail[:200]


def read_jsonl(file: SourceFile, reading: Reading) -> Iterator[Piece]:
    """The file's pieces in order.

    Columns are looked for in the first 100 objects. Beside the reasons of a document: ``bad_json``, ``missing_text``,
    and ``oversize`` for a line beyond ``max_document_bytes`` as it is written. Where a compressed file breaks off, the
    whole lines before stand and the file has one bad row (``truncated``, ``unreadable_file``).
    """
    with opened(file, reading.options) as handle:
        size = min(_BLOCK, reading.batch_bytes)
        read = min(_READ, size)
        lines = blocks(chunks(handle, file.name, read), size, max(read, _READ, reading.max_document_bytes))
        parser: _Parser | None = None
        first = 0
        while True:
            try:
                block = next(lines, None)
            except BrokenFileError as error:
                yield unreadable(file, reading, error.reason, f"after {first} whole rows: {error.detail}")
                return
            if block is None:
                return
            if isinstance(block, LongLine):
                detail = f"a line of more than {reading.max_document_bytes} bytes"
                yield piece(file, reading, None, [BadRow(first, "oversize", detail, block.head)])
                first += 1
                continue
            rows = [line for line in block.split(b"\n") if line.strip(_BLANK)]
            if not rows:
                continue
            if parser is None or not parser.settled:
                parser = _Parser.of(file, reading, rows)
            yield parser.parse(block, rows, first)
            first += len(rows)


def blocks(data: Iterator[bytes], block_bytes: int, max_line_bytes: int) -> Iterator[bytes | LongLine]:
    """Whole lines of at most ``block_bytes`` together, or one longer line; a line beyond ``max_line_bytes`` is skipped.

    No chunk of ``data`` may be longer than either limit: then the cuts are the only thing that depends on the chunks.
    Where ``data`` raises BrokenFileError, the whole lines before come first.
    """
    cutter = _Cutter(block_bytes, max_line_bytes)
    try:
        for chunk in data:
            yield from cutter.add(chunk)
    except BrokenFileError:
        yield from cutter.finish(whole_only=True)
        raise
    yield from cutter.finish(whole_only=False)


class _Cutter:
    """Bytes wait here as whole lines (``ready``) and the start of the next one (``tail``)."""

    def __init__(self, block_bytes: int, max_line_bytes: int) -> None:
        self._limit = block_bytes
        self._max_line = max_line_bytes
        self._ready: list[bytes] = []
        self._ready_bytes = 0
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._skipping = False

    def add(self, chunk: bytes) -> Iterator[bytes | LongLine]:
        """The blocks that ``chunk`` completes."""
        first = chunk.find(b"\n") + 1
        if not first:
            yield from self._extend(chunk)
            return
        yield from self._extend(chunk[:first])
        yield from self._line_done()
        last = chunk.rfind(b"\n") + 1
        if last > first:
            yield from self._append([chunk[first:last]])
        yield from self._extend(chunk[last:])

    def finish(self, *, whole_only: bool) -> Iterator[bytes | LongLine]:
        """What is left; the line that has no end yet only where the data is known to be complete."""
        if not whole_only and (self._tail_bytes or self._skipping):
            yield from self._line_done()
        yield from self._flush()

    def _extend(self, part: bytes) -> Iterator[bytes | LongLine]:
        if self._skipping or not part:
            return
        self._tail.append(part)
        self._tail_bytes += len(part)
        if self._tail_bytes > self._max_line + 1:
            yield from self._flush()
            yield LongLine(b"".join(self._tail)[:QUARANTINED_BYTES])
            self._tail, self._tail_bytes, self._skipping = [], 0, True

    def _line_done(self) -> Iterator[bytes | LongLine]:
        if self._skipping:
            self._skipping = False
            return
        line, self._tail, self._tail_bytes = self._tail, [], 0
        yield from self._append(line)

    def _append(self, parts: Sequence[bytes]) -> Iterator[bytes]:
        """Whole lines to the block, which goes out first where they do not fit."""
        size = sum(map(len, parts))
        if self._ready_bytes + size > self._limit:
            yield from self._flush()
        self._ready += parts
        self._ready_bytes += size

    def _flush(self) -> Iterator[bytes]:
        if self._ready:
            yield b"".join(self._ready)
        self._ready, self._ready_bytes = [], 0


@dataclasses.dataclass(frozen=True)
class _Parser:
    """How the lines of one file become documents; ``at_once`` is None where they must be parsed one by one."""

    file: SourceFile
    reading: Reading
    mapping: Mapping[str, str]
    at_once: pa.Schema | None
    settled: bool  # False where no line was an object yet, so that the columns are still unknown

    @classmethod
    def of(cls, file: SourceFile, reading: Reading, rows: Sequence[bytes]) -> "_Parser":
        """By the first objects among some lines."""
        seen = _sniffed(rows)
        if seen is None:
            return cls(file, reading, {"text": "text"}, None, settled=False)
        mapping = mapped(file, reading, list(seen), ragged=True)
        types = dict.fromkeys(mapping, pa.string())
        if type(seen.get(mapping.get("native_id", ""))) is int:
            types["native_id"] = pa.int64()
        # Parsed at once, objects would get each other's keys.
        objects = isinstance(seen.get(mapping.get("metadata", "")), dict)
        objects |= any(not isinstance(seen[name], str | None) for name in reading.keep)
        named = [(column, types[name]) for name, column in mapping.items() if name != KEPT]
        schema = pa.schema([*named, *((column, pa.string()) for column in reading.keep)])
        shared = len(set(schema.names)) < len(schema.names)
        return cls(file, reading, mapping, None if objects or shared else schema, settled=True)

    def parse(self, block: bytes, rows: Sequence[bytes], first: int) -> Piece:
        """The documents and bad rows of a block whose lines that are not blank are ``rows``."""
        batch = self._parsed(block, len(rows))
        if batch is not None:
            return self._piece(batch, np.arange(first, first + len(rows)), [])
        values: dict[str, list[bytes | None]] = {name: [] for name in self.mapping}
        numbers: list[int] = []
        bad: list[BadRow] = []
        for number, line in enumerate(rows, first):
            try:
                fields = _fields(_record(line), self.mapping, self.reading.keep)
            except _BadLineError as problem:
                bad.append(BadRow(number, problem.reason, problem.detail, line[:QUARANTINED_BYTES]))
                continue
            numbers.append(number)
            for name, value in fields.items():
                values[name].append(value)
        columns = {name: pa.array(column, pa.binary()) for name, column in values.items()}
        batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
        return self._piece(batch, np.array(numbers, np.int64), bad, {name: name for name in columns})

    def _parsed(self, block: bytes, rows: int) -> pa.RecordBatch | None:
        """All lines at once; None where that is not certain to give what each line alone would."""
        if self.at_once is None or len(block) > _MAX_PARSED_AT_ONCE:
            return None
        try:
            pa.array([block], pa.binary()).cast(pa.string())
            table = pj.read_json(
                pa.BufferReader(block.removeprefix(_BOM)),
                pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
                pj.ParseOptions(explicit_schema=self.at_once, unexpected_field_behavior="ignore"))
        except (pa.ArrowException, ValueError):
            return None
        if table.num_rows != rows or table[self.mapping["text"]].null_count:
            return None
        return kept(table.combine_chunks().to_batches()[0], self.reading.keep)

    def _piece(
        self, batch: pa.RecordBatch, numbers: Rows, bad: list[BadRow],
        mapping: Mapping[str, str] | None = None,
    ) -> Piece:
        defaults, limit = defaults_of(self.file, self.reading), self.reading.max_document_bytes
        documents, more = canonical(batch, mapping or self.mapping, defaults, numbers, limit)
        return piece(self.file, self.reading, documents, sorted([*bad, *more], key=lambda row: row.row))


def _sniffed(rows: Sequence[bytes]) -> dict[str, object] | None:
    """The keys of the first objects, each with its first value that is not null; None where there is no object."""
    seen: dict[str, object] = {}
    objects = 0
    for line in rows:
        try:
            record = _record(line)
        except _BadLineError:
            continue
        for key, value in record.items():
            if seen.get(key) is None:
                seen[key] = value
        objects += 1
        if objects == _SNIFFED_LINES:
            break
    return seen if objects else None


def _record(line: bytes) -> dict[str, object]:
    """The object on a line."""
    try:
        record = json.loads(line.removeprefix(_BOM).decode())
    except UnicodeDecodeError as error:
        raise _BadLineError("invalid_utf8", f"{error.reason} at byte {error.start} of the line") from error
    except (ValueError, RecursionError) as error:
        raise _BadLineError("bad_json", str(error)) from error
    if not isinstance(record, dict):
        raise _BadLineError("bad_json", f"a JSON {type(record).__name__} instead of an object")
    return record


def _fields(record: Mapping[str, object], mapping: Mapping[str, str], keep: Sequence[str]) -> dict[str, bytes | None]:
    """The mapped fields of one object, as bytes, and those that are kept together as one object."""
    if mapping["text"] not in record:
        raise _BadLineError("missing_text", f"no {mapping['text']!r} among {', '.join(map(repr, record))}")
    if record[mapping["text"]] is None:
        raise _BadLineError("null_text", "text is null")
    fields: dict[str, bytes | None] = {}
    for name, column in mapping.items():
        value = record.get(column) if name != KEPT else {column: record.get(column) for column in keep}
        try:
            if name in ("metadata", KEPT) and isinstance(value, dict):
                value = json_object(value)
            elif name == "native_id" and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
        except ValueError as error:
            raise _BadLineError("bad_metadata" if name == KEPT else f"bad_{name}", str(error)) from error
        if value is not None and not isinstance(value, str):
            raise _BadLineError("wrong_type", f"{name} is a JSON {type(value).__name__}, not a string")
        try:
            fields[name] = None if value is None else value.encode()
        except UnicodeEncodeError as error:
            raise _BadLineError("invalid_utf8", f"{name} has half a surrogate pair") from error
    return fields
