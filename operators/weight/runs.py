"""The run table: what each training run was given, and the losses that came of it. Laws are fitted on it.

    n rows · m domains that are mixed · t targets: the validation domains whose loss is measured

A row is one run at one step. Columns: ``run_id``, ``design`` (where its mixture came from), ``seed``, ``status`` (done, running
or failed), ``n_params``, ``tokens`` (learned from up to that step), ``step``, ``mix/<domain>`` (realised shares),
``loss/<target>`` (nats per token), ``unique_tokens/<domain>`` (what there was to learn from; optional, all domains or none).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import DataError

Doubles = npt.NDArray[np.float64]

FACTS = pa.schema([("run_id", pa.string()), ("design", pa.string()), ("seed", pa.int64()), ("status", pa.string()),
                   ("n_params", pa.int64()), ("tokens", pa.int64()), ("step", pa.int64())])
STATUSES = ("done", "running", "failed")
MIX, LOSS, UNIQUE = "mix/", "loss/", "unique_tokens/"
HELD_OUT = "/held_out"  # ends the design of runs that no law should be fitted on
SUM_TOLERANCE = 0.011  # how far from 1 shares may sum: published tables are rounded to two or three digits


@dataclasses.dataclass(frozen=True, slots=True)
class Points:
    """Where a law is fitted or asked: n mixtures over m domains."""

    mix: Doubles  # (n, m): shares, each row sums to 1
    parameters: Doubles | None = None  # (n,): N, of the model
    tokens: Doubles | None = None  # (n,): D, that it learned from
    unique: Doubles | None = None  # (n, m): tokens of each domain that there were

    def __len__(self) -> int:
        return len(self.mix)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Points":
        """Some of them, by place or by mask."""
        given = (self.parameters, self.tokens, self.unique)
        parameters, tokens, unique = (None if part is None else part[rows] for part in given)
        return Points(self.mix[rows], parameters, tokens, unique)


@dataclasses.dataclass(frozen=True, slots=True)
class Runs:
    """A checked run table. The arrays are those of ``table``; ``mix`` is scaled to sum to exactly 1."""

    table: pa.Table
    domains: tuple[str, ...]  # sorted
    targets: tuple[str, ...]  # sorted
    points: Points
    losses: Doubles  # (n, t)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @classmethod
    def of(cls, table: pa.Table, where: str = "the run table") -> "Runs":
        """Read and check a table. Raises DataError, which begins with ``where`` and names the row, for what is no run table."""
        domains, targets = (_named(table, prefix, where) for prefix in (MIX, LOSS))
        table = _facts(table, where)
        mix = _numbers(table, [MIX + d for d in domains], where)
        losses = _numbers(table, [LOSS + t for t in targets], where)
        unique = None
        if known := [name for name in table.column_names if name.startswith(UNIQUE)]:
            if missing := sorted({UNIQUE + d for d in domains} - set(known)):
                raise DataError(f"{where} has {known[0]} but not {missing[0]}: give unique tokens of every domain, or of none")
            unique = _numbers(table, [UNIQUE + d for d in domains], where)
        _check(table, mix, losses, where)
        if unique is not None and (bad := ~(np.isfinite(unique) & (unique >= 0)).all(1)).any():
            run = table.column("run_id")[int(bad.argmax())].as_py()
            raise DataError(f"{where}: the unique tokens of run {run} must be numbers from 0 ({int(bad.sum())} such rows)")
        parameters, tokens = (_sizes(table, name, where) for name in ("n_params", "tokens"))
        return cls(table, domains, targets, Points(mix / mix.sum(1, keepdims=True), parameters, tokens, unique), losses)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Runs":
        """Some rows, by place or by mask."""
        places = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return dataclasses.replace(self, table=self.table.take(pa.array(places)), points=self.points.take(places),
                                   losses=self.losses[places])

    def split(self) -> tuple["Runs", "Runs | None"]:
        """The runs to fit on, and those that their design holds out of that (HELD_OUT). Raises DataError where all are."""
        apart = np.array([str(name or "").endswith(HELD_OUT) for name in self.table.column("design").to_pylist()])
        if apart.all():
            raise DataError(f"all {len(self)} rows are of a design that ends in {HELD_OUT}: no law is fitted on such runs")
        return self.take(~apart), self.take(apart) if apart.any() else None

    def distinct(self) -> tuple["Runs", int]:
        """The rows but those that another run_id repeats to the last bit, and how many those are.

        The same run under two names is no repeat: it says nothing of the noise, and would count twice.
        """
        numbers = [self.points.mix, self.losses]
        numbers += [size[:, None] for size in (self.points.parameters, self.points.tokens) if size is not None]
        facts = zip(*(self.table.column(name).to_pylist() for name in ("seed", "step", "status")), strict=True)
        first: dict[object, int] = {}
        for row, (fact, values) in enumerate(zip(facts, np.concatenate(numbers, 1), strict=True)):
            first.setdefault((fact, values.tobytes()), row)
        return self.take(np.array(sorted(first.values()), np.intp)), len(self) - len(first)

    def final(self) -> "Runs":
        """The last step of every run that is done; a run is its ``run_id``. Raises DataError where none is."""
        ids, steps = self.table.column("run_id").to_pylist(), self.table.column("step").to_pylist()
        last: dict[str, int] = {}
        for row, (run, status) in enumerate(zip(ids, self.table.column("status").to_pylist(), strict=True)):
            if status == "done" and (run not in last or steps[row] > steps[last[run]]):
                last[run] = row
        if not last:
            raise DataError(f"none of {len(set(ids))} runs is done: finish some before a law is fitted on them")
        return self.take(np.array(sorted(last.values()), np.intp))


def joined(mixtures: pa.Table, losses: pa.Table, where: str = "the run table") -> pa.Table:
    """A run table of two in RegMix's layout: shares by training domain and losses by validation domain, joined on ``index``.

    The prefixes of RegMix's columns (``train_``, ``valid_``) are dropped, as is a column without a name. Raises DataError where
    an index is missing, not unique, or without a partner.
    """
    tables = {"mixtures": mixtures, "losses": losses}
    for name, table in tables.items():
        if "index" not in table.column_names:
            raise DataError(f"{where}: {name} has no column index, by which shares and losses are joined")
        indices = table.column("index")
        if indices.null_count or pc.count_distinct(indices).as_py() != len(indices):
            raise DataError(f"{where}: {name} has an index that is missing or not unique")
    tables = {name: table.set_column(table.column_names.index("index"), "index", table.column("index").cast(pa.string()))
              for name, table in tables.items()}
    own = set(tables["mixtures"].column("index").to_pylist())
    if alone := sorted(own.symmetric_difference(tables["losses"].column("index").to_pylist())):
        raise DataError(f"{where}: index {alone[0]} is in one of mixtures and losses only ({len(alone)} such)")
    both = {name: table.sort_by("index") for name, table in tables.items()}
    index = both["mixtures"].column("index")
    columns = {"run_id": index, "status": pa.array(["done"] * len(index))}
    for name, prefix, drop in (("mixtures", MIX, "train_"), ("losses", LOSS, "valid_")):
        kept = [c for c in both[name].column_names if c not in ("index", "")]
        columns |= {prefix + c.removeprefix(drop): both[name].column(c) for c in kept}
    return pa.table(columns)


def _named(table: pa.Table, prefix: str, where: str) -> tuple[str, ...]:
    names = sorted(name.removeprefix(prefix) for name in table.column_names if name.startswith(prefix))
    if not names:
        raise DataError(f"{where} has no column {prefix}<domain>; it has {', '.join(table.column_names[:8])}")
    if len(set(table.column_names)) != len(table.column_names):
        raise DataError(f"{where} has a column twice")
    return tuple(names)


def _facts(table: pa.Table, where: str) -> pa.Table:
    """The table with the types of FACTS; what it may leave out (all but run_id) is null, and the status done."""
    if "run_id" not in table.column_names:
        raise DataError(f"{where} has no column run_id")
    for field in FACTS:
        if field.name in table.column_names:
            place = table.column_names.index(field.name)
            try:
                table = table.set_column(place, field, table.column(place).cast(field.type))
            except pa.ArrowInvalid as error:
                raise DataError(f"{where}: {field.name} is no column of {field.type}: {error}") from error
        else:
            filler = pa.array(["done"] * len(table)) if field.name == "status" else pa.nulls(len(table), field.type)
            table = table.append_column(field, filler)
    return table


def _numbers(table: pa.Table, names: Sequence[str], where: str) -> Doubles:
    found = np.empty((table.num_rows, len(names)))
    for place, name in enumerate(names):
        try:
            column = pc.fill_null(table.column(name).cast(pa.float64()), float("nan"))
        except pa.ArrowException as error:
            raise DataError(f"{where}: {name} is no column of numbers: {error}") from error
        found[:, place] = column.to_numpy()
    return found


def _check(table: pa.Table, mix: Doubles, losses: Doubles, where: str) -> None:
    runs, status = table.column("run_id").to_pylist(), table.column("status").to_pylist()
    if not runs:
        raise DataError(f"{where} has no rows")
    if unknown := sorted({str(s) for s in status} - set(STATUSES)):
        raise DataError(f"{where}: status {unknown[0]!r} is none of {', '.join(STATUSES)}")
    if None in runs:
        raise DataError(f"{where}: row {runs.index(None)} has no run_id")
    keys = list(zip(runs, table.column("step").to_pylist(), strict=True))
    if len(set(keys)) != len(keys):
        run, step = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"{where}: run {run} stands there twice" + ("" if step is None else f" at step {step}") +
                        "; runs of several tables that share their ids are told apart by the prefix of corpusmill runs")
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(mix) & (mix >= 0)).all(1) | (np.abs(mix.sum(1) - 1) > SUM_TOLERANCE)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{where}: the shares of run {runs[row]} must be numbers from 0 that sum to 1, they sum to "
                        f"{mix[row].sum():.6g} ({int(bad.sum())} such rows)")
    lost = ~np.isfinite(losses).all(1) & (np.array(status) == "done")
    if lost.any():
        row = int(lost.argmax())
        raise DataError(f"{where}: run {runs[row]} is done but a loss of it is missing or no number "
                        f"({int(lost.sum())} such rows)")


def _sizes(table: pa.Table, name: str, where: str) -> Doubles | None:
    column = table.column(name)
    least = pc.min(column).as_py()
    if least is not None and least <= 0:
        raise DataError(f"{where}: {name} goes down to {least}; give whole numbers above 0, or leave it null")
    return None if column.null_count else column.cast(pa.float64()).to_numpy()
