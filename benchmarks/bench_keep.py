"""Which documents stay, at many documents: verdicts in one task and in parts, and candidates of one large bucket.

    python benchmarks/bench_keep.py [--documents 1000000] [--json PATH]

A third of the documents is unlike any other, a third is in families of ten around one text, a third in chains of thirty
versions, each of which changes a word of the one before; a tenth of all are exact copies. They are ingested into a
temporary store and deduplicated on the inline engine; seconds are of this process's own time.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import job, machine

from corpusmill.jobs.deduping import partitioned, verdicts
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards
from corpusmill.jobs.runtime.config import make_engine, make_store
from corpusmill.operators.dedup.bands import band_messages, candidates

WORDS = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {"machine": machine(), "bucket": [_bucket(n) for n in (100_000, 200_000, 400_000, 1_000_000)]}
    with tempfile.TemporaryDirectory() as folder:
        found |= _jobs(Path(folder), options.documents)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _bucket(documents):
    """Seconds and pairs of one bucket that all documents share."""
    ref, rng = np.arange(documents, dtype=np.uint64), np.random.default_rng(1)
    bands = np.stack([np.full(documents, 7, np.uint64), rng.integers(0, 1 << 63, documents, dtype=np.uint64)], axis=1)
    messages = band_messages(bands, ref, ref)
    candidates(messages.slice(0, 1000))
    start = time.process_time()
    pairs, _ = candidates(messages)
    row = {"documents": documents, "pairs": pairs.num_rows, "seconds": round(time.process_time() - start, 2)}
    print(row, file=sys.stderr)
    return row


def _jobs(folder, documents):
    _write(folder / "in.parquet", documents)
    common = [f"store.root={folder / 'store'}", "engine=inline", "quiet=true"]
    took = {}

    def run(label, name, *words):
        module, config = job(name, [*common, *words])
        start = time.process_time()
        made = module.run(config, make_store(config.store), make_engine(config.engine))
        took[label] = round(time.process_time() - start, 1)
        print(label, took[label], file=sys.stderr)
        return made, make_store(config.store)

    made, _ = run("ingest", "ingest", "corpus=files", f"corpus.paths=[{folder / 'in.parquet'}]", "ingest.shard_bytes=16MiB")
    given = [f"documents={made.path}", "dedup=minhash", "dedup.allow_loss=true"]
    one, store = run("signatures, pairs, star in one task", "dedup", *given)
    joined, _ = run("components in one task", "dedup", *given, "dedup.keep=components")
    rounds = []
    whole = partitioned._rounds
    partitioned._rounds = lambda *args: rounds.append(told := whole(*args)) or told
    verdicts.ONE_TASK_BYTES, verdicts.PART_BYTES, partitioned.REST_PAIRS = 0, 1 << 27, 0
    # Another setting that changes no cluster, so that they are computed anew.
    parted, _ = run("star in rounds", "dedup", *given, "dedup.copies=drop_all")
    forests, _ = run("components by forests", "dedup", *given, "dedup.keep=components", "dedup.copies=drop_all")
    assert _clusters(store, one) == _clusters(store, parted)
    assert _clusters(store, joined) == _clusters(store, forests)
    pairs = manifests.lineage(store, one)["pairs"]
    return {"documents": documents, "pairs": pairs.rows, "compared": pairs.details["compared"], "kept": one.counts["kept"],
            "kept_components": joined.counts["kept"], "rounds": len(rounds[0]), "seconds": took,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000}


def _clusters(store, made):
    return [shards.table(store, shard.main, ["cluster_id", "cluster_size", "similarity"]).to_pydict()
            for shard in manifests.shards(store, made)]


def _write(path, documents):
    rng, vocabulary = random.Random(1), [f"w{i}" for i in range(20_000)]
    with pq.ParquetWriter(path, pa.schema([("text", pa.string())])) as file:
        texts = []
        while documents > 0:
            words = rng.choices(vocabulary, k=WORDS)
            kind = rng.randrange(72)  # alone, a family of ten, a chain of thirty: as many documents of each
            for i in range(1 if kind < 60 else 10 if kind < 68 else 30):
                changed = words if kind >= 68 else list(words)
                if i:
                    changed[rng.randrange(WORDS)] = rng.choice(vocabulary)
                texts += [" ".join(changed)] * (1 + (rng.random() < 0.1))
            if len(texts) >= 50_000 or len(texts) >= documents:
                rng.shuffle(texts)
                file.write_table(pa.table({"text": texts[:documents]}))
                documents -= len(texts)
                texts = []


if __name__ == "__main__":
    main()
