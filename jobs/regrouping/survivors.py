"""The rows of a shard that no stage dropped, and counts of what became of all of them."""

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime.aligned import Aligned
from corpusmill.jobs.runtime.manifest import Shard
from corpusmill.jobs.runtime.stage import HISTOGRAM
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import by_source
from corpusmill.operators.domain.embedders.embedder import Embedder
from corpusmill.operators.domain.kmeans import READS
from corpusmill.operators.schema import DOMAINS

BYTES = "text.bytes"  # the signal that holds a text's length
TABLE = f"{HISTOGRAM}source_domain/"  # begins counts: documents by [source, domain]


def survivors(store: Store, shard: Aligned, embedder: Embedder) -> Iterator[pa.RecordBatch]:
    """READS of the survivors, and what the embedder reads."""
    for rows in aligned.read_text(store, shard, columns(shard.shards, "text", *embedder.reads)):
        yield rows.filter(pc.equal(outcomes(rows), "kept")).select([*READS.names, *embedder.reads])


def columns(present: Mapping[str, Shard], *needed: str) -> dict[str, tuple[str, str]]:
    """Where the columns are that tell what became of a row, and those that are needed."""
    found = {name: ("documents", name) for name in ("doc_id", "source", *needed)}
    found |= {name: (name, "keep") for name in ("decisions", "duplicates", "trims") if name in present}
    return found | ({BYTES: ("annotations", BYTES)} if "annotations" in present else {})


def outcomes(rows: pa.RecordBatch) -> pa.Array:
    """"kept", or the stage that dropped the row."""
    outcome = pa.array(np.full(rows.num_rows, "kept"), pa.string())
    for name, reason in (("trims", "trimmed"), ("duplicates", "duplicate"), ("decisions", "filtered")):
        if name in rows.schema.names:
            outcome = pc.if_else(pc.fill_null(rows.column(name), False), outcome, reason)
    return outcome


def spread(doc_id: pa.Array, alive: pa.BooleanArray, labels: pa.StringArray) -> pa.RecordBatch:
    """DOMAINS: the labels at the rows that are alive, in order, null at the others."""
    kept = alive.to_numpy(zero_copy_only=False)
    domain = labels.take(pa.array(np.cumsum(kept) - 1, mask=~kept))
    return pa.RecordBatch.from_arrays([doc_id, domain], schema=DOMAINS)


def counted(rows: pa.RecordBatch, outcome: pa.Array, labels: pa.StringArray, sizes: pa.Array | None) -> dict[str, int]:
    """Rows by outcome, and text where ``sizes`` are known; rows by source and outcome; survivors by source and domain.

    ``labels`` are domains of the survivors.
    """
    counts = {"rows_in": rows.num_rows, "kept": 0}
    for one in pc.value_counts(outcome).to_pylist():
        counts[one["values"] if one["values"] == "kept" else f"dropped.{one['values']}"] = one["counts"]
    if sizes is not None:
        grouped = pa.table({"outcome": outcome, "bytes": sizes}).group_by("outcome")
        counts |= {f"bytes/{r['outcome']}": r["bytes_sum"] for r in grouped.aggregate([("bytes", "sum")]).to_pylist()}
    source = rows.column("source")
    return counts | by_source(source, outcome) | crossed(source.filter(pc.equal(outcome, "kept")), labels)


def crossed(source: pa.Array, domain: pa.Array) -> dict[str, int]:
    """Documents by source and domain, of rows that have both."""
    pairs = pa.table({"source": source, "domain": domain, "n": source}).group_by(["source", "domain"])
    return {TABLE + json.dumps([row["source"], row["domain"]], ensure_ascii=False): row["n_count"]
            for row in pairs.aggregate([("n", "count")]).to_pylist()}


def read_crossed(counts: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """(source, domain) → documents, out of a manifest's counts."""
    found = {}
    for name, n in counts.items():
        if name.startswith(TABLE):
            source, domain = json.loads(name.removeprefix(TABLE))
            found[source, domain] = n
    return found
