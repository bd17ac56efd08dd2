"""The design that asks for runs, and the table that tells what came of them."""

import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import FACTS, LOSS, MIX, SUM_TOLERANCE, UNIQUE, Runs

BITS, EPOCHS = "bpb/", "epochs/"
COURSE = pa.schema([("flops", pa.int64()), ("train_loss", pa.float64()), ("seconds", pa.float64()),
                    ("tokens_per_second", pa.float64()), ("of_limit", pa.float64()), ("reason", pa.string())])


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One run that a design asks for."""

    run_id: str
    design: str
    seed: int
    shares: tuple[tuple[str, float], ...]  # by domain, sorted; they sum to 1


def design_of(store: Store, made: Manifest) -> list[Row]:
    """The rows of a design's manifest."""
    return asked(pq.read_table(pa.BufferReader(store.read(f"{made.folder}/{made.details['file']}"))), store.uri(made.path))


def asked(table: pa.Table, where: str) -> list[Row]:
    """The runs of a table of ``run_id``, ``mix/<domain>`` and, where given, ``design`` and ``seed``.

    Raises DataError, which begins with ``where``, for a run without a name, two of one name, or shares that are none.
    """
    names = sorted(name for name in table.column_names if name.startswith(MIX))
    if missing := [c for c, there in (("run_id", "run_id" in table.column_names), (f"{MIX}<domain>", names)) if not there]:
        raise DataError(f"{where} is no design: it has no column {missing[0]}; it has {', '.join(table.column_names[:8])}")
    runs = [None if run is None else str(run) for run in table.column("run_id").to_pylist()]
    if not runs or None in runs or len(set(runs)) < len(runs):
        raise DataError(f"{where} must name one run or more by run_id, each once; it has {len(runs)} rows and "
                        f"{len(set(runs))} names")
    shares = np.column_stack([table.column(name).cast(pa.float64()).to_numpy() for name in names])
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(shares) & (shares >= 0)).all(1) | (np.abs(shares.sum(1) - 1) > SUM_TOLERANCE)
    if bad.any():
        raise DataError(f"{where}: the shares of run {runs[int(bad.argmax())]} must be numbers from 0 that sum to 1")
    shares /= shares.sum(1, keepdims=True)
    facts = {name: table.column(name).to_pylist() if name in table.column_names else [None] * len(runs)
             for name in ("design", "seed")}
    domains = [name.removeprefix(MIX) for name in names]
    return [Row(str(run), design or "", int(seed or 0), tuple(zip(domains, row, strict=True)))
            for run, design, seed, row in zip(runs, facts["design"], facts["seed"], shares.tolist(), strict=True)]


def written(rows: Sequence[Row], told: Sequence[Iterable[Mapping[str, Any]]], parameters: int) -> tuple[bytes, Runs]:
    """The file runs.parquet, and the checked table; ``told``: the evaluations of each run, in the order of the rows."""
    lines = [{"run_id": row.run_id, "design": row.design, "seed": row.seed, "n_params": parameters} | dict(line)
             for row, lines in zip(rows, told, strict=True) for line in lines]
    found = {name for line in lines for name in line}
    fields = [*FACTS]
    for prefix in (MIX, LOSS, BITS, UNIQUE, EPOCHS):
        kind = pa.int64() if prefix == UNIQUE else pa.float64()
        fields += [pa.field(name, kind) for name in sorted(found) if name.startswith(prefix)]
    table = pa.Table.from_pylist(lines, schema=pa.schema([*fields, *COURSE]))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue(), Runs.of(table, "the table of runs")
