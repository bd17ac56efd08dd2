"""Mixtures side by side: what a law predicts of them, what came of runs of them, and what chance and single sources reach.

    n arms · m domains · t targets

An arm is a mixture that someone would train on. Losses are in nats per token; those of all targets are weighed into one. Arms
are ranked on one ``basis``: realised, where there is a run of every arm, else predicted. Only equals are ranked: the same
tokens, and operations within 1 %, of the arms and of the runs.
"""

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.laws.validation import noise
from corpusmill.operators.weight.runs import Doubles, Points, Runs

FLOPS_APART = 0.01  # share of the operations by which arms may differ
ALONE = 0.99  # share from which on a mixture is a single source
RANDOM = ("dirichlet*", "sobol*", "halvings*")  # designs that are drawn
FLOPS_PER_PARAMETER = 6  # and token: forward, and twice as many backward


@dataclasses.dataclass(frozen=True)
class Size:
    """Of a training run; None is not known."""

    n_params: int | None = None
    tokens: int | None = None
    told: float | None = None  # operations, where they are told

    @property
    def flops(self) -> float | None:
        """As told, or 6 N D."""
        if self.told is not None or self.n_params is None or self.tokens is None:
            return self.told
        return float(FLOPS_PER_PARAMETER * self.n_params * self.tokens)

    def equals(self, other: "Size") -> bool:
        """The same tokens, and operations within 1 %, as far as they are known."""
        if None not in (self.tokens, other.tokens) and self.tokens != other.tokens:
            return False
        one, two = self.flops, other.flops
        return one is None or two is None or max(one, two) <= min(one, two) * (1 + FLOPS_APART)


@dataclasses.dataclass(frozen=True)
class Realised:
    """What came of runs: means and standard deviations over ``count`` of them."""

    losses: Doubles  # (t,)
    size: Size
    count: int = 1
    deviation: Doubles | None = None  # (t,); None for one run


@dataclasses.dataclass(frozen=True)
class Arm:
    """A mixture under a name."""

    name: str
    mix: Doubles  # (m,)
    size: Size = Size()  # of the training that it is meant for
    unique: Doubles | None = None  # (m,): tokens that there are
    own: Realised | None = None  # where proportions moved in a run, which no run of a fixed mixture stands for


@dataclasses.dataclass(frozen=True)
class Ground:
    """What arms are held against. Law and runs are of the same domains and targets, in one order."""

    domains: tuple[str, ...]
    targets: tuple[str, ...]
    weights: Doubles  # (t,): of the targets, sum to 1
    law: LawModel | None = None
    runs: Runs | None = None  # last steps
    near: float = 0.005  # total variation within which a run is of an arm's mixture
    random: tuple[str, ...] = RANDOM  # patterns of designs that are drawn; runs without a design are

    def loss(self, losses: Doubles) -> float:
        """All targets in one."""
        return float(losses @ self.weights)

    def predict(self, arms: Sequence[Arm]) -> Doubles | None:
        """(n, t). Raises ConfigError where the law asks for what arms do not say."""
        if self.law is None:
            return None
        points = Points(np.stack([arm.mix for arm in arms]), _all([arm.size.n_params for arm in arms]),
                        _all([arm.size.tokens for arm in arms]), _all([arm.unique for arm in arms]))
        lacking = sorted(need for need in self.law.law.needs if getattr(points, need) is None)
        if lacking:
            raise ConfigError(f"law {self.law.law.name} predicts for given {', '.join(lacking)}: give n_params= and tokens=, "
                              "and arms that know what there is of each domain")
        return self.law.predict(points)


def ground(law: LawModel | None, runs: Runs | None, weights: Mapping[str, float] | None, **settings: Any) -> Ground:
    """Raises DataError where law and runs speak of different domains or targets, ConfigError for weights of other targets."""
    speaks = law if law is not None else runs
    if speaks is None:
        raise ConfigError("law=MANIFEST or runs=MANIFEST must be given: what arms are compared by")
    domains, targets = speaks.domains, speaks.targets
    if law is not None and runs is not None:
        for what, one, other in (("domains", law.domains, runs.domains), ("targets", law.targets, runs.targets)):
            if set(one) != set(other):
                raise DataError(f"law and runs have different {what}: {', '.join(sorted(set(one) ^ set(other)))} in one only")
        runs = _reordered(runs, domains, targets)
    given = dict.fromkeys(targets, 1.0) if weights is None else {str(name): float(w) for name, w in weights.items()}
    if unknown := sorted(set(given) - set(targets)):
        raise ConfigError(f"weights names {unknown[0]!r}, which is no target; there is {', '.join(targets)}")
    found = np.array([given.get(target, 0.0) for target in targets])
    if not np.isfinite(found).all() or (found < 0).any() or found.sum() <= 0:
        raise ConfigError(f"weights={given}: give numbers from 0, not all 0")
    return Ground(domains, targets, found / found.sum(), law, None if runs is None else runs.final(), **settings)


def _reordered(runs: Runs, domains: tuple[str, ...], targets: tuple[str, ...]) -> Runs:
    place, aim = [runs.domains.index(d) for d in domains], [runs.targets.index(t) for t in targets]
    unique = None if runs.points.unique is None else runs.points.unique[:, place]
    points = dataclasses.replace(runs.points, mix=runs.points.mix[:, place], unique=unique)
    return dataclasses.replace(runs, domains=domains, targets=targets, points=points, losses=runs.losses[:, aim])


def realised(arm: Arm, known: Ground) -> Realised | None:
    """Runs of the arm's mixture; None where there is none. Raises DataError where there are some of several sizes."""
    if arm.own is not None or known.runs is None:
        return arm.own
    rows = np.flatnonzero(np.abs(known.runs.points.mix - arm.mix).sum(1) / 2 <= known.near)
    if not len(rows):
        return None
    found = sizes_of(known.runs.take(rows))
    if other := [size for size in found if size != found[0]]:
        raise DataError(f"runs of {arm.name} are of several sizes, {_said(found[0])} and {_said(other[0])}: give n_params= and "
                        "tokens= to say which are compared")
    losses = known.runs.losses[rows]
    return Realised(losses.mean(0), found[0], len(rows), losses.std(0, ddof=1) if len(rows) > 1 else None)


def sizes_of(runs: Runs) -> list[Size]:
    """Of every row."""
    names = [name for name in ("n_params", "tokens", "flops") if name in runs.table.column_names]
    return [Size(row["n_params"], row["tokens"], row.get("flops")) for row in runs.table.select(names).to_pylist()]


def _said(size: Size) -> str:
    return f"n_params={size.n_params} tokens={size.tokens}"


def check_equal(sizes: Mapping[str, Size]) -> None:
    """Raise DataError, which names two arms, unless all have the same tokens, and operations within 1 %; None is not known."""
    tokens = {name: float(size.tokens) for name, size in sizes.items() if size.tokens is not None}
    flops = {name: size.flops for name, size in sizes.items() if size.flops is not None}
    for told, may, what in ((tokens, 0.0, "tokens"), (flops, FLOPS_APART, "FLOPs")):
        if told and max(told.values()) > min(told.values()) * (1 + may):
            ordered = sorted(told, key=told.__getitem__)
            least, most = ordered[0], ordered[-1]
            raise DataError(f"{least} and {most} are not ranked: they take {told[least]:,.6g} and {told[most]:,.6g} {what}; "
                            "arms are compared at equal tokens, and at FLOPs within 1 %")


def compared(arms: Sequence[Arm], known: Ground) -> tuple[pa.Table, dict[str, Any]]:
    """A row per arm, best first, and the facts of the comparison. Raises DataError where arms are no equals.

    Columns: ``arm``, ``rank``, ``basis``, ``loss`` (in the basis), ``predicted``, ``realised``, ``deviation`` and ``repeats``
    (of its runs), ``vs_random`` and ``vs_best_single_source`` (differences of the loss: below 0 is better), ``tokens``,
    ``n_params``, ``flops``, ``distance`` (to the hull of the law's design), and ``mix/<domain>``, ``predicted/<target>``,
    ``realised/<target>``.
    """
    predictions = known.predict(arms)
    outcomes = [realised(arm, known) for arm in arms]
    without = [arm.name for arm, outcome in zip(arms, outcomes, strict=True) if outcome is None]
    if without and predictions is None:
        raise DataError(f"no run is of the mixture of {', '.join(without)}: give law=, so that losses can be predicted, or run "
                        "them")
    check_equal({arm.name: arm.size for arm in arms})
    sizes = [arm.size if without or outcome is None else outcome.size for arm, outcome in zip(arms, outcomes, strict=True)]
    check_equal({arm.name: size for arm, size in zip(arms, sizes, strict=True)})
    controls = _predicted_controls(arms[0], known) if without else _realised_controls(known, sizes[0])
    rows = []
    for place, (arm, size) in enumerate(zip(arms, sizes, strict=True)):
        told = _losses(known, None if predictions is None else predictions[place], outcomes[place])
        loss = told["predicted" if without else "realised"]
        versus = {f"vs_{name}": None if one is None else loss - one["loss"] for name, one in controls.items()}
        rows.append(told | versus | {
            "arm": arm.name, "basis": "predicted" if without else "realised", "loss": loss, "tokens": size.tokens,
            "n_params": size.n_params, "flops": size.flops,
            "distance": None if known.law is None else known.law.distance(arm.mix),
            **{f"mix/{d}": float(share) for d, share in zip(known.domains, arm.mix, strict=True)}})
    rows.sort(key=lambda row: (row["loss"], row["arm"]))
    ranked = [row | {"rank": rank} for rank, row in enumerate(rows, 1)]
    facts = {"basis": rows[0]["basis"], "best": rows[0]["arm"], "controls": controls, "noise": _noise(known),
             "weights": dict(zip(known.targets, map(float, known.weights), strict=True)), "domains": list(known.domains)}
    return pa.Table.from_pylist(ranked, _schema(known)), facts


def _losses(known: Ground, prediction: Doubles | None, outcome: Realised | None) -> dict[str, Any]:
    """The columns that tell losses."""
    row: dict[str, Any] = {"repeats": 0 if outcome is None else outcome.count}
    for kind, losses in (("predicted", prediction), ("realised", None if outcome is None else outcome.losses)):
        row[kind] = None if losses is None else known.loss(losses)
        row |= {f"{kind}/{target}": None if losses is None else float(losses[i]) for i, target in enumerate(known.targets)}
    deviation = None if outcome is None else outcome.deviation
    return row | {"deviation": None if deviation is None else float(np.sqrt(known.weights**2 @ deviation**2))}


def _schema(known: Ground) -> pa.Schema:
    texts, wholes = ("arm", "basis"), ("rank", "repeats", "tokens", "n_params")
    names = ["arm", "rank", "basis", "loss", "predicted", "realised", "deviation", "repeats", "vs_random",
             "vs_best_single_source", "tokens", "n_params", "flops", "distance"]
    fields = [(n, pa.string() if n in texts else pa.int64() if n in wholes else pa.float64()) for n in names]
    fields += [(f"mix/{d}", pa.float64()) for d in known.domains]
    return pa.schema(fields + [(f"{kind}/{t}", pa.float64()) for kind in ("predicted", "realised") for t in known.targets])


def _predicted_controls(arm: Arm, known: Ground) -> dict[str, Any]:
    """What the law expects of the random runs' mixtures (of its own design's, where there are no runs) and of the corners."""
    assert known.law is not None, "arms without runs are only compared by a law"
    drawn, alone = known.law.design, np.eye(len(known.domains))
    if known.runs is not None:
        drawn = known.runs.points.mix[_random(known.runs, known.random)]
    drawn = drawn[drawn.max(1) < ALONE]
    found = known.predict([dataclasses.replace(arm, mix=mix) for mix in (*drawn, *alone)])
    assert found is not None
    return _control(known, found[: len(drawn)], found[len(drawn) :], alone)


def _realised_controls(known: Ground, size: Size) -> dict[str, Any]:
    """What came of runs of random mixtures, and of single sources, at the size of the arms."""
    if known.runs is None:
        return {"random": None, "best_single_source": None}
    equal = np.array([one.equals(size) for one in sizes_of(known.runs)])
    single = known.runs.points.mix.max(1) >= ALONE
    chance = _random(known.runs, known.random) & ~single
    return _control(known, known.runs.losses[equal & chance], known.runs.losses[equal & single],
                    known.runs.points.mix[equal & single])


def _control(known: Ground, random: Doubles, single: Doubles, mixes: Doubles) -> dict[str, Any]:
    found: dict[str, Any] = {"random": None, "best_single_source": None}
    if len(random):
        found["random"] = {"loss": float((random @ known.weights).mean()), "mixtures": len(random)}
    if len(single):
        best = int((single @ known.weights).argmin())
        found["best_single_source"] = {"loss": known.loss(single[best]), "source": known.domains[int(mixes[best].argmax())]}
    return found


def _random(runs: Runs, patterns: Sequence[str]) -> np.ndarray:
    """Which runs are of mixtures that were drawn: by the name of their design, or without one."""
    names = runs.table.column("design").to_pylist()
    return np.array([name is None or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in names], bool)


def _noise(known: Ground) -> float | None:
    """Standard deviation of the weighed loss between repeats, targets being independent; None where nothing was repeated."""
    found = noise(known.runs) if known.runs is not None else None
    if found is None and known.law is not None:
        found = known.law.noise
    return None if found is None else float(np.sqrt(known.weights**2 @ found**2))


def _all(values: Sequence[Any]) -> Doubles | None:
    return None if any(value is None for value in values) else np.array(values, np.float64)
