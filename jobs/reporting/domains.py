"""Each domain as found, as planned and as drawn."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from corpusmill.jobs import count
from corpusmill.jobs.regrouping.survivors import read_crossed
from corpusmill.jobs.runtime.manifest import Manifest


@dataclasses.dataclass(frozen=True, slots=True)
class Domain:
    """One domain; None where the lineage does not go that far. Shares sum to 1 over the domains."""

    domain: str
    documents: int
    tokens: int  # in the unit of the counts
    bytes: int  # of text
    available: int  # like all that follows in the unit of the mixture
    natural: float  # share of what is available
    proportion: float | None = None  # the share that was asked for
    planned: int | None = None
    achieved: int | None = None
    drawn: int | None = None  # documents, each time that one is taken
    planned_share: float | None = None
    achieved_share: float | None = None
    planned_epochs: float | None = None
    achieved_epochs: float | None = None
    capped: bool = False  # the epoch cap kept it below its proportion


def domains_of(made: Mapping[str, Manifest]) -> tuple[Domain, ...]:
    """Largest first, equal ones by name; none before documents are counted."""
    if "counts" not in made:
        return ()
    totals = count.totals(made["counts"])
    sizes = {name: t.tokens for name, t in count.totals(made.get("sizes", made["counts"])).items()}
    whole = max(1, sum(sizes.values()))
    asked = made["proportions"].details["proportions"] if "proportions" in made else {}
    drawn = _drawn(made["mixture"]) if "mixture" in made else {}
    rows = [Domain(name, t.documents, t.tokens, t.bytes, sizes[name], sizes[name] / whole, asked.get(name),
                   **drawn.get(name, {})) for name, t in totals.items()]
    return tuple(sorted(rows, key=lambda d: (-d.available, d.domain)))


def crossed_of(made: Mapping[str, Manifest]) -> tuple[tuple[str, str, int], ...]:
    """Documents by source and domain, in order; none where the domains did not count them."""
    counts = made["domains"].counts if "domains" in made else {}
    return tuple(sorted((source, domain, n) for (source, domain), n in read_crossed(counts).items()))


def _drawn(mixture: Manifest) -> dict[str, dict[str, Any]]:
    plan, achieved = mixture.details["plan"], mixture.details["achieved"]
    planned, whole = max(1, plan["total"]), max(1, sum(a["size"] for a in achieved.values()))
    rows = {}
    for d in plan["domains"]:
        got, available = achieved[d["domain"]], max(1, d["available"])
        rows[d["domain"]] = {
            "planned": d["tokens"], "achieved": got["size"], "drawn": got["documents"],
            "planned_share": d["tokens"] / planned, "achieved_share": got["size"] / whole,
            "planned_epochs": d["tokens"] / available, "achieved_epochs": got["size"] / available,
            "capped": d["capped"],
        }
    return rows
