"""What the readers share: how to read, what comes out, and how columns are found."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.jobs.runtime.store import StoreOptions
from corpusmill.jobs.sources.files import SourceFile
from corpusmill.operators.documents import KEPT, MAX_DOCUMENT_BYTES, BadRow, Defaults
from corpusmill.operators.errors import ConfigError, DataError, SchemaError
from corpusmill.operators.schema import DOCUMENTS, QUARANTINE

Format = Literal["auto", "parquet", "jsonl", "text", "warc", "wet", "machine"]
KNOWN_SUFFIXES: Mapping[str, Format] = {
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".warc": "warc", ".wet": "wet",
    ".txt": "text", ".text": "text", ".md": "text", ".rst": "text", ".html": "text", ".htm": "text",
    ".tex": "text", ".org": "text", ".adoc": "text",
}
COMPRESSIONS = (".gz", ".zst")
_COMPRESSED = ("jsonl", "warc", "wet")
_AUTOMATIC = {"text": ("text",), "source": ("source",), "native_id": ("native_id", "id"), "url": ("url",),
              "date": ("date",), "license": ("license",), "metadata": ("metadata",)}
KEPT_COLUMN = "corpus.keep"  # of a batch that was read
_SHARD_NUMBER = re.compile(r"-\d{5,}(-of-\d{5,})?$")
_FIELDS = {"stem", "folder", "dataset"}


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """How files are read.

    ``columns`` maps documents' columns onto those of the files; what it does not name is found by its own name
    (native_id also as ``id``). ``source`` is a template of {stem}, {folder} and {dataset} (the stem without
    ``-00000`` or ``-00000-of-00010``); where it is given it wins over a source column. Where it is not, rows without a
    source get the dataset, and text files and web archives the folder. ``license`` is for rows that have none. ``keep``
    names columns of the files whose values enter the documents' metadata, under the same names.
    """

    format: Format = "auto"
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source: str | None = None
    license: str | None = None
    on_bad: Literal["fail", "quarantine"] = "fail"
    batch_bytes: int = 16 << 20  # text per batch; a longer document travels alone
    max_document_bytes: int = MAX_DOCUMENT_BYTES
    options: StoreOptions = dataclasses.field(default_factory=StoreOptions)
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(_AUTOMATIC))
        if unknown:
            raise ConfigError(f"corpus.columns.{unknown[0]}: documents have {', '.join(_AUTOMATIC)}")
        if self.batch_bytes <= 0 or self.max_document_bytes <= 0:
            raise ConfigError("batch_bytes and max_document_bytes must be positive; got "
                              f"{self.batch_bytes} and {self.max_document_bytes}")
        wrong = set(re.findall(r"\{([^{}]*)\}", self.source or "")) - _FIELDS
        if wrong:
            raise ConfigError(f"corpus.source={self.source!r} has {{{min(wrong)}}}: "
                              "there is {stem}, {folder} and {dataset}")


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows of a file: those that are documents, and those that are not, in the quarantine's schema.

    A row of ``bad`` stands for one row of the file, or where its ``row`` is null for a part that cannot be read. ``dropped``
    counts, by reason, rows that were never meant to be documents, such as the requests in a web archive.
    """

    documents: pa.RecordBatch
    bad: pa.RecordBatch
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)


def piece(
    file: SourceFile, reading: Reading, documents: pa.RecordBatch | None, bad: Sequence[BadRow],
    row_group: int | None = None, dropped: Mapping[str, int] | None = None,
) -> Piece:
    """Documents and bad rows of one file together; DataError for the first bad row where they are not set aside."""
    made = assembled([(file, row) for row in bad], reading, documents, row_group)
    return dataclasses.replace(made, dropped=dict(dropped)) if dropped else made


def assembled(
    bad: Sequence[tuple[SourceFile, BadRow]], reading: Reading, documents: pa.RecordBatch | None,
    row_group: int | None = None,
) -> Piece:
    """Like ``piece``, where the rows are of several files."""
    if bad and reading.on_bad == "fail":
        raise refused(bad[0][0], bad[0][1].reason, bad[0][1].detail, row_group, bad[0][1].row)
    columns = [
        [file.uri for file, _ in bad], [row_group] * len(bad), [row.row for _, row in bad],
        [row.reason for _, row in bad], [row.detail for _, row in bad], [row.content for _, row in bad],
    ]
    quarantine = pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, QUARANTINE, strict=True)], schema=QUARANTINE)
    return Piece(_none() if documents is None else documents, quarantine)


def unreadable(
    file: SourceFile, reading: Reading, reason: str, detail: str, row_group: int | None = None
) -> Piece:
    """A file, or a row group of it, that cannot be read (further): one row for it, or DataError."""
    if reading.on_bad == "fail":
        raise refused(file, reason, detail, row_group, None)
    values = [file.uri, row_group, None, reason, detail, None]
    bad = pa.RecordBatch.from_arrays(
        [pa.array([value], field.type) for value, field in zip(values, QUARANTINE, strict=True)], schema=QUARANTINE)
    return Piece(_none(), bad)


def refused(file: SourceFile, reason: str, detail: str, row_group: int | None, row: int | None) -> DataError:
    """The error that names the place, the reason and what to do."""
    place = [file.uri, *([f"row group {row_group}"] if row_group is not None else []),
             *([f"row {row}"] if row is not None else [])]
    return DataError(f"{', '.join(place)}: {reason} ({detail}); repair it, or set on_bad=quarantine to go on "
                     "without it")


def format_of(file: SourceFile, reading: Reading) -> Format:
    """The file's format, by its name where the setting is ``auto``. Raises ConfigError for a name that says nothing."""
    if reading.format != "auto":
        return reading.format
    name = file.name.rpartition("/")[2].lower()
    plain = _uncompressed(name)
    suffix = "." + plain.rpartition(".")[2] if "." in plain else ""
    found = KNOWN_SUFFIXES.get(suffix)
    if found is None or (plain != name and found not in _COMPRESSED):
        raise ConfigError(f"{file.uri}: its name does not say how to read it; name the files by a glob that leaves it "
                          "out, or set corpus.format to parquet, jsonl, text, warc or wet")
    return found


def defaults_of(file: SourceFile, reading: Reading, text_file: bool = False) -> Defaults:
    """Source, license and native_id for rows that have none."""
    folder, _, base = file.uri.rstrip("/").rpartition("/")
    folder = folder.rpartition("/")[2]
    stem = _uncompressed(base)
    suffix = stem.rpartition(".")[2]
    if f".{suffix.lower()}" in KNOWN_SUFFIXES:
        stem = stem[: -len(suffix) - 1] or stem
    dataset = _SHARD_NUMBER.sub("", stem)
    automatic = file.source or (f"machine/{file.kind}" if file.kind else "{folder}" if text_file else "{dataset}")
    template = reading.source or automatic
    source = template.replace("{stem}", stem).replace("{folder}", folder).replace("{dataset}", dataset)
    return Defaults(file.name, source or file.name, file.license or reading.license)


def mapped(file: SourceFile, reading: Reading, names: Sequence[str], *, ragged: bool = False) -> dict[str, str]:
    """Documents' columns → the file's columns, of which ``names`` are there; where it is ``ragged``, more may come.

    Raises SchemaError where a column that the setting names is missing, or none is the text.
    """
    mapping: dict[str, str] = {}
    for name in reading.keep:
        _there(file, name, names, "corpus.keep")
    for column, automatic in _AUTOMATIC.items():
        asked = reading.columns.get(column)
        if asked is not None:
            _there(file, asked, names, f"corpus.columns.{column}")
        found = asked or next((name for name in automatic if name in names), None)
        if found is None and ragged and column != "text":
            found = automatic[-1]
        if found is not None:
            mapping[column] = found
    if "text" not in mapping:
        raise SchemaError(f"{file.uri} has no column 'text'; say which it is by corpus.columns='{{text: NAME}}'. "
                          f"It has {_listed(names)}")
    if reading.source is not None:
        mapping.pop("source", None)
    return mapping | ({KEPT: KEPT_COLUMN} if reading.keep else {})


def _there(file: SourceFile, asked: str, names: Sequence[str], setting: str) -> None:
    if asked not in names:
        near = get_close_matches(asked, names, 1)
        raise SchemaError(f"{file.uri} has no column {asked!r} ({setting})"
                          f"{f'; did you mean {near[0]!r}?' if near else ';'} It has {_listed(names)}")


def kept(batch: pa.RecordBatch, keep: Sequence[str]) -> pa.RecordBatch:
    """With the columns to keep as one, ``KEPT_COLUMN``, where there are any."""
    if not keep:
        return batch
    together = pa.StructArray.from_arrays([batch.column(name) for name in keep], list(keep))
    return batch.append_column(KEPT_COLUMN, together)


def slices(lengths: npt.NDArray[np.int64], limit: int) -> Iterator[tuple[int, int]]:
    """Spans of rows whose lengths sum to at most ``limit``, or of one longer row."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(ends):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + limit, side="right")))
        yield start, stop
        start = stop


def _uncompressed(name: str) -> str:
    return next((name[: -len(suffix)] for suffix in COMPRESSIONS if name.lower().endswith(suffix)), name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no columns"


def _none() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=DOCUMENTS)
