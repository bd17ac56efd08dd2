"""Where the bytes of each document lie, safe for kernels that load whole blocks."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.errors import DataError, SchemaError
from corpusmill.operators.text.simd import PADDING

Integers = npt.NDArray[np.int64]
_STRING = pa.string()


@dataclasses.dataclass(frozen=True, slots=True)
class Texts:
    """Address and length in bytes of each document; ``PADDING`` bytes after each are readable.

    Documents stay where Arrow holds them, but for those so near the end of the data buffer that a block load would pass
    it: these are copied. The memory lives as long as this object does, so hold it until the kernel has returned.
    """

    addresses: Integers
    lengths: Integers
    owners: tuple[object, ...]

    def __len__(self) -> int:
        return len(self.addresses)

    @property
    def longest(self) -> int:
        """Bytes of the longest document, 0 where there is none."""
        return int(self.lengths.max(initial=0))

    @classmethod
    def of(cls, array: pa.Array, column: str = "text", kind: pa.DataType = _STRING) -> "Texts":
        """The documents of an array of ``kind``, string or for more than 2 GiB large_string, sliced or not.

        Raises SchemaError for another type and DataError for nulls, which the schema of documents rules out.
        """
        if array.type != kind:
            raise SchemaError(f"column {column!r} is {array.type}, expected {kind}")
        if array.null_count:
            raise DataError(f"column {column!r} has {array.null_count} nulls in {len(array)} rows; documents without "
                            "text must be dropped or quarantined when they are ingested")
        if len(array) == 0:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64), ())
        _, offset_buffer, data = array.buffers()
        width = np.int32 if kind == _STRING else np.int64
        offsets = np.frombuffer(offset_buffer, width)[array.offset:array.offset + len(array) + 1].astype(np.int64)
        address, size = (data.address, data.size) if data is not None else (0, 0)
        tail = int(np.searchsorted(offsets[1:], size - PADDING, side="right"))
        copied = np.zeros(int(offsets[-1] - offsets[tail]) + PADDING, np.uint8)
        if offsets[-1] > offsets[tail]:
            copied[:-PADDING] = np.frombuffer(data, np.uint8)[offsets[tail]:offsets[-1]]
        addresses = offsets[:-1] + address
        addresses[tail:] += copied.ctypes.data - address - offsets[tail]
        return cls(addresses, np.diff(offsets), (array, copied))
