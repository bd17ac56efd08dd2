"""Documents, text and tokens after each stage, by reason and by source."""

import dataclasses
from collections.abc import Mapping

from corpusmill.jobs import count
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.tally import read_by_source

STAGES = ("documents", "decisions", "duplicates", "trims", "domains", "counts")
# What an earlier stage dropped is told there, not again by each stage after it.
UPSTREAM = frozenset({"filtered", "duplicate", "trimmed", "upstream"})
# The outcome under which the domains tally the text that a stage dropped.
_DROPPED_AS = {"decisions": "filtered", "duplicates": "duplicate", "trims": "trimmed"}


@dataclasses.dataclass(frozen=True, slots=True)
class Amount:
    """A number, and whether it was counted or estimated."""

    value: int
    exact: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One stage that lets documents through; a mixture's ``kept`` are its rows, in which a document may repeat."""

    stage: str
    documents_in: int
    kept: int
    dropped: Mapping[str, int]  # by reason
    bytes: Amount | None = None  # of the kept documents' text
    tokens: Amount | None = None  # in the unit of the counts


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """What became of one source's documents."""

    source: str
    documents_in: int
    kept: int
    dropped: Mapping[str, Mapping[str, int]]  # stage -> reason -> documents


def steps_of(made: Mapping[str, Manifest]) -> tuple[Step, ...]:
    """The stages in the order of the data; those that cannot drop are left out where they did not."""
    steps: list[Step] = []
    for stage in STAGES:
        if stage in made and "rows_in" in made[stage].counts:
            step = _step(stage, made[stage].counts)
            if step.dropped or stage in ("documents", "decisions", "duplicates", "trims"):
                steps.append(step)
    steps = _measured(steps, made)
    return (*steps, _mixture(made)) if "mixture" in made else tuple(steps)


def _step(stage: str, counts: Mapping[str, int]) -> Step:
    reasons = {name.removeprefix("dropped."): n for name, n in counts.items() if name.startswith("dropped.")}
    own = {reason: n for reason, n in sorted(reasons.items()) if reason not in UPSTREAM and n}
    earlier = sum(n for reason, n in reasons.items() if reason in UPSTREAM)
    return Step(stage, counts["rows_in"] - earlier, counts["kept"], own)


def _measured(steps: list[Step], made: Mapping[str, Manifest]) -> list[Step]:
    """With text and tokens: as counted after the last step, before it at the survivors' tokens per byte."""
    totals = list(count.totals(made["counts"]).values()) if "counts" in made else []
    tokens, size = sum(t.tokens for t in totals), sum(t.bytes for t in totals)
    measured = []
    for step, nbytes in zip(steps, _bytes(steps, made), strict=True):
        if totals and step is steps[-1]:
            one = dataclasses.replace(step, bytes=Amount(size, True), tokens=Amount(tokens, True))
        else:
            guess = Amount(nbytes.value * tokens // size, False) if nbytes is not None and size else None
            one = dataclasses.replace(step, bytes=nbytes, tokens=guess)
        measured.append(one)
    return measured


def _bytes(steps: list[Step], made: Mapping[str, Manifest]) -> list[Amount | None]:
    """Text left after each step: as regrouping tallied it, else what ingest read, with a few bytes per row."""
    counts = made["domains"].counts if "domains" in made else {}
    left = sum(n for name, n in counts.items() if name.startswith("bytes/"))
    found: list[Amount | None] = []
    for step in steps:
        left -= counts.get(f"bytes/{_DROPPED_AS.get(step.stage)}", 0)
        if left > 0:
            found.append(Amount(left, True))
        elif step.stage == "documents" and "bytes_in" in made["documents"].counts:
            found.append(Amount(made["documents"].counts["bytes_in"], False))
        else:
            found.append(None)
    return found


def _mixture(made: Mapping[str, Manifest]) -> Step:
    """What was drawn; its text is estimated at each domain's bytes per token."""
    mixture, counts = made["mixture"], made["counts"]
    totals, achieved = count.totals(counts), mixture.details["achieved"]
    nbytes = sum(totals[name].bytes * a["tokens"] // max(1, totals[name].tokens) for name, a in achieved.items()
                 if name in totals)
    tokens = sum(a["tokens"] for a in achieved.values())
    return Step("mixture", counts.counts["kept"], mixture.rows, {}, Amount(nbytes, False), Amount(tokens, True))


def sources_of(made: Mapping[str, Manifest]) -> tuple[Source, ...]:
    """Largest first, equal ones by name."""
    if "documents" not in made:
        return ()
    first = read_by_source(dict(made["documents"].counts))
    later = {stage: read_by_source(dict(made[stage].counts)) for stage in ("decisions", "duplicates", "trims") if stage in made}
    rows = [_source(source, sum(outcomes.values()), later) for source, outcomes in first.items()]
    return tuple(sorted(rows, key=lambda s: (-s.documents_in, s.source)))


def _source(source: str, documents: int, later: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Source:
    dropped = {}
    for stage, tally in later.items():
        own = {reason: n for reason, n in sorted(tally.get(source, {}).items()) if reason not in UPSTREAM | {"kept"}}
        if own:
            dropped[stage] = own
    kept = [tally.get(source, {}).get("kept", 0) for tally in later.values()]
    return Source(source, documents, kept[-1] if kept else documents, dropped)
