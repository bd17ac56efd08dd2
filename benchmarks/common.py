"""What the benchmarks share: the corpus and samples of it, jobs and profiles composed and run, and where they ran."""

import importlib.resources
import os
import platform
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml
from hydra import compose, initialize_config_module

from corpusmill.jobs.annotate import QualityConfig, operators
from corpusmill.jobs.runtime import main
from corpusmill.jobs.runtime.config import strict
from corpusmill.operators.quality.select import parse_rules, select
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.weight.runs import Runs, joined

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
FIELDS = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "text", "source")])


def job(name, overrides):
    """(module, strict configuration) of a job."""
    main.register(name)
    with initialize_config_module("corpusmill.conf", version_base="1.3"):
        return main.module(name), strict(main.module(name).Config, compose(name, overrides))


def machine():
    """Where figures were taken."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), model)
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def regmix(folder):
    """RegMix's runs, of the CSV in a folder."""
    files = [folder / name for name in ("train_mixture_1m.csv", "train_pile_loss_1m.csv")]
    if not all(file.exists() for file in files):
        sys.exit(f"skipped: no runs in {folder}")
    return Runs.of(joined(*(pyarrow.csv.read_csv(file) for file in files)))


def texts_of(folder):
    """(name, texts) of every Parquet file in a folder, in the order of their names."""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        sys.exit(f"no Parquet files in {folder}: name a folder of them, with a column text, by --corpus")
    for path in files:
        yield path.stem, pq.read_table(path, columns=["text"])["text"].cast(pa.string()).to_pylist()


def sample(folder, size):
    """(name, text) of documents of every file, each with its share of ``size`` bytes."""
    files = dict(texts_of(folder))
    total = sum(len(text.encode()) for texts in files.values() for text in texts)
    chosen = []
    for name, texts in files.items():
        order = random.Random(7).sample(range(len(texts)), len(texts))
        room = min(1.0, size / total) * sum(len(text.encode()) for text in texts)
        for i in order:
            length = len(texts[i].encode())
            if length <= room:
                room -= length
                chosen.append((f"{name}/{i}", texts[i]))
    return chosen


def batch_of(texts, sources=None):
    """Texts as documents, all of one id."""
    columns = [pa.array([bytes(16)] * len(texts), pa.binary(16)), pa.array(texts, pa.string()),
               pa.array(sources or ["corpus"] * len(texts), pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=FIELDS)


def profile(name):
    """A profile as its file has it."""
    return yaml.safe_load((importlib.resources.files("corpusmill.conf") / "quality" / f"{name}.yaml").read_text())


def reasons(found, batch):
    """The reason of each document under a profile, None where it is kept."""
    annotated = operators(QualityConfig(**found)).open()(batch).batch
    return select(annotated, parse_rules(found["rules"])).batch["reason"].to_pylist()
