"""The token streams of every domain, committed once as the dataset domain_tokens: to learn from, and held out.

A domain is an artifact of its own: a run fetches those that it learns from. See ``operators.lm.drawing`` for what is drawn.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned, artifacts, fitting, stage
from corpusmill.jobs.runtime.config import Quantity, choose, quantity
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators import tensors
from corpusmill.operators.contract import Fit
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.drawing import READS, Draw, Drawn, Reach, Sizes, first_bytes, reaches
from corpusmill.operators.lm.tokens import TOKENIZERS, Tokens, chosen

VERSION = "1"
FORMAT = "corpusmill.domain_tokens.1"
BYTES_PER_TOKEN = 6  # of a published vocabulary, at most on average: so much text is read


@dataclasses.dataclass
class StreamsConfig:
    """What small models learn from, and what they are measured on."""

    max_tokens: Quantity = 20_000_000  # of each domain, to learn from
    held_out: Quantity = "128KiB"  # bytes of each domain at least that no run learns from
    tokenizer: str = "bytes"  # bytes, cl100k or o200k
    vocabulary: Quantity = 4096  # of cl100k or o200k: tokens that are kept; the others are spelled in bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Domain:
    """The streams of one domain, and the bytes of each token of the vocabulary."""

    learned: Tokens
    held_out: Tokens
    widths: npt.NDArray[np.int32]  # (V,)


def made(here: Session, asked: StreamsConfig, found: Mapping[str, Manifest], subset: aligned.Subset) -> Manifest:
    """The dataset domain_tokens of the documents that have a domain; ``found`` holds documents and domains.

    Its details: ``vocabulary`` (how many tokens), and by domain ``artifact``, ``learned`` and ``held_out`` (tokens),
    ``unique_tokens`` (all but what is held out; of a published vocabulary by the ratio of tokens to bytes in ``learned``).
    """
    most, held = quantity("streams.max_tokens", asked.max_tokens), quantity("streams.held_out", asked.held_out)
    choose("streams.tokenizer", asked.tokenizer, TOKENIZERS)
    if most < 1 or held < 1:
        raise ConfigError(f"streams.max_tokens={asked.max_tokens}, streams.held_out={asked.held_out}: give numbers from 1")
    parameters: dict[str, Any] = {"max_tokens": most, "held_out": held, "tokenizer": asked.tokenizer, "version": VERSION,
                                  "subset": subset.parameters()}
    if asked.tokenizer != "bytes":
        parameters["vocabulary"] = quantity("streams.vocabulary", asked.vocabulary)
    chosen_inputs = {name: found[name] for name in ("documents", "domains")}
    made = stage.Stage("domain_tokens", stage.NO_ROWS, parameters, chosen_inputs, found["domains"].view)
    if (done := stage.committed(here, made)) is not None:
        return done
    if here.plan:
        stage.print_plan(here, made, aligned.tasks(here.store, made, text=True))
    reach, texts = _drawn(here, made, held, most * (1 if asked.tokenizer == "bytes" else BYTES_PER_TOKEN))
    details = _kept(here.store, made.parameters, reach, texts)
    for name, facts in details["domains"].items():
        note(f"{made.name}: {name}: {facts['learned']:,} of {facts['unique_tokens']:,} tokens to learn from, "
             f"{facts['held_out']:,} held out", here.quiet)
    return stage.commit_file(here, made, "domain_tokens.json", json.dumps(details, sort_keys=True, indent=1).encode(), details)


def fetched(store: Store, tokens: Manifest, name: str) -> Domain:
    """The streams of one domain of a dataset, from this node's cache. Raises DataError where there is no such domain."""
    known = tokens.details["domains"]
    if name not in known:
        raise DataError(f"there is no domain {name!r} in {store.uri(tokens.path)}; there is {', '.join(sorted(known))}")
    return opened(store, known[name]["artifact"])


def opened(store: Store, digest: str) -> Domain:
    """The streams of one domain, by the digest of its artifact. Raises DataError for another artifact."""
    try:
        _, arrays = tensors.unpack(FORMAT, artifacts.fetch(store, digest).read_bytes())
    except ValueError as error:
        raise DataError(f"artifact {digest} holds no tokens of a domain: {error}") from error
    return Domain(arrays["learned"], arrays["held_out"], arrays["widths"])


Texts = dict[str, tuple[list[bytes], list[bytes]]]


def _drawn(here: Session, made: stage.Stage, held: int, learned: int) -> tuple[dict[str, Reach], Texts]:
    sizes: Sizes = Sizes()
    counted = fitting.learn(here, made, sizes, f"{made.name}: sizes", Look(here.store, sizes))
    if counted is None or counted.num_rows == 0:
        raise DataError(f"{made.name}: no document has a domain: look at what the stages before dropped")
    reach = reaches(counted, held, learned)
    draw = Draw(reach, max(held, learned))
    state: Drawn = fitting.learn(here, made, draw, f"{made.name}: texts", Look(here.store, draw))
    texts = {name: (list(first_bytes(apart, held)), list(first_bytes(rest, learned)))
             for name, (apart, rest) in draw.texts(state).items()}
    return reach, texts


def _kept(store: Store, parameters: Mapping[str, Any], reach: Mapping[str, Reach], texts: Texts) -> dict[str, Any]:
    """The artifacts of the domains, and what the manifest tells of them."""
    every = (text for _, learned in texts.values() for text in learned)
    vocabulary = chosen(parameters["tokenizer"], every, parameters.get("vocabulary", 0))
    found = {}
    for name, (apart, rest) in texts.items():
        learned = vocabulary.stream(rest)
        ratio = len(learned) / max(1, sum(map(len, rest)))
        learned, held, told = learned[: parameters["max_tokens"]], vocabulary.stream(apart), reach[name]
        unique = round((told.bytes - told.held_bytes) * ratio)
        if vocabulary.name == "bytes":
            unique = told.bytes - told.held_bytes + told.documents - told.held_documents + 1  # with the boundaries
        data = tensors.pack(FORMAT, {"domain": name, "tokenizer": vocabulary.name},
                            {"learned": learned, "held_out": held, "widths": vocabulary.widths})
        found[name] = {"artifact": artifacts.put(store, data), "learned": len(learned), "held_out": len(held),
                       "unique_tokens": max(unique, len(learned)), "documents": told.documents, "bytes": told.bytes}
    return {"vocabulary": len(vocabulary), "tokenizer": vocabulary.name, "domains": found}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the documents of one shard that have a domain and a text tell a Fit."""

    store: Store
    fit: Fit[Any]

    def __call__(self, task: Task) -> tuple[Any, int, int]:
        """The state, None for no batch, and the rows and bytes that it was read from."""
        state, rows, size = None, 0, 0
        columns = {"doc_id": ("documents", "doc_id"), "text": ("documents", "text"), "domain": ("domains", "domain")}
        for batch in aligned.read_text(self.store, task.payload, columns):
            alive = pc.and_(pc.is_valid(batch.column("domain")), pc.greater(pc.binary_length(batch.column("text")), 0))
            seen = self.fit.partial(_as_read(batch.filter(alive)))
            state = seen if state is None else self.fit.merge(state, seen)
            rows, size = rows + batch.num_rows, size + batch.column("text").nbytes
        return state, rows, size


def _as_read(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([batch.column(field.name) for field in READS], schema=READS)
