"""Extraction in a process of its own: a page that crashes, hangs or fills the memory costs this page only.

On hostile pages an extractor takes a time that is quadratic in the nesting or in the number of attributes, and what is written
in C can crash. The limits are on CPU time and memory, so that a busy machine changes no result.
"""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO

CPU_SECONDS = 30
MEMORY_BYTES = 4 << 30
MAX_PAGE_BYTES = 16 << 20
_RULES = 1  # of html.py: count up where they give another text


class ExtractionError(Exception):
    """A page that has no text because of the extractor; ``reason`` is what the quarantine records."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@functools.cache
def extractor() -> str:
    """What extracts, with its version and that of our rules around it: the text depends on both."""
    return f"resiliparse {version('resiliparse')}, rules {_RULES}"


@contextlib.contextmanager
def extraction(cpu_seconds: int = CPU_SECONDS, memory_bytes: int = MEMORY_BYTES) -> Iterator["Extraction"]:
    """The process, from the first page to the end of the block."""
    made = Extraction(cpu_seconds, memory_bytes)
    try:
        yield made
    finally:
        made.close()


class Extraction:
    """Pages in, texts out, one at a time."""

    def __init__(self, cpu_seconds: int, memory_bytes: int) -> None:
        self._limits = cpu_seconds, memory_bytes
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, content: bytes, declared: str = "") -> tuple[bytes, dict[str, str]]:
        """Text in UTF-8 and facts, as ``html.page`` finds them. Raises ExtractionError."""
        if len(content) > MAX_PAGE_BYTES:
            raise ExtractionError("oversize", f"a page of {len(content)} bytes; the limit is {MAX_PAGE_BYTES}")
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            charset = declared.encode()
            process.stdin.write(len(charset).to_bytes(4, "little") + len(content).to_bytes(4, "little") + charset + content)
            process.stdin.flush()
            lengths = _exactly(process.stdout, 8)
            head = _exactly(process.stdout, int.from_bytes(lengths[:4], "little"))
            text = _exactly(process.stdout, int.from_bytes(lengths[4:], "little"))
        except (BrokenPipeError, EOFError) as error:
            raise self._died() from error
        facts = json.loads(head)
        if "error" in facts:
            raise ExtractionError("extraction_failed", facts["error"])
        return text, facts

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> "subprocess.Popen[bytes]":
        # The folder of the file must not be on the path: its modules have names of the standard library's.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        command = [sys.executable, "-P", str(Path(__file__).with_name("html.py")), *map(str, self._limits)]
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        return self._process

    def _died(self) -> ExtractionError:
        assert self._process is not None
        code = self._process.wait()
        self.close()
        if code == -signal.SIGXCPU:
            return ExtractionError("extraction_timeout", f"more than {self._limits[0]} s of CPU time")
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ExtractionError("extraction_crashed", f"the extractor ended with {cause}")


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
