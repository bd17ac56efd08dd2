"""MB/s of text per core for each stage, beside a plain Parquet read-and-rewrite in the same run; then 1 → 2 workers.

    python benchmarks/bench_stages.py [--corpus FOLDER] [--copies N] [--scaling] [--json FILE]

Every stage runs in this process, pinned to one core, over committed inputs; kernels are compiled first. Best of --repeat runs,
each in a store of its own. The mixture is all of the corpus once, so that it moves the text that the rewrite moves.
--scaling runs the whole build on Ray with one and with two workers, in a session that is warm.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from common import CORPUS, job, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.jobs.runtime.config import EngineConfig, make_engine
from corpusmill.jobs.runtime.store import open_store

QUIET = ["quiet=true"]
TEXT = ("ingest", "annotate", "dedup", "count", "mix")  # the stages that read text


def rewrite(files, folder):
    """Seconds for a plain read and rewrite of every file, row group by row group."""
    started = time.perf_counter()
    for file in files:
        source = pq.ParquetFile(file)
        with pq.ParquetWriter(Path(folder) / file.name, source.schema_arrow, compression="zstd") as writer:
            for group in range(source.num_row_groups):
                writer.write_table(source.read_row_group(group, use_threads=False))
    return time.perf_counter() - started


def chain(root, files, budget, engine):
    """Seconds of every stage, in order."""
    store = open_store(root)
    paths = ",".join(str(f) for f in files)
    steps = [
        ("ingest", ["corpus=files", f"corpus.paths=[{paths}]", "corpus.source='{dataset}'"]),
        ("annotate", ["documents=@ingest"]), ("filter", ["annotations=@annotate"]), ("dedup", ["decisions=@filter"]),
        ("regroup", ["decisions=@filter", "duplicates=@dedup"]), ("count", ["domains=@regroup"]),
        ("weigh", ["counts=@count", "weigh=natural"]),
        ("mix", ["proportions=@weigh", f"mix.budget={budget}", "mix.max_epochs=1"]),
    ]
    seconds, made = {}, {}
    for name, overrides in steps:
        overrides = [o if "@" not in o else o.partition("=")[0] + "=" + made[o.partition("@")[2]] for o in overrides]
        module, config = job(name, [*QUIET, f"store.root={root}", *overrides])
        started = time.perf_counter()
        done = module.run(config, store, engine)
        seconds[name] = time.perf_counter() - started
        made[name] = done.path
        if name == "mix":
            written = sum(n for key, n in done.counts.items() if key == "bytes_in") or done.bytes
    return seconds, written


def per_core(files, mb, budget, repeat):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    best, plain, written = {}, float("inf"), 0
    engine = make_engine(EngineConfig(kind="inline"))
    with tempfile.TemporaryDirectory() as root:
        chain(root, files[:1], "1e5", engine)  # compiles and loads
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as root:
            plain = min(plain, rewrite(files, root))
        with tempfile.TemporaryDirectory() as root:
            seconds, written = chain(root, files, budget, engine)
            best = {n: min(s, best.get(n, s)) for n, s in seconds.items()}
    rows = [("rewrite", plain, mb / plain, 1.0)]
    for name, s in best.items():
        size = written / 1e6 if name == "mix" else mb
        rows.append((name, s, size / s, (size / s) / (mb / plain)))
    return rows


def scaling(files, copies, budget):
    """Seconds of each text stage with one and with two workers."""
    found = {}
    with tempfile.TemporaryDirectory() as data:
        many = [Path(data) / f"{f.stem.partition('-')[0]}_{i}-00000.parquet" for f in files for i in range(copies)]
        for path, file in zip(many, [f for f in files for _ in range(copies)], strict=True):
            shutil.copy(file, path)
        for workers in (1, 2):
            engine = make_engine(EngineConfig(workers=workers))
            with tempfile.TemporaryDirectory() as root:
                chain(root, many[:: max(1, len(many) // 8)], "1e5", engine)
            with tempfile.TemporaryDirectory() as root:
                found[workers], _ = chain(root, many, budget, engine)
            engine.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        raise SystemExit(f"no Parquet files in {options.corpus}: give --corpus")
    kernels.use_cache()
    mb = sum(pq.read_table(f, columns=["text"]).nbytes for f in files) / 1e6
    record = {"machine": machine(), "corpus_mb": round(mb, 1)}
    if options.scaling:
        found = scaling(files, options.copies, "100M")
        for name in TEXT:
            print(f"{name:<9} {found[1][name]:>7.2f} s → {found[2][name]:>7.2f} s   {found[1][name] / found[2][name]:.2f}×")
        total = {w: sum(found[w].values()) for w in found}
        print(f"{'all':<9} {total[1]:>7.2f} s → {total[2]:>7.2f} s   {total[1] / total[2]:.2f}×")
        record["scaling"] = found
    else:
        rows = per_core(files, mb, "1B", options.repeat)
        for name, seconds, rate, share in rows:
            print(f"{name:<9} {seconds:>7.2f} s  {rate:>8.1f} MB/s  {share:>7.0%} of the rewrite")
        record["stages"] = [dict(zip(("stage", "seconds", "mb_per_second", "of_rewrite"), row, strict=True)) for row in rows]
        record["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"peak memory of the process {record['peak_mb']:,.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
