"""Gopher's signals, Dolma's and those of all web rules: MB/s on one core, on real files and on text made to be slow.

    python benchmarks/bench_gopher.py [--corpus FOLDER] [--repeat 5] [--json PATH]

MB = 10^6 bytes of UTF-8 text. Times are processor time, the best of ``--repeat`` passes over each file, held in memory;
compilation is left out. The slow texts are one document of 10 MB each, but for ``tiny``: a million documents of ten bytes.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from common import CORPUS, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.operators.contract import chain
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.gopher_dolma import GopherDolma
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.quality.web import WebSignals
from corpusmill.operators.schema import DOCUMENTS

TEXT = pa.schema([DOCUMENTS.field("text")])
CHAINS = {
    "Gopher": [Gopher()], "Gopher uax29": [Gopher(ngrams="uax29")], "GopherDolma": [GopherDolma()],
    "WebSignals": [WebSignals()], "Web uax29": [WebSignals(ngrams="uax29")],
    "BasicSignals": [BasicSignals()], "both": [BasicSignals(), Gopher()],
}  # fmt: skip
RANDOM = random.Random(7)
WORDS = [f"w{RANDOM.getrandbits(30):x}" for _ in range(600_000)]
SLOW = {
    "one word": ["a " * 5_000_000],
    "two words": ["a b " * 2_500_000],
    "unique words": [" ".join(WORDS + [word + "x" for word in WORDS])[:10_000_000]],
    "text twice": [" ".join(WORDS + WORDS)[:10_000_000]],
    "equal lines": ["a line\n" * 1_430_000],
    "unique lines": ["\n".join(map(str, range(1_300_000)))],
    "empty lines": ["\n" * 10_000_000],
    "no spaces": ["x" * 10_000_000],
    "wide spaces": ["中\u3000" * 1_660_000],
    "quotes": ["“ ” " * 1_250_000],
    "tiny": ["ten bytes."] * 1_000_000,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--repeat", type=int, default=5, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    kernels.use_cache()
    steps = {name: chain(operators, TEXT).open() for name, operators in CHAINS.items()}
    for step in steps.values():
        step(batch_of(["compiled “ ”. " * 9]))
    files = {path.stem: [record(path)] for path in sorted(options.corpus.glob("*.parquet"))}
    if not files:
        print(f"no Parquet files in {options.corpus}: only the slow texts are timed", file=sys.stderr)
    figures = {name: rates([batch_of(texts)], steps, 1 + options.repeat // 3) for name, texts in SLOW.items()}
    figures |= {name: rates(batches, steps, options.repeat) for name, batches in files.items()}
    figures["ALL FILES"] = total([figures[name] for name in files])
    print("MB/s".ljust(34) + "".join(name.rjust(14) for name in steps))
    for name, row in figures.items():
        print(f"{name[:24]:24}{row['MB']:10.1f}" + "".join(f"{row['MB'] / row[step]:14.0f}" for step in steps))
    if options.json:
        found = {name: {step: round(row["MB"] / row[step], 1) for step in steps} for name, row in figures.items()}
        report = {"unit": "MB/s of text, one core, processor time, best of passes", "machine": machine(), "figures": found}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def batch_of(texts):
    return pa.record_batch([pa.array(texts, pa.string())], schema=TEXT)


def record(path):
    column = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).combine_chunks()
    return pa.record_batch([column.chunk(0) if isinstance(column, pa.ChunkedArray) else column], schema=TEXT)


def rates(batches, steps, repeat):
    """Megabytes, and the seconds of each step."""
    row = {"MB": sum(pc.sum(pc.binary_length(batch.column("text"))).as_py() for batch in batches) / 1e6}
    for name, step in steps.items():
        row[name] = min(seconds(step, batches) for _ in range(repeat))
    return row


def seconds(step, batches):
    start = time.thread_time()
    for batch in batches:
        step(batch)
    return time.thread_time() - start


def total(rows):
    return {key: sum(row[key] for row in rows) for key in rows[0]} if rows else {"MB": 0.0} | dict.fromkeys(CHAINS, 1.0)


if __name__ == "__main__":
    main()
