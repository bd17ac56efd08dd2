"""Signatures of one shard of documents."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned, artifacts, inputs, kernels, stage
from corpusmill.jobs.runtime.config import instantiate
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.shards import Encoder
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.semantic import Semantic
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, LENGTH


class Signer(Protocol):
    """Gives each document the signature by which duplicates meet; a frozen dataclass."""

    @property
    def version(self) -> str:
        """Part of the key; changes whenever results do."""

    @property
    def schema(self) -> pa.Schema:
        """SIGNATURES, and what the method adds."""


class Plain(Signer, Protocol):
    """One that has nothing to learn."""

    def signatures(self, batch: pa.RecordBatch, /) -> pa.RecordBatch:
        """Row by row."""


def signer_of(node: dict[str, Any]) -> Signer:
    """The signer that ``dedup.signature`` names. Raises ConfigError where it names another operator."""
    signer: Signer = instantiate(node, "dedup.signature")
    if not hasattr(signer, "schema"):
        raise ConfigError(f"dedup.signature._target_={node['_target_']!r} makes no signatures; take one of "
                          "corpusmill.operators.dedup, as dedup=exact and dedup=minhash do")
    return signer


def signatures_schema(signer: Signer) -> pa.Schema:
    """What the dataset holds: the signer's columns, and the length of the text."""
    return signer.schema.append(LENGTH)


def sign(here: Session, found: Mapping[str, Manifest], signer: Signer, subset: Mapping[str, float]) -> Manifest:
    """Signatures of all documents, at the view that the decisions were made on."""
    parameters = {"signature": describe(signer), "subset": dict(subset), "version": "2"}
    made = stage.Stage("signatures", signatures_schema(signer), parameters, {"documents": found["documents"]},
                       inputs.view_of(found))
    if (done := stage.committed(here, made)) is not None:
        return done
    tasks = aligned.tasks(here.store, made, text=True)
    told = {"artifact": signer.artifact} if isinstance(signer, Semantic) else {}
    return stage.run(here, made, tasks, found["documents"].shards, Sign(signer), details=told)


@dataclasses.dataclass(frozen=True, slots=True)
class Sign:
    """Signatures of one shard."""

    signer: Signer

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Row by row."""
        signatures = self._function(store)
        kernels.share([type(self.signer).__qualname__], signatures)
        encoder, nbytes = Encoder(signatures_schema(self.signer)), 0
        for batch in aligned.read_text(store, task.payload, {n: ("documents", n) for n in DOCUMENTS.names}):
            length = pc.binary_length(batch.column("text")).cast(pa.int64())
            encoder.write(signatures(batch).append_column(LENGTH, length))
            nbytes += batch.column("text").nbytes
        encoded = encoder.finish()
        emit(encoded)
        return Facts({"rows_in": encoded.rows, "kept": encoded.rows, "bytes_in": nbytes})

    def _function(self, store: Store) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        if isinstance(self.signer, Semantic):
            return self.signer.open({"model": artifacts.fetch(store, self.signer.artifact)})
        return cast("Plain", self.signer).signatures
