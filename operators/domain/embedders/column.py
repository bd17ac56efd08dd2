"""Vectors that are there already."""

import dataclasses
import functools
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from corpusmill.operators import tensors
from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.embedders.embedder import Files, Pointwise
from corpusmill.operators.errors import ConfigError, DataError

FORMAT = "corpusmill.vectors.1"
Ids = npt.NDArray[np.bytes_]


@dataclasses.dataclass(frozen=True)
class Vectors(Pointwise):
    """Documents are near whose vectors, that somebody has made, are near: a list of numbers for each document.

    Without ``path`` the list is the field ``column`` of the documents' metadata; else a column of a Parquet file, which names
    documents in its column ``doc_id`` (16 bytes, or their 32 hexadecimal digits) and may hold others besides. Every document
    needs one, of one width, of finite numbers; one of zeros is in the domain ``none``. Raises DataError otherwise.
    """

    column: str = "embedding"
    path: str = ""  # a Parquet file with doc_id and the column; empty: the documents' metadata
    digest: str = ""  # of that file's vectors: filled in by the job
    centre: bool = False  # shift and scale each dimension to mean 0 and variance 1 over the sample

    packs = "vectors"
    version = "1"

    def __post_init__(self) -> None:
        if not self.column or not isinstance(self.column, str):
            raise ConfigError(f"regroup.embedder.column={self.column!r}: give the name of the column that holds the vectors")

    @property
    def reads(self) -> tuple[str, ...]:
        """The metadata, unless there is a file."""
        return () if self.digest else ("metadata",)

    @property
    def artifacts(self) -> Mapping[str, str]:
        """The file's vectors."""
        return {"vectors": self.digest} if self.digest else {}

    def vectors(self, batch: pa.RecordBatch, files: Files) -> Floats:
        """As they were given; (documents, D)."""
        if not self.digest:
            return self._stacked(field_of(batch.column("metadata"), self.column, pa.list_(pa.float32())), "metadata")
        known, vectors = _loaded(files["vectors"], self.digest)
        wanted = _names(batch.column("doc_id"))
        places = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
        absent = np.ones(len(wanted), bool) if not len(known) else known[places] != wanted
        if absent.any():
            first = batch.column("doc_id")[int(np.flatnonzero(absent)[0])].as_py().hex()
            raise DataError(f"{int(absent.sum())} of {len(wanted)} documents have no vector in {self.path or 'the file'}; the "
                            f"first is {first}")
        found: Floats = vectors[places]
        return found

    def pack(self, table: pa.Table) -> bytes:
        """The vectors of a file, by ``doc_id``. Raises DataError for what is no vector, or two of one document."""
        ids, vectors = _names(table.column("doc_id").combine_chunks()), self._stacked(table.column(self.column), self.path)
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if len(twice):
            raise DataError(f"{self.path}: {len(twice)} documents have two vectors; the first is "
                            f"{ids[twice[0]].ljust(16, bytes(1)).hex()}")
        return tensors.pack(FORMAT, {}, {"ids": ids.view("<u8").reshape(-1, 2), "vectors": vectors[order]})

    def _stacked(self, column: pa.ChunkedArray | pa.Array, where: str) -> Floats:
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        kind, named = column.type, f"{where}: column {self.column!r}"
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
            raise DataError(f"{named} is {kind}, where a list of numbers is needed")
        flat = pc.list_flatten(column)
        if column.null_count or flat.null_count:
            raise DataError(f"{named}: {column.null_count or flat.null_count} documents of {len(column)} have none, or "
                            "nulls in it")
        widths = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(widths) > 1 or widths == [0]:
            raise DataError(f"{named} has vectors of different widths, or empty ones: {', '.join(map(str, sorted(widths)))}")
        try:
            found = flat.cast(pa.float32()).to_numpy(zero_copy_only=False)
        except pa.ArrowException as error:
            raise DataError(f"{named} is {kind}, where a list of numbers is needed") from error
        if not np.isfinite(found).all():
            raise DataError(f"{named}: {int((~np.isfinite(found)).sum())} numbers are infinite, or none (NaN)")
        shaped: Floats = found.reshape(len(column), widths[0] if widths else 0)
        return shaped


def field_of(metadata: pa.StringArray, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """A field of the documents' metadata, null where there is none. Raises DataError where it is of another type."""
    if not len(metadata):
        return pa.chunked_array([], kind)
    lines = pc.fill_null(metadata, "{}")
    data = io.BytesIO("\n".join(lines.to_pylist()).encode())
    wanted = pa.json.ParseOptions(explicit_schema=pa.schema([(name, kind)]), unexpected_field_behavior="ignore")
    whole = pa.json.ReadOptions(use_threads=False, block_size=data.getbuffer().nbytes + 1)  # no row is cut
    try:
        read = pa.json.read_json(data, whole, wanted)
    except pa.ArrowInvalid as error:
        raise DataError(f"metadata: {name!r} is not always {kind}: {error}") from error
    if read.num_rows != len(metadata):
        raise DataError(f"metadata: {len(metadata)} documents have {read.num_rows} objects")
    return read.column(name)


def _names(ids: pa.Array) -> Ids:
    """(n,) of 16 bytes each."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type):
        try:
            ids = pa.array([None if one is None else bytes.fromhex(one) for one in ids.to_pylist()], pa.binary())
        except ValueError as error:
            raise DataError(f"doc_id: {error}; give 32 hexadecimal digits, as corpusmill inspect prints them") from error
    try:
        ids = ids.cast(pa.binary(16))
    except pa.ArrowException as error:
        raise DataError(f"doc_id is {ids.type}, where 16 bytes are needed: {error}") from error
    if ids.null_count:
        raise DataError(f"doc_id has {ids.null_count} nulls")
    if not len(ids):
        return np.empty(0, "S16")
    return np.frombuffer(ids.buffers()[1], "S16")[ids.offset : ids.offset + len(ids)]


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, digest: str) -> tuple[Ids, Floats]:
    """Documents in order, and their vectors; read once per process."""
    _, arrays = tensors.unpack(FORMAT, path.read_bytes())
    return arrays["ids"].reshape(-1).view("S16"), arrays["vectors"]
