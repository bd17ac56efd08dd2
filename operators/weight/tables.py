"""Numbers by domain, from a mapping in a configuration or from a table that was read: m domains, k numbers each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.runs import Doubles


def by_domain(given: Any, key: str) -> tuple[tuple[str, ...], tuple[str, ...], Doubles]:
    """Domains, the names of the numbers, and the numbers (m, k).

    ``given`` maps domains to numbers by name or in a list, or is a table with a column ``domain`` and either columns of numbers
    or one column of lists. Raises ConfigError or DataError, which names ``key``, where rows differ in what they hold.
    """
    if isinstance(given, pa.Table):
        return _of_table(given, key)
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"{key}={given!r}: give a file, or a mapping of domains to numbers")
    rows = {str(domain): _row(row, f"{key}.{domain}") for domain, row in given.items()}
    names = next(iter(rows.values()))
    for domain, row in rows.items():
        if set(row) != set(names):
            raise ConfigError(f"{key}.{domain} has {', '.join(row)}, the first domain has {', '.join(names)}")
    return tuple(rows), tuple(names), np.array([[row[name] for name in names] for row in rows.values()], np.float64)


def _row(row: Any, key: str) -> dict[str, float]:
    if isinstance(row, list | tuple):
        row = {str(place): value for place, value in enumerate(row)}
    if not isinstance(row, Mapping) or not row:
        raise ConfigError(f"{key}={row!r}: give numbers, in a list or by name")
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise ConfigError(f"{key}.{name}={value!r}: give a number")
    return {str(name): float(value) for name, value in row.items()}


def _of_table(table: pa.Table, key: str) -> tuple[tuple[str, ...], tuple[str, ...], Doubles]:
    if "domain" not in table.column_names or table.num_columns < 2:
        raise DataError(f"{key} has the columns {', '.join(table.column_names)}: give domain, and numbers")
    domains = [str(name) for name in table.column("domain").to_pylist()]
    if len(set(domains)) < len(domains):
        raise DataError(f"{key} names a domain twice: {', '.join(sorted({d for d in domains if domains.count(d) > 1}))}")
    names = [name for name in table.column_names if name != "domain"]
    try:
        if len(names) == 1 and pa.types.is_list(table.schema.field(names[0]).type):
            values = np.array(table.column(names[0]).to_pylist(), np.float64)
            names = [str(place) for place in range(values.shape[1])]
        else:
            values = np.array([table.column(name).cast(pa.float64()).to_pylist() for name in names], np.float64).T
    except (pa.ArrowException, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{key}: its columns are not equally many numbers for each domain: {error}") from error
    if values.ndim != 2 or not np.isfinite(values).all():
        raise DataError(f"{key}: a number is missing")
    return tuple(domains), tuple(names), values
