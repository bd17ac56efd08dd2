"""Why documents were dropped: by reason with the rule that decided, and by source."""

from collections.abc import Mapping, Sequence
from typing import Any

from corpusmill.jobs.filtering.wording import bounds
from corpusmill.jobs.reporting import prose
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.funnel import Source
from corpusmill.jobs.reporting.html import Html, join, name, number, plural, tag
from corpusmill.jobs.reporting.retention import FACTORS
from corpusmill.jobs.reporting.tables import Column, hint, share_of, stacked, table

COLOURS = 8  # reasons with a colour of their own: the others share one


def palette(facts: Facts) -> dict[tuple[str, str], str]:
    """(stage, reason) → class of its colour, for the most frequent ones."""
    dropped = [(-n, step.stage, reason) for step in facts.steps for reason, n in step.dropped.items() if n]
    return {(stage, reason): f"r{i + 1}" for i, (_, stage, reason) in enumerate(sorted(dropped)[:COLOURS])}


def reasons(facts: Facts) -> Html:
    """What is left after each reason; empty where nothing can be dropped."""
    if not facts.steps or not (rules_of(facts) or any(step.dropped for step in facts.steps)):
        return join([])
    heading = tag("h2", "Why documents were dropped")
    explained = ("Read from top to bottom: each reason takes its share off what the ones above left. Each dropped document has "
                 "one reason, the first rule that it fails.")
    return tag("section", heading, hint(explained), _waterfall(facts), _rules(facts), _by_source(facts),
               *_thresholds(facts))


def _waterfall(facts: Facts) -> Html:
    colours, first = palette(facts), max(1, facts.steps[0].documents_in)
    left, rows = first, []
    for step in facts.steps:
        for reason, n in sorted(step.dropped.items(), key=lambda item: (-item[1], item[0])):
            left -= n
            bar = stacked([("kept", left / first), (colours.get((step.stage, reason), "r0"), n / first)],
                          f"{number(n)} dropped, {number(left)} left")
            rows.append([prose.STAGES[step.stage], name(reason), number(n), share_of(n, first), bar, number(left)])
    if not rows:
        return hint("None was.")
    columns = [Column("Stage", None), Column("Reason", "name"), Column("Dropped"), Column("Of all"), Column("", "wide"),
               Column("Left")]
    return table(columns, rows, list)


def _rules(facts: Facts) -> Html:
    """Every rule in the order in which they are tried, folded."""
    rules = rules_of(facts)
    if not rules:
        return join([])
    dropped = next((step.dropped for step in facts.steps if step.stage == "decisions"), {})
    rows = [[name(r["reason"]), tag("code", bounds(r)), _cell(dropped.get(r["reason"], 0)),
             _cell(facts.not_applicable.get(r["reason"], 0))] for r in rules]
    columns = [Column("Reason", "name"), Column("Kept where", None), Column("Dropped"), Column("Not applicable")]
    explained = hint("In the order in which they are tried; the first that fails gives the reason. «Not applicable» counts "
                     "documents that a rule could not judge and let pass.")
    return tag("details", tag("summary", f"{plural(len(rows), 'rule')} of the filter"), explained, table(columns, rows, list))


def rules_of(facts: Facts) -> list[Mapping[str, Any]]:
    """The filter's, in the order in which they are tried."""
    decisions = facts.dataset("decisions")
    return list(decisions.parameters.get("rules", [])) if decisions else []


def _by_source(facts: Facts) -> Html:
    """Source × reason, folded: it is wide."""
    found = sorted({(step.stage, reason) for step in facts.steps for reason in step.dropped} &
                   {(stage, reason) for s in facts.sources for stage, own in s.dropped.items() for reason in own})
    if not found:
        return join([])
    columns = [Column("Source", "name"), *(Column(reason) for _, reason in found)]

    def row(s: Source) -> list[object]:
        return [name(s.source), *(_cell(s.dropped.get(stage, {}).get(reason, 0)) for stage, reason in found)]

    return tag("details", tag("summary", "By source and reason"), table(columns, facts.sources, row))


def _thresholds(facts: Facts) -> list[Html]:
    """What would be kept were a bound another, over all and of each source, folded."""
    if not facts.sweeps:
        return []
    whole = max(1, next((step.documents_in for step in facts.steps if step.stage == "decisions"), 1))
    sizes = {s.source: s.documents_in for s in facts.sources}
    headings = [Column("As it is" if factor == 1 else f"× {factor:g}") for factor in FACTORS]
    explained = hint("The share of documents that the filter would keep were one bound multiplied, with all other rules as "
                     "they are: counted, not estimated.")
    rows = [[name(s.label), s.bound, *_shares(s.factors, s.kept, whole)] for s in facts.sweeps]
    columns = [Column("Reason", "name"), Column("Bound", None), *headings]
    split = [(max(n) - min(n), s, source, n) for s in facts.sweeps for source, n in s.by_source.items()]
    by_source = [[name(source), name(s.label), s.bound, *_shares(s.factors, n, max(1, sizes.get(source, 0)))]
                 for spread, s, source, n in sorted(split, key=lambda item: (-item[0], item[1].label, item[2])) if spread]
    folded = [tag("details", tag("summary", "At other thresholds"), explained, table(columns, rows, list))]
    if by_source:
        folded.append(tag("details", tag("summary", "By source, threshold and reason"), hint("Where it makes a difference."),
                          table([Column("Source", "name"), *columns], by_source, list)))
    return folded


def _shares(factors: Sequence[float], kept: Sequence[int], whole: int) -> list[str]:
    found = dict(zip(factors, kept, strict=True))
    return [share_of(found[factor], whole) if factor in found else "–" for factor in FACTORS]


def _cell(n: int) -> object:
    return number(n) if n else tag("span", "·", class_="faint")
