"""Compare embedders: how much of a language model's losses the clusters of each explain, on documents that it did not see.

Reads documents (``documents=``) and, where given, decisions, and a language model (``language_model=``, of ``train_lm``). Each
embedder of ``embedders`` clusters a sample; other documents go to the nearest centroids. Writes embedders, a table.
"""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import MISSING, OmegaConf
from rich.console import Console
from rich.table import Table

from corpusmill.jobs.runtime import aligned, artifacts, embedders, fitting, inputs, interrupts, stage
from corpusmill.jobs.runtime.config import Common, Quantity, choose, instantiate, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.help import groups
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.domain import comparing
from corpusmill.operators.domain.comparing import Draw
from corpusmill.operators.domain.embed import Codes, nearest
from corpusmill.operators.domain.embedders.registry import described
from corpusmill.operators.domain.kmeans import READS as LEARNED
from corpusmill.operators.domain.kmeans import KMeans, Learn, threshold_of
from corpusmill.operators.domain.model import Model
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.language_model import LanguageModel
from corpusmill.operators.text.content import file_digest

VERSION = "1"
LOSS = "loss"  # bits per byte of a document


@dataclasses.dataclass
class ComparisonConfig:
    """What the embedders are compared on."""

    sample: Quantity = 4000  # documents at most, drawn by a hash of their id
    held_out: float = 0.5  # share of them that is not clustered, but judged
    head: Quantity = "1KiB"  # of each document, that the language model reads
    starts: int = 4  # runs of k-means, of which the best counts
    seed: int = 0  # of the sample and of all that learns
    device: str = "auto"  # that the language model runs on: auto, cpu or cuda


@dataclasses.dataclass
class Config(Common):
    """corpusmill compare_embedders."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest: only documents that are kept
    language_model: str = MISSING  # of train_lm: a manifest or a file
    embedders: list[Any] = dataclasses.field(default_factory=lambda: ["tfidf", "fasttext"])  # options, {option: …, setting: …}
    k: int = 20  # clusters
    comparison: ComparisonConfig = dataclasses.field(default_factory=ComparisonConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A row for each embedder."""
    asked, here = config.comparison, session(config, store, engine)
    sample, head = quantity("comparison.sample", asked.sample), quantity("comparison.head", asked.head)
    if not 0 < asked.held_out < 1 or sample < 4:
        raise ConfigError(f"comparison.held_out={asked.held_out}, comparison.sample={sample}: give a share between 0 and 1, "
                          "and at least 4 documents")
    scorer = artifacts.pin(store, LanguageModel(path=config.language_model, head=head, device=asked.device),
                           keep=not config.plan)
    chosen = _chosen(here, config)
    found = inputs.resolve(store, {"documents": config.documents, "decisions": config.decisions}, ["documents"])
    read: dict[str, Manifest] = {name: found[name] for name in ("documents", "decisions") if name in found}
    parameters = {"embedders": {name: described(one.embedder) for name, one in chosen.items()}, "k": config.k, "sample": sample,
                  "held_out": asked.held_out, "starts": asked.starts, "seed": asked.seed, "version": VERSION,
                  "language_model": artifacts.described(scorer),
                  "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("embedders", stage.NO_ROWS, parameters, read, inputs.view_of(found), exact=False)
    if (done := stage.committed(here, made)) is not None:
        _show(done, config.quiet)
        return done
    if here.plan:
        stage.print_plan(here, made, aligned.tasks(store, made, text=True))
    draw = Draw(threshold_of(sample, fitting.living_rows(store, made)), asked.seed)
    drawn = fitting.learn(here, made, draw, f"{made.name}: losses", Look(store, draw, scorer))
    rows = _compared(here, chosen, _parts(drawn, asked.held_out))
    facts = {"embedders": rows, "k": config.k}
    data = json.dumps(facts, indent=1, sort_keys=True).encode()
    done = stage.commit_file(here, made, f"embedders-{file_digest(data)}.json", data, facts)
    _show(done, config.quiet)
    return done


def _chosen(here: Session, config: Config) -> dict[str, KMeans]:
    """Name → k-means with the embedder, its files pinned."""
    found: dict[str, KMeans] = {}
    for given in config.embedders:
        told = {"option": given} if isinstance(given, str) else dict(given)
        option = choose("embedders", str(told.pop("option", "")), groups()["embedder"])
        node = _option(option) | told
        if option == "language_model" and not node.get("path"):
            node["path"] = config.language_model
        embedder = embedders.pinned(here.store, instantiate(node, f"embedders.{option}"), keep=not here.plan)
        name = option + "".join(f" {key}={value}" for key, value in told.items())
        if name in found:
            raise ConfigError(f"embedders: {name!r} is named twice")
        found[name] = KMeans(k=config.k, starts=config.comparison.starts, seed=config.comparison.seed, embedder=embedder)
    if not found:
        raise ConfigError(f"embedders=[]: name some of {', '.join(groups()['embedder'])}")
    return found


def _option(name: str) -> dict[str, Any]:
    """The settings of an option of the group ``embedder``."""
    text = (resources.files("corpusmill.conf") / "embedder" / f"{name}.yaml").read_text(encoding="utf-8")
    return {str(key): value for key, value in OmegaConf.create(text).items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """The drawn documents of one shard, and how well the language model foretells each."""

    store: Store
    draw: Draw
    scorer: LanguageModel

    def __call__(self, task: Task) -> tuple[pa.Table | None, int, int]:
        """The rows with their loss, None where there is none; and the rows and bytes that they were drawn from."""
        apply = self.scorer.open({name: artifacts.fetch(self.store, digest) for name, digest in self.scorer.artifacts.items()})
        columns = {name: ("documents", name) for name in comparing.READS.names}
        if "decisions" in task.payload.shards:
            columns["keep"] = ("decisions", "keep")
        found, rows, size = [], 0, 0
        for batch in aligned.read_text(self.store, task.payload, columns):
            kept = batch.filter(pc.fill_null(batch.column("keep"), False)) if "keep" in columns else batch
            rows, size = rows + kept.num_rows, size + kept.column("text").nbytes
            drawn = self.draw.partial(kept.select(comparing.READS.names))
            if drawn.num_rows:
                scores = apply(drawn.combine_chunks().to_batches()[0]).batch
                bits = pc.negate(pc.divide(scores.column("lm.log10_prob").cast(pa.float64()), scores.column("lm.tokens")))
                found.append(drawn.append_column(LOSS, pc.multiply(bits, 1e-6 * math.log2(10))))
        return pa.concat_tables(found) if found else None, rows, size


def _parts(drawn: pa.Table | None, held_out: float) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """What is clustered, and what is judged; without documents that have no byte."""
    rows = comparing.ordered(drawn.filter(pc.is_finite(drawn.column(LOSS)))) if drawn is not None else None
    if rows is None or rows.num_rows < 4:
        raise DataError("embedders: fewer than 4 documents have a text to compare on")
    apart = min(rows.num_rows - 2, max(2, round(held_out * rows.num_rows)))
    return rows.slice(apart), rows.slice(0, apart)


def _compared(here: Session, chosen: Mapping[str, KMeans], parts: Sequence[pa.RecordBatch]) -> list[dict[str, Any]]:
    rows = []
    for name, labeller in chosen.items():
        interrupts.check()
        note(f"embedders: {name}", here.quiet)
        rows.append({"embedder": name} | _row(here, labeller, *parts))
    return sorted(rows, key=lambda row: -row["explained"])


def _row(here: Session, labeller: KMeans, seen: pa.RecordBatch, held: pa.RecordBatch) -> dict[str, Any]:
    """What one embedder is worth."""
    files = embedders.files(here.store, labeller.embedder)
    fit, started = Learn(labeller, files=files), time.monotonic()
    reads = [*LEARNED.names, *labeller.embedder.reads]
    model = Model.from_bytes(fit.finish(fit.partial(seen.select(reads))))
    learned = time.monotonic() - started
    codes, _ = nearest(model.embed(seen, files), model.centroids)
    started = time.monotonic()
    points = model.embed(held, files)
    rate = held.column("text").nbytes / 1e6 / max(1e-9, time.monotonic() - started)
    held_codes, _ = nearest(points, model.centroids)
    losses, held_losses = (batch.column(LOSS).to_numpy() for batch in (seen, held))
    inside, total = comparing.within(held_codes, held_losses), float(held_losses.var())
    purity, nmi = comparing.agreement(held_codes, _coded(held.column("source")))
    return {"explained": round(comparing.explained(codes, losses, held_codes, held_losses), 4),
            "within": round(inside, 5), "eta_squared": round(1 - inside / total, 4) if total > 0 else 0.0,
            "silhouette": round(comparing.silhouette(points, held_codes), 4), "purity": round(purity, 4), "nmi": round(nmi, 4),
            "mb_per_second": round(rate, 2), "learn_seconds": round(learned, 1), "documents": seen.num_rows,
            "held_out": held.num_rows, "clusters": len(model.names), "unplaced": int((held_codes < 0).sum())}


def _coded(values: pa.StringArray) -> Codes:
    found: Codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return found


def _show(made: Manifest, quiet: bool) -> None:
    if quiet:
        return
    table = Table(title=f"embedders, k = {made.details['k']}: best first by the share of the loss's variance that is explained")
    names = ("embedder", "explained", "eta_squared", "within", "silhouette", "purity", "nmi", "mb_per_second", "learn_seconds")
    for name in names:
        table.add_column(name, justify="left" if name == "embedder" else "right")
    for row in made.details["embedders"]:
        table.add_row(*(str(row[name]) for name in names))
    Console(stderr=True, width=None if sys.stderr.isatty() else 140).print(table)


if __name__ == "__main__":
    raise SystemExit(main(["compare_embedders", *sys.argv[1:]]))
