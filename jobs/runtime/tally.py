"""Counts by source and outcome, additive over shards: ``source/<source>/<outcome>``."""

import pyarrow as pa


def by_source(source: pa.Array, outcome: pa.Array) -> dict[str, int]:
    """How many rows of each source came to each outcome."""
    pairs = pa.table({"source": source, "outcome": outcome, "n": source}).group_by(["source", "outcome"])
    rows = pairs.aggregate([("n", "count")]).to_pylist()
    return {f"source/{row['source']}/{row['outcome']}": row["n_count"] for row in rows}


def read_by_source(counts: dict[str, int]) -> dict[str, dict[str, int]]:
    """Source → outcome → rows, out of a manifest's counts. Outcomes hold no slash, sources may."""
    found: dict[str, dict[str, int]] = {}
    for name, n in counts.items():
        if name.startswith("source/"):
            source, _, outcome = name.removeprefix("source/").rpartition("/")
            found.setdefault(source, {})[outcome] = n
    return found
