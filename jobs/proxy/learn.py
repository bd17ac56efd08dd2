"""One run, in a worker: a model of its own, evaluated at set steps, resumable from a checkpoint."""

import contextlib
import dataclasses
import io
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from corpusmill.jobs.proxy import corpus, throughput
from corpusmill.jobs.proxy.table import BITS, EPOCHS, Row
from corpusmill.jobs.runtime import interrupts
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tasks import Emit, Facts, Task
from corpusmill.operators.errors import DataError
from corpusmill.operators.lm.evaluation import held_windows, measured
from corpusmill.operators.lm.gpt import Shape
from corpusmill.operators.lm.mixing import MixtureTrainer, Streams
from corpusmill.operators.lm.training import Plan
from corpusmill.operators.weight.runs import LOSS, MIX, UNIQUE

CHECKPOINT_SECONDS = 60.0  # of learning that a killed run loses at most
LAST = 0.05  # share of the steps whose mean loss is train_loss


@dataclasses.dataclass(frozen=True, slots=True)
class Learn:
    """What all runs of a table share; its call is one run."""

    artifacts: Mapping[str, str]  # of every domain: the digest of its tokens
    unique: Mapping[str, int]  # of every domain: tokens that a run learns from, over and over
    shape: Shape
    plan: Plan  # but for the seed, which is the row's
    order: int  # seed of the order of sequences
    at: tuple[float, ...]  # shares of the steps after which a run is evaluated; the last is 1
    held_out: int  # tokens of each domain that it is evaluated on
    threads: int
    scratch: str  # folder of checkpoints
    quiet: bool

    def __call__(self, store: Store, task: Task, emit: Emit) -> Facts:
        """The evaluations of a run are its receipt's ``rows``; one that diverges has the status failed, and a reason."""
        del emit
        row: Row = task.payload
        with deterministic(self.threads, self.plan.device):
            one = Run(self, store, row, task.label, f"{self.scratch}/{task.key}.pt")
            rows = one.to_the_end()
        return Facts({"rows_in": len(rows), "kept": len(rows), "bytes_in": int(rows[-1]["tokens"])}, {"rows": rows})


class Run:
    """A run in the middle of its course."""

    def __init__(self, common: Learn, store: Store, row: Row, label: str, path: str) -> None:
        self.common, self.store, self.label, self.path = common, store, label, path
        domains = {name: corpus.opened(store, digest) for name, digest in common.artifacts.items()}
        shares = {name: share for name, share in row.shares if share > 0}
        streams = Streams({name: domains[name].learned[: common.unique[name]] for name in shares}, common.shape.context,
                          common.order)
        plan = dataclasses.replace(common.plan, seed=row.seed)
        self.trainer = MixtureTrainer(common.shape, plan, streams, shares)
        self.mixed = tuple(name for name, _ in row.shares)
        self.windows = {name: held_windows(domain.held_out, common.shape.context, common.held_out)
                        for name, domain in domains.items()}
        self.widths = next(iter(domains.values())).widths
        self.marks = marks(common.at, self.trainer.total)
        self.rows: list[dict[str, Any]] = []
        self.losses: list[float] = []
        self.seconds = self.busy = 0.0  # of learning, without evaluation: on the wall, and of ``throughput.clock``
        self.clock = throughput.clock(self.trainer.device)
        self._restore()

    def to_the_end(self) -> list[dict[str, Any]]:
        """Learn, and give the rows of the table but for what the design says."""
        trainer, begun, saved = self.trainer, time.monotonic(), time.monotonic()
        first = trainer.step
        limit = throughput.limit(trainer.model.shape, trainer.plan.batch, trainer.device, torch.get_num_threads())
        while trainer.step < trainer.total:
            interrupts.check()
            started, working = time.perf_counter(), self.clock()
            try:
                self.losses.append(trainer.advance())
            except DataError as error:
                return self._failed(str(error), limit)
            self.seconds, self.busy = self.seconds + time.perf_counter() - started, self.busy + self.clock() - working
            if trainer.step in self.marks:
                self.rows.append(self._told(limit) | self._evaluated())
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.monotonic()
                left = (saved - begun) / (trainer.step - first) * (trainer.total - trainer.step)
                note(f"{self.label}: {trainer.step} of {trainer.total} steps, about {left:.0f} s left", self.common.quiet)
        if self.train_loss > (nothing := math.log(trainer.model.shape.vocabulary)):
            return self._failed(f"the training loss ended at {self.train_loss:.3f} nats, above the {nothing:.3f} of a model "
                                "that knows nothing: learn slower, with a smaller rate", limit)
        return [line | {"status": "done"} for line in self.rows]

    @property
    def train_loss(self) -> float:
        """Mean of the last steps so far."""
        return float(np.mean(self.losses[-max(1, round(LAST * self.trainer.total)):]))

    def _told(self, limit: float) -> dict[str, Any]:
        """How far it is."""
        trainer, streams = self.trainer, self.trainer.streams
        tokens = trainer.step * trainer.plan.batch * trainer.model.shape.context
        told: dict[str, Any] = {MIX + name: 0.0 for name in self.mixed} | {EPOCHS + name: 0.0 for name in self.mixed}
        told |= {UNIQUE + name: self.common.unique[name] for name in self.mixed}
        told |= {MIX + name: share for name, share in zip(streams.names, trainer.shares.tolist(), strict=True)}
        told |= {EPOCHS + name: seen for name, seen in zip(streams.names, streams.epochs().tolist(), strict=True)}
        speed, share = (tokens / self.seconds, tokens / self.busy / limit) if self.busy else (None, None)
        return told | {"step": trainer.step, "tokens": tokens, "flops": trainer.model.shape.flops * tokens,
                       "seconds": self.seconds, "tokens_per_second": speed, "of_limit": share,
                       "train_loss": self.train_loss if self.losses else None}

    def _evaluated(self) -> dict[str, float]:
        """The loss on every domain."""
        found: dict[str, float] = {}
        self.trainer.model.eval()
        for name, windows in self.windows.items():
            one = measured(self.trainer.model, windows, self.widths, self.trainer.device)
            found |= {LOSS + name: one.loss, BITS + name: one.bits_per_byte}
        self.trainer.model.train()
        return found

    def _failed(self, reason: str, limit: float) -> list[dict[str, Any]]:
        """All that was told before, and where it ended; no loss of the end is told."""
        last = self._told(limit) | {"reason": reason} | {LOSS + name: None for name in self.windows}
        before = [line for line in self.rows if line["step"] < last["step"]]
        return [line | {"status": "failed"} for line in [*before, last]]

    def _save(self) -> None:
        data = io.BytesIO()
        torch.save(self.trainer.state() | {"rows": self.rows, "losses": self.losses,
                                           "seconds": (self.seconds, self.busy)}, data)
        self.store.write(self.path, data.getvalue())

    def _restore(self) -> None:
        if not self.store.exists(self.path):
            return
        data = io.BytesIO(bytes(memoryview(self.store.read(self.path))))
        state = torch.load(data, map_location=self.trainer.device, weights_only=True)
        self.trainer.restore(state)
        self.rows, self.losses = state["rows"], state["losses"]
        self.seconds, self.busy = state["seconds"]
        note(f"{self.label}: goes on after {self.trainer.step} of {self.trainer.total} steps", self.common.quiet)


def marks(at: Iterable[float], total: int) -> set[int]:
    """The steps after which a run of so many is evaluated, from shares of them."""
    return {max(1, round(share * total)) for share in at}


@contextlib.contextmanager
def deterministic(threads: int, device: str) -> Iterator[None]:
    """So many threads of torch, and on a GPU the kernels that give the same bits each time where there are such."""
    before, kernels = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(kernels)
