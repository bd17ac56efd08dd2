"""A quality classifier learned and applied: precision and recall on texts not seen, with mail headers and without, and speed.

    python benchmarks/bench_classifier.py [--data FOLDER] [--json PATH]

Positive are pos_*.parquet of the folder, negative its neg_* and ham_*. A fifth is held out by a hash of the text. MB = 10^6
bytes; times are processor time of one core, the best of three for scoring.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, machine

from corpusmill.jobs import train_classifier as job
from corpusmill.jobs.runtime import kernels
from corpusmill.operators.text.fasttext_training import Training
from corpusmill.operators.text.hashing import text_digests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=CORPUS.parent / "quality", help="folder of pos_*, neg_*, ham_*.parquet")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    groups = [sorted(options.data.glob("pos_*")), sorted(options.data.glob("neg_*")) + sorted(options.data.glob("ham_*"))]
    if not all(groups):
        sys.exit(f"skipped: no pos_*.parquet and neg_*.parquet in {options.data}")
    kernels.use_cache()
    texts = [[t for file in group for t in pq.read_table(file, columns=["text"])["text"].to_pylist()] for group in groups]
    bodies = [[body(text) for text in group] for group in texts]
    job.learned(examples([group[:200] for group in texts]), ["positive", "negative"], Training(epochs=1), job.Config())
    found = {"as they are": figures(texts), "mail without headers": figures(bodies),
             "without headers, first 2000 bytes": figures([[text[:2000] for text in group] for group in bodies])}
    for name, row in found.items():
        print(name, {key: value for key, value in row.items() if key != "cuts"}, *row["cuts"], sep="\n  ")
    if options.json:
        told = {"unit": "processor time of one core", "machine": machine(), "figures": found}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def body(text):
    """A mail without its headers; any other text as it is."""
    return text.partition("\n\n")[2] if re.match(r"From \S+@|Return-Path: ", text) else text


def examples(groups):
    parts = []
    for label, group in enumerate(groups):
        text = pa.array(group, pa.string())
        parts.append(pa.table([text_digests(text), text.cast(pa.large_string()), pa.array(np.full(len(text), label))], schema=job.EXAMPLES))
    together = pa.concat_tables(parts).combine_chunks()
    return job._distinct(together, {"dropped.copies": 0})


def figures(groups):
    taught = examples(groups)
    start = time.process_time()
    data, facts = job.learned(taught, ["positive", "negative"], Training(), job.Config())
    seconds, texts = time.process_time() - start, job._located(taught)
    job._judged(data, texts, "positive")
    passes = []
    for _ in range(3):
        start = time.process_time()
        job._judged(data, texts, "positive")
        passes.append(time.process_time() - start)
    nbytes = taught.column("text").nbytes / 1e6
    return {"MB": round(nbytes, 1), "seconds to learn and test": round(seconds, 1), "accuracy": round(facts["accuracy"], 4),
            "scoring, reading the model each time, MB/s": round(nbytes / min(passes), 1), "held_out": facts["held_out"],
            "cuts": [{k: round(v, 4) for k, v in one.items()} for one in facts["cuts"] if one["precision"] > 0.5]}


if __name__ == "__main__":
    main()
