"""Exact duplicates: texts of equal digest, as they are or up to letter case and white space, or documents of one URL."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusmill.operators.dedup.urls import normalised_urls
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.schema import DIGEST, DOCUMENTS, SIGNATURES, require
from corpusmill.operators.text.hashing import row_digests, spans, text_digests

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

IDENTIFYING = ("doc_id", "text", "source", "native_id")  # what the identity of a document covers
OTHERS = tuple(name for name in DOCUMENTS.names if name not in IDENTIFYING)

# ASCII letters lowered, ASCII white space (as str.split sees it) a space; other bytes stay.
_LOWERED = np.array([0x20 if b < 0x80 and chr(b).isspace() else bytes([b]).lower()[0] for b in range(256)], np.uint8)


@dataclasses.dataclass(frozen=True)
class ExactSignature:
    """The digest by which documents meet: of the text (``raw``), of ``normalise(text)`` or of ``normalised_urls(url)``.

    With ``url`` texts are not compared, and a document without a URL has no duplicate.
    """

    digest: str = "raw"  # raw, normalised or url

    def __post_init__(self) -> None:
        if self.digest not in ("raw", "normalised", "url"):
            raise ConfigError(f"digest is {self.digest!r}; it must be 'raw', 'normalised' or 'url'")

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""
        return "1"

    @property
    def exact(self) -> bool:
        """True: a row's signature depends on that row alone."""
        return True

    @property
    def schema(self) -> pa.Schema:
        """SIGNATURES; of URLs the digest is null where there is none."""
        at = SIGNATURES.get_field_index("digest")
        return SIGNATURES.set(at, SIGNATURES.field(at).with_nullable(True)) if self.digest == "url" else SIGNATURES

    def signatures(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The SIGNATURES of a batch of DOCUMENTS, row by row.

        Raises SchemaError where a column is missing or of another type, DataError where a text is null.
        """
        require(batch, DOCUMENTS, "documents")
        columns = [batch.column("doc_id"), self._digests(batch), row_digests(batch, OTHERS)]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _digests(self, batch: pa.RecordBatch) -> pa.FixedSizeBinaryArray:
        if self.digest == "url":
            urls = normalised_urls(batch.column("url"))
            return pc.if_else(urls.is_valid(), text_digests(urls.fill_null("")), pa.scalar(None, DIGEST))
        return text_digests(normalise(batch.column("text")) if self.digest == "normalised" else batch.column("text"))


def normalise(text: pa.StringArray) -> pa.StringArray:
    """ASCII letters lowered, each run of white space one space, none at the ends.

    White space is Unicode's, as in ``str.split``. Raises DataError where a text is null.
    """
    if text.null_count:
        raise DataError(f"text must not be null, but {text.null_count} of {len(text)} values are")
    data, offsets = spans(text)
    out = np.empty(offsets[-1] - offsets[0], np.uint8)
    ends = np.zeros(len(offsets), np.int32)
    _normalise(data, offsets, out, ends)
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]]))


@njit(nogil=True, cache=True)
def _normalise(data: Bytes, offsets: Offsets, out: Bytes, ends: npt.NDArray[np.int32]) -> None:
    at = 0
    for row in range(len(offsets) - 1):
        i, end, start = offsets[row], offsets[row + 1], at
        after_space = True
        while i < end:
            byte, used = _LOWERED[data[i]], 1
            if byte >= 0xC2 and (byte == 0xC2 or 0xE1 <= byte <= 0xE3):
                space = _white_space(data, i, end)
                if space:
                    byte, used = np.uint8(0x20), space
            # Without a branch: the end of a word is what the processor cannot predict.
            out[at] = byte
            at += not (after_space and byte == 0x20)
            after_space = byte == 0x20
            i += used
        at -= after_space and at > start
        ends[row + 1] = at


@njit(nogil=True, cache=True)
def _white_space(data: Bytes, i: int, end: int) -> int:
    """Bytes of the white space character beyond ASCII that begins at ``data[i]``; 0 where none does."""
    first = data[i]
    if first == 0xC2:
        return 2 if i + 1 < end and (data[i + 1] == 0x85 or data[i + 1] == 0xA0) else 0
    if i + 2 >= end:
        return 0
    second, third = data[i + 1], data[i + 2]
    if first == 0xE1:
        return 3 if second == 0x9A and third == 0x80 else 0
    if first == 0xE2 and second == 0x80:
        return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0
    if first == 0xE2:
        return 3 if second == 0x81 and third == 0x9F else 0
    return 3 if first == 0xE3 and second == 0x80 and third == 0x80 else 0
