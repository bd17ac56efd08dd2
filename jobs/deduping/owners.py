"""Consecutive shards as one task: what has many shards is exchanged by owner, and filtered by shard where it is read."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.holdings import Comparison, walk
from corpusmill.jobs.runtime.exchange import Exchanged, Offsets
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Task
from corpusmill.operators.text.content import key as digest_key


@dataclasses.dataclass(frozen=True, slots=True)
class Owners:
    """``count`` owners of the shards 0 … ``shards`` - 1."""

    shards: int
    count: int

    @classmethod
    def of(cls, store: Store, made: Stage, rows_each: int) -> "Owners":
        """As many as have about ``rows_each`` rows, one per shard at most."""
        found = [(one.ordinal, one.rows) for one in walk(store, made)]
        shards = 1 + max((ordinal for ordinal, _ in found), default=0)
        return cls(shards, max(1, min(shards, -(-sum(rows for _, rows in found) // rows_each))))

    def grown(self, total_bytes: int, bytes_each: int) -> "Owners":
        """At least as many, so that each has about ``bytes_each`` of what is exchanged."""
        return Owners(self.shards, max(self.count, min(self.shards, -(-total_bytes // bytes_each))))

    def owner(self, ordinal: int) -> int:
        """The owner of a shard."""
        return ordinal * self.count // self.shards

    def route(self, shard: Offsets) -> Offsets:
        """The owner of each shard of an array."""
        return shard * self.count // self.shards

    def tasks(self, store: Store, made: Comparison, name: str, row_bytes: int, received: Exchanged | None = None,
              received_bytes: int = 0, *, text: bool = False) -> Iterator[Task]:
        """A task per owner; its payload is (owner, shards, what they received).

        ``row_bytes``: memory per row of the shards. ``received_bytes``: memory that all of what they received takes.
        ``text``: it is read at the stage's view.
        """
        for owner, group in itertools.groupby(made.walk(store, text=text), lambda one: self.owner(one.ordinal)):
            shards = list(group)
            parts: list[Any] = [made.key, name, owner, self.count, received.partitions if received else 0]
            label = f"{name} of shards {shards[0].ordinal} to {shards[-1].ordinal}"
            memory = row_bytes * sum(one.rows for one in shards) + received_bytes // self.count
            yield Task(owner, digest_key(parts), label, memory, (owner, shards, received))


@dataclasses.dataclass(frozen=True, slots=True)
class ByShard:
    """Messages with a ``shard``, exchanged by its owner."""

    exchanged: Exchanged
    owners: Owners

    def of_shard(self, store: Store, ordinal: int) -> pa.Table:
        """The messages of one shard."""
        return only(self.exchanged.read(store, self.owners.owner(ordinal)), ordinal)


def only(messages: pa.Table, ordinal: int) -> pa.Table:
    """Those of one shard."""
    return messages.filter(pc.equal(messages.column("shard"), ordinal))
