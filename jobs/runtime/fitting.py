"""Learn from the shards of documents: a Fit's states come from the workers and are merged here; nothing is committed."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.contract import Fit


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the documents of one shard that no decision drops tell a Fit."""

    store: Store
    fit: Fit[Any]

    def __call__(self, task: Task) -> tuple[Any, int, int]:
        """The state, None for no batch, and the rows and bytes that it was read from."""
        state, rows, size = None, 0, 0
        for batch in living(self.store, task):
            seen = self.fit.partial(batch)
            state = seen if state is None else self.fit.merge(state, seen)
            rows, size = rows + batch.num_rows, size + batch.column("text").nbytes
        return state, rows, size


def living(store: Store, task: Task) -> Iterator[pa.RecordBatch]:
    """``doc_id`` and ``text`` of a shard's documents but for those that decisions drop."""
    columns = {name: ("documents", name) for name in ("doc_id", "text")}
    dropping = "decisions" in task.payload.shards
    for batch in aligned.read_text(store, task.payload, columns | ({"keep": ("decisions", "keep")} if dropping else {})):
        yield batch.filter(pc.fill_null(batch.column("keep"), False)).select(list(columns)) if dropping else batch


def living_rows(store: Store, stage: Stage) -> int:
    """How many documents there are to learn from: those of the shards that are looked at, but for dropped ones."""
    found = 0
    for task in aligned.tasks(store, stage, text=False):
        shards = task.payload.shards
        found += shards["decisions"].counts["kept"] if "decisions" in shards else task.payload.rows
    return found


def learn(
    here: Session, stage: Stage, fit: Fit[Any], title: str, look: Callable[[Task], tuple[Any, int, int]] | None = None
) -> Any:
    """The state of all shards together; None where there is no document. ``look`` gives that of one, else ``Look`` does.

    States of about as many shards are merged first, so that of S shards each is copied about log2 S times.
    """
    tasks = list(aligned.tasks(here.store, stage, text=True))
    waiting: list[tuple[int, Any]] = []  # how many shards, and their state; ever fewer shards
    with here.progress(title, len(tasks)) as bar:
        for state, rows, size in here.engine.map(look or Look(here.store, fit), tasks):
            bar.advance(rows, size)
            shards = 1
            while state is not None and waiting and waiting[-1][0] <= shards:
                more, other = waiting.pop()
                shards, state = shards + more, fit.merge(other, state)
            waiting += [(shards, state)] if state is not None else []
    total = waiting.pop()[1] if waiting else None
    while waiting:
        total = fit.merge(waiting.pop()[1], total)
    return total
