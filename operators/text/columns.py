"""The small change that text operators share: the column they read, and a batch with columns appended."""

from collections.abc import Sequence

import pyarrow as pa

from corpusmill.operators.schema import DOCUMENTS

TEXT = pa.schema([DOCUMENTS.field("text")])


def append(batch: pa.RecordBatch, fields: pa.Schema, columns: Sequence[pa.Array]) -> pa.RecordBatch:
    """The batch with ``columns`` after its own; a column of the same name that begins with ``_`` is replaced."""
    kept = [i for i, name in enumerate(batch.schema.names) if name not in fields.names]
    schema = pa.schema([*(batch.schema.field(i) for i in kept), *fields], metadata=batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*(batch.column(i) for i in kept), *columns], schema=schema)
