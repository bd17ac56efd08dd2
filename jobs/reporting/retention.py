"""What would be kept at other thresholds: of every source, for every bound, with the other rules as they are.

Counted out of the annotations, row by row, so that the numbers are those that the filter would give. Cut-offs of selectors
are held where they are.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.jobs.filter import labels
from corpusmill.jobs.filtering.cutoffs import columns_of, judges_of
from corpusmill.jobs.reporting import examples
from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import read_by_source
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.quality.select import ByGroup, Judge, Rule, fails
from corpusmill.operators.quality.values import group_codes

FACTORS = (0.5, 0.8, 1.0, 1.25, 2.0)  # of each bound
SOURCES = 20  # the largest ones
BOUNDS = ("min", "above", "max", "below")

Counts = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Sweep:
    """One bound at several thresholds."""

    label: str  # the reason, numbered where several rules have it
    bound: str  # min, above, max or below
    factors: tuple[float, ...]  # that the bound is multiplied by, those left out at which nothing could be kept
    kept: tuple[int, ...]  # documents, at each
    by_source: Mapping[str, tuple[int, ...]]


def sweeps_of(store: Store, made: Mapping[str, Manifest]) -> tuple[Sweep, ...]:
    """A sweep for each bound that is a number, or one for each group; none where the annotations are too many, or gone."""
    if not {"documents", "annotations", "decisions"} <= set(made) or not 0 < made["decisions"].shards <= examples.SHARDS:
        return ()
    try:
        judges = judges_of(store, made["decisions"])
        return _counted(store, made, judges, variants(judges))
    except Missing:
        return ()


def variants(judges: tuple[Judge, ...]) -> dict[tuple[int, str], dict[float, Judge]]:
    """(place of the rule, bound) → factor → the rule with that bound multiplied."""
    found: dict[tuple[int, str], dict[float, Judge]] = {}
    for i, rule in enumerate(judges):
        for key in BOUNDS if isinstance(rule, Rule) and not rule.timed else ():
            if (given := getattr(rule, key)) is None or given == 0:
                continue
            changed = {factor: _with(rule, key, _times(given, factor)) for factor in FACTORS}
            found[i, key] = {factor: one for factor, one in changed.items() if one is not None}
    return found


def _with(rule: Judge, key: str, value: Any) -> Judge | None:
    try:
        changed: Judge = dataclasses.replace(rule, **{key: value})  # type: ignore[type-var]
    except ConfigError:  # nothing lies between the bounds
        return None
    return changed


def _times(given: float | ByGroup, factor: float) -> float | ByGroup:
    if not isinstance(given, ByGroup):
        return given * factor
    default = None if given.default is None else given.default * factor
    return ByGroup(tuple((group, n * factor) for group, n in given.values), default)


def _counted(store: Store, made: Mapping[str, Manifest], judges: tuple[Judge, ...],
             asked: Mapping[tuple[int, str], Mapping[float, Judge]]) -> tuple[Sweep, ...]:
    sizes = {source: sum(n.values()) for source, n in read_by_source(dict(made["decisions"].counts)).items()}
    sources = sorted(sizes, key=lambda source: (-sizes[source], source))[:SOURCES]
    counts = {place: np.zeros((len(rules), len(sources) + 1), np.int64) for place, rules in asked.items()}
    roles = {role: made[role] for role in ("annotations", "decisions", "documents")}
    for one in aligned.zipped(store, roles):
        rows = aligned.read(store, one, columns_of(judges, "doc_id", "source"))
        codes, groups = group_codes(rows.column("source"))
        at = np.array([sources.index(g) if g in sources else len(sources) for g in groups], np.int64)[codes]
        failing = [fails(rows, rule) for rule in judges]
        lost = np.sum(failing, axis=0) if failing else np.zeros(rows.num_rows, np.int64)
        for (i, key), rules in asked.items():
            others = (lost - failing[i]) == 0
            for j, rule in enumerate(rules.values()):
                counts[i, key][j] += np.bincount(at[others & ~fails(rows, rule)], minlength=len(sources) + 1)
    names = labels([rule.reason for rule in judges])
    return tuple(_sweep(names[i], key, tuple(rules), counts[i, key], sources) for (i, key), rules in asked.items())


def _sweep(label: str, key: str, factors: tuple[float, ...], counts: Counts, sources: list[str]) -> Sweep:
    kept = tuple(int(n) for n in counts.sum(axis=1))
    return Sweep(label, key, factors, kept, {source: tuple(counts[:, s].tolist()) for s, source in enumerate(sources)})
