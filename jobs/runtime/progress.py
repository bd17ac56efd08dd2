"""Progress on standard error: a live bar per stage on a terminal, plain lines when piped, nothing when quiet."""

import sys
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_SECONDS = 5.0  # between two plain lines of one stage


class StageProgress:
    """One stage: how many of its tasks are done, rows/s, MB/s and the time left."""

    def __init__(self, name: str, tasks: int, quiet: bool, stream: TextIO | None = None) -> None:
        self.name = name
        self.tasks = tasks
        self.done = 0
        self.rows = 0
        self.bytes = 0
        self.started = time.monotonic()
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._said = self.started
        self._bar: Progress | None = None
        if not quiet and self._stream.isatty():
            self._bar = Progress(
                TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(), console=Console(file=self._stream), transient=True,
            )
            self._task = self._bar.add_task(name, total=tasks, rate="")

    def __enter__(self) -> "StageProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and not self._quiet:
            print(f"{self.name}: {self.done} tasks, {self.rate()}, {self.seconds():.1f} s",
                  file=self._stream, flush=True)

    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self.started

    def rate(self) -> str:
        """Rows and bytes so far, per second."""
        seconds = max(self.seconds(), 1e-9)
        return f"{self.rows:,} rows ({self.rows / seconds:,.0f}/s), {self.bytes / 1e6 / seconds:,.1f} MB/s"

    def advance(self, rows: int, nbytes: int) -> None:
        """One more task is done."""
        self.done += 1
        self.rows += rows
        self.bytes += nbytes
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self.rate())
        elif not self._quiet and time.monotonic() - self._said >= PLAIN_SECONDS:
            self._said = time.monotonic()
            left = self.seconds() / self.done * (self.tasks - self.done)
            print(f"{self.name}: {self.done}/{self.tasks} tasks, {self.rate()}, about {left:.0f} s left",
                  file=self._stream, flush=True)


def note(text: str, quiet: bool = False) -> None:
    """One line for the user."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
