"""What a law is worth on runs that it was not fitted on: repeated cross-validation, sample efficiency, noise, warnings.

    n runs · t targets

Every run counts once, at its last step. A law that knows of tokens or parameters is fitted on all steps of the other runs.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata

from corpusmill.operators.errors import ConfigError, DataError, whole
from corpusmill.operators.weight.laws.contract import Fitted, Law
from corpusmill.operators.weight.laws.fitting import folds, mixtures
from corpusmill.operators.weight.runs import Doubles, Runs

LEAST_FOR_TREES = 10  # runs per domain, below which boosted trees lose to forms
ZERO_SHARE = 0.01  # from which on the exponential form holds
Errors = Mapping[str, Mapping[str, float]]  # target → mre, mae, rmse, pearson, spearman


@dataclasses.dataclass(frozen=True, slots=True)
class Folds:
    """How runs are held out: ``repeats`` times in ``parts`` folds; fewer where there are fewer different mixtures."""

    parts: int = 5
    repeats: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        whole("validation.parts", self.parts, 2, 1 << 20)
        whole("validation.repeats", self.repeats, 1, 1 << 10)
        whole("validation.seed", self.seed, 0, (1 << 62))


@dataclasses.dataclass(frozen=True, slots=True)
class Validation:
    """The held-out predictions of the first repeat, and errors, means over the repeats."""

    predictions: Doubles  # (n, t), in the order of ``Runs.final``
    errors: Errors

    @property
    def mean(self) -> dict[str, float]:
        """Over the targets."""
        return averaged(self.errors)


def rows_for(law: Law, runs: Runs) -> Runs:
    """What it is fitted on: all steps of done runs where it knows of tokens or parameters, else the last. Raises DataError."""
    last = runs.final()
    if lacking := sorted(need for need in law.needs if getattr(last.points, need) is None):
        column = {"parameters": "n_params", "tokens": "tokens", "unique": "unique_tokens/<domain>"}[lacking[0]]
        raise DataError(f"law {law.name} needs {lacking[0]}, but the run table has no {column}, or not for every run")
    if not law.needs & {"parameters", "tokens"}:
        return last
    return runs.take(np.array(runs.table.column("status").to_pylist()) == "done")


def fit(law: Law, runs: Runs) -> Fitted:
    """On what ``rows_for`` says."""
    rows = rows_for(law, runs)
    return law.fit(rows.points, rows.losses)


def cross_validated(law: Law, runs: Runs, how: Folds, told: Callable[[], None] = lambda: None) -> Validation:
    """Every run predicted by a law that saw neither it, nor another run of the same mixture.

    Errors are over all held-out predictions together. ``told`` is called after each fold. Raises DataError where the runs are
    too few for the law.
    """
    last, rows = runs.final(), rows_for(law, runs)
    keys, taught = _keys(last, last), _keys(rows, last)
    parts, found, errors = min(how.parts, len(set(keys))), [], []
    if parts < 2:
        raise DataError("all runs are of one mixture: nothing can be held out to see what a law is worth")
    for repeat in range(how.repeats):
        place, held = dict(zip(keys, folds(keys, parts, how.seed + repeat), strict=True)), np.empty_like(last.losses)
        of_last, of_rows = (np.array([place[key] for key in some]) for some in (keys, taught))
        for part in range(parts):
            fitted = law.fit(rows.points.take(of_rows != part), rows.losses[of_rows != part])
            held[of_last == part] = fitted.predict(last.points.take(of_last == part))
            told()
        found.append(held)
        rows_told = scored(law, last)
        errors.append(measured(last.losses[rows_told], held[rows_told], last.targets))
    return Validation(found[0], {target: _mean([one[target] for one in errors]) for target in last.targets})


def scored(law: Law, last: Runs) -> npt.NDArray[np.bool_]:
    """The runs that errors are told of: all, or of a law that moves small runs to large ones those of the largest size."""
    size = last.points.parameters
    every = np.full(len(last), True)
    return every if law.name != "calibrated" or size is None else np.asarray(size == size.max())


def measured(observed: Doubles, predicted: Doubles, targets: Sequence[str]) -> dict[str, dict[str, float]]:
    """Errors of predictions (n, t) by target: mean relative, mean absolute, root mean square; correlations of values and ranks.

    A correlation is 0 where one side does not vary.
    """
    away = predicted - observed
    ranks = (rankdata(observed, axis=0), rankdata(predicted, axis=0))
    columns = {"mre": np.mean(np.abs(away) / observed, 0), "mae": np.mean(np.abs(away), 0),
               "rmse": np.sqrt(np.mean(away**2, 0)), "pearson": _correlation(observed, predicted),
               "spearman": _correlation(*ranks)}
    return {target: {name: float(values[i]) for name, values in columns.items()} for i, target in enumerate(targets)}


def averaged(errors: Errors) -> dict[str, float]:
    """Means over the targets."""
    return _mean(list(errors.values()))


def best(found: Mapping[str, Validation]) -> str:
    """The law of the lowest mean relative error, averaged over targets; the first of equals."""
    return min(found, key=lambda name: found[name].mean["mre"])


def efficiency(law: Law, runs: Runs, sizes: Sequence[int], how: Folds) -> dict[int, dict[str, float]]:
    """Errors of laws that are fitted on so many runs, ``repeats`` draws each, on all others: means over draws and targets.

    Raises ConfigError for a size that leaves no run to test on.
    """
    last = runs.final()
    keys, told = sorted(set(_keys(last, last))), {}
    own = _keys(last, last)
    for size in sizes:
        if not 1 <= size < len(keys):
            raise ConfigError(f"validation.sizes has {size}: of {len(keys)} mixtures give 1 to {len(keys) - 1}")
        draws = []
        for repeat in range(how.repeats):
            place = folds(keys, len(keys), how.seed + repeat)
            drawn = {key for key, rank in zip(keys, place, strict=True) if rank < size}
            chosen = np.array([key in drawn for key in own])
            fitted = fit(law, _of(runs, last, chosen))
            draws.append(averaged(measured(last.losses[~chosen], fitted.predict(last.points.take(~chosen)), last.targets)))
        told[size] = _mean(draws)
    return told


def noise(runs: Runs) -> Doubles | None:
    """Standard deviation between runs of equal mixtures and sizes, pooled, (t,); None where nothing was run twice."""
    last = runs.final()
    sizes = [size for size in (last.points.parameters, last.points.tokens) if size is not None]
    keys = [key + b"".join(size[row].tobytes() for size in sizes) for row, key in enumerate(mixtures(last.points))]
    _, group, count = np.unique(np.array(keys), return_inverse=True, return_counts=True)
    free = len(last) - len(count)
    if free == 0:
        return None
    sums = np.zeros((len(count), last.losses.shape[1]))
    np.add.at(sums, group, last.losses)
    return np.asarray(np.sqrt(((last.losses - (sums / count[:, None])[group]) ** 2).sum(0) / free))


def warned(law: Law, runs: Runs, errors: Errors | None = None) -> tuple[str, ...]:
    """Where these runs are out of the law's range."""
    last = runs.final()
    n, m, t = len(last), len(last.domains), len(last.targets)
    told = []
    if law.name in ("exponential", "loglinear", "implicit") and (low := (last.points.mix < ZERO_SHARE).any(1)).any():
        told.append(f"{low.sum()} of {n} runs have a share below {ZERO_SHARE:.0%}: law {law.name} cannot rise steeply there, "
                    "additive can")
    if law.name in ("lightgbm", "stack") and n < LEAST_FOR_TREES * m:
        told.append(f"{n} runs of {m} domains: law {law.name} wants {LEAST_FOR_TREES} runs per domain, {LEAST_FOR_TREES * m}")
    if law.name == "calibrated" and last.points.parameters is not None:
        count = np.unique(last.points.parameters, return_counts=True)[1]
        if (unused := int(count[:-1].sum() - count[:-1].max(initial=0))) > 0:
            told.append(f"{unused} of {n} runs are of sizes between: law calibrated uses the largest and the commonest other")
    parameters = {"linear": m, "loglinear": m, "exponential": m + 1, "additive": 2 * m + 1, "bimix": 2 * m}.get(law.name, 0)
    if n < parameters:
        told.append(f"{n} runs for {parameters} parameters per target of law {law.name}: what runs do not say is guessed")
    floor = noise(runs)
    if errors and floor is not None:
        beyond = [target for target, sd in zip(last.targets, floor, strict=True) if errors[target]["rmse"] > 3 * sd]
        if beyond:
            told.append(f"held-out errors of {len(beyond)} of {t} targets are beyond 3 × the noise of repeats ({beyond[0]})")
    return tuple(told)


def _keys(rows: Runs, last: Runs) -> list[bytes]:
    """Of each row the smallest run_id of those that share its mixture: they go to one fold."""
    runs, mixes = (np.unique(values, return_inverse=True)
                   for values in (np.array(last.table.column("run_id").to_pylist()), np.array(mixtures(last.points))))
    ends = (runs[1], len(runs[0]) + mixes[1])
    size = len(runs[0]) + len(mixes[0])
    _, component = connected_components(coo_matrix((np.ones(len(last)), ends), (size, size)), directed=False)
    smallest: dict[int, str] = {}
    for name, label in zip(runs[0], component, strict=False):  # in order of names
        smallest.setdefault(int(label), str(name))
    of_run = {str(name): smallest[int(label)].encode() for name, label in zip(runs[0], component, strict=False)}
    return [of_run[name] for name in rows.table.column("run_id").to_pylist()]


def _of(runs: Runs, last: Runs, chosen: npt.NDArray[np.bool_]) -> Runs:
    """All rows of the chosen runs."""
    names = {name for name, there in zip(last.table.column("run_id").to_pylist(), chosen, strict=True) if there}
    return runs.take(np.array([name in names for name in runs.table.column("run_id").to_pylist()]))


def _mean(errors: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in errors])) for name in errors[0]}


def _correlation(one: Doubles, other: Doubles) -> Doubles:
    one, other = one - one.mean(0), other - other.mean(0)
    scale = np.sqrt((one**2).sum(0) * (other**2).sum(0))
    return np.asarray(np.divide((one * other).sum(0), scale, out=np.zeros_like(scale), where=scale > 0))
