"""Rows of any file as documents: one canonical form, and a reason for every row that has none.

The columns of a file are mapped onto those of the documents schema. A row is bad for the first of these reasons:

    wrong_type     the column holds something that is never guessed at: a number as text, an integer as a date
    null_text      the text is null
    invalid_utf8   a string's bytes are not UTF-8; Arrow and Parquet do not check what they call a string
    oversize       the text is longer than the limit, in bytes
    bad_date       not ISO 8601, or outside the years 1 to 9999
    bad_metadata   not one JSON object, or beside it a value to be kept that has no form in JSON

Empty text is a document: whether it is kept is for a filter to say.
"""

import dataclasses
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import SchemaError
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.hashing import document_ids

MAX_DOCUMENT_BYTES = 1 << 30
QUARANTINED_BYTES = 64 << 10
KEPT = "kept"  # in a mapping: a struct or JSON objects, whose values that are not null enter the metadata

Rows = npt.NDArray[np.int64]
_Problems = dict[int, tuple[str, str]]  # row in the batch → reason, detail; the first reason stands

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_YEAR_1_S, _YEAR_10000_S = -62_135_596_800, 253_402_300_800
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DETAIL_CHARACTERS = 200


@dataclasses.dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no document: its number in the file, and the start of its text where there is one."""

    row: int
    reason: str
    detail: str
    content: bytes | None


@dataclasses.dataclass(frozen=True, slots=True)
class Defaults:
    """What rows get where the file says nothing; ``native_id`` is completed to ``native_id#row``."""

    native_id: str
    source: str
    license: str | None = None


def canonical(
    batch: pa.RecordBatch,
    mapping: Mapping[str, str],
    defaults: Defaults,
    rows: Rows,
    max_document_bytes: int = MAX_DOCUMENT_BYTES,
) -> tuple[pa.RecordBatch, list[BadRow]]:
    """The batch's documents, in order and in the documents schema, and its bad rows, in order.

    ``mapping`` is canonical column (or ``KEPT``) → column of the batch and must have ``text``; ``rows`` numbers the batch's
    rows in the file. Together the two results have exactly the rows of the batch. Raises SchemaError where ``mapping`` names
    a column that there is not.
    """
    _check(batch, mapping)
    problems: _Problems = {}
    given = {name: batch.column(column) for name, column in mapping.items()}
    raw = _bytes(given["text"], "text", problems)
    text = _text(raw, problems, max_document_bytes)
    strings = {
        name: _string(given[name], name, problems) if name in given else pa.nulls(len(raw), pa.string())
        for name in ("source", "native_id", "url", "license")
    }
    date = _dates(given["date"], problems) if "date" in given else pa.nulls(len(raw), DOCUMENTS.field("date").type)
    metadata = _metadata(given["metadata"], problems) if "metadata" in given else pa.nulls(len(raw), pa.string())
    if KEPT in given:
        metadata = _joined(metadata, given[KEPT], problems)
    source, native_id, kind = _filled(strings, defaults, rows)

    columns = [text, source, native_id, strings["url"], date, kind, metadata]
    if problems:
        good = np.ones(len(raw), bool)
        good[list(problems)] = False
        columns = [column.filter(pa.array(good)) for column in columns]
    doc_id = document_ids(columns[1], columns[2], columns[0])
    documents = pa.RecordBatch.from_arrays([doc_id, *columns], schema=DOCUMENTS)
    starts = pc.binary_slice(raw.take(pa.array(sorted(problems), pa.int64())), 0, QUARANTINED_BYTES).to_pylist()
    bad = [
        BadRow(int(rows[at]), *problem, content)
        for (at, problem), content in zip(sorted(problems.items()), starts, strict=True)
    ]
    return documents, bad


def json_object(value: object) -> str:
    """One JSON object as text: sorted keys, no spaces, characters as they are. Raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {type(value).__name__}, not an object")
    try:
        text = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)
        text.encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return text


def _check(batch: pa.RecordBatch, mapping: Mapping[str, str]) -> None:
    if "text" not in mapping:
        raise SchemaError(f"no column is mapped onto 'text'; there is {', '.join(batch.schema.names)}")
    for name, column in mapping.items():
        if name not in (*DOCUMENTS.names[1:], KEPT):
            raise SchemaError(f"{name!r} is no column of a document; those are {', '.join(DOCUMENTS.names[1:])}")
        if batch.schema.names.count(column) != 1:
            raise SchemaError(f"there must be one column {column!r}; there is {', '.join(batch.schema.names)}")


def _bytes(column: pa.Array, name: str, problems: _Problems) -> pa.BinaryArray:
    """The bytes of any kind of string, unchecked; rows of another type are null and noted."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _bytes(column.dictionary_decode(), name, problems)
    if _is_text(kind) or pa.types.is_null(kind):
        return column.cast(pa.binary())
    for at in np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)):
        problems.setdefault(int(at), ("wrong_type", f"{name} is {kind}, not text"))
    return pa.nulls(len(column), pa.binary())


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        or types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _text(raw: pa.BinaryArray, problems: _Problems, limit: int) -> pa.StringArray:
    if raw.null_count:
        for at in np.flatnonzero(raw.is_null().to_numpy(zero_copy_only=False)):
            problems.setdefault(int(at), ("null_text", "text is null"))
    text = _decoded(raw, "text", problems)
    lengths = pc.fill_null(pc.binary_length(raw), 0).to_numpy()
    for at in np.flatnonzero(lengths > limit):
        problems.setdefault(int(at), ("oversize", f"text of {lengths[at]} bytes; the limit is {limit}"))
    return text


def _string(column: pa.Array, name: str, problems: _Problems) -> pa.StringArray:
    if name == "native_id" and pa.types.is_integer(column.type):
        return column.cast(pa.string())
    return _decoded(_bytes(column, name, problems), name, problems)


def _decoded(raw: pa.BinaryArray, name: str, problems: _Problems) -> pa.StringArray:
    """The bytes as strings, checked; rows that are not UTF-8 are null and noted."""
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        values = raw.to_pylist()
    for at, value in enumerate(values):
        try:
            values[at] = None if value is None else value.decode()
        except UnicodeDecodeError as error:
            problems.setdefault(at, ("invalid_utf8", f"{name}: {error.reason} at byte {error.start}"))
            values[at] = None
    return pa.array(values, pa.string())


def _filled(
    strings: Mapping[str, pa.StringArray], defaults: Defaults, rows: Rows
) -> tuple[pa.StringArray, pa.StringArray, pa.StringArray]:
    """Source, native_id and license, with the defaults where they are null."""
    source, native_id, kind = strings["source"], strings["native_id"], strings["license"]
    if source.null_count:
        source = source.fill_null(defaults.source)
    if native_id.null_count:
        numbers = pa.array(rows, pa.int64()).cast(pa.string())
        native_id = pc.coalesce(native_id, pc.binary_join_element_wise(defaults.native_id, numbers, "#"))
    if kind.null_count and defaults.license is not None:
        kind = kind.fill_null(defaults.license)
    return source, native_id, kind


def _dates(column: pa.Array, problems: _Problems) -> pa.TimestampArray:
    """As microseconds in UTC; a time without a zone is UTC, an empty string no date."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _instants(column.view(pa.int64()), _PER_SECOND[kind.unit], problems)
    if pa.types.is_date64(kind):
        return _instants(column.view(pa.int64()), _PER_SECOND["ms"], problems)
    if pa.types.is_date32(kind):
        seconds = pc.multiply(column.view(pa.int32()).cast(pa.int64()), 86_400)
        return _instants(seconds, 1, problems)
    decoded = _decoded(_bytes(column, "date", problems), "date", problems)
    return _parsed(decoded, _instant, "bad_date", problems).cast(DOCUMENTS.field("date").type)


def _instants(values: pa.Int64Array, per_second: int, problems: _Problems) -> pa.TimestampArray:
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    numbers = values.fill_null(0).to_numpy()
    edges = np.iinfo(np.int64)
    first, end = max(_YEAR_1_S * per_second, edges.min), min(_YEAR_10000_S * per_second, edges.max)
    outside = valid & ((numbers < first) | (numbers >= end))
    for at in np.flatnonzero(outside):
        detail = f"date {numbers[at]} / {per_second} s is outside the years 1 to 9999"
        problems.setdefault(int(at), ("bad_date", detail))
    if per_second > 1_000_000:
        numbers = numbers // (per_second // 1_000_000)
    else:
        numbers = np.where(outside, 0, numbers) * (1_000_000 // per_second)
    return pa.array(numbers, pa.int64(), mask=~valid | outside).cast(DOCUMENTS.field("date").type)


def _instant(value: str) -> int | None:
    """Microseconds since 1970 of an ISO 8601 date or time."""
    if not value:
        return None
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    micros = (moment - _EPOCH) // _MICROSECOND
    if not _YEAR_1_S * 1_000_000 <= micros < _YEAR_10000_S * 1_000_000:
        raise ValueError("outside the years 1 to 9999 in UTC")
    return micros


def _metadata(column: pa.Array, problems: _Problems) -> pa.StringArray:
    kind = column.type
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        objects: list[str | None] = [None] * len(column)
        for at, scalar in enumerate(column):
            try:
                if scalar.is_valid:
                    objects[at] = json_object(scalar.as_py(maps_as_pydicts="strict"))
            except (ValueError, KeyError) as error:
                problems.setdefault(at, ("bad_metadata", _brief(error)))
        return pa.array(objects, pa.string())
    decoded = _decoded(_bytes(column, "metadata", problems), "metadata", problems)
    return _parsed(decoded, _object, "bad_metadata", problems).cast(pa.string())


def _joined(metadata: pa.StringArray, kept: pa.Array, problems: _Problems) -> pa.StringArray:
    """The objects with what is kept beside them, which wins."""
    objects: list[str | None] = []
    for at, (one, other) in enumerate(zip(metadata.to_pylist(), _objects(kept), strict=True)):
        values = {name: value for name, value in (other or {}).items() if value is not None}
        try:
            objects.append(json_object(json.loads(one or "{}") | values) if values else one)
        except ValueError as error:
            problems.setdefault(at, ("bad_metadata", _brief(error)))
            objects.append(None)
    return pa.array(objects, pa.string())


def _objects(kept: pa.Array) -> Sequence[Mapping[str, object] | None]:
    found: list[Mapping[str, object] | None] = kept.to_pylist()
    return found if pa.types.is_struct(kept.type) else [json.loads(value) for value in kept.cast(pa.string()).to_pylist()]


def _object(value: str) -> str | None:
    return json_object(json.loads(value)) if value else None


def _parsed(column: pa.StringArray, parse: Callable[[str], object], reason: str, problems: _Problems) -> pa.Array:
    """Each distinct value parsed once, always by the same parser: a row's result must not hang on its neighbours."""
    encoded = column.dictionary_encode()
    parsed: list[object] = []
    failed: dict[int, str] = {}
    for code, value in enumerate(encoded.dictionary.to_pylist()):
        try:
            parsed.append(parse(value))
        except (ValueError, RecursionError) as error:
            parsed.append(None)
            failed[code] = _brief(f"{error}: {value!r}")
    if failed:
        for at, code in enumerate(encoded.indices.to_pylist()):
            if code in failed:
                problems.setdefault(at, (reason, failed[code]))
    values = pa.array(parsed) if parsed else pa.nulls(0)
    return values.take(encoded.indices)


def _plain(value: object) -> object:
    """What JSON has no type for, as text."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _brief(problem: object) -> str:
    return str(problem)[:_DETAIL_CHARACTERS]
