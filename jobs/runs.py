"""Import run tables: shares and losses of training runs, checked, as the dataset that laws are fitted on.

Reads shares and losses in RegMix's layout (``mixtures=A.csv losses=B.csv``, joined on their column ``index``), or run tables
(``table=``, or several by ``tables=[…]``: CSV, Parquet, or datasets by manifest or @name). Writes runs.parquet. Tables whose
runs have the same ids, as of two sizes in RegMix's layout, are read one by one, each with a ``prefix``, and then put together.
"""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import stage, tables
from corpusmill.jobs.runtime.config import Common, Quantity, quantity, session
from corpusmill.jobs.runtime.engine import Engine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.progress import note
from corpusmill.jobs.runtime.store import Store, StoreOptions
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.text.content import key as digest_key
from corpusmill.operators.weight.merging import merged, summary
from corpusmill.operators.weight.runs import joined

VERSION = "2"


@dataclasses.dataclass
class Config(Common):
    """corpusmill runs."""

    mixtures: str | None = None  # CSV or Parquet: index, and a share per training domain
    losses: str | None = None  # CSV or Parquet: index, and a loss per validation domain
    table: str | None = None  # instead: a run table in CSV or Parquet, or the dataset runs by manifest or @name
    tables: list[str] = dataclasses.field(default_factory=list)  # instead: several of them
    n_params: Quantity = None  # parameters of the models, where the tables do not say
    tokens: Quantity = None  # tokens that they learned from, where the tables do not say
    prefix: str = ""  # put before every run_id


def run(config: Config, store: Store, engine: Engine) -> Manifest:
    """A checked run table."""
    here = session(config, store, engine)
    sizes = {name: quantity(name, value) for name in ("n_params", "tokens") if (value := getattr(config, name)) is not None}
    read, inputs, source = _read(config, store)
    parameters = {"sizes": sizes, "prefix": config.prefix, "version": VERSION}
    made = stage.Stage("runs", stage.NO_ROWS, parameters, inputs, source=source)
    if (done := stage.committed(here, made)) is not None:
        return done
    runs = merged({where: _prefixed(_sized(table, sizes), config.prefix) for where, table in read.items()})
    told = summary(runs)
    if not here.quiet:
        show(told)
    sink = pa.BufferOutputStream()
    pq.write_table(runs.table, sink, compression="zstd")
    return stage.commit_file(here, made, "runs.parquet", bytes(memoryview(sink.getvalue())), told)


def _read(config: Config, store: Store) -> tuple[dict[str, pa.Table], dict[str, Manifest], str]:
    """Tables by what the user calls them, those that are datasets, and a digest of the files."""
    given = {"mixtures and losses": config.mixtures or config.losses, "table": config.table, "tables": config.tables}
    if sum(map(bool, given.values())) != 1 or bool(config.mixtures) != bool(config.losses):
        raise ConfigError(f"mixtures={config.mixtures} losses={config.losses} table={config.table} tables={config.tables}: "
                          "give mixtures and losses, or a table, or tables")
    options = StoreOptions(config.store.endpoint, config.store.region)
    if config.mixtures and config.losses:
        (mixtures, one), (losses, other) = (tables.read(path, name, options) for name, path in
                                            (("mixtures", config.mixtures), ("losses", config.losses)))
        where = f"{config.mixtures} with {config.losses}"
        return {where: joined(mixtures, losses, where)}, {}, digest_key({"mixtures": one, "losses": other})
    read: dict[str, pa.Table] = {}
    inputs: dict[str, Manifest] = {}
    files: dict[str, str] = {}
    for place, text in enumerate(config.tables or [str(config.table)]):
        if text in read:
            raise ConfigError(f"tables: {text} is given twice")
        if tables.named(text):
            inputs[f"runs_{place}"] = manifests.resolve(store, text, "runs")
            read[text] = tables.of_dataset(store, inputs[f"runs_{place}"])
        else:
            read[text], files[str(place)] = tables.read(text, "tables" if config.tables else "table", options)
    return read, inputs, digest_key(files) if files else ""


def _sized(table: pa.Table, sizes: Mapping[str, int]) -> pa.Table:
    """With the sizes that it does not say."""
    for name, value in sizes.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), pa.int64()))
        elif table.column(name).null_count:
            table = table.set_column(table.column_names.index(name), name, table.column(name).fill_null(value))
    return table


def _prefixed(table: pa.Table, prefix: str) -> pa.Table:
    """With other ids, where it has any."""
    if not prefix or "run_id" not in table.column_names:
        return table
    ids = [None if name is None else f"{prefix}{name}" for name in table.column("run_id").to_pylist()]
    return table.set_column(table.column_names.index("run_id"), "run_id", pa.array(ids, pa.string()))


def show(told: Mapping[str, Any]) -> None:
    """Ranges of shares and losses, and the noise, on standard error."""
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 120)
    status = ", ".join(f"{n} {name}" for name, n in told["status"].items())
    note(f"runs: {told['rows']} rows ({status}), {told['runs']} runs of {told['mixtures']} mixtures; "
         f"{len(told['shares'])} domains, {len(told['losses'])} targets")
    console.print(_grid("domain", told["shares"], "{:.2%}"))
    losses = told["losses"] if told["noise"] is None else {t: [*v, told["noise"][t]] for t, v in told["losses"].items()}
    console.print(_grid("target", losses, "{:.4f}"))


def _grid(first: str, rows: Mapping[str, list[float]], form: str) -> Table:
    table = Table()
    table.add_column(first)
    for name in ("least", "median", "most", "noise")[: max(map(len, rows.values()))]:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(label, *map(form.format, values))
    return table


if __name__ == "__main__":
    raise SystemExit(main(["runs", *sys.argv[1:]]))
