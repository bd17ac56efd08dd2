"""The one entry: files in, documents and bad rows out, whatever the format."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from corpusmill.jobs.sources.files import SourceFile
from corpusmill.jobs.sources.jsonl import read_jsonl
from corpusmill.jobs.sources.machine import read_machine
from corpusmill.jobs.sources.parquet import read_parquet
from corpusmill.jobs.sources.pieces import Format, Piece, Reading, format_of
from corpusmill.jobs.sources.textfiles import read_texts
from corpusmill.jobs.sources.warc import read_warc, read_wet
from corpusmill.operators.errors import ConfigError

_READERS = {"parquet": read_parquet, "jsonl": read_jsonl, "warc": read_warc, "wet": read_wet}

__all__ = ["Format", "Piece", "Reading", "format_of", "read", "read_bundle"]


def read(file: SourceFile, reading: Reading) -> Iterator[Piece]:
    """The file's pieces, in the order of its rows; each holds at most ``reading.batch_bytes`` of text or one document.

    Every row of the file is in one piece, as a document, as a bad row or in its counts. With ``on_bad="fail"`` the first
    bad row, or a file that cannot be read, is a DataError that names file, row group and row. Always errors: a column that
    is missing (SchemaError), a file that is gone (Missing), a store or disk that fails (StoreError).
    """
    return read_bundle([file], reading)


def read_bundle(files: Sequence[SourceFile], reading: Reading) -> Iterator[Piece]:
    """The pieces of several files in order; small text files share batches."""
    for kind, together in groupby(files, lambda file: format_of(file, reading)):
        group = list(together)
        if reading.keep and kind not in ("parquet", "jsonl"):
            raise ConfigError(f"corpus.keep={list(reading.keep)} names columns, and {group[0].uri} is read as {kind}, which "
                              "has none")
        if kind == "text":
            yield from read_texts(group, reading)
        elif kind == "machine":
            yield from read_machine(group, reading)
        else:
            for file in group:
                yield from _READERS[kind](file, reading)
