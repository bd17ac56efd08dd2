"""Tell where a document came from, what each stage found and decided, and where it ended up.

``corpusmill lineage DOC_ID manifest=M``: the id in hexadecimal, 32 characters. Prints to standard output and writes nothing.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs.inspecting import samples
from corpusmill.jobs.inspecting.samples import Place
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards
from corpusmill.jobs.runtime.config import Common
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS

ROLES = ("annotations", "decisions", "duplicates", "trims", "domains", "counts")


@dataclasses.dataclass
class Config(Common):
    """corpusmill lineage."""

    doc_id: str = MISSING  # 32 hexadecimal characters
    manifest: str = MISSING  # any manifest made from the documents


def run(config: Config, store: Store, engine: Engine) -> None:
    """Print the document's way."""
    try:
        doc_id = bytes.fromhex(config.doc_id)
    except ValueError:
        doc_id = b""
    if len(doc_id) != 16:
        raise ConfigError(f"doc_id={config.doc_id!r} is not 32 hexadecimal characters")
    made = manifests.lineage(store, manifests.resolve(store, config.manifest))
    if "documents" not in made:
        raise ConfigError(f"manifest={config.manifest}: no documents are in its lineage")
    place = samples.locate(store, made["documents"], [doc_id]).get(doc_id)
    if place is None:
        raise ConfigError(f"doc_id={config.doc_id}: {made['documents'].path} has no such document")
    for line in _way(store, made, place):
        print(line)  # noqa: T201


def _way(store: Store, made: Mapping[str, Manifest], place: Place) -> Iterator[str]:
    columns = {f"documents/{n}": ("documents", n) for n in DOCUMENTS.names if n != "doc_id"}
    for role in ROLES:
        if role in made:
            columns |= {f"{role}/{name}": (role, name) for name, _ in made[role].schema if name != "doc_id"}
    values = samples.read(store, made, (), columns, [place])[place]
    yield f"document {place.doc_id.hex()}"
    yield f"  shard {place.ordinal} row {place.row} of {made['documents'].path}"
    for role in ("documents", *ROLES):
        own = {name.partition("/")[2]: v for name, v in values.items() if name.startswith(f"{role}/")}
        if own:
            yield role
            yield from (f"  {name:<24} {_shown(value)}" for name, value in own.items())
    if "mixture" in made:
        yield "mixture"
        yield from _copies(store, made["mixture"], place.doc_id)


def _copies(store: Store, mixture: Manifest, doc_id: bytes) -> Iterator[str]:
    copies = 0
    for shard in manifests.shards(store, mixture):
        rows = shards.table(store, shard.main, ["doc_id", "epoch"])
        mine = pc.equal(rows.column("doc_id").cast(pa.binary()), doc_id)
        for row in pc.indices_nonzero(mine).to_pylist():
            copies += 1
            yield f"  epoch {rows.column('epoch')[row].as_py()}: row {row} of {shard.main.object}"
    if not copies:
        yield "  not drawn"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= 160 else f"{text[:160]}… {len(value):,} characters"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=bytes.hex)
    return "-" if value is None else str(value)


if __name__ == "__main__":
    raise SystemExit(main(["lineage", *sys.argv[1:]]))
