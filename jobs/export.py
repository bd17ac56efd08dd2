"""Export any dataset as one plain Parquet file, for a look with any tool.

Reads a manifest (``manifest=``) and its documents; writes ``path=``. Row-aligned datasets and pairs get ``source`` and
``native_id``, and annotations whose chain edits text also the edited ``text``; a mixture gets ``native_id``; proportions are a
row per domain; a dataset that is one Parquet file, such as predictions, stays as it is.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from omegaconf import MISSING

from corpusmill.jobs.runtime import aligned, shards, stage, tables
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.config import Common, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store, StoreOptions, open_store
from corpusmill.operators.errors import ConfigError, DataError

_OWN = ("documents", "quarantine")  # complete as they are


@dataclasses.dataclass
class Config(Common):
    """corpusmill export."""

    manifest: str = MISSING  # a manifest
    path: str = MISSING  # the file to write, local or s3://


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """The file; gives the manifest that was exported."""
    here = session(config, store, engine)
    made = manifests.resolve(store, config.manifest)
    if not made.index and made.stage != "proportions" and not _is_table(made):
        raise ConfigError(f"manifest={config.manifest}: a {made.stage} has no rows to export")
    subset = aligned.Subset(config.limit, config.sample)
    if config.plan:
        print(f"export of {made.rows:,} rows, {made.bytes / 1e6:,.1f} MB, in one task of this process", file=sys.stderr)  # noqa: T201
        raise stage.Planned("export")
    with tempfile.TemporaryDirectory(prefix="corpusmill-export-", dir=_beside(config.path)) as folder:
        file = Path(folder) / "export.parquet"
        writer: pq.ParquetWriter | None = None
        with here.progress("export", made.shards) as bar:
            for batch in batches(store, made, subset):
                writer = writer or pq.ParquetWriter(file, batch.schema, compression="zstd")
                writer.write_batch(batch)
                bar.advance(batch.num_rows, batch.nbytes)
        if writer is None:
            raise DataError(f"{made.path} has no rows to export")
        writer.close()
        _place(config, file)
    return made


def _beside(path: str) -> Path | None:
    """Next to a local target, so that the finished file is moved and not copied."""
    if path.startswith("s3://"):
        return None
    folder = Path(path.removeprefix("file://")).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place(config: Config, file: Path) -> None:
    if config.path.startswith("s3://"):
        folder, _, name = config.path.rpartition("/")
        open_store(folder, StoreOptions(config.store.endpoint, config.store.region)).upload(name, file)
    else:
        file.replace(Path(config.path.removeprefix("file://")).resolve())


def batches(store: Store, made: Manifest, subset: aligned.Subset) -> Iterator[pa.RecordBatch]:
    """The dataset's rows with what says where they come from."""
    if made.stage == "proportions":
        yield _proportions(made)
    elif _is_table(made):
        yield from tables.of_dataset(store, made).to_batches()
    elif made.stage == "mixture":
        yield from _mixture(store, made, subset)
    elif made.stage == "pairs":
        yield from _pairs(store, made, subset)
    elif made.stage in _OWN:
        for one in subset(aligned.zipped(store, {made.stage: made})):
            yield from shards.batches(store, one.shards[made.stage].main)
    else:
        documents = manifests.lineage(store, made)["documents"]
        view = (*made.view, made.reference) if made.details.get("edits") else ()
        for one in subset(aligned.zipped(store, {"documents": documents, made.stage: made}, view)):
            yield from _rows(store, made, one)


def _is_table(made: Manifest) -> bool:
    """Whether the dataset is one Parquet file."""
    return str(made.details.get("file", "")).endswith(".parquet")


def _rows(store: Store, made: Manifest, one: Aligned) -> Iterator[pa.RecordBatch]:
    columns = {name: (made.stage, name) for name, _ in made.schema}
    columns |= {name: ("documents", name) for name in ("source", "native_id")}
    if made.details.get("edits"):
        yield from aligned.read_text(store, one, columns | {"text": ("documents", "text")})
    else:
        yield aligned.read(store, one, columns)


def _pairs(store: Store, made: Manifest, subset: aligned.Subset) -> Iterator[pa.RecordBatch]:
    """A pair is in the shard of its lower document, and says at which row; source and native_id are that document's."""
    documents = manifests.lineage(store, made)["documents"]
    lower = {shard.ordinal: shard for shard in manifests.shards(store, made)}
    named = {name: ("documents", name) for name in ("source", "native_id")}
    for one in subset(aligned.zipped(store, {"documents": documents})):
        if one.ordinal in lower:
            names = aligned.read(store, one, named)
            for batch in shards.batches(store, lower[one.ordinal].main):
                there = names.take(batch.column("row"))
                yield pa.RecordBatch.from_arrays([*batch.columns, *there.columns], [*batch.schema.names, *named])


def _mixture(store: Store, made: Manifest, subset: aligned.Subset) -> Iterator[pa.RecordBatch]:
    """Rows of a mixture are in an order of their own, so native ids are looked up by doc_id."""
    documents = manifests.lineage(store, made)["documents"]
    known = pa.concat_tables([shards.table(store, s.main, ["doc_id", "native_id"])
                              for s in manifests.shards(store, documents)]).combine_chunks()
    ids = known.column("doc_id").chunk(0).cast(pa.binary())
    for one in subset(aligned.zipped(store, {"mixture": made})):
        for batch in shards.batches(store, one.shards["mixture"].main):
            place = pc.index_in(batch.column("doc_id").cast(pa.binary()), ids)
            native = known.column("native_id").take(place).combine_chunks()
            yield batch.append_column(pa.field("native_id", pa.string()), native)


def _proportions(made: Manifest) -> pa.RecordBatch:
    shares, available = made.details["proportions"], made.details["available"]
    return pa.RecordBatch.from_pydict({
        "domain": pa.array(list(shares), pa.string()),
        "proportion": pa.array(list(shares.values()), pa.float64()),
        "available": pa.array([available[d] for d in shares], pa.int64()),
    })


if __name__ == "__main__":
    raise SystemExit(main(["export", *sys.argv[1:]]))
