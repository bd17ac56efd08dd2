"""Parquet files: row group by row group, in batches of bounded size, so that no file need fit into memory."""

import errno
from collections.abc import Iterator, Mapping
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusmill.jobs.sources.files import SourceFile, opened
from corpusmill.jobs.sources.pieces import KEPT_COLUMN, Piece, Reading, defaults_of, kept, mapped, piece, slices, unreadable
from corpusmill.operators.documents import canonical
from corpusmill.operators.errors import StoreError

_BUFFER = 4 << 20  # bytes of a column chunk that one request reads ahead
_MAX_ROWS = 1 << 16
_DICTIONARY_BYTES = 4 << 20  # writers stop a dictionary at 1 MiB or so
_BLOW_UP = 1 << 30
_UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError, KeyError)


def read_parquet(file: SourceFile, reading: Reading) -> Iterator[Piece]:
    """The file's pieces in order.

    A file without a readable footer is bad as a whole (``unreadable_file``). In a row group that breaks off, what was
    read before stands and the rest is one bad row (``unreadable_row_group``) whose detail counts the lost rows; the
    groups after it are read.
    """
    with opened(file, reading.options) as handle:
        try:
            parquet = _parquet(handle)
            names = list(parquet.schema_arrow.names)
            groups = _groups(parquet.metadata)
        except _UNREADABLE as error:
            yield unreadable(file, reading, "unreadable_file", _explained(file, error))
            return
        mapping = mapped(file, reading, names)
        readers = parquet, _parquet(handle, parquet.metadata, mapping["text"])
        for group, rows in enumerate(groups):
            batches = _batches(readers, mapping, group, reading)
            yield from _group(file, reading, batches, mapping, group, rows)


def _groups(metadata: pq.FileMetaData) -> list[range]:
    """The rows of each row group."""
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if min(sizes, default=0) < 0 or sum(sizes) != metadata.num_rows:
        raise ValueError(f"the footer counts {metadata.num_rows} rows in all, and {sizes[:10]} in the row groups")
    ends = list(accumulate(sizes))
    return [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _parquet(
    handle: pa.NativeFile, metadata: pq.FileMetaData | None = None, encoded: str | None = None
) -> pq.ParquetFile:
    """A reader that leaves the column ``encoded`` in its dictionary."""
    return pq.ParquetFile(
        handle, metadata=metadata, read_dictionary=None if encoded is None else [encoded], pre_buffer=False,
        buffer_size=_BUFFER, page_checksum_verification=True)


def _batches(
    readers: tuple[pq.ParquetFile, pq.ParquetFile], mapping: Mapping[str, str], group: int, reading: Reading
) -> Iterator[pa.RecordBatch]:
    """The mapped and kept columns of a row group; ``readers`` give text as it is, and in its dictionary."""
    metadata = readers[0].metadata
    reader = readers[_expands(metadata, mapping["text"], group)]
    size = _batch_rows(metadata, mapping["text"], group, reading.batch_bytes)
    columns = list(dict.fromkeys([*(name for name in mapping.values() if name != KEPT_COLUMN), *reading.keep]))
    for batch in reader.iter_batches(batch_size=size, row_groups=[group], columns=columns, use_threads=False):
        yield kept(batch, reading.keep)


def _group(
    file: SourceFile, reading: Reading, batches: Iterator[pa.RecordBatch], mapping: Mapping[str, str], group: int,
    rows: range,
) -> Iterator[Piece]:
    """The pieces of a row group that should hold ``rows`` of the file."""
    defaults = defaults_of(file, reading)
    done = rows.start
    while True:
        try:
            batch = next(batches, None)
        except _UNREADABLE as error:
            detail = f"its rows from {done} on, {rows.stop - done} in all: {_explained(file, error)}"
            yield unreadable(file, reading, "unreadable_row_group", detail, group)
            return
        if batch is None:
            break
        for start, stop in slices(_lengths(batch.column(mapping["text"])), reading.batch_bytes):
            part, numbers = batch.slice(start, stop - start), np.arange(done + start, done + stop)
            documents, bad = canonical(part, mapping, defaults, numbers, reading.max_document_bytes)
            yield piece(file, reading, documents, bad, group)
        done += batch.num_rows
    if done != rows.stop:
        detail = f"it holds {done - rows.start} rows where the footer says {len(rows)}"
        yield unreadable(file, reading, "unreadable_row_group", detail, group)


def _text_chunk(metadata: pq.FileMetaData, text: str, group: int) -> pq.ColumnChunkMetaData | None:
    row_group = metadata.row_group(group)
    chunks = (row_group.column(at) for at in range(row_group.num_columns))
    return next((chunk for chunk in chunks if chunk.path_in_schema == text), None)


def _batch_rows(metadata: pq.FileMetaData, text: str, group: int, batch_bytes: int) -> int:
    """How many rows hold about ``batch_bytes`` of text, were all alike."""
    chunk = _text_chunk(metadata, text, group)
    rows = max(1, metadata.row_group(group).num_rows)
    size = max(1, chunk.total_uncompressed_size if chunk is not None else batch_bytes)
    return int(min(_MAX_ROWS, max(1, batch_bytes * rows // size)))


def _expands(metadata: pq.FileMetaData, text: str, group: int) -> bool:
    """Whether a few long texts that are repeated often could fill the memory as plain strings."""
    chunk = _text_chunk(metadata, text, group)
    if chunk is None or not chunk.has_dictionary_page or chunk.total_uncompressed_size > _DICTIONARY_BYTES:
        return False
    return bool(chunk.total_uncompressed_size * min(chunk.num_values, _MAX_ROWS) > _BLOW_UP)


def _lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Bytes of each row's text, without decoding a dictionary; 0 where it is null or no text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = _lengths(column.dictionary)
        codes = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
        lengths = values[codes] if len(values) else np.zeros(len(column), np.int64)
        return np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
              or pa.types.is_large_binary(kind)):
        return np.zeros(len(column), np.int64)
    return np.asarray(pc.fill_null(pc.binary_length(column), 0), np.int64)


def _explained(file: SourceFile, error: BaseException) -> str:
    """What a reader's error says about the content; an error of the disk is no fault of the file, and is raised."""
    if isinstance(error, OSError) and (error.errno in errno.errorcode or "[errno" in str(error)):
        raise StoreError(f"{file.uri} cannot be read: {error}") from error
    return str(error).split("\n")[0][:200] or type(error).__name__
