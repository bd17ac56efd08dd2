"""Deduplication beside its peers: signatures, the whole way to verified duplicates, what it finds, and how it grows.

    python benchmarks/bench_dedup.py [--peers FOLDER] [--mb 100] [--documents 1000000] [--hard] [--repeat 3] [--json PATH]

One run, pinned to one core with its children; seconds are processor time, MB = 10^6 bytes of UTF-8 text. Word 5-grams,
14 × 8 minima. ``whole`` goes from document shards to the committed duplicates, each time in a fresh store and a process of its
own, its kernels loaded; peers go from a Parquet file of the same texts to what they keep (see peers_dedup.py). FOLDER holds
their environments: dedup (daft, gaoya, rensa, datasketch, pyarrow) and datatrove. Slow ones take an even part of the documents,
and MB/s is of that part. ``--hard`` adds texts that break others: templates, copies, single words, one word for 10 MB.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from common import CORPUS, job, machine, sample

from corpusmill.jobs.runtime import kernels
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.config import make_store
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store_local import LocalStore
from corpusmill.operators.dedup.banding import s_curve
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.minima import SCHEMES
from corpusmill.operators.dedup.verify import similarity

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf" / "dedup"
sys.path.append(str(ROOT / "tests" / "support"))
from known_pairs import EDGES, bin_of, binomial_interval, known_pairs  # noqa: E402

PEERS = {"daft": ("dedup", 1), "gaoya": ("dedup", 1), "rensa": ("dedup", 1), "datasketch": ("dedup", 5),
         "datatrove": ("datatrove", 20)}  # environment, and one of how many documents is taken
WAYS = {"whole": ["dedup=minhash"], "whole, affine32": ["dedup=minhash", "dedup.signature.scheme=affine32"],
        "whole, verified exactly": ["dedup=minhash", "dedup.verify=exact"]}
TEN_MB, THRESHOLD = 10_000_000, 0.7


def main():
    options = _options()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
    kernels.use_cache()
    texts = [text for _, text in sample(options.corpus, options.mb * 1e6)]
    size = sum(len(text.encode()) for text in texts) / 1e6
    found = {"machine": machine(), "MB": round(size, 1), "documents": len(texts),
             "signatures_mb_per_s": {scheme: round(size / _signatures(scheme, texts, options.repeat), 1) for scheme in SCHEMES}}
    print(found, file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.parquet"
        pq.write_table(pa.table({"text": texts}), path, row_group_size=2000)
        for name, words in WAYS.items():
            found[name] = min((_apart(path, words, f"{name} {i}") for i in range(options.repeat)), key=lambda r: r["seconds"])
            found[name]["mb_per_s"] = round(size / found[name]["seconds"], 1)
        if options.peers:
            found["peers"] = _peers(options.peers, texts, Path(folder), found)
        found["growth"] = [_grown(Path(folder), n) for n in (10_000, 100_000, options.documents)]
        if options.hard:
            found["hard"] = {name: _hard(Path(folder), name, kind) for name, kind in hard().items()}
    found["known_pairs"] = _known_pairs(options.corpus)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--mb", type=float, default=100, help="size of the sample")
    parser.add_argument("--documents", type=int, default=1_000_000, help="small documents of the largest run")
    parser.add_argument("--hard", action="store_true", help="also what breaks others")
    parser.add_argument("--repeat", type=int, default=3, help="passes of ours, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _signatures(scheme, texts, repeat):
    """Seconds of the best pass over texts in memory."""
    minhash, column = MinHash(scheme=scheme), pa.array(texts, pa.string())
    minhash.sketches(column.slice(0, 50))
    return min(_seconds(lambda: minhash.sketches(column)) for _ in range(repeat))


def _seconds(step):
    start = time.process_time()
    step()
    return time.process_time() - start


def _apart(path, words, label):
    """What ``_job`` gives, in a process of its own: its memory is that of this job."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        row = pool.submit(_job, path, words).result()
    print(f"{label}: {row['seconds']} s, {row['peak_mb']} MB, kept {row['kept']}", file=sys.stderr)
    return row


def _job(path, words):
    """Seconds, memory, bytes and requests of deduplication, from the shards of a file's documents on."""
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm.parquet"
        pq.write_table(pa.table({"text": [f"{'some words that are alike ' * 9}{i // 5}" for i in range(99)]}), warm)
        for store, file in (("first", warm), ("second", path)):
            common = [f"store.root={folder}/{store}", "quiet=true", "engine=inline"]
            made, _ = _run("ingest", [*common, "corpus=files", f"corpus.paths=[{file}]"], InlineEngine())
            engine, before, idle = Measured(), Counter(REQUESTS), _peak_mb()
            done, seconds = _run("dedup", [*common, f"documents={made.path}", "dedup.allow_loss=true", *words], engine)
        pairs = manifests.lineage(LocalStore.at(f"{folder}/second"), done)["pairs"]
        compared = {name: n for name, n in pairs.details["compared"].items() if "/" not in name}
    return {"seconds": round(seconds, 2), "documents": done.rows, "kept": done.counts["kept"], "pairs": pairs.rows,
            "compared": compared, "peak_mb": _peak_mb(), "peak_before_mb": idle, "requests": dict(REQUESTS - before),
            "phases": {name: dict(row) for name, row in engine.phases.items()}}


def _run(name, words, engine):
    module, config = job(name, words)
    store = make_store(config.store)
    start = time.process_time()
    made = module.run(config, store, engine)
    return made, time.process_time() - start


def _peak_mb():
    """Of this process: what getrusage tells begins with its parent's."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1000


class Measured(InlineEngine):
    """Counts tasks, seconds and bytes written of each kind of work."""

    def __init__(self):
        super().__init__()
        self.phases = {}

    def map(self, fn, items):
        work = getattr(fn.work, "mapper", fn.work)
        row = self.phases.setdefault(type(work).__name__, Counter())

        def measured(item):
            start = time.process_time()
            done = fn(item)
            row.update(tasks=1, bytes=sum(one.main.size for one in done.receipt.outputs))
            row["seconds"] = round(row["seconds"] + time.process_time() - start, 3)
            return done

        return super().map(measured, items)


REQUESTS = Counter()  # of this process's store, by method


def _counted(name):
    plain = getattr(LocalStore, name)

    def counting(self, *args):
        REQUESTS[name] += 1
        return plain(self, *args)

    return counting


for _method in ("read", "open", "write", "put_if_absent", "stat", "delete", "list"):
    setattr(LocalStore, _method, _counted(_method))


def _peers(environments, texts, folder, found):
    """Version and MB/s of each peer, and how many times that we are."""
    rows = {}
    for name, (environment, part) in PEERS.items():
        python = environments / environment / "bin" / "python"
        if not python.exists():
            print(f"{name}: no environment at {python.parent.parent}", file=sys.stderr)
            continue
        path, size = _part(texts[::part], folder / name, "jsonl" if name == "datatrove" else "parquet")
        script = Path(__file__).with_name("peers_dedup.py")
        told = subprocess.run([python, script, name, path], capture_output=True, text=True, check=True).stdout
        report = json.loads(told.splitlines()[-1])
        rows[name] = {"version": report["version"], "MB": round(size, 1), "documents": len(texts[::part]),
                      "signatures_mb_per_s": round(size / report["signatures"], 2),
                      "whole_mb_per_s": round(size / report["whole"], 2), "kept": report["kept"]}
        rows[name]["times_signatures"] = round(found["signatures_mb_per_s"]["binned"] / rows[name]["signatures_mb_per_s"], 1)
        rows[name]["times_whole"] = round(found["whole"]["mb_per_s"] / rows[name]["whole_mb_per_s"], 1)
        print(name, rows[name], file=sys.stderr)
    return rows


def _part(texts, path, kind):
    path = path.with_suffix(f".{kind}")
    if kind == "jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        pq.write_table(pa.table({"text": texts}), path, row_group_size=2000)
    return path, sum(len(text.encode()) for text in texts) / 1e6


def _write(path, texts):
    """Texts that are made one by one."""
    schema, batch = pa.schema([("text", pa.string())]), []
    with pq.ParquetWriter(path, schema) as file:
        for text in texts:
            batch.append(text)
            if len(batch) == 20_000:
                file.write_table(pa.table({"text": batch}, schema))
                batch = []
        file.write_table(pa.table({"text": batch}, schema))


def small(count, draw, vocabulary):
    """Texts of 60 words: of ten, one is as the one before but for a word, and of twenty, one is its copy."""
    words = draw.choices(vocabulary, k=60)
    for _ in range(count):
        chance = draw.random()
        if chance < 0.1:
            words[draw.randrange(60)] = draw.choice(vocabulary)
        elif chance > 0.15:
            words = draw.choices(vocabulary, k=60)
        yield " ".join(words)


def _grown(folder, documents):
    path = folder / "small.parquet"
    _write(path, small(documents, random.Random(1), [f"w{i}" for i in range(20_000)]))
    row = _apart(path, WAYS["whole"], f"{documents:,} small documents")
    return row | {"microseconds_per_document": round(row["seconds"] / documents * 1e6, 1)}


def hard():
    """Name → texts that break others."""
    draw, frame = random.Random(1), [f"common{i}" for i in range(100)]
    pages = (" ".join([*frame, *(f"w{draw.randrange(20_000)}" for _ in range(200))]) for _ in range(10_000))
    stubs = (" ".join([*frame, f"name{i}", *frame[:50]]) for i in range(10_000))
    return {"10,000 pages of one template, two thirds their own": pages,
            "10,000 pages of one template, a word their own": stubs,
            "100,000 copies": ("a notice that is everywhere, word for word" for _ in range(100_000)),
            "100,000 single words": (f"w{i}" for i in range(100_000)),
            "10,000 empty documents": (" " * (i % 9) for i in range(10_000)),
            "8 documents of one word, 10 MB each": (f"w{i // 2} " * (TEN_MB // 3 - i) for i in range(8))}


def _hard(folder, name, texts):
    _write(folder / "hard.parquet", texts)
    return _apart(folder / "hard.parquet", WAYS["whole"], name)


def _known_pairs(corpus, each=1000):
    """Of pairs that are made of real text: how many are proposed, beside the S-curve, and what verification makes of them."""
    pairs = known_pairs(corpus, each, per_file=5000)
    jaccard = np.array([pair[2] for pair in pairs])
    sides = [pa.array(side) for side in list(zip(*pairs, strict=True))[:2]]
    found = {"pairs_per_bin": each} | {name: _rates(_preset(name), sides, jaccard) for name in ("fineweb", "minhash")}
    print(json.dumps(found, indent=1), file=sys.stderr)
    return found


def _preset(name):
    signature = yaml.safe_load((CONF / f"{name}.yaml").read_text())["signature"]
    return MinHash(**{key: value for key, value in signature.items() if key != "_target_"})


def _rates(minhash, sides, jaccard):
    (bands, lanes, _), (other_bands, other_lanes, _) = (minhash.sketches(side) for side in sides)
    proposed = (bands == other_bands).any(axis=1)
    verified = proposed & (similarity(lanes, other_lanes) >= THRESHOLD)
    expected, bins = s_curve(jaccard, minhash.bands, minhash.rows), np.array([bin_of(one) for one in jaccard])
    rows = []
    for b, edge in enumerate(EDGES):
        here = bins == b
        trials, hits, theory = int(here.sum()), int(proposed[here].sum()), float(expected[here].mean())
        low, high = binomial_interval(trials, theory, 0.01 / len(EDGES))
        rows.append({"from": edge, "proposed": hits / trials, "theory": round(theory, 4), "low": low / trials,
                     "high": high / trials, "within": low <= hits <= high})
    return {"bins": rows, "precision": round(float((jaccard[verified] >= 0.65).mean()), 4),
            "recall": round(float(verified[jaccard >= 0.9].mean()), 4)}


if __name__ == "__main__":
    main()
