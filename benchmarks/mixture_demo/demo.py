"""The demonstration of PROTOCOL.md, step by step: what has been computed is not computed again.

    .venv/bin/python benchmarks/mixture_demo/demo.py out/demo [--until STEP]

Steps: data, design, proxies, law, targets, balance, told. Two to three hours on two cores in all; needs the shared corpus.
"""

import argparse
import hashlib
import io
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from common import CORPUS, machine
from telling import told

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import MIX, Runs

DOMAINS = ("books", "commit_messages", "encyclopedia", "health_qa", "law", "math", "speeches")
SCARCE, SCARCE_BYTES = "speeches", 480_000
TARGET_TOKENS, SEEDS, EPOCHS = 12_000_000, (1, 2, 3), 4
STREAMS = ("streams.held_out=128KiB", "streams.max_tokens=20e6")
TARGET = ("layers=2", "width=128", "heads=4", "context=128", "batch=32")
STEPS = ("data", "design", "proxies", "law", "targets", "balance", "told")
RESULTS = Path(__file__).resolve().parent.parent / "results" / "mixture_demo.json"


class Demo:
    """A folder in which the demonstration is carried out."""

    def __init__(self, folder):
        self.folder, self.store = Path(folder), open_store(str(Path(folder) / "store"))

    def mill(self, job, *words, name=""):
        """Run a job; its manifest."""
        command = [sys.executable, "-m", "corpusmill.jobs.runtime.main", job, *words, f"store.root={self.folder / 'store'}"]
        command += [f"name={name}"] if name else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return manifests.resolve(self.store, done.stdout.splitlines()[-1].removeprefix("manifest: "))

    def table(self, made):
        return pq.read_table(io.BytesIO(bytes(memoryview(self.store.read(f"{made.folder}/{made.details['file']}")))))

    def named(self, name):
        return manifests.resolve(self.store, f"@{name}")

    def commit_design(self, name, rows, seeds):
        """A design of proportions by name, each with every seed."""
        columns = {"run_id": [f"{row}-{seed}" for row in rows for seed in seeds],
                   "design": [row for row in rows for _ in seeds], "seed": [seed for _ in rows for seed in seeds]}
        columns |= {MIX + d: [float(shares[d]) for shares in rows.values() for _ in seeds] for d in DOMAINS}
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        made = stage.Stage("design", stage.NO_ROWS, {"rows": rows, "seeds": list(seeds)}, {"domains": self.named("domains")})
        done = stage.commit_file(Session(self.store, InlineEngine(), quiet=True), made, "design.parquet", sink.getvalue(), {})
        manifests.move_name(self.store, name, done)


def data(demo):
    """Documents, each once, with their domains and sizes."""
    files = demo.folder / "corpus"
    files.mkdir(parents=True, exist_ok=True)
    for domain in DOMAINS:
        texts = pq.read_table(CORPUS / f"{domain}-00000.parquet", columns=["id", "text"])
        if domain == SCARCE:
            texts = scarce(texts)
        pq.write_table(texts.rename_columns(["native_id", "text"]), files / f"{domain}.parquet")
    made = demo.mill("ingest", "corpus=files", f"corpus.paths=[{files}]", "corpus.source='{stem}'")
    kept = demo.mill("dedup", f"documents={demo.store.uri(made.path)}", "dedup=exact")
    found = demo.mill("regroup", f"documents={demo.store.uri(made.path)}", f"duplicates={demo.store.uri(kept.path)}",
                      "regroup=source", name="domains")
    demo.mill("count", f"domains={demo.store.uri(found.path)}", "tokenizer=bytes", name="counts")


def scarce(texts):
    """As many documents, in the order of their digests, as SCARCE_BYTES hold."""
    order = sorted(range(len(texts)), key=lambda i: hashlib.sha256(texts["text"][i].as_buffer()).digest())
    sizes = np.cumsum([len(texts["text"][i].as_buffer()) for i in order])
    return texts.take(order[: max(1, int((sizes <= SCARCE_BYTES).sum()))])


def design(demo):
    """The mixtures of the proxy runs."""
    demo.mill("design", "counts=@counts", "design=mixed", "design.runs=36", "design.held_out=8",
              "design.parts.dirichlet.temperature=3", name="design")


def proxies(demo):
    """The runs that laws are fitted on, those held out, and those of the noise."""
    demo.mill("proxy", "design=@design", "domains=@domains", "proxy=tiny", "eval.at=[1.0]", *STREAMS,
              f"repetition.budget={TARGET_TOKENS}", name="runs")


def law(demo):
    """The laws, fitted on the runs that are not held out."""
    table = demo.table(demo.named("runs"))
    held = np.array([name.endswith(HELD_OUT) for name in table["design"].to_pylist()])
    for name, rows in (("fit", ~held), ("held_out", held)):
        pq.write_table(table.filter(pa.array(rows)), demo.folder / f"{name}.parquet")
    for kind in LAWS:
        demo.mill("fit_law", f"runs.table={demo.folder / 'fit.parquet'}", f"law={kind}", name=f"law-{kind}")
    demo.commit_design("targets", chosen(demo), SEEDS)


def chosen(demo):
    """Proportions by strategy."""
    unique = {name: told["unique_tokens"] for name, told in tokens_of(demo).items()}
    model, runs = law_model(demo, "additive"), Runs.of(pq.read_table(demo.folder / "fit.parquet"))
    best = int(np.argmin(runs.losses.mean(1)))
    options = {"budget": TARGET_TOKENS, "weights": "uniform"}
    rows = {"natural": Natural().solve(unique), "uniform": Uniform().solve(unique),
            "unimax": UniMax(TARGET_TOKENS, EPOCHS).solve(unique),
            "best_run": dict(zip(runs.domains, runs.points.mix[best].tolist(), strict=True))}
    return rows | {name: optimum(model, unique, caps, options) for name, caps in (("law", None), ("law_capped", EPOCHS))}


def tokens_of(demo):
    """Facts of each domain's tokens."""
    runs = demo.named("runs")
    return manifests.lineage(demo.store, runs)["domain_tokens"].details["domains"]


def law_model(demo, kind):
    """A fitted law."""
    made = demo.named(f"law-{kind}")
    return LawModel.from_json(bytes(memoryview(demo.store.read(f"{made.folder}/law.json"))), kind)


def targets(demo):
    """The strategies of fixed proportions at the size of the target."""
    demo.mill("proxy", "design=@targets", "domains=@domains", *(f"proxy.{word}" for word in TARGET),
              f"proxy.tokens={TARGET_TOKENS}", "eval.at=[0.2,0.4,0.6,0.7,0.8,0.9,1.0]", *STREAMS, name="target_runs")


def balance(demo):
    """R&B at the size of the target."""
    for seed in SEEDS:
        demo.mill("balance", "domains=@domains", "counts=@counts", "balance=rb", *STREAMS,
                  *(f"model.{word}" for word in TARGET if not word.startswith("batch")), "training.batch=32",
                  f"training.tokens={TARGET_TOKENS}", f"training.seed={seed}", name=f"rb-{seed}")
