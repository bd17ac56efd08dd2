"""Cutting what is repeated: MB/s on one core of the kernels and of the trim job, what the job exchanges, and hard corpora.

    python benchmarks/bench_trim.py [--corpus FOLDER] [--repeat 3] [--hard] [--json PATH]

MB = 10^6 bytes of UTF-8 text, seconds are processor time. Kernels run over texts held in memory, the best of ``--repeat``
passes. The job runs inline over ingested documents, once warm; messages are what lies in its scratch folder, without what the
rounds after the first send. ``--hard``: 10^4 and 10^5 equal documents of 100 words, the same many of one template, 10^5 empty
ones and one of two million equal words.
"""

import argparse
import json
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, job, machine

from corpusmill.jobs.runtime import exchange, kernels
from corpusmill.jobs.runtime.config import make_engine, make_store
from corpusmill.operators.dedup.paragraphs import Paragraphs
from corpusmill.operators.dedup.substrings import Substrings

KINDS = {
    "lines": (Paragraphs(unit="line"), ["trim=paragraphs", "trim.method.unit=line"]),
    "paragraphs": (Paragraphs(), ["trim=paragraphs"]),
    "substrings, words": (Substrings(), ["trim=substrings"]),
    "substrings, UAX #29": (Substrings(tokens="uax29"), ["trim=substrings", "trim.method.tokens=uax29"]),
    "substrings, bytes": (Substrings(tokens="bytes", length=250), ["trim=substrings", "trim.method.tokens=bytes",
                                                                  "trim.method.length=250", "trim.method.min_left=50"]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=type(CORPUS), default=CORPUS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--json", type=type(CORPUS))
    options = parser.parse_args()
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        sys.exit(f"skipped: no Parquet files in {options.corpus}; name a folder with --corpus")
    kernels.use_cache()
    found = {"machine": machine()}
    with tempfile.TemporaryDirectory() as root:
        found["jobs"] = jobs(root, options.corpus, sum(pq.read_table(f, columns=["text"]).nbytes for f in files))
    if options.hard:
        found["hard"] = hard()
    found["kernels"] = kernel_rates(files, options.repeat)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def kernel_rates(files, repeat):
    """MB/s of finding keys, and of finding the items behind a tenth of them."""
    batches = []
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(2000, columns=["text"]):
            text = batch.column("text").cast(pa.string())
            batches.append(pa.record_batch({"text": text, "source": pa.array(["s"] * len(text))}))
    nbytes, rates = sum(b.column("text").nbytes for b in batches), {}
    for name, (method, _) in KINDS.items():
        keys = np.unique(np.concatenate([method.sightings(b) for b in batches]))
        some = keys[::10]
        sights = best(repeat, lambda m=method: [m.sightings(b) for b in batches])
        items = best(repeat, lambda m=method, k=some: [m.items(b, k) for b in batches])
        rates[name] = {"sightings_mb_per_s": round(nbytes / sights / 1e6), "items_mb_per_s": round(nbytes / items / 1e6)}
    return rates


def best(repeat, step):
    def once():
        start = time.process_time()
        step()
        return time.process_time() - start

    return min(once() for _ in range(repeat))


def jobs(root, corpus, nbytes):
    """The job over the corpus: seconds, what it found and what it sent."""
    common = [f"store.root={root}", "engine=inline", "quiet=true"]
    documents = run("ingest", [*common, "corpus=files", f"corpus.paths=[{corpus}]"])[0]
    found = {}
    for name, (_, words) in KINDS.items():
        run("trim", [*common, f"documents={documents.path}", *words, "limit=500"])
        made, seconds, sent = run("trim", [*common, f"documents={documents.path}", *words])
        counts = made.counts
        found[name] = {
            "seconds": round(seconds, 2), "mb_per_s": round(nbytes / seconds / 1e6, 1),
            "removed_share": round(counts["removed/bytes"] / nbytes, 4), "edited": counts["edited"],
            "dropped": sum(n for key, n in counts.items() if key.startswith("dropped.")),
            "peak_mb_so_far": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
            "rounds": len({key for key in sent if key.startswith("states")}),
            "bytes_sent_per_mb": {key: round(size / nbytes * 1e6) for key, size in sent.items() if not re.search("[1-9]", key)},
        }
        print(name, found[name], file=sys.stderr)
    return found


def run(name, overrides):
    """(manifest, processor seconds, bytes of each exchange) of a job."""
    module, config = job(name, overrides)
    sent, clean = Counter(), exchange.clean

    def measured(here, made):
        for entry in here.store.list(f"{made.folder}/scratch/"):
            step = entry.path.split("/")[3]
            sent[re.sub(r"-\d+$", "", re.sub(r"(repeated|runs-\d+|states-\d+)-\d+", r"\1", step))] += entry.size
        clean(here, made)

    exchange.clean = measured
    start = time.process_time()
    made = module.run(config, make_store(config.store), make_engine(config.engine))
    seconds = time.process_time() - start
    exchange.clean = clean
    return made, seconds, sent


def hard():
    """Seconds of the job over corpora in which everything is repeated."""
    rng = random.Random(0)
    body = " ".join(f"w{rng.randint(0, 9999)}" for _ in range(100))
    frame = [" ".join(f"f{rng.randint(0, 9999)}" for _ in range(80)) for _ in range(2)]
    cases = {
        "10^4 equal": [body] * 10_000, "10^5 equal": [body] * 100_000,
        "10^4 of one template": [f"{frame[0]}\n\n{i} {i * i} {i * 7}\n\n{frame[1]}" for i in range(10_000)],
        "10^5 of one template": [f"{frame[0]}\n\n{i} {i * i} {i * 7}\n\n{frame[1]}" for i in range(100_000)],
        "10^5 empty": [""] * 100_000, "one word, two million times": ["word " * 2_000_000],
    }
    found = {}
    for name, texts in cases.items():
        with tempfile.TemporaryDirectory() as root:
            pq.write_table(pa.table({"text": texts, "native_id": [str(i) for i in range(len(texts))]}), f"{root}/in.parquet")
            common = [f"store.root={root}/store", "engine=inline", "quiet=true"]
            documents = run("ingest", [*common, "corpus=files", f"corpus.paths=[{root}/in.parquet]"])[0]
            for kind in ("paragraphs", "substrings"):
                made, seconds, _ = run("trim", [*common, f"documents={documents.path}", f"trim={kind}"])
                found[f"{name}, {kind}"] = {"seconds": round(seconds, 2), "kept": made.counts["kept"]}
                print(name, kind, found[f"{name}, {kind}"], file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
