"""Small datasets made by hand."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.manifest import Manifest, Reference
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.tasks import Facts, Session, Task
from corpusmill.operators.schema import EDITS
from corpusmill.operators.text.content import key as digest_key


@dataclasses.dataclass(frozen=True)
class Give:
    """Work that writes the rows of its payload, and an edit layer where there is one: row → text."""

    schema: pa.Schema
    row_group_bytes: int = 1 << 20

    def __call__(self, store, task, emit) -> Facts:
        rows, edits = task.payload
        shard = Encoder(self.schema, self.row_group_bytes)
        for row in rows:
            shard.write(pa.RecordBatch.from_pylist([row], schema=self.schema))
        layer = None
        if edits is not None:
            layer = Encoder(EDITS)
            changed = [{"row": row, "text": text} for row, text in sorted(edits.items())]
            layer.write(pa.RecordBatch.from_pylist(changed, schema=EDITS))
        emit(shard.finish(), layer.finish() if layer else None)
        return Facts({"rows_in": len(rows), "kept": len(rows)})


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes datasets in a store."""

    session: Session

    def __call__(self, name: str, shards: list[list[dict]] | dict[int, list[dict]], schema: pa.Schema, *,
                 on: Manifest | None = None, edits: Mapping[int, Mapping[int, str]] | None = None,
                 parameters: Mapping[str, Any] | None = None, view: tuple[Reference, ...] = (), extra_inputs=None,
                 row_group_bytes: int = 1 << 20) -> Manifest:
        """Rows by shard; ``on`` is the documents dataset whose shards the rows are aligned with."""
        from corpusmill.jobs.runtime import manifest as manifests

        numbered = shards if isinstance(shards, dict) else dict(enumerate(shards))
        inputs = ({"documents": on} if on else {}) | (extra_inputs or {})
        made = stage.Stage(name, schema, dict(parameters or {}), inputs, view, source=repr((numbered, edits)))
        documents = {s.ordinal: s.documents for s in manifests.shards(self.session.store, on)} if on else {}
        tasks = []
        for ordinal, rows in numbered.items():
            layer = None if edits is None else edits.get(ordinal, {})
            key = digest_key([name, ordinal, repr(rows), repr(layer), repr(parameters)])
            tasks.append(Task(ordinal, key, f"{name} {ordinal}", 0, (rows, layer), documents.get(ordinal, "")))
        return stage.run(self.session, made, tasks, len(tasks), Give(schema, row_group_bytes),
                         details={"edits": edits is not None}, empty_ok=True)


@pytest.fixture
def local(tmp_path):
    """An empty local store."""
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def session(local):
    """A quiet session with the inline engine on it."""
    return Session(local, InlineEngine(), quiet=True)


@pytest.fixture
def make(session):
    """A function that makes datasets in the session's store."""
    return Maker(session)
