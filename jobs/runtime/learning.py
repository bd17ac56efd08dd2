"""Operators that must see all documents before they can be applied to one: a pass over the documents, and an artifact.

Such an operator has ``unfitted`` (whether it still has to), ``fit(files)``, which gives a ``Fit``, and ``fitted(digest)``.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from corpusmill.jobs.runtime import aligned, artifacts, fitting, kernels, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.contract import Chain, Fit, Operator
from corpusmill.operators.schema import DOCUMENTS


def fitted(here: Session, steps: Chain, documents: Manifest, subset: Mapping[str, float]) -> Chain:
    """The chain, all of whose operators can be applied.

    What one of them learned from these documents, as the operators before it leave them, is committed as the dataset
    ``learned`` and not learned again. Raises Planned where this is but a plan.
    """
    done: list[Operator] = []
    for operator in steps.operators:
        if getattr(operator, "unfitted", False):
            operator = _fitted(here, Chain(tuple(done)), operator, documents, subset)
        done.append(operator)
    return Chain(tuple(done))


def _fitted(here: Session, before: Chain, operator: Any, documents: Manifest, subset: Mapping[str, float]) -> Any:
    parameters = {"operators": [artifacts.described(op) for op in (*before.operators, operator)], "subset": dict(subset)}
    exact = all(op.exact for op in (*before.operators, operator))
    made = stage.Stage("learned", stage.NO_ROWS, parameters, {"documents": documents}, exact=exact)
    done = manifests.find(here.store, made.name, made.key)
    if done is None:
        if here.plan:
            stage.print_plan(here, made, aligned.tasks(here.store, made, text=True))
        data = _learn(here, before, operator, made)
        digest = artifacts.put(here.store, data)
        done = stage.commit_file(here, made, f"{operator.name}-{digest}.json", data, {"artifact": digest})
    else:
        note(f"{made.name}: up to date", here.quiet)
    return operator.fitted(str(done.details["artifact"]))


def _learn(here: Session, before: Chain, operator: Any, made: stage.Stage) -> bytes:
    fit = _fit(here.store, operator)
    state = fitting.learn(here, made, fit, made.name, Look(here.store, before, operator))
    return fit.finish(fit.partial(_no_rows(operator)) if state is None else state)


def _fit(store: Store, operator: Any) -> Fit[Any]:
    found: Fit[Any] = operator.fit({name: artifacts.fetch(store, digest) for name, digest in operator.artifacts.items()})
    return found


def _no_rows(operator: Operator) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=pa.schema(list(operator.reads)))


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the documents of one shard tell; nothing is committed."""

    store: Store
    before: Chain
    operator: Any

    def __call__(self, task: Task) -> tuple[Any, int, int]:
        """And how many they are, and their bytes of text."""
        fit = _fit(self.store, self.operator)
        names = [f"{type(op).__module__}.{type(op).__qualname__} fit" for op in (*self.before.operators, self.operator)]
        apply = self.before.open(artifacts.files_of(self.store, self.before))
        kernels.share(sorted(names), lambda batch: fit.partial(apply(batch).batch))
        needed = {f.name for op in (*self.before.operators, self.operator) for f in op.reads} | {"text"}
        columns = {name: ("documents", name) for name in DOCUMENTS.names if name in needed}
        seen, rows, nbytes = fit.partial(_no_rows(self.operator)), 0, 0
        for batch in aligned.read_text(self.store, task.payload, columns):
            seen = fit.merge(seen, fit.partial(apply(batch).batch))
            rows, nbytes = rows + batch.num_rows, nbytes + batch.column("text").nbytes
        return seen, rows, nbytes
