"""The small change that text operators share: the column they read, columns appended, the text replaced."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import Apply, Outcome
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.simd import PADDING

TEXT = pa.schema([DOCUMENTS.field("text")])
LARGEST = (1 << 31) - 1  # bytes of a string column
Write = Callable[[Texts, int, Any, Any], None]


def append(batch: pa.RecordBatch, fields: pa.Schema, columns: Sequence[pa.Array]) -> pa.RecordBatch:
    """The batch with ``columns`` after its own; a column of the same name that begins with ``_`` is replaced."""
    kept = [i for i, name in enumerate(batch.schema.names) if name not in fields.names]
    schema = pa.schema([*(batch.schema.field(i) for i in kept), *fields], metadata=batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*(batch.column(i) for i in kept), *columns], schema=schema)


def replace_text(batch: pa.RecordBatch, text: pa.StringArray) -> pa.RecordBatch:
    """The batch with another text."""
    at = batch.schema.get_field_index("text")
    return batch.set_column(at, batch.schema.field(at), text)


def editing(name: str, fields: pa.Schema, write: Write) -> Apply:
    """The function of an operator that writes shorter texts and adds counts, an int64 column for each of ``fields``.

    ``write(texts, data, offsets, counts)`` writes the texts one after another to the address ``data``, which has room for the
    old ones and PADDING bytes, where each ends to ``offsets[1:]``, and the counts; shape (fields, documents). The function
    counts ``edited``, the rows whose text changed.
    """
    def apply(batch: pa.RecordBatch) -> Outcome:
        require(batch, TEXT, f"the batch of {name!r}")
        before = batch.column("text")
        texts = Texts.of(before)
        counts = np.empty((len(fields), len(texts)), np.int64)
        offsets = np.zeros(len(texts) + 1, np.int32)
        data = np.empty(int(texts.lengths.sum()) + PADDING, np.uint8)
        write(texts, data.ctypes.data, offsets, counts)
        after = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data))
        edited = pc.sum(pc.not_equal(before, after)).as_py() or 0
        left = replace_text(batch, after) if edited else batch
        return Outcome(append(left, fields, [pa.array(column) for column in counts]), {"edited": edited})

    return apply


def check_whole(operator: Any, *fields: str) -> None:
    """Raises ConfigError where one of the operator's fields is not a whole number from 0 to LARGEST."""
    for field in fields:
        value = getattr(operator, field)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
            raise ConfigError(f"operator {operator.name!r}: {field} must be a whole number from 0 to {LARGEST}; got {value!r}")
