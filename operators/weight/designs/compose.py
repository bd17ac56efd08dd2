"""Several designs in one table, runs held out among them.

    n runs · m domains

Designs that have a size of their own come first, in their order; designs without one share the runs that these leave. Mixtures
that an earlier design has are not run again, but for those of a design that repeats. No design sees the domains that are
capped at 0, so that none makes a corner of them; their column is 0.
"""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.contract import Design
from corpusmill.operators.weight.designs.space import ROUNDING, Space, unlike
from corpusmill.operators.weight.runs import HELD_OUT, MIX, Doubles

APART = 1e-3  # total variation between drawn mixtures: nearer ones teach nothing new
RUNS_PER_DOMAIN = 3  # K ≥ 3 (m + 1), Olmix


@dataclasses.dataclass(frozen=True)
class Part:
    """One design of several. ``runs`` is its number where it is said; ``share`` its part of what is left, among such."""

    name: str
    design: Design
    runs: int | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.runs is not None and (isinstance(self.runs, bool) or not isinstance(self.runs, int) or self.runs < 1):
            raise ConfigError(f"design.parts.{self.name}.runs={self.runs!r}: give a whole number from 1")
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not self.share > 0:
            raise ConfigError(f"design.parts.{self.name}.share={self.share!r}: give a number above 0")


def least(domains: int) -> int:
    """Different mixtures that a law of so many domains should have."""
    return RUNS_PER_DOMAIN * (domains + 1)


def composed(space: Space, parts: Sequence[Part], runs: int | None, held_out: int = 0, seed: int = 0,
             start: int = 0) -> pa.Table:
    """The design: ``run_id``, ``design``, ``seed`` and ``mix/<domain>``.

    ``runs`` counts all rows but those held out; None stands for ``least`` different mixtures and all repeats. ``seed`` is of
    the draws, ``start`` that of the runs, which all share but for repeats. Raises ConfigError where that cannot be done.
    """
    full, space = space, space.without_unused()
    fixed = [part for part in parts if _size(part, space) is not None]
    free = [part for part in parts if _size(part, space) is None]
    known, blocks = np.empty((0, len(space))), {}
    for part in sorted(fixed, key=lambda part: (part.design.repeats, part.design.size(len(space)) is None)):
        blocks[part.name] = _new(part, space, _size(part, space) or 0, seed, known)
        known = np.concatenate([known, blocks[part.name]])
    wanted = _wanted(space, parts, blocks, runs)
    if free and wanted <= len(known):
        raise ConfigError(f"design.runs={runs}: {', '.join(blocks)} make {len(known)} runs, which leaves none for "
                          f"{', '.join(part.name for part in free)}: raise design.runs, or leave out parts")
    counts, held = _divided(wanted - len(known), free), _divided(held_out, free)
    for part, count in zip(free, counts, strict=True):
        blocks[part.name] = _new(part, space, count, seed, known)
        known = np.concatenate([known, blocks[part.name]])
    named = [(part.name, blocks[part.name], part.design.repeats) for part in parts]
    for part, count in zip(free, held, strict=True):
        rows = _new(part, space, count, seed, known, HELD_OUT)
        known = np.concatenate([known, rows])
        named += [(part.name + HELD_OUT, rows, False)] if count else []
    return _table(full, named, start)


def _size(part: Part, space: Space) -> int | None:
    return part.runs if part.runs is not None else part.design.size(len(space))


def _new(part: Part, space: Space, count: int, seed: int, known: Doubles, stream: str = "") -> Doubles:
    """``count`` mixtures of a part that are not known. Raises ConfigError where it has no more of them."""
    own = _seed(seed, part.name + stream)
    if part.design.repeats or not count:
        return part.design.draw(space, count, own) if count else np.empty((0, len(space)))
    any_number = part.design.size(len(space)) is None
    apart = APART if any_number else ROUNDING
    found = unlike(part.design.draw(space, count, own), known, apart)
    ask = count
    while any_number and len(found) < count and ask < 64 * count:
        ask *= 2
        found = unlike(part.design.draw(space, ask, own), known, apart)
    if any_number and len(found) < count:
        raise ConfigError(f"design.parts.{part.name}: only {len(found)} of {count} different mixtures lie within the bounds: "
                          "widen the bounds, or ask for fewer runs")
    return found[:count]


def _wanted(space: Space, parts: Sequence[Part], blocks: dict[str, Doubles], runs: int | None) -> int:
    """Rows that are not held out."""
    told = sum(len(rows) for rows in blocks.values())
    if all(part.name in blocks for part in parts):
        if runs is not None and runs != told:
            raise ConfigError(f"design.runs={runs}, but {', '.join(blocks)} make {told} runs: leave design.runs null, or add a "
                              "part that gives any number, such as dirichlet or sobol")
        return told
    again = sum(max(0, len(blocks[part.name]) - 1) for part in parts if part.design.repeats and part.name in blocks)
    wanted = least(len(space)) + again if runs is None else runs
    free = sum(part.name not in blocks for part in parts)
    return max(wanted, told + free) if runs is None else wanted


def _divided(total: int, free: Sequence[Part]) -> list[int]:
    """Runs among designs of any size, by their shares: largest remainders, the first among equals."""
    if not free:
        if total > 0:
            raise ConfigError(f"design.held_out={total}: no part of the design gives any number of runs, such as dirichlet or "
                              "sobol do")
        return []
    shares = np.array([part.share for part in free])
    exact = shares / shares.sum() * total
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return [int(count) for count in counts]


def _table(space: Space, named: Sequence[tuple[str, Doubles, bool]], start: int) -> pa.Table:
    drawn = np.concatenate([mixes for _, mixes, _ in named])
    rows = np.zeros((len(drawn), len(space)))
    rows[:, space.used] = drawn
    designs = [name for name, mixes, _ in named for _ in mixes]
    seeds = [start + (i if repeats else 0) for _, mixes, repeats in named for i in range(len(mixes))]
    places = [i for _, mixes, _ in named for i in range(len(mixes))]
    ids = [f"{name.replace('/', '-')}-{place:03d}-{_digest(space, mix, own)}"
           for name, place, mix, own in zip(designs, places, rows, seeds, strict=True)]
    columns = {"run_id": ids, "design": designs, "seed": pa.array(seeds, pa.int64())}
    return pa.table(columns | {MIX + domain: pa.array(rows[:, j]) for j, domain in enumerate(space.domains)})


def _digest(space: Space, mix: Doubles, seed: int) -> str:
    """Of what is run, so that rows of two designs are told apart."""
    told = repr((space.domains, np.round(mix, 9).tolist(), seed))
    return hashlib.sha256(told.encode()).hexdigest()[:6]


def _seed(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")
