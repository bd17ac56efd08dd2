"""What a course leaves: proportions, its trajectory, a row of the run table, and what the method cost.

    m domains · R rounds
"""

import dataclasses
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from corpusmill.jobs.balancing.course import Course
from corpusmill.jobs.proxy.corpus import Domain
from corpusmill.operators.lm.evaluation import held_windows, measured
from corpusmill.operators.weight.runs import FACTS, LOSS, MIX, UNIQUE

METHOD = ("gradients", "held out", "reference", "rule", "samples", "probes")  # parts of the clock that the rule takes


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """A course at its end."""

    course: Course
    losses: Mapping[str, float]  # of held-out text by domain, nats per token
    bits: Mapping[str, float]  # the same in bits per byte

    @property
    def flops(self) -> int:
        """Of the training and of what the method took beside it."""
        return self.training_flops + self.course.extra_flops

    @property
    def training_flops(self) -> int:
        """Of the steps alone."""
        return self.tokens * self.course.setting.shape.flops

    @property
    def tokens(self) -> int:
        """Learned from, repeats included."""
        return self.course.learner.total * self.course.tokens

    @property
    def realised(self) -> dict[str, float]:
        """The share of each domain in the sequences that were learned from, those of probes included."""
        counts = self.course.streams.position
        return dict(zip(self.course.names, (counts / counts.sum()).tolist(), strict=True))

    def taken(self, how: str) -> dict[str, float]:
        """Proportions to hand on: ``final``, of the last round, or ``average``, of all rounds by their steps."""
        shares = self.course.shares if how == "final" else self.course.mean_shares
        return dict(zip(self.course.names, (shares / shares.sum()).tolist(), strict=True))


def judged(course: Course, domains: Mapping[str, Domain], most: int) -> Result:
    """The losses on the first ``most`` held-out tokens of each domain, as proxy runs are evaluated."""
    model, found = course.learner.model.eval(), {}
    for name in course.names:
        windows = held_windows(domains[name].held_out, course.setting.shape.context, most)
        found[name] = measured(model, windows, domains[name].widths, course.device)
    return Result(course, {n: one.loss for n, one in found.items()}, {n: one.bits_per_byte for n, one in found.items()})


def trajectory(course: Course) -> pa.Table:
    """A row per round. Columns: round, step (at its end), and by domain ``p/`` (drawn by), ``count/`` (sequences), ``loss/``
    (mean training loss, null where none was drawn), ``weight/`` (mean weight of its sequences), ``evaluation/``; and ``gram``,
    rows of the matrix in the order of the domains, null where the rule needs none.
    """
    rows = course.rows
    columns: dict[str, pa.Array] = {name: pa.array([row[name] for row in rows], pa.int64()) for name in ("round", "step")}
    for name in ("p", "count", "loss", "weight"):
        values = np.array([row[name] for row in rows], np.float64).reshape(len(rows), -1)
        columns |= {f"{name}/{domain}": pa.array(values[:, i], from_pandas=True) for i, domain in enumerate(course.names)}
    for domain, share in zip(course.names, course.setting.evaluation.tolist(), strict=True):
        columns[f"evaluation/{domain}"] = pa.array([share] * len(rows), pa.float64())
    columns["gram"] = pa.array([row["gram"] for row in rows], pa.list_(pa.list_(pa.float64())))
    return pa.table(columns)


def runs(results: Mapping[str, Result], run: str, unique: Mapping[str, int]) -> pa.Table:
    """A row per result in the layout of the run table, by the name of its rule."""
    rows = []
    for name, result in results.items():
        course = result.course
        seconds = course.clock.seconds["all"]
        row: dict[str, Any] = {"run_id": f"{name}-{run}", "design": name, "seed": course.setting.plan.seed, "status": "done",
                               "n_params": course.setting.shape.parameters, "tokens": result.tokens,
                               "step": course.learner.step, "flops": result.flops, "seconds": seconds,
                               "tokens_per_second": result.tokens / max(seconds, 1e-9)}
        for prefix, values in ((MIX, result.realised), (LOSS, result.losses), ("bpb/", result.bits), (UNIQUE, unique),
                               ("epochs/", dict(zip(course.names, course.streams.epochs().tolist(), strict=True)))):
            row |= {prefix + domain: value for domain, value in values.items()}
        rows.append(row)
    table = pa.Table.from_pylist(rows)
    return table.cast(pa.schema([FACTS.field(f.name) if f.name in FACTS.names else f for f in table.schema]))


def overhead(results: Mapping[str, Result]) -> dict[str, Any]:
    """What the method took: seconds of its parts, memory and operations; and beside the run without it, where there is one."""
    (_, first), *others = results.items()
    seconds = {part: first.course.clock.seconds[part] for part in METHOD}
    total, method = first.course.clock.seconds["all"], sum(seconds.values())
    found: dict[str, Any] = {
        "parts": seconds, "seconds": total, "method_seconds": method, "method_of_training": method / max(1e-9, total - method),
        "method_bytes": first.course.extra_bytes, "method_flops": first.course.extra_flops,
        "flops": first.flops, "device": first.course.device.type, "threads": torch.get_num_threads()}
    for name, other in others:
        alone = other.course.clock.seconds["all"]
        found["without"] = {"rule": name, "seconds": alone, "more_seconds": total - alone, "more_of_it": total / alone - 1,
                            "loss": {n: first.losses[n] - other.losses[n] for n in first.losses}}
    return found


def details(result: Result, available: Mapping[str, int], unit: str, take: str) -> dict[str, Any]:
    """The facts of the manifest: those of any proportions, and what the run came to."""
    shares = result.taken(take)
    return {"proportions": {name: shares.get(name, 0.0) for name in sorted(available)}, "available": dict(available),
            "unit": unit, "weigher": type(result.course.setting.rule).__name__, "take": take, "tokens": result.tokens,
            "n_params": result.course.setting.shape.parameters, "flops": result.flops,
            "method_flops": result.course.extra_flops, "method_bytes": result.course.extra_bytes,
            "rounds": len(result.course.rows)} | {LOSS + name: loss for name, loss in result.losses.items()}


def parquet(table: pa.Table) -> bytes:
    """As a file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def as_json(facts: Mapping[str, Any]) -> bytes:
    """As a file."""
    return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).encode()
