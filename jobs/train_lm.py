"""Learn a small causal language model, which ``quality.language_model.LanguageModel`` scores documents with.

Reads documents (``documents=``) and, where given, decisions; writes language_model: the artifact, what it is worth on documents
that were held out (bits per byte), and the percentiles of their perplexity, for rules: ``{signal: lm.perplexity, max: p60}``.
A run that is stopped goes on from its last checkpoint when the same command is given again.
"""

import dataclasses
import io
import json
import math
import sys
import time
from typing import Any

import numpy as np
import torch

from corpusmill.jobs.runtime import aligned, artifacts, exchange, fitting, inputs, interrupts, stage
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.jobs.train_perplexity import percentiles
from corpusmill.operators.domain.kmeans import threshold_of
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gathering import Gather
from corpusmill.operators.lm.gpt import Shape, to_bytes
from corpusmill.operators.lm.scoring import log_probs
from corpusmill.operators.lm.tokens import stream
from corpusmill.operators.lm.training import Plan, Trainer

VERSION = "1"
CHECKPOINT_SECONDS = 60.0  # of learning that a killed run loses at most


@dataclasses.dataclass
class ModelConfig:
    """How large the model is, and what it sees."""

    layers: int = 4  # blocks of attention and a gated map
    width: int = 128  # dimensions
    heads: int = 4  # of attention
    context: int = 256  # bytes that it looks back at most
    sample: Quantity = 100_000  # documents at most, drawn by a hash of their id
    head: Quantity = "64KiB"  # bytes of each document
    held_out: float = 0.01  # share of the sample that is not learned from but scored
    seed: int = 0  # of the draw


@dataclasses.dataclass
class TrainingConfig:
    """How it learns; see ``operators.lm.training``."""

    tokens: Quantity = 20_000_000  # bytes that are learned from, repeats included
    batch: int = 32  # sequences per step
    rate: float = 3e-3  # at its highest
    warm_up: float = 0.05  # share of the steps
    seed: int = 0  # of the first weights and of the order
    device: str = "auto"  # auto, cpu or cuda


@dataclasses.dataclass
class Config(Common):
    """corpusmill train_lm."""

    documents: str | None = None  # a manifest
    decisions: str | None = None  # a manifest: only documents that are kept
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A language model of the documents."""
    asked = config.model
    shape = Shape(asked.layers, asked.width, asked.heads, asked.context)
    plan = Plan(**(dataclasses.asdict(config.training) | {"tokens": quantity("training.tokens", config.training.tokens)}))
    sample, head = quantity("model.sample", asked.sample), quantity("model.head", asked.head)
    if not 0 < asked.held_out < 1 or sample < 2:
        raise ConfigError(f"model.held_out={asked.held_out}, model.sample={sample}: give a share between 0 and 1, and at least "
                          "2 documents")
    found = inputs.resolve(store, {"documents": config.documents, "decisions": config.decisions}, ["documents"])
    read: dict[str, Manifest] = {name: found[name] for name in ("documents", "decisions") if name in found}
    parameters = {"shape": dataclasses.asdict(shape), "plan": dataclasses.asdict(plan), "sample": sample, "head": head,
                  "held_out": asked.held_out, "seed": asked.seed, "version": VERSION,
                  "subset": aligned.Subset(config.limit, config.sample).parameters()}
    made = stage.Stage("language_model", stage.NO_ROWS, parameters, read, inputs.view_of(found), exact=False)
    here = session(config, store, engine)
    if (done := stage.committed(here, made)) is not None:
        exchange.clean(here, done)
        return done
    if here.plan:
        stage.print_plan(here, made, aligned.tasks(store, made, text=True))
    learned, held = _texts(here, made, Gather(head, asked.seed, 0, threshold_of(sample, fitting.living_rows(store, made))))
    trainer = Trainer(shape, plan, stream(learned))
    details = trained(here, made, trainer) | measured(trainer, held)
    details |= {"documents": len(learned), "bytes": sum(map(len, learned)), "parameters": shape.parameters,
                "flops": shape.flops * trainer.total * plan.batch * shape.context}
    details["artifact"] = artifacts.put(store, to_bytes(trainer.model, {"plan": dataclasses.asdict(plan)}))
    note(f"{made.name}: {details['bits_per_byte']:.3f} bits per byte of {details['held_out']} documents", here.quiet)
    done = stage.commit_file(here, made, f"model-{details['artifact']}.json",
                             json.dumps(details, sort_keys=True, indent=1).encode(), details)
    exchange.clean(here, done)
    return done


def _texts(here: Session, made: stage.Stage, drawn: Gather) -> tuple[list[bytes], list[bytes]]:
    """What is learned from, and what is held out: the first of one draw, at least one document each."""
    state = fitting.learn(here, made, drawn, f"{made.name}: documents")
    texts = [text for text in drawn.texts(state or ()) if text]
    if len(texts) < 2:
        raise DataError(f"{made.name}: {len(texts)} documents are not enough to learn from some and hold others out")
    apart = min(len(texts) - 1, math.ceil(float(made.parameters["held_out"]) * len(texts)))
    return texts[apart:], texts[:apart]


def trained(here: Session, made: stage.Stage, trainer: Trainer) -> dict[str, Any]:
    """Learn to the end, from the last checkpoint where there is one; the loss of the last tenth of the steps."""
    path = f"{made.name}/{made.key}/scratch/checkpoint.pt"
    losses = _restored(here.store, path, trainer)
    if losses:
        note(f"{made.name}: goes on after {trainer.step} of {trainer.total} steps", here.quiet)
    tokens, saved = trainer.plan.batch * trainer.model.shape.context, time.monotonic()
    with here.progress(f"{made.name}: steps", trainer.total - trainer.step) as bar:
        while trainer.step < trainer.total:
            interrupts.check()
            losses.append(trainer.advance())
            bar.advance(trainer.plan.batch, tokens)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                _save(here.store, path, trainer, losses)
                saved = time.monotonic()
    return {"train_loss": float(np.mean(losses[-max(1, trainer.total // 10):])), "steps": trainer.total}


def _save(store: Store, path: str, trainer: Trainer, losses: list[float]) -> None:
    data = io.BytesIO()
    torch.save(trainer.state() | {"losses": losses}, data)
    store.write(path, data.getvalue())


def _restored(store: Store, path: str, trainer: Trainer) -> list[float]:
    """The losses so far; the trainer goes on where they end."""
    if not store.exists(path):
        return []
    state = torch.load(io.BytesIO(bytes(memoryview(store.read(path)))), map_location=trainer.device, weights_only=True)
    trainer.restore(state)
    return list(state["losses"])


def measured(trainer: Trainer, held: list[bytes]) -> dict[str, Any]:
    """Bits per byte of the held-out documents, and percentiles of their perplexity."""
    model = trainer.model.eval()
    nats = [float(log_probs(model, text, trainer.device).sum()) for text in held]
    bits = -sum(nats) / sum(map(len, held)) / math.log(2)
    values = np.exp(-np.array(nats) / np.array([len(text) for text in held])).astype(np.float32)
    return {"held_out": len(held), "bits_per_byte": bits, "percentiles": percentiles(values)}


if __name__ == "__main__":
    raise SystemExit(main(["train_lm", *sys.argv[1:]]))
