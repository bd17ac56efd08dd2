"""Receipts: what has one is never computed again.

A task writes its objects to ``<stage>/shards/<key>-<content>.parquet`` and then ``<stage>/shards/<key>.json``, put-if-absent.
The first receipt wins and a loser adopts it, so two runs of the same thing end with one set of objects. A receipt holds
deterministic facts only.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from corpusmill.jobs.runtime.shards import Encoded, Stored, to_json
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import BalanceError, Corrupt, Missing


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    """One shard of a dataset: its rows, and the edit layer that came with them."""

    main: Stored
    edits: Stored | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """The committed record of one task."""

    key: str
    outputs: tuple[Output, ...]
    counts: Mapping[str, int]
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def path(stage: str, key: str) -> str:
    """Where the receipt of ``key`` is."""
    return f"{stage}/shards/{key}.json"


def object_path(stage: str, key: str, content: str, suffix: str = "parquet") -> str:
    """Where a task's object goes."""
    return f"{stage}/shards/{key}-{content}.{suffix}"


def store_shard(store: Store, stage: str, key: str, shard: Encoded, suffix: str = "parquet") -> Stored:
    """Write a shard under its content's name. Equal content is the same object, so writing again is harmless."""
    target = object_path(stage, key, shard.content, suffix)
    store.write(target, shard.data)
    return shard.stored(target)


def check_balance(counts: Mapping[str, int], where: str) -> None:
    """Raise BalanceError unless rows in = rows kept + rows by reason."""
    if "rows_in" not in counts:
        return
    out = counts.get("kept", 0) + sum(n for name, n in counts.items() if name.startswith("dropped."))
    if counts["rows_in"] != out:
        raise BalanceError(f"{where}: {counts['rows_in']} rows in, but {out} kept or dropped with a reason: {dict(counts)}")


def find(store: Store, stage: str, key: str) -> Receipt | None:
    """The receipt of ``key``, if it is committed."""
    try:
        return _read(store, path(stage, key))
    except Missing:
        return None


def _read(store: Store, where: str) -> Receipt:
    try:
        return loads(store.read(where))
    except (ValueError, LookupError, TypeError) as error:
        raise Corrupt(f"{store.uri(where)} is no receipt ({error!r}): delete it, and run the job again") from error


def commit(store: Store, stage: str, receipt: Receipt) -> Receipt:
    """Commit, or adopt the receipt that was there first."""
    check_balance(receipt.counts, f"{stage} task {receipt.key}")
    if store.put_if_absent(path(stage, receipt.key), dumps(receipt)):
        return receipt
    winner = _read(store, path(stage, receipt.key))
    kept = {s.object for s in _objects(winner)}
    for loser in _objects(receipt):
        if loser.object not in kept:  # an inexact operator gave other bytes: nothing names them
            store.delete(loser.object)
    return winner


def _objects(receipt: Receipt) -> list[Stored]:
    return [s for o in receipt.outputs for s in (o.main, o.edits) if s is not None]


def dumps(receipt: Receipt) -> bytes:
    """As deterministic JSON."""
    outputs = [{"main": to_json(o.main), "edits": to_json(o.edits) if o.edits else None} for o in receipt.outputs]
    value = {"key": receipt.key, "outputs": outputs, "counts": dict(receipt.counts), "extra": dict(receipt.extra)}
    return json.dumps(value, sort_keys=True, indent=1).encode()


def loads(data: bytes | pa.Buffer) -> Receipt:
    """From JSON."""
    value = json.loads(bytes(memoryview(data)))
    outputs = tuple(
        Output(Stored(**o["main"]), Stored(**o["edits"]) if o["edits"] else None) for o in value["outputs"]
    )
    return Receipt(value["key"], outputs, value["counts"], value["extra"])
