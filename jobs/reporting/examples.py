"""Documents to look at: what was kept, what each reason dropped, and duplicates beside what they were taken for.

The draws are seeded, so that they are facts like any other: the same documents for any sharding.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.filtering.cutoffs import columns_of, judges_of
from corpusmill.jobs.inspecting import deciding, samples
from corpusmill.jobs.inspecting.matched import Matched, matched
from corpusmill.jobs.inspecting.samples import Place
from corpusmill.jobs.inspecting.words import first_difference
from corpusmill.jobs.runtime.inputs import view_of
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing
from corpusmill.operators.quality.select import Judge, columns_read
from corpusmill.operators.schema import KINDS

SHARDS = 256  # a report reads documents out of at most so many: each outcome is a pass over the index columns
EACH = 3  # documents of an outcome
REASONS = 8  # the most frequent ones
CHARS = 600  # of a text
SEED = 0
_OWN = ("source", "native_id", "text")
WHERE = {name: ("documents", name) for name in _OWN}


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """Part of a document."""

    doc_id: str
    source: str
    native_id: str
    text: str
    start: int  # where in the document the text begins, in characters
    length: int  # of the whole document, in characters
    signals: Mapping[str, float | str | None]  # those that the rule which dropped it reads, and the value that it bounds


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Some of the documents that came to one outcome: kept, or a reason."""

    outcome: str
    count: int
    documents: tuple[Shown, ...]
    borderline: tuple[Shown, ...] = ()  # kept ones, whose value is near the bound of the reason's rule


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A dropped document and the kept one that it was taken to repeat; or a verified pair, whatever became of it."""

    kind: str  # exact, near or semantic
    similarity: float
    cluster_size: int | None  # None of a verified pair
    dropped: Shown
    kept: Shown
    dataset: str = ""  # that the kept one is published in, elsewhere


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
    kept = samples.draw(store, last, ["keep"], lambda t: t["keep"], EACH, SEED, "kept")
    found = samples.read(store, made, view_of(made), WHERE, kept)
    shown = tuple(_shown(place, found[place], {}) for place in kept)
    outcomes = [Outcome("kept", last.counts["kept"], shown)] if shown else []
    if "decisions" in made:
        outcomes += _of_rules(store, made)
    return tuple(outcomes)


def _of_rules(store: Store, made: Mapping[str, Manifest]) -> list[Outcome]:
    """What the most frequent reasons dropped, and what they nearly did."""
    decisions = made["decisions"]
    judges = judges_of(store, decisions) if "annotations" in made else ()
    reasons = dict(_frequent(decisions))
    dropped = {reason: _dropped(store, decisions, reason) for reason in reasons}
    near: dict[str, list[Place]] = {reason: [] for reason in reasons}
    if judges and reasons:
        choose = {reason: deciding.borderline(judges, reason) for reason in reasons}
        near = samples.beside(store, made, columns_of(judges, "doc_id") | {"keep": ("decisions", "keep")}, choose, EACH, SEED)
    places = {place for found in (dropped, near) for drawn in found.values() for place in drawn}
    read = samples.read(store, made, view_of(made), WHERE | (columns_of(judges, "doc_id") if judges else {}), places)
    types = deciding.types(made["annotations"].schema) if judges else {}

    def shown(reason: str, drawn: Iterable[Place]) -> tuple[Shown, ...]:
        return tuple(_shown(p, read[p], _signals(read[p], judges, reason, types)) for p in drawn)

    return [Outcome(reason, n, shown(reason, dropped[reason]), shown(reason, near[reason])) for reason, n in reasons.items()
            if dropped[reason]]


def _signals(values: Mapping[str, Any], judges: Sequence[Judge], reason: str,
             types: Mapping[str, pa.DataType]) -> dict[str, float | str | None]:
    """The signals that the rules of a reason read, and the values that they bound."""
    own = {name: _plain(values[name]) for name in sorted(columns_read(deciding.of_reason(judges, reason))) if name not in _OWN}
    return own | {one.signal: _plain(one.value) for one in deciding.decided(values, judges, reason, types)} if judges else {}


def _dropped(store: Store, decisions: Manifest, reason: str) -> list[Place]:
    return samples.draw(store, decisions, ["reason"], lambda t: pc.equal(t["reason"], reason), EACH, SEED, f"dropped.{reason}")


def _frequent(decisions: Manifest) -> list[tuple[str, int]]:
    dropped = {reason: decisions.counts.get(f"dropped.{reason}", 0) for reason in decisions.details.get("rules", [])}
    return sorted(((r, n) for r, n in dropped.items() if n), key=lambda item: (-item[1], item[0]))[:REASONS]


def _pairs(store: Store, made: Mapping[str, Manifest]) -> tuple[Pair, ...]:
    if "duplicates" not in made:
        return ()
    duplicates = made["duplicates"]
    places = {place: kind for kind in KINDS for place in _duplicates(store, duplicates, kind)}
    columns = WHERE | {name: ("duplicates", name) for name in ("matched_doc_id", "similarity", "cluster_size")}
    found = samples.read(store, made, duplicates.view, columns, places)
    others = matched(store, made, [values["matched_doc_id"] for values in found.values()], WHERE)
    return tuple(_pair(kind, (place, found[place]), others[found[place]["matched_doc_id"]]) for place, kind in places.items())


def _duplicates(store: Store, duplicates: Manifest, kind: str) -> list[Place]:
    if not duplicates.counts.get(f"dropped.{kind}_duplicate"):
        return []
    return samples.draw(store, duplicates, samples.COMPARED, samples.compared(kind), EACH, SEED, f"dropped.{kind}_duplicate")


def _pair(kind: str, dropped: tuple[Place, dict[str, Any]], kept: Matched) -> Pair:
    values = dropped[1]
    shown = pair_shown(kind, float(values["similarity"]), int(values["cluster_size"]), dropped, (kept.place, kept.values))
    return dataclasses.replace(shown, dataset=kept.dataset)


def pair_shown(kind: str, similarity: float, cluster_size: int | None, lower: tuple[Place, Mapping[str, Any]],
               upper: tuple[Place, Mapping[str, Any]]) -> Pair:
    """Both documents, with their texts cut around the first difference."""
    start = first_difference(lower[1]["text"], upper[1]["text"], CHARS)
    return Pair(kind, round(similarity, 4), cluster_size, _shown(*lower, {}, start), _shown(*upper, {}, start))


def _shown(place: Place, values: Mapping[str, Any], signals: Mapping[str, float | str | None], start: int = 0) -> Shown:
    text = values["text"]
    return Shown(place.doc_id.hex(), values["source"] or "", values["native_id"] or "", text[start:start + CHARS], start,
                 len(text), dict(signals))


def _plain(value: object) -> float | str | None:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value if isinstance(value, int | str) else None
