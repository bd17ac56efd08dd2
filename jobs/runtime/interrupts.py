"""An end that is asked for is not forgotten.

Python raises what a signal handler raises wherever the program happens to be. Inside a finalizer, or a callback of a
library, it prints the exception and goes on; so the wish is kept, and ``check`` raises it again before the next task.
"""

import signal
from types import FrameType

_asked = False


def listen() -> None:
    """End by KeyboardInterrupt on SIGINT and SIGTERM. Main thread only."""
    global _asked
    _asked = False
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def check() -> None:
    """KeyboardInterrupt where an end was asked for."""
    if _asked:
        raise KeyboardInterrupt


def _end(_signal: int, _frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
