"""Folders of text files: one document per file, many files per batch."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from corpusmill.jobs.sources.files import SourceFile, opened
from corpusmill.jobs.sources.inflate import BrokenFileError
from corpusmill.jobs.sources.pieces import Piece, Reading, assembled, defaults_of
from corpusmill.operators.documents import BadRow, canonical

_COLUMNS = ("text", "native_id", "source", "license")

Load = Callable[[SourceFile, Reading], bytes | None]


def read_texts(files: Sequence[SourceFile], reading: Reading) -> Iterator[Piece]:
    """The files' pieces in order; ``native_id`` is the file's name."""
    return one_each(files, reading, _content)


def one_each(files: Sequence[SourceFile], reading: Reading, load: Load) -> Iterator[Piece]:
    """One document per file for which ``load`` gives bytes, none where it gives None.

    Where it raises BrokenFileError the file is one bad row. A file's row is 0.
    """
    waiting: list[tuple[SourceFile, bytes]] = []
    bad: list[tuple[SourceFile, BadRow]] = []
    size = 0
    for file in files:
        try:
            text = load(file, reading)
        except BrokenFileError as error:
            bad.append((file, BadRow(0, error.reason, error.detail, None)))
            text = None
        if text is None:
            continue
        if waiting and size + len(text) > reading.batch_bytes:
            yield _batched(waiting, bad, reading)
            waiting, bad, size = [], [], 0
        waiting.append((file, text))
        size += len(text)
    if waiting or bad:
        yield _batched(waiting, bad, reading)


def _content(file: SourceFile, reading: Reading) -> bytes:
    with opened(file, reading.options) as handle:
        if file.size > reading.max_document_bytes:
            raise BrokenFileError("oversize", f"a file of {file.size} bytes; the limit is {reading.max_document_bytes}")
        return bytes(handle.read())


def _batched(
    waiting: Sequence[tuple[SourceFile, bytes]], bad: Sequence[tuple[SourceFile, BadRow]], reading: Reading
) -> Piece:
    defaults = [defaults_of(file, reading, text_file=True) for file, _ in waiting]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([text for _, text in waiting], pa.binary()),
            pa.array([file.name for file, _ in waiting], pa.string()),
            pa.array([default.source for default in defaults], pa.string()),
            pa.array([default.license for default in defaults], pa.string()),
        ],
        names=list(_COLUMNS))
    rest = defaults[0] if defaults else defaults_of(bad[0][0], reading, text_file=True)
    documents, refused = canonical(
        batch, {name: name for name in _COLUMNS}, rest, np.arange(len(waiting)), reading.max_document_bytes)
    more = [(waiting[row.row][0], BadRow(0, row.reason, row.detail, row.content)) for row in refused]
    return assembled([*bad, *more], reading, documents)


