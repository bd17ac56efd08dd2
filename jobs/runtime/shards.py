"""Shards as Parquet: encoded in memory, since an object's name holds the digest of its content.

A shard is bounded by configuration, so one in memory is bounded too; a row group is one batch of at most ``ROW_GROUP_BYTES``.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Corrupt
from corpusmill.operators.text.content import ContentDigest, file_digest

ROW_GROUP_BYTES = 16 << 20
REPAIR = "delete the object, its receipt and the manifest.json of its dataset, and run the job again"
# Long or unique values gain nothing from a dictionary, and building one costs a third of the write.
PLAIN = frozenset({"text", "doc_id", "native_id", "url", "metadata", "digest", "row_digest", "bands", "lanes"})


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """One committed object."""

    object: str  # path under the store's root
    rows: int
    bytes: int  # of the Arrow values
    size: int  # of the file
    content: str  # digest of the logical values and schema
    file: str  # digest of the file's bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Encoded:
    """A shard ready to be stored."""

    data: pa.Buffer
    rows: int
    bytes: int
    content: str
    file: str

    def stored(self, path: str) -> Stored:
        """The record of this shard at ``path``."""
        return Stored(path, self.rows, self.bytes, self.data.size, self.content, self.file)


class Encoder:
    """Collects batches into one Parquet file in memory."""

    def __init__(self, schema: pa.Schema, row_group_bytes: int = ROW_GROUP_BYTES) -> None:
        self.schema = schema
        self.rows = 0
        self.bytes = 0
        self._row_group_bytes = row_group_bytes
        self._sink = pa.BufferOutputStream()
        self._digest = ContentDigest(schema)
        dictionary = [f.name for f in schema if f.name not in PLAIN and not pa.types.is_floating(f.type)]
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", use_dictionary=dictionary, write_statistics=False,
            write_page_checksum=True, version="2.6",
        )
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        if batch.num_rows == 0:
            return
        if not batch.schema.equals(self.schema):  # nullability as the dataset declares it
            batch = pa.RecordBatch.from_arrays([batch.column(f.name) for f in self.schema], schema=self.schema)
        self._digest.update(batch)
        self.rows += batch.num_rows
        self.bytes += (nbytes := batch.nbytes)
        self._pending.append(batch)
        self._pending_bytes += nbytes
        if self._pending_bytes >= self._row_group_bytes:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, self.schema)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._pending, self._pending_bytes = [], 0

    def finish(self) -> Encoded:
        """Close the file."""
        self._flush()
        self._writer.close()
        data = self._sink.getvalue()
        return Encoded(data, self.rows, self.bytes, self._digest.hexdigest(), file_digest(data))


def encode(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> Encoded:
    """All batches as one shard."""
    encoder = Encoder(schema)
    for batch in batches:
        encoder.write(batch)
    return encoder.finish()


def whole(store: Store, shard: Stored) -> pq.ParquetFile:
    """The shard read in full and checked against its receipt. Raises Corrupt where the bytes differ."""
    data = store.read(shard.object)
    if file_digest(data) != shard.file:
        raise Corrupt(f"{store.uri(shard.object)} is not what its receipt says: it holds {len(memoryview(data))} bytes of "
                      f"digest {file_digest(data)}, the receipt says {shard.size} of {shard.file}; {REPAIR}")
    return pq.ParquetFile(pa.BufferReader(data))


def batches(store: Store, shard: Stored, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The shard's row groups, one batch each, verified."""
    file = whole(store, shard)
    for group in range(file.num_row_groups):
        yield one_batch(file.read_row_group(group, columns=None if columns is None else list(columns), use_threads=False))


def groups(store: Store, shard: Stored, columns: Sequence[str], rows: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The row groups that hold some of ``rows``, each with the number of its first row; no other is read."""
    with store.open(shard.object) as source:
        try:
            file, first = pq.ParquetFile(source, page_checksum_verification=True), 0
            for group in range(file.num_row_groups):
                end = first + file.metadata.row_group(group).num_rows
                if any(first <= row < end for row in rows):
                    yield first, one_batch(file.read_row_group(group, columns=list(columns), use_threads=False))
                first = end
            if first != shard.rows:
                raise Corrupt(f"{store.uri(shard.object)} has {first} rows, its receipt says {shard.rows}; {REPAIR}")
        except (OSError, pa.ArrowException) as error:
            raise Corrupt(f"{store.uri(shard.object)} is damaged ({error}); {REPAIR}") from error


def table(store: Store, shard: Stored, columns: Sequence[str]) -> pa.Table:
    """Some columns of the shard, without reading the others. Raises Corrupt where the number of rows differs."""
    with store.open(shard.object) as source:
        try:
            file = pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)
            rows = file.read(columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise Corrupt(f"{store.uri(shard.object)} is damaged ({error}); {REPAIR}") from error
        if rows.num_rows != shard.rows:
            raise Corrupt(f"{store.uri(shard.object)} has {rows.num_rows} rows, its receipt says {shard.rows}; {REPAIR}")
        return rows


def one_batch(rows: pa.Table) -> pa.RecordBatch:
    """A table's rows as a single batch."""
    if rows.num_rows == 0:
        return pa.RecordBatch.from_pylist([], schema=rows.schema)
    return rows.combine_chunks().to_batches()[0]


def to_json(shard: Stored) -> dict[str, Any]:
    """As plain values."""
    return dataclasses.asdict(shard)
