"""Where compiled kernels are kept, and how a node's workers share one compilation.

numba looks only at the file of a cached function: a change in a function that it calls, or in an intrinsic, goes
unnoticed and the old machine code runs. The cache folder is therefore named by a digest of all sources of
``corpusmill.operators``, of numba's version and of the processor.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import llvmlite.binding
import numba
import numba.core.dispatcher
import pyarrow as pa

import corpusmill.operators
from corpusmill.operators.contract import Chain
from corpusmill.operators.schema import DOCUMENTS

# Between them these reach every kernel of the text operators: edits, wide characters, repeated lines, personal data.
_SAMPLES = ("", "write to someone@example.com", "one line, again one line, again one line",
            "a word\r\n\n\n\n\n• “Ünï” 中文\u200b \n• “Ünï” 中文\n" * 4)


@functools.cache
def use_cache() -> Path:
    """Keep compiled kernels in ``corpusmill/kernels/{digest}`` under the user's cache folder; returns the folder.

    The user's cache folder is ``$XDG_CACHE_HOME`` or ``~/.cache``. Call it once per process, before the first kernel
    runs; children inherit it through ``NUMBA_CACHE_DIR``. Kernels imported earlier are pointed to the folder too. Falls
    back to a folder of this user in the temporary directory.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 Path raises without a home
    spare = Path(tempfile.gettempdir()) / f"corpusmill-{os.getuid()}"
    usual = _writable(Path(home) / "corpusmill") if Path(home).is_absolute() else None
    folder = usual or _writable(spare) or Path(tempfile.mkdtemp(prefix="corpusmill-"))
    folder = folder / "kernels" / digest()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    numba.config.CACHE_DIR = str(folder)
    _redirect()
    return folder


def digest() -> str:
    """What compiled code depends on, in 16 hexadecimal digits: operators/, numba, Python and the processor."""
    root = Path(corpusmill.operators.__file__).parent
    parts = [numba.__version__, sys.version, llvmlite.binding.get_host_cpu_name()]
    state = hashlib.sha256("\0".join(parts).encode())
    for path in sorted(root.rglob("*.py")):
        state.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()[:16]


def environment() -> dict[str, str]:
    """Environment variables with which a worker finds the folder already when it imports kernels."""
    return {"NUMBA_CACHE_DIR": str(use_cache())}


def warm(steps: Chain, files: Mapping[str, Mapping[str, Path]] | None = None) -> None:
    """Compile the kernels of a chain, or load them."""
    share(sorted({f"{type(op).__module__}.{type(op).__qualname__}" for op in steps.operators}), steps.open(files))


def share(names: Iterable[str], step: Callable[[pa.RecordBatch], object]) -> None:
    """Compile the kernels that ``step`` runs, or load them, by running it over a few short documents.

    The first process of a node to come holds a lock while it compiles; the others wait and then load what it left.
    """
    kinds = "\0".join(names)
    done = use_cache() / f"{hashlib.sha256(kinds.encode()).hexdigest()[:16]}.warm"
    with contextlib.nullcontext() if done.exists() else _locked(done.with_suffix(".lock")):
        step(_documents())
        done.touch()


def _documents() -> pa.RecordBatch:
    empty = {field.name: pa.nulls(len(_SAMPLES), field.type) for field in DOCUMENTS}
    given = {
        "doc_id": pa.array([bytes(16)] * len(_SAMPLES), DOCUMENTS.field("doc_id").type),
        "text": pa.array(_SAMPLES, pa.string()),
        "source": pa.array([""] * len(_SAMPLES)),
        "native_id": pa.array([""] * len(_SAMPLES)),
    }
    return pa.RecordBatch.from_arrays(list((empty | given).values()), schema=DOCUMENTS)


def _writable(folder: Path) -> Path | None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder if folder.stat().st_uid == os.getuid() else None
    except OSError:
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _redirect() -> None:
    """Point kernels that are already imported to the folder: numba chooses a kernel's folder when it is decorated."""
    for name, module in list(sys.modules.items()):
        if name.startswith("corpusmill."):
            for value in vars(module).values():
                if isinstance(value, numba.core.dispatcher.Dispatcher) and not value.overloads:
                    value.enable_caching()
