"""MinHash: MB/s of signatures on one core, and of the dedup job from documents to duplicates, by part.

    python benchmarks/bench_minhash.py [--corpus FOLDER] [--repeat 3] [--job] [--json PATH]

MB = 10^6 bytes of UTF-8 text. Signatures are timed in processor time over texts held in memory, the best of ``--repeat``
passes: of the default by file, and of each scheme and each preset over all. ``datasketch`` is timed beside them on a part of
each file where it is installed. With ``--job`` the corpus is ingested into a temporary store and deduplicated on the inline
engine, in wall clock and in processor time.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from common import CORPUS, job, machine

from corpusmill.jobs.runtime.config import make_engine, make_store
from corpusmill.operators.dedup.minhash import MinHash
from corpusmill.operators.dedup.minima import SCHEMES

CONF = Path(__file__).resolve().parents[1] / "conf" / "dedup"
PART = 200  # documents per file that a slow peer is timed on


def main():
    options = _options()
    files = sorted(options.corpus.glob("*.parquet"))
    if not files:
        sys.exit(f"skipped: no Parquet files in {options.corpus}; name a folder with --corpus")
    MinHash().sketches(pa.array(["compiled"]))
    rates = {path.stem: _signatures(path, options.repeat) for path in files}
    total, seconds = (sum(row[key] for row in rates.values()) for key in ("bytes", "seconds"))
    for stem, row in rates.items():
        print(f"{stem:28}{row['bytes'] / 1e6:8.1f} MB{row['bytes'] / row['seconds'] / 1e6:8.0f} MB/s")
    print(f"{'ALL':28}{total / 1e6:8.1f} MB{total / seconds / 1e6:8.0f} MB/s")
    kinds = {name: _rate(MinHash(**parameters), files, options.repeat) for name, parameters in _kinds().items()}
    for name, rate in kinds.items():
        print(f"{name:39}{rate:8.0f} MB/s")
    found = {"kinds_mb_per_s": kinds, "signatures_mb_per_s": round(total / seconds / 1e6, 1), "bytes": total,
             "machine": machine(),
             "files": {stem: round(row["bytes"] / row["seconds"] / 1e6, 1) for stem, row in rates.items()}}
    if importlib.util.find_spec("datasketch"):
        found["datasketch_mb_per_s"] = round(sum(row["peer"][0] for row in rates.values())
                                             / sum(row["peer"][1] for row in rates.values()) / 1e6, 2)
        print(f"{'datasketch, 128 lanes':39}{found['datasketch_mb_per_s']:8.2f} MB/s")
    if options.job:
        found["job"] = _job(options.corpus, total)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--job", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _kinds():
    """Name → parameters: the schemes of the default, and the presets, but for the one that takes minutes."""
    kinds = {f"minhash, {scheme}": {"scheme": scheme} for scheme in SCHEMES}
    for path in sorted(CONF.glob("*.yaml")):
        signature = yaml.safe_load(path.read_text())["signature"]
        if signature.pop("_target_").endswith("MinHash") and path.stem not in ("minhash", "refinedweb"):
            kinds[path.stem] = signature
    return kinds


def _rate(minhash, files, repeat):
    total = seconds = 0
    minhash.sketches(pa.array(["compiled"]))
    for path in files:
        chunks = _chunks(path)
        total += sum(chunk.buffers()[2].size for chunk in chunks)
        passes = (_processor_seconds(lambda: [minhash.sketches(chunk) for chunk in chunks]) for _ in range(repeat))  # noqa: B023
        seconds += min(passes)
    return round(total / seconds / 1e6, 1)


def _chunks(path):
    column = pq.read_table(path, columns=["text"])["text"].cast(pa.string()).combine_chunks()
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _signatures(path, repeat):
    chunks = _chunks(path)
    seconds = min(_processor_seconds(lambda: [MinHash().sketches(chunk) for chunk in chunks]) for _ in range(repeat))
    row = {"bytes": sum(chunk.buffers()[2].size for chunk in chunks), "seconds": seconds}
    return row | ({"peer": _datasketch(chunks[0][:PART].to_pylist())} if importlib.util.find_spec("datasketch") else {})


def _processor_seconds(step):
    start = time.process_time()
    step()
    return time.process_time() - start


def _datasketch(texts):
    """(bytes, seconds) of its MinHash over the same kind of shingles."""
    from datasketch import MinHash as Peer

    def sign():
        for text in texts:
            words = text.lower().split()
            Peer(num_perm=128).update_batch([" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))])

    return sum(len(text.encode()) for text in texts), _processor_seconds(sign)


def _job(corpus, total):
    with tempfile.TemporaryDirectory() as root:
        common = [f"store.root={root}", "engine=inline"]
        made = _run("ingest", [*common, "corpus=files", f"corpus.paths=[{corpus}]"])[0]
        _, wall, processor = _run("dedup", [*common, "dedup=minhash", f"documents={made.path}"])
    print(f"job: {wall:.1f} s, {total / wall / 1e6:.0f} MB/s; {total / processor / 1e6:.0f} MB per second of one core")
    return {"seconds": round(wall, 2), "mb_per_s": round(total / wall / 1e6, 1),
            "processor_mb_per_s": round(total / processor / 1e6, 1)}


def _run(name, overrides):
    module, config = job(name, overrides)
    start = time.perf_counter(), time.process_time()
    made = module.run(config, make_store(config.store), make_engine(config.engine))
    return made, time.perf_counter() - start[0], time.process_time() - start[1]


if __name__ == "__main__":
    main()
