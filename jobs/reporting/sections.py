"""The sections that tell what happened: the funnel, the mixture against its plan, domains, sources."""

import collections
from collections.abc import Mapping

from corpusmill.jobs.reporting import prose
from corpusmill.jobs.reporting.domains import Domain
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.funnel import Source, Step
from corpusmill.jobs.reporting.html import Html, join, name, number, percent, size, tag
from corpusmill.jobs.reporting.reasons import palette
from corpusmill.jobs.reporting.tables import Column, grouped, hint, legend, share_of, stacked, table

LOST = {"decisions": "Filtered", "duplicates": "Duplicates", "trims": "Trimmed"}


def section(heading: str, *content: object) -> Html:
    """A part of the page."""
    return tag("section", tag("h2", heading), *content)


def funnel(facts: Facts) -> Html:
    """Documents, text and tokens by stage; nothing where the lineage holds no documents."""
    if not facts.steps:
        return join([])
    columns = [Column("Stage", "name"), Column("Documents in"), Column("Kept"), Column("Dropped"), Column("", "bar"),
               Column("Text after"), Column(f"{facts.counted.capitalize()} after")]
    explained = ("Documents that each stage took in, kept and dropped, and what is left after it. ≈ marks an estimate: "
                 f"{facts.counted} are counted once, on the final text of what is kept.")
    if facts.plan:
        explained += " A mixture can take a document several times, or not at all."
    whole = max(1, facts.steps[0].documents_in)
    return section("From documents to " + ("mixture" if facts.plan else "what is kept"), hint(explained),
                   legend(("kept", "kept"), ("drop", "dropped here")),
                   table(columns, facts.steps, lambda step: _step(step, whole)))


def _step(step: Step, whole: int) -> list[object]:
    dropped = sum(step.dropped.values())
    lost: list[object] = ["", ""]
    if step.stage != "mixture":
        parts = [("kept", step.kept / whole), ("drop", dropped / whole)]
        lost = [number(dropped), stacked(parts, f"{percent(step.kept / whole)} kept, {percent(dropped / whole)} dropped")]
    return [prose.STAGES[step.stage], number(step.documents_in), number(step.kept), *lost,
            prose.amount(step.bytes, size), prose.amount(step.tokens)]


def mixture(facts: Facts) -> Html:
    """Shares and epochs of each domain, planned against achieved; nothing where there is no mixture."""
    if not facts.plan:
        return join([])
    columns = [Column("Domain", "name"), Column("Available"), Column("Planned"), Column("Achieved"),
               Column("Share of the whole", "bar"), Column("Natural"), Column("Planned"), Column("Achieved"),
               Column("Epochs")]
    peak = max((share for d in facts.domains for share in _shares(d)), default=0.0) or 1.0
    sums = [sum(d.available for d in facts.domains), facts.plan["total"], facts.held]
    explained = (f"In {facts.unit}. Natural is the share as found, planned what the mixture was to hold, achieved what "
                 "it holds: each domain ends within one document below its plan. Epochs say how often the domain is taken.")
    return section("Planned against achieved", hint(explained),
                   legend(("natural", "natural"), ("planned", "planned"), ("kept", "achieved")),
                   table(columns, facts.domains, lambda d: _planned(d, peak),
                         ["All", *map(number, sums), "", "", "", "", ""]))


def _shares(d: Domain) -> tuple[float, float, float]:
    return d.natural, d.planned_share or 0.0, d.achieved_share or 0.0


def _planned(d: Domain, peak: float) -> list[object]:
    shares = _shares(d)
    says = "natural {}, planned {}, achieved {}".format(*map(percent, shares))
    kinds = ("natural", "planned", "kept")
    bars = grouped([(kind, share / peak) for kind, share in zip(kinds, shares, strict=True)], says)
    capped = tag("span", "at the cap", class_="tag") if d.capped else ""
    epochs = f"{d.planned_epochs or 0:.2f} → {d.achieved_epochs or 0:.2f}"
    amounts = (d.available, d.planned or 0, d.achieved or 0)
    return [join([name(d.domain), " ", capped]), *map(number, amounts), bars, *map(percent, shares), epochs]


def domains(facts: Facts) -> Html:
    """What there is to draw from; nothing before documents are counted."""
    if not facts.domains:
        return join([])
    whole = sum(d.tokens for d in facts.domains)
    asked = any(d.proportion is not None for d in facts.domains)
    columns = [Column("Domain", "name"), Column("Documents"), Column("Text"), Column(facts.counted.capitalize()),
               Column("", "bar"), Column("Share"), *([Column("Proportion asked")] if asked else [])]
    foot = ["All", number(sum(d.documents for d in facts.domains)), size(sum(d.bytes for d in facts.domains)),
            number(whole), *([""] * (len(columns) - 4))]
    return section("Domains", hint("What is there to draw from, after everything that was dropped."),
                   table(columns, facts.domains, lambda d: _domain(d, whole)[: len(columns)], foot))


def _domain(d: Domain, whole: int) -> list[object]:
    share = share_of(d.tokens, whole)
    return [name(d.domain), number(d.documents), size(d.bytes), number(d.tokens),
            stacked([("kept", d.tokens / max(1, whole))], share), share, percent(d.proportion or 0.0)]


def sources(facts: Facts) -> Html:
    """What became of each source: a bar with a part for each reason."""
    if not facts.sources:
        return join([])
    stages = [step.stage for step in facts.steps if step.stage in LOST]
    columns = [Column("Source", "name"), Column("Documents in"), *(Column(LOST[stage]) for stage in stages),
               Column("Kept"), Column("", "wide"), Column("Kept")]
    colours = palette(facts)
    found = {(stage, reason) for s in facts.sources for stage, own in s.dropped.items() for reason in own}
    entries = [(colour, reason) for (stage, reason), colour in colours.items() if (stage, reason) in found]
    others = [("r0", "other reasons")] if found - set(colours) else []
    explained = "Where documents came from, how many of each source are left, and what dropped the others."
    return section("What became of each source", hint(explained), legend(("kept", "kept"), *entries, *others),
                   table(columns, facts.sources, lambda s: _source(s, stages, colours)))


def _source(s: Source, stages: list[str], colours: Mapping[tuple[str, str], str]) -> list[object]:
    lost = [sum(s.dropped.get(stage, {}).values()) for stage in stages]
    whole = max(1, s.documents_in)
    parts: collections.Counter[str] = collections.Counter({"kept": s.kept, **dict.fromkeys(colours.values(), 0)})
    for stage, own in s.dropped.items():
        for reason, n in own.items():
            parts[colours.get((stage, reason), "r0")] += n
    told = ", ".join(f"{number(n)} {reason}" for own in s.dropped.values() for reason, n in own.items())
    bar = stacked([(kind, n / whole) for kind, n in parts.items() if n], f"{number(s.kept)} kept{told and f', {told}'}")
    return [name(s.source), number(s.documents_in), *map(number, lost), number(s.kept), bar, share_of(s.kept, s.documents_in)]
