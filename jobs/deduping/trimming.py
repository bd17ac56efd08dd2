"""Which documents stay and what each loses, found in rounds; then each shard's texts are cut.

    runs     what may go of each document, from the partition of its items to the owner of its shard
    states   the documents that are dropped or still open, from there to where their items are
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.deduping import sightings
from corpusmill.jobs.deduping.owners import Owners
from corpusmill.jobs.deduping.sightings import outcome, reducers, verdict_columns
from corpusmill.jobs.runtime import aligned, exchange
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.exchange import Exchanged, Offsets
from corpusmill.jobs.runtime.shards import Encoder, one_batch
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.dedup import cutting
from corpusmill.operators.dedup.cutting import Covered, Cuts
from corpusmill.operators.dedup.repeats import FIRST, REPEATED, RUNS, STATES, Standing, Trimming, judge, removed, settle
from corpusmill.operators.schema import EDITS, TRIMS
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.content import key as digest_key

_SHARD = np.uint64(32)
_ROW = np.uint64(0xFFFFFFFF)
_SPAN = TRIMS.field("spans").type.value_type


@dataclasses.dataclass(frozen=True, slots=True)
class RunsByShard:
    """RUNS, exchanged by the owner of their document's shard."""

    exchanged: Exchanged
    owners: Owners

    def of_shard(self, store: Store, ordinal: int) -> pa.RecordBatch:
        """What one shard loses, by row and place; ``ref`` is the row."""
        runs = self.exchanged.read(store, self.owners.owner(ordinal))
        mine = np.flatnonzero((runs.column("ref").to_numpy() >> _SHARD == ordinal)
                              & (runs.column("verdict").to_numpy() != FIRST))
        runs = one_batch(runs.take(pa.array(mine)).sort_by([("ref", "ascending"), ("at", "ascending")]))
        return runs.set_column(0, RUNS.field("ref"), pa.array(runs.column("ref").to_numpy() & _ROW))


def final_runs(here: Session, made: Stage, method: Trimming) -> RunsByShard:
    """What every document loses, once it is known which stay."""
    owners = sightings.owners_of(here.store, made)
    sent, nbytes = sightings.occurrences(here, made, method, owners)
    states: list[Exchanged] = []
    for number in itertools.count():
        runs = _judged(here, made, Judging(method.width, owners, number, only_open=number > 0), sent, nbytes, states)
        name = f"states-{number}-{sent.partitions}"
        told, counts = _settled(here, made, Settle(method), name, RunsByShard(runs, owners), nbytes, sent.partitions)
        states.append(told)
        if not counts["open"]:
            break
    if number == 0 and not counts["dropped"]:
        return RunsByShard(runs, owners)
    last = Judging(method.width, owners, number + 1, only_open=False)
    return RunsByShard(_judged(here, made, last, sent, nbytes, states), owners)


def _settled(here: Session, made: Stage, settling: "Settle", name: str, runs: RunsByShard, nbytes: int,
             partitions: int) -> tuple[Exchanged, Counter[str]]:
    owners = runs.owners
    tasks = [Task(p, digest_key([made.key, name, p, owners.count]), f"documents of owner {p}", 2 * nbytes // owners.count,
                  (runs.exchanged, p)) for p in range(owners.count)]
    return exchange.exchange(here, made, name, lambda: tasks, settling, STATES, partitions)


def _judged(here: Session, made: Stage, judging: "Judging", sent: Exchanged, nbytes: int, states: list[Exchanged]) -> Exchanged:
    name = f"runs-{judging.number}-{sent.partitions}" + ("" if judging.only_open or not judging.number else "-last")
    tasks = reducers(made, f"{name}-{judging.owners.count}", sent, nbytes, tuple(states))
    found, _ = exchange.exchange(here, made, name, lambda: tasks, judging, RUNS, judging.owners.count)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Judging:
    """Compares the items of one partition; in a later round those of open documents alone."""

    width: int
    owners: Owners
    number: int
    only_open: bool

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """RUNS, by document and place."""
        sent, partition, states = task.payload
        yield judge(sent.read(store, partition), _standing(store, states, partition), self.width, only_open=self.only_open)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """To the owner of the document's shard."""
        return self.owners.route((batch.column("ref").to_numpy() >> _SHARD).astype(np.int64))

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many runs were told."""
        return {"runs": sum(b.num_rows for b in batches)}


def _standing(store: Store, states: tuple[Exchanged, ...], partition: int) -> Standing:
    """Of all rounds those that were dropped, and those that the last left open."""
    if not states:
        return Standing.unknown()
    told = [one.read(store, partition) for one in states]
    dropped = [one.filter(pc.invert(one.column("open"))).column("ref").to_numpy() for one in told]
    left = told[-1].filter(told[-1].column("open")).column("ref").to_numpy()
    return Standing(np.unique(np.concatenate(dropped)), np.unique(left))


@dataclasses.dataclass(frozen=True, slots=True)
class Settle:
    """Tells where the items of a document are that it is dropped, or still open."""

    method: Trimming

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """STATES on the documents of one owner."""
        runs, owner = task.payload
        yield settle(runs.read(store, owner), self.method.width, self.method.drops)

    def route(self, batch: pa.RecordBatch, partitions: int) -> Offsets:
        """By key."""
        return exchange.route_digest(batch.column("key").to_numpy(), partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """How many documents are open, and were dropped in this round."""
        found: Counter[str] = Counter({"open": 0, "dropped": 0})
        for batch in batches:
            ref, is_open = batch.column("ref").to_numpy(), batch.column("open").to_numpy(zero_copy_only=False)
            found.update({"open": len(np.unique(ref[is_open])), "dropped": len(np.unique(ref[~is_open]))})
        return dict(found)


@dataclasses.dataclass(frozen=True, slots=True)
class Trim:
    """Rows and edits of one shard; texts are read only where something is cut."""

    method: Trimming
    runs: RunsByShard

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """TRIMS, row-aligned, and the texts that changed."""
        one: Aligned = task.payload
        runs = self.runs.of_shard(store, one.ordinal)
        reasons = self._reasons(runs, one.rows)
        rows, edits, counts = Encoder(TRIMS), Encoder(EDITS), Counter({"rows_in": 0, "kept": 0})
        columns = {name: ("documents", name) for name in ("doc_id", "source")} | verdict_columns(one.shards)
        if runs.num_rows:
            batches = aligned.read_text(store, one, columns | {"text": ("documents", "text")})
        else:
            batches = iter([aligned.read(store, one, columns)])
        first = 0
        for batch in batches:
            low, high = np.searchsorted(runs.column("ref").to_numpy(), [first, first + batch.num_rows])
            mine = runs.slice(low, high - low)
            reason = reasons[first : first + batch.num_rows]
            found = _cut(batch, mine, first, self.method) if mine.num_rows else None
            rows.write(self._rows(batch, reason, mine, found, counts))
            if found is not None:
                edits.write(_edits(batch, found, reason == 0, first))
            first += batch.num_rows
        emit(rows.finish(), edits.finish())
        return Facts(dict(counts))

    def _reasons(self, runs: pa.RecordBatch, rows: int) -> Integers:
        """For each row 0, or the number of the reason why it is dropped."""
        found = np.zeros(rows, np.int64)
        refs, lost, total = removed(runs, self.method.width, REPEATED)
        found[refs.astype(np.int64)] = self.method.drops(lost, total)
        return found

    def _rows(self, batch: pa.RecordBatch, reason: Integers, runs: pa.RecordBatch, found: "_Found | None",
              counts: Counter[str]) -> pa.RecordBatch:
        """TRIMS of a batch; adds to the counts."""
        n = batch.num_rows
        what = outcome(batch)
        absent = ~pc.equal(what, "kept").to_numpy(zero_copy_only=False)
        why = pa.array([None, *self.method.reasons]).take(pa.array(reason))
        what = pc.if_else(pa.array(absent), what, pc.fill_null(why, "kept"))
        if found is None:
            none = np.empty(0, np.int64)
            found = _Found(Cuts(np.zeros(n + 1, np.int64), none, none, none, none), runs.column("first_doc_id"))
        chars = _sums(found.cuts.chars, found.cuts.offsets)
        _count(counts, what, batch.column("source"), found.cuts, chars, reason == 0)
        return pa.RecordBatch.from_arrays([
            batch.column("doc_id"), pa.array(reason == 0, mask=absent), why, pa.array(chars, mask=absent),
            _spans(found, absent)], schema=TRIMS)


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """What is cut of a batch, and the documents that the cuts' holders stand for."""

    cuts: Cuts
    holders: pa.Array
    texts: Texts | None = None


def _cut(batch: pa.RecordBatch, runs: pa.RecordBatch, first: int, method: Trimming) -> _Found:
    texts = Texts.of(batch.column("text"))
    coded = runs.column("first_doc_id").dictionary_encode()
    at, count = (runs.column(name).to_numpy().astype(np.int64) for name in ("at", "count"))
    covered = Covered(runs.column("ref").to_numpy().astype(np.int64) - first, at, count,
                      coded.indices.to_numpy().astype(np.int64))
    return _Found(cutting.cuts(texts, method.pieces(texts), covered, method.width), coded.dictionary, texts)


def _sums(values: Integers, offsets: Integers) -> Integers:
    """The sum of each document's values."""
    return np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])[offsets])


def _spans(found: _Found, absent: npt.NDArray[np.bool_]) -> pa.ListArray:
    cuts = found.cuts
    spans = pa.StructArray.from_arrays(
        [pa.array(cuts.starts), pa.array(cuts.ends), found.holders.take(pa.array(cuts.holders))], fields=list(_SPAN))
    lists = pa.ListArray.from_arrays(pa.array(cuts.offsets.astype(np.int32)), spans, mask=pa.array(absent))
    return lists.cast(TRIMS.field("spans").type)


def _edits(batch: pa.RecordBatch, found: _Found, kept: npt.NDArray[np.bool_], first: int) -> pa.RecordBatch:
    """The edit layer's rows: the kept ones of which something is cut."""
    assert found.texts is not None
    changed = kept & (np.diff(found.cuts.offsets) > 0)
    texts = cutting.without(found.texts, found.cuts, changed)
    return pa.RecordBatch.from_arrays([pa.array(np.flatnonzero(changed) + first), texts], schema=EDITS)


def _count(counts: Counter[str], what: pa.Array, source: pa.Array, cuts: Cuts, chars: Integers,
           kept: npt.NDArray[np.bool_]) -> None:
    """Rows by outcome, and what is cut of the kept ones."""
    counts["rows_in"] += len(what)
    for one in pc.value_counts(what).to_pylist():
        counts[one["values"] if one["values"] == "kept" else f"dropped.{one['values']}"] += one["counts"]
    spans = np.diff(cuts.offsets)
    counts["edited"] += int((kept & (spans > 0)).sum())
    counts["removed/spans"] += int(spans[kept].sum())
    counts["removed/chars"] += int(chars[kept].sum())
    counts["removed/bytes"] += int(_sums(cuts.ends - cuts.starts, cuts.offsets)[kept].sum())
    counts.update(by_source(source, what))
