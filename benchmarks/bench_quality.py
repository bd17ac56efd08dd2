"""Quality filtering beside its peers: MB/s on one core, all on the same text, in one run.

    python benchmarks/bench_quality.py [--peers FOLDER] [--mb 50] [--repeat 3] [--json PATH]

Takes a seeded sample of every domain of the corpus, pins itself and its children to one core, and times the work alone: no
reading, no compilation. MB = 10^6 bytes of UTF-8 text, time is processor time; ours is the best of ``--repeat`` passes, the
peers', which take minutes, one pass over the same sample. FOLDER holds an environment for each peer: datatrove, dolma, curator
(nemo-curator), juicer (py-data-juicer); what is not there is left out, and said.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from common import CORPUS, machine, sample

from corpusmill.jobs.runtime import artifacts, kernels
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.contract import chain
from corpusmill.operators.quality.c4 import C4Lines
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.quality.decontaminate import Decontaminate
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.nemo import Nemo
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.quality.web import WebSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.tokens import Bpe

FIELDS = pa.schema([DOCUMENTS.field("text")])
EVALSETS = CORPUS.parent / "evalsets"
SIGNALS = "signals of Gopher, C4 and FineWeb, one pass"
TARGETS = {SIGNALS: 150, "language, whole documents": 12, "personal data": 100, "decontamination, 13-grams": 80,
           "tokens, cl100k": 15}  # MB/s
SAME = "datatrove's chain: Gopher, C4, FineWeb"
CURATOR, PERSONAL = "English heuristics of NeMo Curator", "personal data"
PEERS = {  # peer: its environment, and what of ours does the same; data-juicer's and Dolma's rules are others, of the same kind
    "datatrove": ("datatrove", SAME), "datatrove_pii": ("datatrove", PERSONAL), "dolma": ("dolma", SIGNALS),
    "curator": ("curator", CURATOR), "juicer": ("juicer", SIGNALS),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with a column text")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--mb", type=float, default=50, help="size of the sample")
    parser.add_argument("--repeat", type=int, default=3, help="passes of ours, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kernels.use_cache()
    documents = sample(options.corpus, options.mb * 1e6)
    size = sum(len(text.encode()) for _, text in documents) / 1e6
    batch = pa.record_batch([pa.array([text for _, text in documents], pa.string())], schema=FIELDS)
    ours = {name: size / best(step, batch, options.repeat) for name, step in steps()}
    peers = measure_peers(options.peers, documents, size) if options.peers else {}
    show(ours, peers)
    if options.json:
        figures = {"unit": "MB/s of text, one core, processor time", "machine": machine(), "MB": round(size, 1),
                   "documents": len(documents), "ours": {n: round(v, 1) for n, v in ours.items()}, "peers": peers}
        options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def steps():
    """(name, function of a batch) of what is ours."""
    count = Bpe("cl100k").open({})
    yield SIGNALS, opened(WebSignals())
    yield "Gopher as DCLM", opened(Gopher())
    yield "Gopher and FineWeb as datatrove", opened(Datatrove())
    yield "C4, edits, as datatrove", opened(C4Lines())
    yield SAME, opened(Datatrove(name="before"), C4Lines(), Datatrove(name="after"))
    yield CURATOR, opened(Nemo())
    yield "the default profile's signals", opened(BasicSignals(), Compression())
    yield "language, whole documents", opened(Language(sample=1 << 26))
    yield "language, 4 KiB of each", opened(Language())
    yield PERSONAL, opened(PII())
    if EVALSETS.exists():
        sets = [str(path) for path in sorted(EVALSETS.glob("*.jsonl"))]
        yield "decontamination, 13-grams", opened(Decontaminate(sets=sets, edit=True, max_documents=0))
    yield "tokens, cl100k", lambda batch: count(batch.column("text"))


def opened(*operators):
    """The chain, its files fetched into a store of its own."""
    store = open_store(tempfile.mkdtemp(prefix="bench-"))
    pinned = [artifacts.pin(store, operator) for operator in operators]
    files = {op.name: {name: artifacts.fetch(store, digest) for name, digest in op.artifacts.items()} for op in pinned}
    return chain(pinned, FIELDS).open(files)


def best(step, batch, repeat):
    """Seconds of the best pass, after one over a few documents."""
    step(batch.slice(0, 50))
    return min(seconds(step, batch) for _ in range(repeat))


def seconds(step, batch):
    start = time.process_time()
    step(batch)
    return time.process_time() - start


def measure_peers(folder, documents, size):
    """Version, MB/s and kept documents of each peer."""
    found = {}
    script = Path(__file__).with_name("peers_quality.py")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "documents.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in documents))
        for name, (environment, _) in PEERS.items():
            python = folder / environment / "bin" / "python"
            if not python.exists():
                print(f"{name}: no environment at {python.parent.parent}", file=sys.stderr)
                continue
            ran = subprocess.run([python, script, name, path], capture_output=True, text=True, check=False)
            if ran.returncode:
                print(f"{name}: {(ran.stderr.splitlines() or ['ended without a word'])[-1]}", file=sys.stderr)
                continue
            report = json.loads(ran.stdout.splitlines()[-1])
            found[name] = {"version": report["version"], "MB/s": round(size / report["seconds"], 3),
                           "kept": report["kept"] / report["documents"]}
    return found


def show(ours, peers):
    for name, rate in ours.items():
        target = f"   asked: {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name:44}{rate:10.1f} MB/s{target}")
    for name, row in peers.items():
        same = PEERS[name][1]
        print(f"{name + ' ' + row['version']:44}{row['MB/s']:10.3f} MB/s   {same}: {ours[same] / row['MB/s']:,.0f} ×")


if __name__ == "__main__":
    main()
