"""What data is, apart from how it is stored: the digests that name shards, datasets and keys.

The content digest covers the logical Arrow values and the schema (names and types in order), so that the same rows
give the same digest for any chunking, slice, buffer padding, dictionary encoding and width of offsets. All digests are
32 hex characters of BLAKE3.
"""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.text.hashing import fixed_bytes, spans

_LENGTH = 16  # bytes


class ContentDigest:
    """The digest of the rows so far, in order; ``update`` may cut them anywhere.

    Without a schema the first batch gives it. Nullability and metadata do not count.
    """

    def __init__(self, schema: pa.Schema | None = None) -> None:
        self._rows = 0
        self._columns: list[_Column] | None = None
        if schema is not None:
            self._open(schema)

    def update(self, batch: pa.RecordBatch) -> None:
        """Add rows. Raises SchemaError where names or types differ from what came before."""
        if self._columns is None:
            self._open(batch.schema)
        if self._schema != _described(batch.schema):
            raise SchemaError(f"a content digest is of one schema; it began with {self._schema}, and this batch has "
                              f"{_described(batch.schema)}")
        self._rows += batch.num_rows
        for column, array in zip(self._columns or [], batch.columns, strict=True):
            column.update(array)

    def hexdigest(self) -> str:
        """The ``key`` of the number of rows, and of each column's name, type and digests (see ``_Column``)."""
        if self._columns is None:
            raise SchemaError("there is no content digest without a schema: give one, or at least one batch")
        columns = [[*field, column.value()] for field, column in zip(self._schema, self._columns, strict=True)]
        return key({"format": 1, "rows": self._rows, "columns": columns})

    def _open(self, schema: pa.Schema) -> None:
        self._schema = _described(schema)
        self._columns = [_Column(field.type) for field in schema]


def content_digest(data: pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]) -> str:
    """The content digest of a table, a batch or batches in order (at least one, as they carry the schema)."""
    if isinstance(data, pa.Table):
        digest, batches = ContentDigest(data.schema), data.to_batches()
    else:
        digest, batches = ContentDigest(), [data] if isinstance(data, pa.RecordBatch) else data
    for batch in batches:
        digest.update(batch)
    return digest.hexdigest()


def combine(digests: Iterable[str]) -> str:
    """One digest for digests in order: a dataset's, out of its shards'."""
    parts = list(digests)
    for part in parts:
        if len(part) != 2 * _LENGTH or not set(part) <= set("0123456789abcdef"):
            raise DataError(f"a digest is {2 * _LENGTH} lower-case hex characters; got {part!r}")
    return key({"combined": parts})


def file_digest(data: bytes | memoryview | pa.Buffer) -> str:
    """The digest of a file's bytes."""
    return str(blake3(data).hexdigest(_LENGTH))


def key(value: Any) -> str:
    """The digest of canonical JSON: sorted keys, no white space, UTF-8.

    Raises ConfigError for what JSON does not have: NaN, infinities, keys that are not strings, other types.
    """
    _check(value, "value")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return file_digest(text.encode("utf-8", "surrogatepass"))


def _check(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ConfigError(f"{path} has the key {name!r}: what enters a digest has strings as keys")
            _check(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            _check(item, f"{path}[{at}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path} is {value}: what enters a digest is finite")
    elif value is not None and not isinstance(value, str | int | float):
        raise ConfigError(f"{path} is a {type(value).__name__}: only JSON values enter a digest")


def _described(schema: pa.Schema) -> list[list[str]]:
    return [[field.name, _type_name(field.type)] for field in schema]


def _type_name(kind: pa.DataType) -> str:
    """The name of the logical type: the width of offsets and dictionaries are storage."""
    if pa.types.is_dictionary(kind):
        return _type_name(kind.value_type)
    if pa.types.is_large_string(kind):
        return "string"
    if pa.types.is_large_binary(kind):
        return "binary"
    if pa.types.is_fixed_size_list(kind):
        return f"list[{kind.list_size}]<{_type_name(kind.value_type)}>"
    if _is_list(kind):
        return f"list<{_type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{json.dumps(f.name)}: {_type_name(f.type)}' for f in kind)}>"
    if _is_bytes(kind) or _is_fixed(kind) or pa.types.is_null(kind):
        return str(kind)
    raise SchemaError(f"the content of a column of type {kind} has no digest: cast it, to string for example")


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    tests = pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary
    return any(test(kind) for test in tests)


def _is_fixed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind))


class _Column:
    """Validity (a byte per row), lengths (int64 per row) and data, each hashed apart, and the same for its children.

    Apart, because no stream may depend on where a batch ends. A null's length is 0 and its data are nothing, or zeros
    where values have a fixed width.
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._validity, self._lengths, self._data = blake3(), blake3(), blake3()
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        children = [field.type for field in kind] if pa.types.is_struct(kind) else []
        if _is_list(kind) or pa.types.is_fixed_size_list(kind):
            children = [kind.value_type]
        self._children = [_Column(child) for child in children]

    def update(self, array: pa.Array) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind = array.type
        if pa.types.is_null(kind):
            return
        self._validity.update(_valid(array))
        if _is_bytes(kind):
            self._update_bytes(array)
        elif pa.types.is_struct(kind):
            for child, values in zip(self._children, array.flatten(), strict=True):
                child.update(values)
        elif self._children:
            lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
            self._lengths.update(lengths.view(np.uint8))
            self._children[0].update(array.flatten())
        else:
            self._data.update(_fixed_data(array))

    def value(self) -> list[Any]:
        own = [hasher.hexdigest(_LENGTH) for hasher in (self._validity, self._lengths, self._data)]
        return [*own, *(child.value() for child in self._children)]

    def _update_bytes(self, array: pa.Array) -> None:
        lengths = np.diff(spans(array)[1])
        if array.null_count:
            lengths[~_valid(array).view(np.bool_)] = 0
            array = array.drop_null()
        data, offsets = spans(array)
        self._lengths.update(lengths.view(np.uint8))
        self._data.update(data[offsets[0] : offsets[-1]])


def _valid(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """1 where there is a value, 0 where it is null."""
    if not array.null_count:
        return np.ones(len(array), np.uint8)
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False)).view(np.uint8)


def _fixed_data(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of the values, little-endian; zeros under nulls, one bit pattern for every NaN, a byte per bool."""
    if pa.types.is_boolean(array.type):
        return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False)).view(np.uint8)
    data = fixed_bytes(array)
    if pa.types.is_floating(array.type) and len(data):
        numbers = data.view(f"<f{data.shape[1]}")
        if np.isnan(numbers).any():
            data = np.where(np.isnan(numbers), numbers.dtype.type(np.nan), numbers).view(np.uint8)
    if array.null_count:
        data = data.copy()
        data[~_valid(array).view(np.bool_)] = 0
    return data.reshape(-1)
