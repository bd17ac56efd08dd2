"""Small files of records, read whole: JSON Lines, a JSON array, or Parquet; JSON also under gzip or zstd."""

import gzip
import json
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from corpusmill.operators.errors import DataError

_GZIP, _ZSTD, _PARQUET, _BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xef\xbb\xbf"


def parse(data: bytes, name: str) -> list[dict[str, Any]]:
    """The records of a file, told by its first bytes. Raises DataError that names the file, and the line where there is one."""
    try:
        if data.startswith(_PARQUET):
            return list(pq.read_table(pa.BufferReader(data)).to_pylist())
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        elif data.startswith(_ZSTD):
            data = _inflated(data)
    except (pa.ArrowException, OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise DataError(f"{name} cannot be read: {error}") from error
    return _json(data.removeprefix(_BOM), name)


def _inflated(data: bytes) -> bytes:
    """All frames; the library's reader would take a frame that breaks off for a short one."""
    found = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        found.append(frame.decompress(data))
        if not frame.eof:
            raise zstandard.ZstdError("it breaks off")
        data = frame.unused_data
    return b"".join(found)


def _json(data: bytes, name: str) -> list[dict[str, Any]]:
    if data.lstrip().startswith(b"["):
        found = _value(data, name, "the file")
        wrong = next((i for i, one in enumerate(found) if not isinstance(one, dict)), None)
        if wrong is not None:
            raise DataError(f"{name}: entry {wrong} of the array is no JSON object")
        return list(found)
    records = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            records.append(_value(line, name, f"line {number}"))
            if not isinstance(records[-1], dict):
                raise DataError(f"{name}: line {number} is no JSON object")
    return records


def _value(data: bytes, name: str, where: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: {where} is no JSON: {error}") from error
