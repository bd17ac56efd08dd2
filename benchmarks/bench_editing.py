"""Operators that edit line by line: MB/s on one core, on real files and on text made to be slow.

    python benchmarks/bench_editing.py [--corpus FOLDER] [--repeat 3] [--json PATH]

MB = 10^6 bytes of UTF-8 text. Times are processor time, the best of ``--repeat`` passes over each file, held in memory;
compilation is left out. The slow texts are one document of 10 MB each.
"""

import argparse
import json
import sys
from pathlib import Path

import bench_gopher
from bench_gopher import batch_of, record
from common import CORPUS, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.operators.contract import chain
from corpusmill.operators.quality.c4 import C4Lines
from corpusmill.operators.quality.refinedweb import RefinedWebLines
from corpusmill.operators.text.urls import RemoveUrls

OPERATORS = {
    "C4, tfds": C4Lines(variant="tfds", fewest_words=5), "C4, datatrove": C4Lines(),
    "C4, dclm": C4Lines(variant="dclm", fewest_words=5),
    "RefinedWeb": RefinedWebLines(), "RemoveUrls": RemoveUrls(),
}  # fmt: skip
SLOW = {
    "one long line": "word " * 2_000_000 + ".",
    "citations": "[1]" * 3_330_000 + " a b c.",
    "brackets": "[" * 10_000_000,
    "points": "1.a." * 2_500_000,
    "short sentences": "Ab cd ef. " * 1_000_000,
    "short lines": "It is so.\n" * 1_000_000,
    "empty lines": "\n" * 10_000_000,
    "hosts": "www.example.com " * 625_000,
    "Chinese": "中文句子。" * 666_000,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--repeat", type=int, default=3, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    kernels.use_cache()
    steps = {name: chain([operator], bench_gopher.TEXT).open() for name, operator in OPERATORS.items()}
    for step in steps.values():
        step(batch_of(["Compiled as well. [1]\nhttp://a.com 1.2.3.4"]))
    files = {path.stem: [record(path)] for path in sorted(options.corpus.glob("*.parquet"))}
    if not files:
        print(f"no Parquet files in {options.corpus}: only the slow texts are timed", file=sys.stderr)
    figures = {name: bench_gopher.rates([batch_of([text])], steps, 2) for name, text in SLOW.items()}
    figures |= {name: bench_gopher.rates(batches, steps, options.repeat) for name, batches in files.items()}
    if files:
        rows = [figures[name] for name in files]
        figures["ALL FILES"] = {key: sum(row[key] for row in rows) for key in rows[0]}
    print("MB/s".ljust(34) + "".join(name.rjust(16) for name in steps))
    for name, row in figures.items():
        print(f"{name[:24]:24}{row['MB']:10.1f}" + "".join(f"{row['MB'] / row[step]:16.0f}" for step in steps))
    if options.json:
        found = {name: {step: round(row["MB"] / row[step], 1) for step in steps} for name, row in figures.items()}
        report = {"unit": "MB/s of text, one core, processor time, best of passes", "machine": machine(), "figures": found}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
