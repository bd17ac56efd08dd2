"""Where the seconds of a run go, part by part."""

import collections
import contextlib
import time
from collections.abc import Iterator

import torch


class Clock:
    """Seconds by part. On a GPU it waits for what was sent there, else its work would be counted where it is awaited."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: collections.Counter[str] = collections.Counter()
        self._device = device

    @contextlib.contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Count what happens inside to a part."""
        started = self._now()
        try:
            yield
        finally:
            self.seconds[part] += self._now() - started  # type: ignore[assignment]

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
