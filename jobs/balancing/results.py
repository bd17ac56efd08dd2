"""What a course leaves: proportions, its trajectory, rows of the run table, and what the method cost.

    m domains · R rounds
"""

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
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
    evaluations: Sequence[Mapping[str, Any]]  # see ``evaluation``; the last is that of the end

    @property
    def losses(self) -> dict[str, float]:
        """Of held-out text by domain at the end, nats per token."""
        return {name: self.evaluations[-1][LOSS + name] for name in self.course.names}

    @property
    def flops(self) -> int:
        """Of the training and of what the method took beside it."""
        return int(self.evaluations[-1]["flops"])

    @property
    def tokens(self) -> int:
        """Learned from, repeats included."""
        return int(self.evaluations[-1]["tokens"])

    def taken(self, how: str) -> dict[str, float]:
        """Proportions to hand on: ``final``, of the last round, or ``average``, of all rounds by their steps."""
        shares = self.course.shares if how == "final" else self.course.mean_shares
        return dict(zip(self.course.names, (shares / shares.sum()).tolist(), strict=True))


def evaluation(course: Course, domains: Mapping[str, Domain], most: int) -> dict[str, Any]:
    """How far a course is, and its losses on the first ``most`` held-out tokens of each domain, as proxy runs are evaluated."""
    model, found = course.learner.model.eval(), {}
    for name in course.names:
        windows = held_windows(domains[name].held_out, course.setting.shape.context, most)
        found[name] = measured(model, windows, domains[name].widths, course.device)
    model.train()
    counts, seconds, tokens = course.streams.position, course.clock.seconds["all"], course.learner.step * course.tokens
    row: dict[str, Any] = {"tokens": tokens, "step": course.learner.step, "seconds": seconds,
                           "tokens_per_second": tokens / max(seconds, 1e-9),
                           "flops": tokens * course.setting.shape.flops + course.extra_flops}
    for prefix, values in ((MIX, (counts / counts.sum()).tolist()), ("epochs/", course.streams.epochs().tolist()),
                           (LOSS, [found[name].loss for name in course.names]),
                           ("bpb/", [found[name].bits_per_byte for name in course.names])):
        row |= {prefix + name: value for name, value in zip(course.names, values, strict=True)}
    return row


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
    """A row per result and evaluation in the layout of the run table, by the name of its rule."""
    rows = []
    for name, result in results.items():
        setting = result.course.setting
        fixed: dict[str, Any] = {"run_id": f"{name}-{run}", "design": name, "seed": setting.plan.seed, "status": "done",
                                 "n_params": setting.shape.parameters}
        fixed |= {UNIQUE + domain: tokens for domain, tokens in unique.items()}
        rows += [fixed | dict(row) for row in result.evaluations]
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
