"""A corpus of three domains, and designs over them."""

import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.tasks import Session

WORDS = {"field": ["rye", "barley", "plough", "hay"], "pond": ["newt", "reed", "frog", "lily"],
         "river": ["water", "boat", "bank", "bridge"]}


def write_domains(path, each=60, seed=0):
    """Documents as JSON Lines, and as they were written."""
    rng = random.Random(seed)
    rows = [{"text": " ".join(rng.choices(words, k=30)), "source": name, "native_id": f"{name}{i}"}
            for name, words in WORDS.items() for i in range(each)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def commit_design(store, domains, rows, seeds=None, name="mixes"):
    """The manifest of a design; ``rows``: shares in the order of WORDS; ``domains``: the URI of what is mixed."""
    columns = {"run_id": [f"r{i}" for i in range(len(rows))], "design": ["hand"] * len(rows), "seed": seeds or [0] * len(rows)}
    columns |= {f"mix/{domain}": [float(row[i]) for row in rows] for i, domain in enumerate(WORDS)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    here = Session(store, InlineEngine(), quiet=True)
    source = manifests.resolve(store, domains)
    made = stage.Stage("design", stage.NO_ROWS, {"rows": rows, "seeds": seeds}, {"domains": source})
    done = stage.commit_file(here, made, "design.parquet", sink.getvalue(), {})
    manifests.move_name(store, name, done)
    return done
