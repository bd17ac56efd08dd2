"""Learn an n-gram model that ``quality.perplexity.Perplexity`` scores with, and tell where its head, middle and tail part.

Reads documents (``documents=``) and, where given, decisions; writes perplexity_model: the artifact, and the percentiles of
the perplexity of ``reference=``, or else of documents that were held out. What a manifest tells is for rules:
``{signal: NAME.perplexity, max: p60}``.
"""

import dataclasses
import json
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.jobs.runtime import aligned, artifacts, fitting, inputs, stage
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.domain.kmeans import threshold_of
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.ngram_fit import Learn
from corpusmill.operators.quality.ngrams import Model
from corpusmill.operators.quality.perplexity import Perplexity, perplexities

VERSION = "1"
PERCENTILES = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)


@dataclasses.dataclass
class ModelConfig:
    """How the model is learned."""

    order: int = 3  # tokens of the longest n-gram
    prune: int = 1  # n-grams of three tokens and more are left out where they occur so often or less
    sample: Quantity = 100_000  # documents at most, drawn by a hash of their id
    head: Quantity = 1 << 20  # bytes of each document
    held_out: float = 0.1  # share of the sample that is not learned from but scored
    seed: int = 0  # of the draw


@dataclasses.dataclass
class Config(Common):
    """corpusmill train_perplexity."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest: only documents that are kept
    reference: str | None = None  # a manifest of documents whose percentiles are told, such as raw web text
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A model of the documents' language."""
    given = dataclasses.replace(config.model, sample=quantity("model.sample", config.model.sample),
                                head=quantity("model.head", config.model.head))
    if not 0 <= given.held_out < 1 or given.sample < 2:
        raise ConfigError(f"model.held_out={given.held_out}, model.sample={given.sample}: give a share from 0 to below 1, and "
                          "at least 2 documents")
    found = inputs.resolve(store, {"documents": config.documents, "decisions": config.decisions}, ["documents"])
    read: dict[str, Manifest] = {name: found[name] for name in ("documents", "decisions") if name in found}
    subset = aligned.Subset(config.limit, config.sample).parameters()
    chosen = read | ({"reference": manifests.resolve(store, config.reference, "documents")} if config.reference else {})
    parameters = {"model": dataclasses.asdict(given), "version": VERSION, "subset": subset}
    made = stage.Stage("perplexity_model", stage.NO_ROWS, parameters, chosen, inputs.view_of(found))
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        return done
    source = dataclasses.replace(made, inputs=read)
    if here.plan:
        stage.print_plan(here, made, aligned.tasks(store, source, text=True))
    fit, held = _drawn(given, fitting.living_rows(store, source))
    digest, model = _learned(here, source, fit)
    measured = [*_measured(here, source, held, digest)]
    if config.reference:
        beyond = dataclasses.replace(made, inputs={"documents": chosen["reference"]}, view=())
        most = threshold_of(given.sample, fitting.living_rows(store, beyond))
        measured = [*_measured(here, beyond, dataclasses.replace(fit, first=0, last=most), digest)]
    details = {"artifact": digest, "model": model.facts, "scored": {"documents": len(measured)},
               "percentiles": percentiles(np.array(measured, np.float32))}
    note(f"{made.name}: perplexity of {len(measured):,} documents: {json.dumps(details['percentiles'])}", here.quiet)
    data = json.dumps(details, sort_keys=True, indent=1).encode()
    return stage.commit_file(here, made, f"model-{digest}.json", data, details)


def _drawn(given: ModelConfig, documents: int) -> tuple[Learn, Learn]:
    """What is learned from, and what is held out: two ranges of one draw."""
    last = threshold_of(given.sample, documents)
    first = int(given.held_out * (last + 1))
    parameters: dict[str, Any] = {"order": given.order, "prune": given.prune, "head": given.head, "seed": given.seed}
    held = Learn(**parameters, first=0, last=first - 1) if first else Learn(**parameters, first=1, last=0)
    return Learn(**parameters, first=first, last=last), held


def _learned(here: Session, source: stage.Stage, fit: Learn) -> tuple[str, Model]:
    state = fitting.learn(here, source, fit, source.name)
    if state is None:
        raise DataError(f"{source.name}: there is no document to learn from")
    data = fit.finish(state)
    return artifacts.put(here.store, data), Model.from_bytes(data)


def _measured(here: Session, source: stage.Stage, drawn: Learn, digest: str) -> npt.NDArray[np.float32]:
    """Perplexities of the documents that are drawn, in no order."""
    if drawn.first > drawn.last:
        return np.empty(0, np.float32)
    tasks = list(aligned.tasks(here.store, source, text=True))
    parts = [np.empty(0, np.float32)]
    with here.progress(f"{source.name}: percentiles", len(tasks)) as bar:
        for part, rows, size in here.engine.map(Measure(here.store, drawn, digest), tasks):
            bar.advance(rows, size)
            parts.append(part)
    return np.concatenate(parts)


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """Perplexities of the documents of one shard that are drawn and have any."""

    store: Store
    drawn: Learn
    digest: str

    def __call__(self, task: Task) -> tuple[npt.NDArray[np.float32], int, int]:
        """With the rows and bytes that were read."""
        operator = Perplexity(digest=self.digest)
        apply = operator.open({"model": artifacts.fetch(self.store, self.digest)})
        parts, rows, size = [np.empty(0, np.float32)], 0, 0
        for batch in fitting.living(self.store, task):
            found = apply(batch.filter(pa.array(self.drawn.drawn(batch)))).batch
            sums, tokens = (found[f"{operator.name}.{name}"].to_numpy() for name in ("log10_prob", "tokens"))
            parts.append(perplexities(sums, tokens)[tokens > 0])
            rows, size = rows + batch.num_rows, size + batch.column("text").nbytes
        return np.concatenate(parts), rows, size


def percentiles(values: npt.NDArray[np.float32]) -> dict[str, float]:
    """``p30`` and so on by nearest rank: the smallest value that so many per cent do not exceed. Empty for no values."""
    ranked = np.sort(values)
    return {f"p{p}": float(ranked[-(-p * len(ranked) // 100) - 1]) for p in PERCENTILES} if len(ranked) else {}


if __name__ == "__main__":
    raise SystemExit(main(["train_perplexity", *sys.argv[1:]]))
