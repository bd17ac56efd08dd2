"""A build whose Ray workers are killed by SIGKILL, once in every stage: ``killing.py FOLDER WORD …``.

Runs the command line with an engine of its own. In each stage one worker kills itself at one of three moments: before it
did anything; when its objects are written and its receipt is not; when its receipt is committed and its answer is not sent.
FOLDER gets an empty file named by stage and moment for each kill.
"""

import dataclasses
import os
import signal
import sys
from pathlib import Path
from typing import Any

from corpusmill.jobs.deduping import partitioned, verdicts
from corpusmill.jobs.runtime import config, main, receipts
from corpusmill.jobs.runtime.engine import RayEngine

MOMENTS = ("untouched", "written", "committed")


@dataclasses.dataclass(frozen=True)
class Fatal:
    """A work that kills the first worker to come; the next go through."""

    work: Any
    place: str
    moment: str
    folder: str

    def __call__(self, item: Any) -> Any:
        if self.moment == "untouched":
            self.die_once()
        if self.moment == "written":
            return self.without_receipt(item)
        result = self.work(item)
        if self.moment == "committed":
            self.die_once()
        return result

    def without_receipt(self, item: Any) -> Any:
        commit = receipts.commit

        def die_or_commit(*arguments: Any) -> Any:
            self.die_once()
            return commit(*arguments)

        receipts.commit = die_or_commit
        try:
            return self.work(item)
        finally:
            receipts.commit = commit

    def die_once(self) -> None:
        try:
            Path(self.folder, f"{self.place}-{self.moment}").open("x").close()
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class KillingEngine(RayEngine):
    """Ray, with one kill in each stage."""

    def map(self, fn: Any, items: Any) -> Any:
        work = getattr(fn, "work", fn)
        place = type(getattr(work, "mapper", work)).__name__
        moment = MOMENTS[PLACES.setdefault(place, len(PLACES)) % len(MOMENTS)]
        if moment == "written" and work is fn:
            moment = "committed"  # it writes nothing: its answer alone is lost
        return super().map(Fatal(fn, place, moment, FOLDER), items)


# Pairs in parts too, however few they are: workers also die there.
verdicts.ONE_TASK_BYTES, verdicts.PART_BYTES, partitioned.REST_PAIRS = 0, 1000, 0
PLACES: dict[str, int] = {}
FOLDER = sys.argv[1]
config.make_engine = lambda given: KillingEngine(given.workers, given.address, given.attempts)
sys.exit(main.main(sys.argv[2:]))
