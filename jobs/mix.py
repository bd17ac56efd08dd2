"""Draw and write the mixture: exactly the planned tokens of each domain, in a global order that a seed decides.

Reads proportions (``proportions=``), and by their lineage counts, domains and documents. Writes the mixture: ``doc_id, text,
source, domain, epoch, tokens``. The plan is exact; each domain ends within one document below it.
"""

import dataclasses
import functools
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING

from corpusmill.jobs import count
from corpusmill.jobs.runtime import aligned, exchange, inputs, stage
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.config import Common, Quantity, choose, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.exchange import Exchanged
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.shards import encode, one_batch
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Session, Task
from corpusmill.operators.errors import BalanceError, ConfigError, Missing
from corpusmill.operators.mixture import draw, rehydrate
from corpusmill.operators.mixture.budget import Plan, plan
from corpusmill.operators.mixture.draw import Boundary, Cuts, Histogram
from corpusmill.operators.mixture.order import order_keys, shard_of, shards_for, sort
from corpusmill.operators.mixture.rehydrate import Rehydration
from corpusmill.operators.schema import MIXTURE
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.text.hashing import priorities
from corpusmill.operators.weight.shares import check_positive

MESSAGES = pa.schema([*MIXTURE, pa.field("size", pa.int64()), pa.field("order", pa.uint64())])
GROUP_BYTES = 32 << 20  # text that one mapper draws from: it holds every copy of it at once
NOTABLE = 0.9  # of its plan: a domain that ends below is pointed out
UNITS = {"words": "corpusmill.operators.text.tokens.Words", "bytes": "corpusmill.operators.text.tokens.Bytes"}


@dataclasses.dataclass
class MixConfig:
    """What to draw."""

    budget: Quantity = MISSING  # in `unit`: 2000000, 1e9, 1_000_000, 10B
    unit: str = "tokens"  # tokens | words | bytes
    max_epochs: float = 4.0  # times that a document may be taken
    rehydrate: list[Any] = dataclasses.field(default_factory=list)  # [documents in its cluster, weight] of a document
    seed: int = 0  # decides which documents, and their order
    shard_bytes: Quantity = "128MiB"  # text per output file

    def __post_init__(self) -> None:
        if self.budget != MISSING:  # as it is while Hydra reads the schema
            self.budget = quantity("mix.budget", self.budget)
            check_positive(self.budget, "mix.budget")
        self.shard_bytes = quantity("mix.shard_bytes", self.shard_bytes)
        if self.shard_bytes < 1:
            raise ConfigError(f"mix.shard_bytes={self.shard_bytes}: give at least 1 byte")
        check_positive(self.max_epochs, "mix.max_epochs")
        rehydrate.parse(self.rehydrate)
        choose("mix.unit", self.unit, ("tokens", *UNITS))


@dataclasses.dataclass
class Config(Common):
    """corpusmill mix."""

    proportions: str = MISSING  # a manifest
    mix: MixConfig = dataclasses.field(default_factory=MixConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """Plan, draw, order, write."""
    found = inputs.resolve(store, {"proportions": config.proportions}, ["proportions", "counts", "domains", "documents"])
    here = session(config, store, engine)
    sizes = measured(config, config.mix.unit, found, store, engine)
    chosen = {name: found[name] for name in ("documents", "domains", "counts", "proportions")} | {"sizes": sizes}
    weights = rehydrate.parse(config.mix.rehydrate)
    if weights.sizes:
        chosen["duplicates"] = _clusters(found, config)
    parameters = dataclasses.asdict(config.mix) | {"version": "2",
                                                   "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("mixture", MIXTURE, parameters, chosen, found["counts"].view)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    totals = count.totals(_looked_at(made, store))
    if weights.sizes and not here.plan:
        totals = _weighted(here, made, totals, weights)
    planned = plan(found["proportions"].details["proportions"], {n: t.tokens for n, t in totals.items()},
                   config.mix.budget, config.mix.max_epochs)
    if planned.notice:
        note(f"mixture: {planned.notice}", here.quiet)
    try:
        done = _write(here, made, planned, totals, config)
    except Missing as error:
        done = stage.adopt_if_gone(here, made, error)
    exchange.clean(here, done)
    return done


def _clusters(found: Mapping[str, Manifest], config: Config) -> Manifest:
    """The duplicates, whose clusters weigh. Raises ConfigError where none were looked for."""
    if "duplicates" not in found:
        raise ConfigError(f"mix.rehydrate={config.mix.rehydrate}: no duplicates are in the lineage of {config.proportions}; "
                          "rehydration weighs documents by the size of their cluster")
    return found["duplicates"]


def _weighted(here: Session, made: stage.Stage, totals: Mapping[str, count.Totals],
              weights: Rehydration) -> dict[str, count.Totals]:
    """What the domains hold where each document counts as often as it weighs."""
    rows = Rows(here.store, tuple(totals), made.parameters["seed"], weights)
    tokens = sum(here.engine.map(Sums(rows), _groups(here.store, made, 1)), np.zeros(len(totals), np.int64)).tolist()
    return {name: dataclasses.replace(one, tokens=n, bytes=one.bytes * n // max(1, one.tokens))
            for (name, one), n in zip(totals.items(), tokens, strict=True)}


def measured(config: Common, unit: str, found: Mapping[str, Manifest], store: Store, engine: Engine) -> Manifest:
    """Counts in the budget's unit: those at hand, or new ones in words or bytes."""
    counts = found["counts"]
    if counts.details["unit"] == unit:
        return counts
    check_unit(counts.details["unit"], unit)
    common = {f.name: getattr(config, f.name) for f in dataclasses.fields(Common)} | {"name": ""}
    tokenizer = {"_target_": UNITS[unit]}
    return count.run(count.Config(**common, domains=found["domains"].path, tokenizer=tokenizer), store, engine)


def _looked_at(made: stage.Stage, store: Store) -> Manifest:
    """The sizes, with the counts of the shards of a first look alone: a domain that has none of them holds nothing."""
    sizes, subset = made.inputs["sizes"], aligned.Subset(**made.parameters["subset"])
    if not made.parameters["subset"]:
        return sizes
    counts = Counter(dict.fromkeys(made.inputs["counts"].counts, 0))
    for one in subset(aligned.zipped(store, made.inputs, made.view)):
        counts.update(one.shards["sizes"].counts)
    return dataclasses.replace(sizes, counts=counts)


def check_unit(counted: str, unit: str) -> None:
    """Raise ConfigError where a budget in tokens is asked for and another unit was counted."""
    if unit == "tokens" and counted != unit:
        raise ConfigError(f"mix.unit=tokens, but the documents were counted in {counted}: set mix.unit to that, or weigh "
                          "counts of a tokenizer")


def _write(here: Session, made: stage.Stage, planned: Plan, totals: dict[str, count.Totals], config: Config) -> Manifest:
    seed = config.mix.seed
    weights = rehydrate.parse(config.mix.rehydrate)
    copies = 1 + weights.most * max((-(-d.tokens // max(1, d.available)) for d in planned.domains), default=1)
    groups = functools.partial(_groups, here.store, made, copies)
    if here.plan:
        stage.print_plan(here, made, groups())
    domains = tuple(d.domain for d in planned.domains)
    cuts, largest = _cuts(here, groups, planned, Rows(here.store, domains, seed, weights))
    text_bytes = sum(totals[d.domain].bytes * d.tokens // max(1, d.available) for d in planned.domains)
    shards = shards_for(text_bytes, config.mix.shard_bytes)
    drawer = Draw(domains, seed, np.array([d.whole_epochs for d in planned.domains], np.int64), cuts, weights)
    messages, counts = exchange.exchange(here, made, "drawn", groups, drawer, MESSAGES, shards)
    achieved = _achieved(counts, planned, largest)
    _point_out(here, planned, achieved, config.mix.unit)
    tasks = (Task(p, digest_key([made.key, "shard", p, shards]), f"mixture shard {p}", 4 * config.mix.shard_bytes,
                  (messages, p)) for p in range(shards))
    details = {"plan": dataclasses.asdict(planned), "achieved": achieved, "unit": config.mix.unit}
    drawn = sum(a["documents"] for a in achieved.values())
    return stage.run(here, made, tasks, shards, Shuffle(), details=details, empty_ok=config.allow_empty,
                     check=functools.partial(_all_written, drawn))


def _all_written(drawn: int, index: pa.Table, counts: Mapping[str, int]) -> None:
    """Raise BalanceError unless what was drawn is what was written."""
    written = pc.sum(index.column("rows")).as_py() or 0
    if written != drawn:
        raise BalanceError(f"mixture: {drawn:,} documents were drawn, but {written:,} were written ({dict(counts)})")


def _point_out(here: Session, planned: Plan, achieved: Mapping[str, Mapping[str, int]], unit: str) -> None:
    for d in planned.domains:
        size = achieved[d.domain]["size"]
        if size < NOTABLE * d.tokens:
            note(f"mixture: {d.domain} holds {size:,} of {d.tokens:,} {unit}: the next document in its draw is larger than "
                 "what is left", here.quiet)


def _groups(store: Store, made: stage.Stage, copies: int) -> Iterator[Task]:
    """Consecutive shards up to a group's bytes; ``copies`` of their text are in memory."""
    group: list[Task] = []
    size = 0
    for task in itertools.chain(aligned.tasks(store, made, text=True), [None]):
        if group and (task is None or size >= GROUP_BYTES):
            key = digest_key([made.key, "drawn", [t.key for t in group]])
            yield Task(group[0].ordinal, key, f"draw from shards {group[0].ordinal} to {group[-1].ordinal}",
                       3 * copies * size, [t.payload for t in group], size=size)
            group, size = [], 0
        if task is not None:
            group.append(task)
            size += task.payload.shards["documents"].main.bytes


def _cuts(here: Session, groups: Callable[[], Iterator[Task]], planned: Plan, rows: "Rows") -> tuple[Cuts, np.ndarray]:
    """Where the draw of each domain ends, in two passes over the columns; and each domain's largest document."""
    remainder = np.array([d.remainder_tokens for d in planned.domains], np.int64)
    total: Histogram | None = None
    largest = np.zeros(len(remainder), np.int64)
    for part, peak in here.engine.map(Histograms(rows), groups()):
        total = part if total is None else draw.merge(total, part)
        largest = np.maximum(largest, peak)
    assert total is not None, "a mixture has at least one shard of documents"
    boundary = draw.boundary(total, remainder)
    tables = list(here.engine.map(Candidates(rows, boundary), groups()))
    return draw.cut(pa.concat_tables(tables), boundary), largest


def _achieved(counts: Mapping[str, int], planned: Plan, largest: np.ndarray) -> dict[str, dict[str, int]]:
    """What was drawn of each domain. Raises BalanceError unless it is within one document below the plan."""
    achieved = {}
    for d, peak in zip(planned.domains, largest.tolist(), strict=True):
        size, documents, tokens = (counts.get(f"{what}/{d.domain}", 0) for what in ("size", "documents", "tokens"))
        if not 0 <= d.tokens - size <= peak:
            raise BalanceError(f"mixture: {d.domain} was to hold {d.tokens} and holds {size}, but its largest document "
                               f"has {peak}")
        achieved[d.domain] = {"size": size, "documents": documents, "tokens": tokens}
    return achieved


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """Domain codes, priorities, ids and sizes of a shard's rows, each as often as it weighs."""

    store: Store
    domains: tuple[str, ...]
    seed: int
    weights: Rehydration

    def read(self, one: Aligned) -> tuple[np.ndarray, np.ndarray, pa.Array, np.ndarray]:
        """Without text."""
        columns = {"doc_id": ("domains", "doc_id"), "domain": ("domains", "domain"), "size": ("sizes", "tokens")}
        rows = aligned.read(self.store, one, columns | _cluster_size(self.weights))
        place, priority = _items(rows, self.weights, self.seed)
        rows = rows.take(pa.array(place)) if self.weights.sizes else rows
        codes = domain_codes(rows.column("domain"), self.domains)
        sizes = pc.fill_null(rows.column("size"), 0).to_numpy()
        return codes, priority, rows.column("doc_id"), sizes


def _cluster_size(weights: Rehydration) -> dict[str, tuple[str, str]]:
    return {"cluster_size": ("duplicates", "cluster_size")} if weights.sizes else {}


def _items(rows: pa.RecordBatch, weights: Rehydration, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn: the row and the priority of each copy; a document that weighs 1 is one, as without weights."""
    size = pc.fill_null(rows.column("cluster_size"), 1).to_numpy() if weights.sizes else np.ones(rows.num_rows, np.int64)
    place, copy = rehydrate.copies_of(weights.weigh(size))
    return place, priorities(rows.column("doc_id").take(pa.array(place)), seed, "draw", copy)


def domain_codes(domain: pa.StringArray, domains: tuple[str, ...]) -> np.ndarray:
    """The place of each row's domain; -1 where it has none that is in the plan."""
    place = pc.index_in(domain, pa.array(domains, pa.string()), skip_nulls=True)
    codes: np.ndarray = pc.fill_null(place, -1).to_numpy().astype(np.int32)
    return codes


@dataclasses.dataclass(frozen=True, slots=True)
class Sums:
    """Before the plan: the sizes by domain, each document's as often as it weighs."""

    rows: Rows

    def __call__(self, task: Task) -> np.ndarray:
        """Of a group of shards."""
        found = np.zeros(len(self.rows.domains), np.int64)
        for one in task.payload:
            codes, _, _, sizes = self.rows.read(one)
            np.add.at(found, codes[codes >= 0], sizes[codes >= 0])
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Histograms:
    """First pass: sizes by domain and leading bits of the priority, and the largest document of each domain."""

    rows: Rows

    def __call__(self, task: Task) -> tuple[Histogram, np.ndarray]:
        """Of a group of shards."""
        domains = len(self.rows.domains)
        largest = np.zeros(domains, np.int64)
        parts = []
        for one in task.payload:
            codes, priority, _, sizes = self.rows.read(one)
            np.maximum.at(largest, codes[codes >= 0], sizes[codes >= 0])
            parts.append(draw.histogram(codes, priority, sizes, domains))
        return draw.merge(*parts), largest


@dataclasses.dataclass(frozen=True, slots=True)
class Candidates:
    """Second pass: the rows of the bins in which a draw ends."""

    rows: Rows
    boundary: Boundary

    def __call__(self, task: Task) -> pa.Table:
        """Of a group of shards."""
        return pa.concat_tables([draw.candidates(*self.rows.read(one), self.boundary) for one in task.payload])


@dataclasses.dataclass(frozen=True, slots=True)
class Draw:
    """Sends every copy of every drawn document to the output shard of its place in the order."""

    domains: tuple[str, ...]
    seed: int
    whole_epochs: np.ndarray
    cuts: Cuts
    weights: Rehydration

    def messages(self, store: Store, task: Task) -> Iterator[pa.RecordBatch]:
        """MESSAGES of a group of shards."""
        columns = {n: ("documents", n) for n in ("doc_id", "text", "source")}
        columns |= {"domain": ("domains", "domain"), "tokens": ("counts", "tokens"), "size": ("sizes", "tokens")}
        columns |= _cluster_size(self.weights)
        for one in task.payload:
            for batch in aligned.read_text(store, one, columns):
                yield self._of(batch)

    def _of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        doc_id = batch.column("doc_id")
        codes = domain_codes(batch.column("domain"), self.domains)
        item, priority = _items(batch, self.weights, self.seed)
        drawn = draw.copies(codes[item], priority, doc_id.take(pa.array(item)), self.whole_epochs, self.cuts)
        copies = np.zeros(batch.num_rows, np.int64)
        np.add.at(copies, item, drawn)
        rows = np.repeat(np.arange(batch.num_rows), copies)
        starts = np.repeat(np.cumsum(copies) - copies, copies)
        epoch = (np.arange(len(rows)) - starts).astype(np.int32)
        order = order_keys(doc_id.take(pa.array(rows)), epoch, self.seed)
        place = np.argsort(order, kind="stable")  # in their order, so that routing need not move the text again
        taken = batch.take(pa.array(rows[place]))
        values = {n: taken.column(n) for n in taken.schema.names}
        values |= {"epoch": pa.array(epoch[place]), "order": pa.array(order[place])}
        return pa.RecordBatch.from_arrays([values[n] for n in MESSAGES.names], schema=MESSAGES)

    def route(self, batch: pa.RecordBatch, partitions: int) -> np.ndarray:
        """By the place in the order."""
        return shard_of(batch.column("order").to_numpy(), partitions)

    def facts(self, batches: list[pa.RecordBatch]) -> dict[str, int]:
        """What was drawn of each domain."""
        drawn = pa.Table.from_batches(batches, MESSAGES).select(["domain", "tokens", "size"])
        sums: dict[str, Any] = {}
        for row in drawn.group_by("domain").aggregate([("tokens", "sum"), ("size", "sum"), ("size", "count")]).to_pylist():
            for what, column in (("tokens", "tokens_sum"), ("size", "size_sum"), ("documents", "size_count")):
                sums[f"{what}/{row['domain']}"] = row[column]
        return sums


@dataclasses.dataclass(frozen=True, slots=True)
class Shuffle:
    """Puts one output shard in order."""

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """Rows of one shard of the mixture."""
        messages: Exchanged
        messages, partition = task.payload
        rows = messages.read(store, partition)
        ordered = sort(rows.select(MIXTURE.names), rows.column("order").to_numpy())
        emit(encode([one_batch(ordered)], MIXTURE))
        return Facts({"rows_in": rows.num_rows, "kept": ordered.num_rows})


if __name__ == "__main__":
    raise SystemExit(main(["mix", *sys.argv[1:]]))
