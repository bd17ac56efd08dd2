"""Run tables put together, and what one holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.laws.validation import noise
from corpusmill.operators.weight.runs import FACTS, LOSS, MIX, UNIQUE, Runs


def merged(tables: Mapping[str, pa.Table]) -> Runs:
    """All rows of run tables, given by what a user calls them; in order, columns in the order of the schema.

    Columns that only some of them have are null in the others, but for shares, losses and unique tokens, which all have or
    none. Raises DataError where a table is no run table, where these differ, or where a run stands in two of them.
    """
    read = {where: Runs.of(table, where).table for where, table in tables.items()}
    first, *others = read
    for where in others:
        for prefix in (MIX, LOSS, UNIQUE):
            _same(prefix, first, read[first], where, read[where])
    try:
        joined = pa.concat_tables(list(read.values()), promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the tables {', '.join(read)} have columns of one name and different types: {error}") from error
    names = [*FACTS.names, *(sorted(n for n in joined.column_names if n.startswith(p)) for p in (MIX, LOSS, UNIQUE))]
    ordered = [n for part in names for n in ([part] if isinstance(part, str) else part)]
    rest = [name for name in joined.column_names if name not in ordered and name != "index"]
    return Runs.of(joined.select([*ordered, *rest]).combine_chunks(), ", ".join(read))


def _same(prefix: str, first: str, one: pa.Table, where: str, other: pa.Table) -> None:
    sets = [{n.removeprefix(prefix) for n in table.column_names if n.startswith(prefix)} for table in (one, other)]
    if differing := sorted(sets[0] ^ sets[1]):
        has, lacks = (first, where) if differing[0] in sets[0] else (where, first)
        raise DataError(f"{prefix}{differing[0]} is in {has} but not in {lacks}: run tables are joined where they have the "
                        f"same {prefix}… ({len(differing)} differ)")


def summary(runs: Runs) -> dict[str, Any]:
    """What a table holds, by name: ``rows``, ``runs``, ``status``, ``designs``, ``sizes`` (n_params and tokens of the last
    steps), ``mixtures`` (different ones), for each domain the ``shares`` and for each target the ``losses`` of runs that are
    done (least, median, most), and the ``noise`` of each target between repeats, None where there are none."""
    status = runs.table.column("status").to_pylist()
    designs = [str(name) for name in runs.table.column("design").to_pylist() if name is not None]
    last = runs.final()
    sizes = sorted({tuple(row.values()) for row in last.table.select(["n_params", "tokens"]).to_pylist()}, key=repr)
    floor = noise(runs)
    return {
        "rows": len(runs), "runs": len(set(runs.table.column("run_id").to_pylist())),
        "status": {name: status.count(name) for name in sorted(set(status))},
        "designs": {name: designs.count(name) for name in dict.fromkeys(designs)},
        "sizes": [{"n_params": n, "tokens": d} for n, d in sizes],
        "mixtures": len(np.unique(np.round(last.points.mix, 6), axis=0)),
        "shares": dict(zip(runs.domains, _ranges(last.points.mix), strict=True)),
        "losses": dict(zip(runs.targets, _ranges(last.losses), strict=True)),
        "noise": None if floor is None else dict(zip(runs.targets, floor.tolist(), strict=True)),
    }


def _ranges(values: np.ndarray) -> list[list[float]]:
    return [[float(v) for v in np.quantile(column, [0, 0.5, 1])] for column in values.T]
