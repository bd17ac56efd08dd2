"""Manifests: the committed record of a job. A dataset exists when its manifest does.

    <root>/<stage>/<key>/manifest.json    deterministic facts only
                         shards.parquet   a row per shard
                         run.json         timings, machine, attempts: never part of a digest
    <root>/names/<name>.json              a movable name of a manifest
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime.receipts import Output
from corpusmill.jobs.runtime.shards import Stored
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import ConfigError, Corrupt, DataError, Missing
from corpusmill.operators.text.content import combine, file_digest, key

FORMAT = "corpusmill.manifest/1"
_PATH = re.compile(r"^(?P<root>.*?)/?(?P<path>[a-z_]+/[0-9a-f]{32}/manifest\.json)$")

_OBJECT = [("object", pa.string()), ("rows", pa.int64()), ("bytes", pa.int64()), ("size", pa.int64()),
           ("content", pa.string()), ("file", pa.string())]
INDEX = pa.schema([
    ("ordinal", pa.int64()),
    ("documents", pa.string()),  # content digest of the documents shard that the rows are aligned with
    *_OBJECT,
    *((f"edits_{name}", kind) for name, kind in _OBJECT),
    ("counts", pa.string()),  # JSON
])


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A dataset named by a manifest."""

    stage: str
    key: str
    digest: str

    @property
    def path(self) -> str:
        """The manifest's path under the root."""
        return manifest_path(self.stage, self.key)


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """A row of ``shards.parquet``."""

    ordinal: int
    documents: str
    main: Stored
    edits: Stored | None
    counts: Mapping[str, int]

    @property
    def content(self) -> str:
        """Digest of the rows and of the edit layer."""
        return self.main.content if self.edits is None else combine([self.main.content, self.edits.content])


@dataclasses.dataclass(frozen=True, slots=True)
class Manifest:
    """The committed record of one job."""

    stage: str
    key: str
    digest: str  # of the dataset's logical content, shard by shard
    rows: int
    bytes: int
    shards: int
    index: str  # digest of shards.parquet; "" for a dataset without shards
    schema: tuple[tuple[str, str], ...]
    inputs: Mapping[str, Reference]
    parameters: Mapping[str, Any]
    view: tuple[Reference, ...]  # the edit layers over documents.text, in order
    counts: Mapping[str, int]
    exact: bool = True
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def reference(self) -> Reference:
        """How other manifests name this one."""
        return Reference(self.stage, self.key, self.digest)

    @property
    def path(self) -> str:
        """Where it is, under the root."""
        return manifest_path(self.stage, self.key)

    @property
    def folder(self) -> str:
        """The dataset's own folder."""
        return f"{self.stage}/{self.key}"


def manifest_path(stage: str, key: str) -> str:
    """Where the manifest of a dataset is."""
    return f"{stage}/{key}/manifest.json"


def dumps(manifest: Manifest) -> bytes:
    """As deterministic JSON."""
    return json.dumps({"format": FORMAT} | dataclasses.asdict(manifest), sort_keys=True, indent=1).encode()


def loads(data: bytes | pa.Buffer) -> Manifest:
    """From JSON. Raises DataError for another format."""
    value = json.loads(bytes(memoryview(data)))
    if value.pop("format", None) != FORMAT:
        raise DataError(f"this is not a {FORMAT} file")
    value["schema"] = tuple((name, kind) for name, kind in value["schema"])
    value["inputs"] = {name: Reference(**ref) for name, ref in value["inputs"].items()}
    value["view"] = tuple(Reference(**ref) for ref in value["view"])
    return Manifest(**value)


def load(store: Store, reference: Reference) -> Manifest:
    """The manifest that is referred to. Raises DataError where it is gone or another dataset stands in its place."""
    found = find(store, reference.stage, reference.key)
    if found is None:
        raise DataError(f"{store.uri(reference.path)} is named as an input but does not exist in this store")
    if found.digest != reference.digest:
        raise Corrupt(f"{store.uri(reference.path)} has digest {found.digest}, its user expects {reference.digest}")
    return found


def find(store: Store, stage: str, key: str) -> Manifest | None:
    """The manifest of ``key``, if it is committed."""
    try:
        return _read(store, manifest_path(stage, key))
    except Missing:
        return None


def _read(store: Store, path: str) -> Manifest:
    try:
        return loads(store.read(path))
    except (ValueError, LookupError, TypeError) as error:
        raise Corrupt(f"{store.uri(path)} is no manifest ({error!r}): delete it, and run its job again") from error


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Commit, or adopt the manifest that was there first."""
    if store.put_if_absent(manifest.path, dumps(manifest)):
        return manifest
    return _read(store, manifest.path)


def split_uri(text: str) -> tuple[str, str] | None:
    """(root, path) of a manifest's URI or path; None where it does not look like one."""
    match = _PATH.match(text)
    return (match["root"], match["path"]) if match else None


def resolve(store: Store, text: str, stage: str | None = None) -> Manifest:
    """The manifest that a user named by URI, path or ``@name``. Raises ConfigError where there is none of that stage."""
    target = _named(store, text[1:]) if text.startswith("@") else (split_uri(text) or ("", ""))[1]
    if not target:
        raise ConfigError(f"{text!r} names no manifest: give …/STAGE/KEY/manifest.json, or @NAME")
    try:
        found = _read(store, target)
    except Missing as error:
        raise ConfigError(f"{text!r}: there is no {store.uri(target)}") from error
    if stage is not None and found.stage != stage:
        raise ConfigError(f"{text!r} is a manifest of {found.stage}, not of {stage}")
    return found


def _named(store: Store, name: str) -> str:
    try:
        pointer = json.loads(bytes(memoryview(store.read(_pointer(name)))))
    except Missing as error:
        known = sorted(names(store))
        raise ConfigError(f"no manifest is named @{name} in {store.root}; there is "
                          f"{', '.join('@' + n for n in known) or 'no name yet'}") from error
    return str(pointer["manifest"])


def names(store: Store) -> dict[str, str]:
    """Every name and the manifest that it points to."""
    found = {}
    for entry in store.list("names/"):
        if entry.path.endswith(".json"):
            pointer = json.loads(bytes(memoryview(store.read(entry.path))))
            found[entry.path.removeprefix("names/").removesuffix(".json")] = str(pointer["manifest"])
    return found


def move_name(store: Store, name: str, manifest: Manifest) -> None:
    """Point ``@name`` to a manifest by compare-and-swap: of two that move it at once, one follows the other."""
    while not swap_name(store, name, manifest, name_version(store, name)):
        pass


def name_version(store: Store, name: str) -> str | None:
    """The version of a name, which differs whenever it has moved; None where there is no such name."""
    return store.version(_pointer(name))


def swap_name(store: Store, name: str, manifest: Manifest, expected: str | None) -> bool:
    """Point ``@name`` to a manifest unless it has moved since it was of the version ``expected``; whether it did."""
    data = json.dumps({"manifest": manifest.path, "stage": manifest.stage, "digest": manifest.digest}).encode()
    return store.replace(_pointer(name), data, expected)


def _pointer(name: str) -> str:
    return f"names/{name}.json"


def same(one: "Manifest | Reference", other: "Manifest | Reference") -> bool:
    """Whether two datasets hold the same: files that were only touched are other inputs of ingest, but give equal documents."""
    return one.key == other.key or (one.stage, one.digest) == (other.stage, other.digest)


def lineage(store: Store, manifest: Manifest) -> dict[str, Manifest]:
    """Role → manifest for everything that it was made from, itself included under its stage.

    Raises ConfigError where two datasets play one role: what is meant must then be given.
    """
    found = {manifest.stage: manifest}
    queue = [manifest]
    while queue:
        for role, reference in queue.pop().inputs.items():
            known = found.get(role)
            if known is None:
                found[role] = load(store, reference)
                queue.append(found[role])
            elif not same(known, reference):
                raise ConfigError(f"{manifest.path} comes from two datasets of {role}, {known.key} and {reference.key}: "
                                  f"give {role}= to say which is meant")
    return found


def index_rows(rows: Iterable[tuple[int, str, Output, Mapping[str, int]]]) -> pa.Table:
    """``shards.parquet`` out of (ordinal, documents digest, output, counts), ordered by ordinal."""
    chunks, chunk = [], []
    for ordinal, documents, output, counts in rows:
        row = {"ordinal": ordinal, "documents": documents, "counts": json.dumps(dict(counts), sort_keys=True)}
        row |= dataclasses.asdict(output.main)
        if output.edits is not None:
            row |= {f"edits_{name}": value for name, value in dataclasses.asdict(output.edits).items()}
        chunk.append(row)
        if len(chunk) == 4096:  # as Python objects 10^5 shards would take 200 MB, as Arrow columns 40
            chunks.append(pa.RecordBatch.from_pylist(chunk, schema=INDEX))
            chunk = []
    chunks.append(pa.RecordBatch.from_pylist(chunk, schema=INDEX))
    return pa.Table.from_batches(chunks, INDEX).sort_by("ordinal")


def write_index(store: Store, folder: str, index: pa.Table) -> str:
    """Write ``shards.parquet`` and give its digest."""
    sink = pa.BufferOutputStream()
    pq.write_table(index, sink, compression="zstd", row_group_size=16384)
    data = sink.getvalue()
    store.write(f"{folder}/shards.parquet", data)
    return file_digest(data)


def shards(store: Store, manifest: Manifest) -> Iterator[Shard]:
    """The dataset's shards in order, streamed. Raises Corrupt where the index is not the one that was committed."""
    if not manifest.index:
        return
    data = store.read(f"{manifest.folder}/shards.parquet")
    if file_digest(data) != manifest.index:
        raise Corrupt(f"{store.uri(manifest.folder)}/shards.parquet is not the index that its manifest names")
    for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches(1024):
        for row in batch.to_pylist():
            main = Stored(*(row[name] for name, _ in _OBJECT))
            edits = Stored(*(row[f"edits_{name}"] for name, _ in _OBJECT)) if row["edits_object"] else None
            yield Shard(row["ordinal"], row["documents"], main, edits, json.loads(row["counts"]))


def dataset_digest(index: pa.Table, schema: pa.Schema) -> str:
    """Content digest of a dataset: its columns, then its shards in order."""
    columns = [[f.name, str(f.type)] for f in schema]
    return key({"columns": columns, "shards": index.column("content").to_pylist(),
                "edits": index.column("edits_content").to_pylist()})
