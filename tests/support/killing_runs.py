"""Proxy runs whose Ray workers are killed by SIGKILL in the middle of a run, once each: ``killing_runs.py FOLDER WORD …``.

FOLDER gets an empty file for each kill, named by the step.
"""

import contextlib
import dataclasses
import os
import signal
import sys
from pathlib import Path
from typing import Any

from corpusmill.jobs.proxy import learn
from corpusmill.jobs.runtime import config, main
from corpusmill.jobs.runtime.engine import RayEngine
from corpusmill.operators.lm.mixing import MixtureTrainer

STEPS = (9, 23)  # at which a worker dies, the first that comes there


@dataclasses.dataclass(frozen=True)
class Fatal:
    """Work whose checkpoints are many, and which dies."""

    work: Any
    folder: str

    def __call__(self, item: Any) -> Any:
        learn.CHECKPOINT_SECONDS = 0.0
        advance = MixtureTrainer.advance

        def dying(trainer: MixtureTrainer) -> float:
            if trainer.step in STEPS:
                with contextlib.suppress(FileExistsError):  # another worker died here before
                    Path(self.folder, str(trainer.step)).open("x").close()
                    os.kill(os.getpid(), signal.SIGKILL)
            return advance(trainer)

        MixtureTrainer.advance = dying
        try:
            return self.work(item)
        finally:
            MixtureTrainer.advance = advance


class KillingEngine(RayEngine):
    """Ray, with kills."""

    def map(self, fn: Any, items: Any) -> Any:
        return super().map(Fatal(fn, FOLDER), items)


FOLDER = sys.argv[1]
config.make_engine = lambda given: KillingEngine(given.workers, given.address, given.attempts)
sys.exit(main.main(sys.argv[2:]))
