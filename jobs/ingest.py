"""Take in documents: files, or the texts of this machine, become canonical shards.

Writes documents: ``doc_id, text, source, native_id, url, date, license, metadata``. A bad row or file stops the job with its
place, or with ``on_bad=quarantine`` goes to a dataset of its own with the reason.
"""

import collections
import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, receipts, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, choose, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.receipts import Output
from corpusmill.jobs.runtime.shards import Encoder, Stored
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task, run_tasks
from corpusmill.jobs.sources import catalogue
from corpusmill.jobs.sources.bundles import bundles
from corpusmill.jobs.sources.extraction import extractor
from corpusmill.jobs.sources.files import SourceFile, find
from corpusmill.jobs.sources.listing import data_folders, expanded
from corpusmill.jobs.sources.machine import find_machine
from corpusmill.jobs.sources.reading import Reading, format_of, read_bundle
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, QUARANTINE
from corpusmill.operators.text.hashing import priorities

FORMATS = ("auto", "parquet", "jsonl", "text", "warc", "wet", "folder", "machine")
Row = tuple[int, str, Output, Mapping[str, int]]  # of a dataset's index: ordinal, documents digest, output, counts


@dataclasses.dataclass
class CorpusConfig:
    """What is read."""

    paths: list[str] = dataclasses.field(default_factory=list)  # files, folders, globs or lists (.paths), local or s3://
    prefix: str = ""  # before every line of a list of paths
    format: str = "auto"  # auto | parquet | jsonl | text | warc | wet | folder (with a README.md) | machine (installed here)
    columns: Any = None  # documents' column: the files' column, as {text: body, native_id: uuid}; null: by name
    keep: list[str] = dataclasses.field(default_factory=list)  # files' columns whose values enter the documents' metadata
    source: str | None = None  # template of {dataset}, {stem}, {folder}; null: the files' own column
    license: str | None = None  # of rows that name none
    catalogue: str | None = None  # an entry of conf/source, or a YAML file like it: source and license where they are null
    endpoint: str | None = None  # of the S3-compatible store that holds the files; null: store.endpoint
    max_bytes: Quantity = "64MB"  # machine: how much text to take
    on_bad: str = "fail"  # fail | quarantine: what happens to a bad row or file


@dataclasses.dataclass
class IngestConfig:
    """How documents are cut into tasks and shards."""

    identity: str = "version"  # version (URI, size, ETag or time) | content
    bundle_bytes: Quantity = "4MiB"  # of source files that one task reads
    shard_bytes: Quantity = "128MiB"  # of text
    row_group_bytes: Quantity = "16MiB"  # of text
    max_document_bytes: Quantity = "1GiB"  # a longer one is `oversize`

    def __post_init__(self) -> None:
        for field in ("bundle_bytes", "shard_bytes", "row_group_bytes", "max_document_bytes"):
            if (value := quantity(f"ingest.{field}", getattr(self, field))) < 1:
                raise ConfigError(f"ingest.{field}={value}: give at least 1 byte")
            setattr(self, field, value)
        choose("ingest.identity", self.identity, ("version", "content"))


@dataclasses.dataclass
class Config(Common):
    """corpusmill ingest."""

    corpus: CorpusConfig = MISSING
    ingest: IngestConfig = dataclasses.field(default_factory=IngestConfig)
    on_bad: str | None = None  # fail | quarantine, over corpus.on_bad


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Documents."""
    here = session(config, store, engine)
    reading = reader(config)
    groups = bundles(sources(config), config.ingest.bundle_bytes)
    pages = any(format_of(file, reading) == "warc" for group in groups for file in group)
    work = Ingest(reading, config.ingest.shard_bytes, config.ingest.row_group_bytes,
                  None if config.limit is None else -(-config.limit // len(groups)), config.sample,
                  extractor() if pages else None)
    known = _known(config)
    parameters = work.parameters() | ({"catalogue": known} if known else {})
    made = stage.Stage("documents", DOCUMENTS, parameters)
    tasks = [_task(made, i, group, config) for i, group in enumerate(groups)]
    made = dataclasses.replace(made, source="\n".join(t.key for t in tasks))
    if (done := stage.committed(here, made)) is not None:
        return done
    return _commit(here, made, tasks, work, allow_empty=config.allow_empty)


def reader(config: Config) -> Reading:
    """How the files are read."""
    corpus, options = config.corpus, StoreOptions(config.corpus.endpoint or config.store.endpoint, config.store.region)
    kind: Any = choose("corpus.format", corpus.format, FORMATS)
    kind = "auto" if kind == "folder" else kind
    known = _known(config)
    source = known.get("name") if corpus.source is None else corpus.source
    license = known.get("license") if corpus.license is None else corpus.license  # noqa: A001
    on_bad: Any = choose("on_bad", config.on_bad or corpus.on_bad, ("fail", "quarantine"))
    return Reading(kind, _columns(corpus.columns), source, license, on_bad, config.ingest.row_group_bytes,
                   config.ingest.max_document_bytes, options, tuple(dict.fromkeys(corpus.keep)))


def _columns(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping | None) or not all(isinstance(name, str) for name in (given or {}).values()):
        raise ConfigError(f"corpus.columns={given!r}: give {{text: BODY}}, with the files' column for each of documents'")
    return dict(given or {})


def _known(config: Config) -> dict[str, Any]:
    """What the catalogue says of the source."""
    return dataclasses.asdict(catalogue.entry(config.corpus.catalogue)) if config.corpus.catalogue else {}


def sources(config: Config) -> list[SourceFile]:
    """The files to read, sorted by URI."""
    if config.corpus.format == "machine":
        return find_machine(quantity("corpus.max_bytes", config.corpus.max_bytes))
    identity: Any = config.ingest.identity
    options = StoreOptions(config.corpus.endpoint or config.store.endpoint, config.store.region)
    if config.corpus.format == "folder":
        return data_folders(config.corpus.paths, options, reader(config).license, identity)
    plain, listed = expanded(config.corpus.paths, config.corpus.prefix, options, identity)
    found = listed + (find(plain, options, identity) if plain or not listed else [])
    return [one for _, one in sorted({file.uri: file for file in found}.items())]


def _task(made: stage.Stage, ordinal: int, group: tuple[SourceFile, ...], config: Config) -> Task:
    facts = [[f.uri, f.size, f.version, f.name, f.kind, f.license or "", f.source] for f in group]
    size = sum(f.size for f in group)
    label = group[0].uri if len(group) == 1 else f"{group[0].uri} and {len(group) - 1} files after it"
    memory = min(8 * size, 4 * config.ingest.shard_bytes) + 4 * config.ingest.row_group_bytes
    return Task(ordinal, made.task_key(*(str(f) for f in facts)), label, memory, group, size=size)


def _commit(here: Session, made: stage.Stage, tasks: list[Task], work: "Ingest", *, allow_empty: bool) -> Manifest:
    if here.plan:
        stage.print_plan(here, made, tasks)
    counts: collections.Counter[str] = collections.Counter()
    bad: list[Row] = []

    def rows() -> Iterator[Row]:
        for done in run_tasks(here, made.name, tasks, len(tasks), work, made.name):
            counts.update(done.receipt.counts)
            yield from stage.index_of(done, renumber=True)
            if "quarantine" in done.receipt.extra:
                bad.append((done.ordinal, "", Output(Stored(**done.receipt.extra["quarantine"])), {}))

    started = time.time()
    index = manifests.index_rows(rows())
    index = index.set_column(0, "ordinal", pa.array(np.arange(index.num_rows)))
    quarantine = _quarantine(here, made, bad)
    details = {"quarantine": quarantine.path} if quarantine else {}
    if "catalogue" in made.parameters:
        details["catalogue"] = made.parameters["catalogue"]
    return stage.commit(here, made, index, counts, details=details, empty_ok=allow_empty, started=started)


def _quarantine(here: Session, made: stage.Stage, bad: list[Row]) -> Manifest | None:
    if not bad:
        return None
    parameters = {"of": made.parameters}
    kept = stage.commit(here, stage.Stage("quarantine", QUARANTINE, parameters, source=made.source),
                        manifests.index_rows(bad), {})
    note(f"documents: {kept.rows:,} bad rows or files are in quarantine: {here.store.uri(kept.path)}", here.quiet)
    return kept


@dataclasses.dataclass(frozen=True, slots=True)
class Ingest:
    """Reads one bundle of files into shards."""

    reading: Reading
    shard_bytes: int
    row_group_bytes: int
    limit: int | None
    sample: float | None
    extractor: str | None = None  # of pages, where there are any

    def parameters(self) -> dict[str, Any]:
        """What enters the key: everything that the documents depend on."""
        plain = dataclasses.asdict(self)
        plain["reading"].pop("options")
        if not plain["reading"]["keep"]:
            plain["reading"].pop("keep")
        return plain | {"version": "1", "subset": aligned.Subset(self.limit, self.sample).parameters()}

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Documents in order, and what is no document."""
        counts: collections.Counter[str] = collections.Counter(rows_in=0, kept=0)
        shard = Encoder(DOCUMENTS, self.row_group_bytes)
        quarantine = Encoder(QUARANTINE)
        for piece in read_bundle(task.payload, self.reading):
            documents = self._looked_at(piece.documents, counts)
            shard.write(documents)
            quarantine.write(piece.bad)
            counts.update(_bad(piece.bad))
            counts.update({f"dropped.{reason}": n for reason, n in piece.dropped.items()}, rows_in=sum(piece.dropped.values()))
            counts.update(by_source(documents.column("source"), pa.array(np.full(len(documents), "documents"), pa.string())))
            counts.update(rows_in=documents.num_rows, kept=documents.num_rows, bytes_in=documents.column("text").nbytes)
            if shard.bytes >= self.shard_bytes:
                emit(shard.finish())
                shard = Encoder(DOCUMENTS, self.row_group_bytes)
            if self.limit is not None and counts["kept"] >= self.limit:
                break
        if shard.rows:
            emit(shard.finish())
        extra = {}
        if quarantine.rows:
            stored = receipts.store_shard(store, "documents", task.key, quarantine.finish(), "quarantine.parquet")
            extra["quarantine"] = dataclasses.asdict(stored)
        return Facts(counts, extra)

    def _looked_at(self, documents: pa.RecordBatch, counts: collections.Counter[str]) -> pa.RecordBatch:
        """The documents of a first look: a sample by identity, then up to the limit."""
        if self.sample is not None:
            drawn = priorities(documents.column("doc_id"), 0, "sample") < np.uint64(min(self.sample * 2**64, 2**64 - 1))
            counts.update({"rows_in": int((~drawn).sum()), "dropped.sampled_out": int((~drawn).sum())})
            documents = documents.filter(pa.array(drawn))
        if self.limit is not None:
            documents = documents.slice(0, max(0, self.limit - counts["kept"]))
        return documents


def _bad(bad: pa.RecordBatch) -> dict[str, int]:
    """Bad rows by reason; a file or part of one that cannot be read has rows that nobody can count."""
    rows = bad.filter(pc.is_valid(bad.column("row")))
    counts = {"rows_in": rows.num_rows}
    for one in pc.value_counts(rows.column("reason")).to_pylist():
        counts[f"dropped.{one['values']}"] = one["counts"]
    parts = bad.filter(pc.is_null(bad.column("row")))
    for one in pc.value_counts(parts.column("reason")).to_pylist():
        counts[f"unread.{one['values']}"] = one["counts"]
    return counts


if __name__ == "__main__":
    raise SystemExit(main(["ingest", *sys.argv[1:]]))
