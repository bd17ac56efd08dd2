"""Verdicts where all pairs are too many for one task: each owner has the pairs whose lower documents are in its shards.

    asked      which owners have a document as an upper one, to the owner of the document
    round i    what an owner newly knows of documents, to those who asked; until little or nothing is open
    rest       the pairs that decide what is open, to one task, which tells the fates (components: the spanning forests)
    fates      which kept document each dropped one names, to its owner and those of its exact copies
    centres    how many documents name each kept one, to its owner; sizes go back to those that asked
    verdicts   to the documents' own shards
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping.holdings import Comparison
from corpusmill.jobs.deduping.owners import ByShard, Owners
from corpusmill.jobs.runtime import exchange, shards
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.exchange import Exchanged, Offsets
from corpusmill.jobs.runtime.manifest import Manifest, Shard
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.dedup import rounds
from corpusmill.operators.dedup.keep import VERDICTS, pair_messages_schema
from corpusmill.operators.dedup.rounds import FATES, TALLIES, TOLD, Settled
from corpusmill.operators.text.content import key as digest_key

PAIR_BYTES = 250  # of memory while documents are decided, per pair
REST_PAIRS = 1 << 22  # so few open ones are left to the one task: 1 GB
ROUNDS = 40  # after which they are left to it in any case

ASKED = pa.schema([pa.field("ref", pa.int64()), pa.field("to", pa.int64()), pa.field("exact", pa.bool_())])


def part_pairs(store: Store, walk: Sequence[Shard], schema: Sequence[str]) -> pa.Table:
    """PAIR_MESSAGES of some shards of pairs."""
    typed = pair_messages_schema(sum(name.startswith("rank_") for name in schema))
    parts = [typed.empty_table()]
    for shard in walk:
        rows = shards.table(store, shard.main, list(schema))
        ordinal = pa.array(np.full(rows.num_rows, shard.ordinal, np.int64))
        parts.append(rows.add_column(0, typed.field("shard"), ordinal).cast(typed))
    return pa.concat_tables(parts).combine_chunks()


def partitioned_verdicts(here: Session, made: Comparison, owners: Owners) -> ByShard:
    """VERDICTS by shard on all documents of the pairs, by ``made``'s rule."""
    work = _Work(here, made, owners, made.inputs["pairs"])
    asked, _ = work.exchange("asked", Ask(work.parts()), ASKED)
    told = _rounds(work, asked) if made.parameters["keep"] == "star" else []
    rest, _ = work.exchange("rest", Rest(work.parts(), tuple(told)), pair_messages_schema(work.keys), 1)
    final = work.one("decided", Settle(owners, made.parameters["keep"], rest), FATES)
    fates, _ = work.exchange("fates", Fates(work.parts(), tuple(told), asked, final), FATES)
    centres, _ = work.exchange("centres", Centres(work.parts(), fates), TALLIES)
    sizes, _ = work.exchange("sizes", Sizes(work.parts(), centres), TALLIES)
    found, _ = work.exchange("parts", Verdicts(work.parts(), fates, sizes, work.pairs.parameters["kind"]), VERDICTS)
    return ByShard(found, owners)


def _rounds(work: "_Work", asked: Exchanged) -> list[Exchanged]:
    told: list[Exchanged] = []
    for _ in range(ROUNDS):
        one, counts = work.exchange(f"round-{len(told)}", Round(work.parts(), tuple(told), asked), TOLD)
        told.append(one)
        if counts["open"] <= REST_PAIRS:
            break
    return told


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """The driver's side: a task per owner in every phase."""

    here: Session
    made: Comparison
    owners: Owners
    pairs: Manifest

    @property
    def keys(self) -> int:
        """Of the rank."""
        return sum(name.startswith("rank_") for name, _ in self.pairs.schema)

    def parts(self) -> "Parts":
        """What every owner's task needs to know."""
        return Parts(self.owners, tuple(name for name, _ in self.pairs.schema))

    def tasks(self, name: str) -> Iterator[Task]:
        """Owner and its shards of pairs; one has none where its documents are published, but is asked for them."""
        walk = manifests.shards(self.here.store, self.pairs)
        groups = itertools.groupby(walk, lambda shard: self.owners.owner(shard.ordinal))
        parts = {owner: list(group) for owner, group in groups}
        for owner in range(self.owners.count):
            mine = parts.get(owner, [])
            memory = 2 * PAIR_BYTES * sum(shard.main.rows for shard in mine)
            yield Task(owner, digest_key([self.made.key, name, owner, self.owners.count]), f"{name} of owner {owner}", memory,
                       (owner, mine))

    def exchange(self, name: str, mapper: Any, schema: pa.Schema, count: int | None = None) -> tuple[Exchanged, Any]:
        """One phase, to as many partitions as there are owners."""
        return exchange.exchange(self.here, self.made, name, lambda: self.tasks(name), mapper, schema,
                                 count or self.owners.count)

    def one(self, name: str, mapper: Any, schema: pa.Schema) -> Exchanged:
        """One task, to the owners."""
        task = Task(0, digest_key([self.made.key, name, self.owners.count]), name, PAIR_BYTES * REST_PAIRS, None)
        return exchange.exchange(self.here, self.made, name, lambda: [task], mapper, schema, self.owners.count)[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """How pairs are parted."""

    owners: Owners
    schema: tuple[str, ...]

    def pairs(self, store: Store, task: Task, *, exact: bool) -> pa.Table:
        """PAIR_MESSAGES of a task's owner: those of equal texts, or else the others."""
        found = part_pairs(store, task.payload[1], self.schema)
        return found.filter(pc.equal(pc.equal(found.column("kind"), "exact"), exact)).combine_chunks()

    def mine(self, owner: int) -> tuple[int, int]:
        """The first ref of an owner, and the first after it."""
        first, after = (-(-(n * self.owners.shards) // self.owners.count) for n in (owner, owner + 1))
        return first << 32, after << 32

    def heard(self, store: Store, task: Task, told: Sequence[Exchanged]) -> pa.Table:
        """What was told to an owner in some rounds."""
        return pa.concat_tables([TOLD.empty_table(), *(one.read(store, task.payload[0]) for one in told)]).combine_chunks()

    def settled(self, store: Store, task: Task, pairs: pa.Table, told: Sequence[Exchanged]) -> Settled:
        """What an owner had settled when it told the last of these rounds."""
        return rounds.settle(pairs, self.heard(store, task, told[:-1]), self.mine(task.payload[0]))


class _ToOwners:
    """Routes by ``to``, and counts rows."""

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner that is named."""
        found: Offsets = batch.column("to").to_numpy()
        return found

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many rows."""
        return {"sent": sum(b.num_rows for b in batches)}


@dataclasses.dataclass(frozen=True)
class Ask(_ToOwners):
    """Tells the owners of upper documents who has them."""

    parts: Parts

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """ASKED, each once; an owner knows of its own."""
        first, after = self.parts.mine(task.payload[0])
        for exact in (False, True):
            refs = np.unique(rounds.refs_of(self.parts.pairs(store, task, exact=exact), "upper_"))
            refs = refs[(refs < first) | (refs >= after)]
            columns = [refs, np.full(len(refs), task.payload[0]), np.full(len(refs), exact)]
            yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=ASKED)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the document's owner."""
        return self.parts.owners.route(batch.column("ref").to_numpy() >> 32)


@dataclasses.dataclass(frozen=True)
class Round(_ToOwners):
    """Settles what can be, and tells what is new."""

    parts: Parts
    told: tuple[Exchanged, ...]
    asked: Exchanged

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """TOLD; what is open stands in the metadata."""
        pairs = self.parts.pairs(store, task, exact=False)
        heard = self.parts.heard(store, task, self.told)
        now = rounds.settle(pairs, heard, self.parts.mine(task.payload[0]))
        before = self.parts.settled(store, task, pairs, self.told) if self.told else None
        asked = self.asked.read(store, task.payload[0])
        asked = asked.filter(pc.invert(asked.column("exact")))
        left = int(np.count_nonzero(rounds.open_pairs(pairs, now, heard)))
        yield rounds.news(before, now, asked).replace_schema_metadata({"open": str(left)})

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many pairs decide what is open."""
        return {"open": sum(int(b.schema.metadata[b"open"]) for b in batches)}


@dataclasses.dataclass(frozen=True)
class Rest(_ToOwners):
    """Sends the pairs that decide what is open; where there were no rounds, the spanning forest of all."""

    parts: Parts
    told: tuple[Exchanged, ...]

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """PAIR_MESSAGES."""
        pairs = self.parts.pairs(store, task, exact=False)
        if self.told:
            settled = self.parts.settled(store, task, pairs, self.told)
            chosen = rounds.open_pairs(pairs, settled, self.parts.heard(store, task, self.told))
        else:
            chosen = rounds.spanning(pairs)
        yield from pairs.filter(pa.array(chosen)).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the one task."""
        return np.zeros(batch.num_rows, np.int64)


@dataclasses.dataclass(frozen=True)
class Settle(_ToOwners):
    """Decides what all owners together left."""

    owners: Owners
    keep: str
    rest: Exchanged

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """FATES."""
        yield from rounds.fates(self.rest.read(store, 0).combine_chunks(), self.keep).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the document's owner."""
        return self.owners.route(batch.column("ref").to_numpy() >> 32)


@dataclasses.dataclass(frozen=True)
class Fates(_ToOwners):
    """Tells the fates of an owner's documents to itself, and to the owners of their copies."""

    parts: Parts
    told: tuple[Exchanged, ...]
    asked: Exchanged
    final: Exchanged

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """FATES, each once for everyone who is told."""
        owner, pairs = task.payload[0], self.parts.pairs(store, task, exact=False)
        found = self.final.read(store, owner).combine_chunks()
        if self.told:
            settled = rounds.matched_fates(pairs, self.parts.settled(store, task, pairs, self.told))
            found = pa.concat_tables([settled, found]).combine_chunks()
        else:
            found = rounds.directly(found, pairs)
        asked = self.asked.read(store, owner)
        asked = asked.filter(asked.column("exact"))
        place, known = rounds.find(np.sort(found.column("ref").to_numpy()), asked.column("ref").to_numpy())
        rows = np.concatenate([np.arange(found.num_rows), np.argsort(found.column("ref").to_numpy())[place[known]]])
        to = np.concatenate([np.full(found.num_rows, owner), asked.column("to").to_numpy()[known]])
        yield from found.take(pa.array(rows)).set_column(0, FATES.field("to"), pa.array(to)).combine_chunks().to_batches()


@dataclasses.dataclass(frozen=True)
class Centres(_ToOwners):
    """Counts the documents of an owner by the one that they name."""

    parts: Parts
    fates: Exchanged

    def members(self, store: Store, task: Task) -> pa.Table:
        """The dropped documents of an owner."""
        owner = task.payload[0]
        copies = self.parts.pairs(store, task, exact=True)
        return rounds.members(self.fates.read(store, owner).combine_chunks(), copies, self.parts.mine(owner))

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """TALLIES; ``to`` says who counted."""
        yield from rounds.tally(self.members(store, task), task.payload[0]).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the one that is named."""
        return self.parts.owners.route(batch.column("centre").to_numpy() >> 32)


@dataclasses.dataclass(frozen=True)
class Sizes(_ToOwners):
    """Sums up the clusters of an owner's kept documents, for itself and for those who counted."""

    parts: Parts
    centres: Exchanged

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """TALLIES of whole clusters."""
        owner, told = task.payload[0], self.centres.read(store, task.payload[0]).combine_chunks()
        sums = rounds.tally(told)
        sums = sums.set_column(3, TALLIES.field("size"), pc.add(sums["size"], 1)).combine_chunks()
        others = told.filter(pc.not_equal(told["to"], owner))
        place, _ = rounds.find(sums["centre"].to_numpy(), others["centre"].to_numpy())
        rows = np.concatenate([np.arange(sums.num_rows), place])
        to = np.concatenate([np.full(sums.num_rows, owner), others["to"].to_numpy()])
        yield from sums.take(pa.array(rows)).set_column(0, TALLIES.field("to"), pa.array(to)).combine_chunks().to_batches()


@dataclasses.dataclass(frozen=True)
class Verdicts(_ToOwners):
    """The verdicts of an owner."""

    parts: Parts
    fates: Exchanged
    sizes: Exchanged
    kind: str  # of the pairs of texts that are not equal

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """VERDICTS."""
        owner = task.payload[0]
        mine = Centres(self.parts, self.fates).members(store, task)
        sizes = self.sizes.read(store, owner).combine_chunks()
        found = rounds.part_verdicts(mine, sizes, self.parts.mine(owner), self.kind)
        yield from found.sort_by([("shard", "ascending"), ("row", "ascending")]).combine_chunks().to_batches()

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the shard, which is this one."""
        return self.parts.owners.route(batch.column("shard").to_numpy())
