"""Documents to look at: what was kept, what each reason dropped, and duplicates beside what they were taken for.

The draws are seeded, so that they are facts like any other: the same documents for any sharding.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow.compute as pc

from corpusmill.jobs.inspecting import samples
from corpusmill.jobs.inspecting.samples import Place
from corpusmill.jobs.runtime.inputs import view_of
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing
from corpusmill.operators.quality.select import columns_read, parse_rules

SHARDS = 256  # a report reads documents out of at most so many: each outcome is a pass over the index columns
EACH = 3  # documents of an outcome
REASONS = 8  # the most frequent ones
CHARS = 600  # of a text
COMPARED = 100_000  # characters of a pair's texts in which the first difference is looked for
LEAD = 150  # characters shown before it
SEED = 0
_WHERE = {name: ("documents", name) for name in ("source", "native_id", "text")}


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """Part of a document."""

    doc_id: str
    source: str
    native_id: str
    text: str
    start: int  # where in the document the text begins, in characters
    length: int  # of the whole document, in characters
    signals: Mapping[str, float | str | None]  # those that the rule which dropped it reads


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Some of the documents that came to one outcome: kept, or a reason."""

    outcome: str
    count: int
    documents: tuple[Shown, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A dropped document and the kept one that it was taken to repeat."""

    kind: str  # exact or near
    similarity: float
    cluster_size: int
    dropped: Shown
    kept: Shown


@dataclasses.dataclass(frozen=True, slots=True)
class Examples:
    """All that is shown; ``note`` says why there is nothing."""

    outcomes: tuple[Outcome, ...] = ()
    pairs: tuple[Pair, ...] = ()
    note: str = ""


def examples_of(store: Store, made: Mapping[str, Manifest]) -> Examples:
    """Reads the documents that are drawn; nothing where there are too many shards, or they are gone."""
    if "documents" not in made or not made["documents"].index or not {"decisions", "duplicates"} & set(made):
        return Examples()
    if made["documents"].shards > SHARDS:
        return Examples(note=f"Documents are in {made['documents'].shards:,} shards, more than a report reads: corpusmill "
                             "inspect manifest=M reason=R shows some of any outcome.")
    try:
        return Examples(_outcomes(store, made), _pairs(store, made))
    except Missing:
        return Examples(note="The shards that hold the documents are gone, so none can be shown.")


def _outcomes(store: Store, made: Mapping[str, Manifest]) -> tuple[Outcome, ...]:
    last = made.get("duplicates") or made["decisions"]
    drawn = {"kept": samples.draw(store, last, ["keep"], lambda t: t["keep"], EACH, SEED, "kept")}
    counts = {"kept": last.counts["kept"]}
    signals: dict[str, list[str]] = {}
    if "decisions" in made:
        signals = _signals(made)
        for reason, n in _frequent(made["decisions"]):
            drawn[reason] = _dropped(store, made["decisions"], reason)
            counts[reason] = n
    columns = _WHERE | {name: ("annotations", name) for names in signals.values() for name in names}
    found = samples.read(store, made, view_of(made), columns, {place for places in drawn.values() for place in places})
    return tuple(Outcome(outcome, counts[outcome], tuple(_shown(p, found[p], signals.get(outcome, ())) for p in places))
                 for outcome, places in drawn.items() if places)


def _dropped(store: Store, decisions: Manifest, reason: str) -> list[Place]:
    return samples.draw(store, decisions, ["reason"], lambda t: pc.equal(t["reason"], reason), EACH, SEED, f"dropped.{reason}")


def _frequent(decisions: Manifest) -> list[tuple[str, int]]:
    dropped = {reason: decisions.counts.get(f"dropped.{reason}", 0) for reason in decisions.details.get("rules", [])}
    return sorted(((r, n) for r, n in dropped.items() if n), key=lambda item: (-item[1], item[0]))[:REASONS]


def _signals(made: Mapping[str, Manifest]) -> dict[str, list[str]]:
    """Reason → the annotations that its rules read."""
    if "annotations" not in made:
        return {}
    there = {name for name, _ in made["annotations"].schema}
    found: dict[str, list[str]] = {}
    for rule in made["decisions"].parameters.get("rules", []):
        read = columns_read(parse_rules([{"reason": rule["reason"], "signal": rule["signal"], "min": 0}]))
        found[rule["reason"]] = sorted({*found.get(rule["reason"], ()), *read} & there)
    return found


def _pairs(store: Store, made: Mapping[str, Manifest]) -> tuple[Pair, ...]:
    if "duplicates" not in made:
        return ()
    duplicates = made["duplicates"]
    places = {place: kind for kind in ("exact", "near") for place in _duplicates(store, duplicates, kind)}
    columns = _WHERE | {name: ("duplicates", name) for name in ("matched_doc_id", "similarity", "cluster_size")}
    found = samples.read(store, made, duplicates.view, columns, places)
    matched = samples.locate(store, made["documents"], [values["matched_doc_id"] for values in found.values()])
    others = samples.read(store, made, duplicates.view, _WHERE, set(matched.values()))
    return tuple(_pair(kind, (place, found[place]), (matched[found[place]["matched_doc_id"]], others))
                 for place, kind in places.items())


def _duplicates(store: Store, duplicates: Manifest, kind: str) -> list[Place]:
    if not duplicates.counts.get(f"dropped.{kind}_duplicate"):
        return []
    return samples.draw(store, duplicates, ["keep", "kind"],
                        lambda t: pc.and_kleene(pc.invert(t["keep"]), pc.equal(t["kind"], kind)),
                        EACH, SEED, f"dropped.{kind}_duplicate")


def _pair(kind: str, dropped: tuple[Place, dict[str, Any]], kept: tuple[Place, dict[Place, dict[str, Any]]]) -> Pair:
    values, other = dropped[1], kept[1][kept[0]]
    start = first_difference(values["text"], other["text"])
    return Pair(kind, round(float(values["similarity"]), 4), int(values["cluster_size"]),
                _shown(dropped[0], values, (), start), _shown(kept[0], other, (), start))


def first_difference(left: str, right: str) -> int:
    """Where to begin, so that the first difference is on show; 0 where there is none, or it is near the beginning."""
    both = zip(left[:COMPARED], right[:COMPARED], strict=False)
    end = min(len(left), len(right))
    same = next((i for i, (a, b) in enumerate(both) if a != b), end if max(len(left), len(right)) > end else 0)
    return max(0, same - LEAD) if CHARS // 2 < same < COMPARED else 0


def _shown(place: Place, values: Mapping[str, Any], signals: Iterable[str], start: int = 0) -> Shown:
    text = values["text"]
    return Shown(place.doc_id.hex(), values["source"] or "", values["native_id"] or "", text[start:start + CHARS], start,
                 len(text), {name: _plain(values[name]) for name in signals})


def _plain(value: object) -> float | str | None:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value if isinstance(value, int | str) else None
