"""Annotation: MB/s on one core, per operator and for the default chain, beside reading the Parquet files.

    python benchmarks/bench_annotate.py [--corpus FOLDER] [--repeat 5] [--json PATH]

MB = 10^6 bytes of UTF-8 text. Times are the best of ``--repeat`` passes over each file, held in memory as batches of at
most 64 MiB; compilation, with an empty cache, is left out and shown on its own. ``zlib -1`` and ``pyarrow words`` are
what Compression and the word count would cost with a library.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import kernels
from corpusmill.operators.contract import Apply, chain
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise

DEFAULT = Path(__file__).parents[1] / ".." / "shared" / "data" / "corpus"
TEXT = pa.schema([DOCUMENTS.field("text")])
LARGEST = 64 << 20
CHAINS = {
    "Normalise": [Normalise()],
    "BasicSignals": [BasicSignals()],
    "Compression": [Compression()],
    "TextLayer": [TextLayer()],
    "default chain": [Normalise(), BasicSignals(), Compression()],
    "chain + TextLayer": [Normalise(), TextLayer(), BasicSignals(), Compression()],
}


def main() -> None:
    options = _options()
    if not sorted(options.corpus.glob("*.parquet")):
        sys.exit(f"skipped: no Parquet files in {options.corpus}; name a folder with --corpus")
    cache = tempfile.TemporaryDirectory()
    os.environ["XDG_CACHE_HOME"] = cache.name
    compiled = {name: _timed(lambda ops=ops: kernels.warm(chain(ops, DOCUMENTS))) for name, ops in CHAINS.items()}
    steps = {name: _over_batches(chain(ops, TEXT).open()) for name, ops in CHAINS.items()}
    steps |= {"pyarrow words": _over_batches(_pyarrow_words), "zlib -1": _over_batches(_zlib)}
    rates = {path.stem: _rates(path, steps, options.repeat) for path in sorted(options.corpus.glob("*.parquet"))}
    _print(rates, compiled)
    if options.json:
        options.json.write_text(json.dumps(_report(rates, compiled, options.repeat), indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=DEFAULT, help="folder of Parquet files with a column text")
    parser.add_argument("--repeat", type=int, default=5, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _rates(path: Path, steps: dict[str, Callable], repeat: int) -> dict[str, float]:
    """Bytes of text, and seconds of each step."""
    batches = _read(path)
    found = {"bytes": sum(pc.sum(pc.binary_length(b.column("text"))).as_py() or 0 for b in batches)}
    found["parquet read"] = min(_timed(lambda: pq.read_table(path, columns=["text"], use_threads=False))
                                for _ in range(repeat))
    for name, step in steps.items():
        passes = 1 if name in ("zlib -1", "pyarrow words") else repeat
        found[name] = min(_timed(lambda step=step: step(batches)) for _ in range(passes))
    return found


def _read(path: Path) -> list[pa.RecordBatch]:
    column = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).combine_chunks()
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    batches = [pa.record_batch([chunk], schema=TEXT) for chunk in chunks]
    if any(batch.nbytes > LARGEST for batch in batches):
        sys.exit(f"{path} holds more than {LARGEST} bytes of text: split it")
    return batches


def _over_batches(apply: Apply | Callable[[pa.RecordBatch], object]) -> Callable[[list[pa.RecordBatch]], None]:
    def step(batches: list[pa.RecordBatch]) -> None:
        for batch in batches:
            apply(batch)

    return step


def _pyarrow_words(batch: pa.RecordBatch) -> object:
    return pc.sum(pc.list_value_length(pc.utf8_split_whitespace(batch.column("text"))))


def _zlib(batch: pa.RecordBatch) -> object:
    return [len(zlib.compress(value.as_buffer()[:1 << 14], 1)) for value in batch.column("text")]


def _timed(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _print(rates: dict[str, dict[str, float]], compiled: dict[str, float]) -> None:
    columns = [name for name in next(iter(rates.values())) if name != "bytes"]
    print("MB/s".ljust(24) + "".join(name.rjust(19) for name in columns))
    for stem, row in [*rates.items(), ("ALL", _total(rates))]:
        mb = row["bytes"] / 1e6
        print(f"{stem[:16]:16}{mb:8.1f}" + "".join(f"{mb / row[name]:19.0f}" for name in columns))
    print("first use, s".ljust(24) + " " * 19 + "".join(f"{compiled[c]:19.1f}" for c in columns if c in compiled))


def _total(rates: dict[str, dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rates.values()) for name in next(iter(rates.values()))}


def _report(rates: dict[str, dict[str, float]], compiled: dict[str, float], repeat: int) -> dict[str, object]:
    total = _total(rates)
    return {
        "unit": "MB/s of text, one core, best of passes",
        "passes": repeat,
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()},
        "bytes": total["bytes"],
        "all": {name: round(total["bytes"] / s / 1e6, 1) for name, s in total.items() if name != "bytes"},
        "files": {stem: {name: round(row["bytes"] / s / 1e6, 1) for name, s in row.items() if name != "bytes"}
                  for stem, row in rates.items()},
        "first_use_seconds": {name: round(s, 2) for name, s in compiled.items()},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
