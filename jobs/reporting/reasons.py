"""Why documents were dropped: by reason with the rule that decided, and by source."""

from collections.abc import Mapping
from typing import Any

from corpusmill.jobs.reporting import prose
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.funnel import Source
from corpusmill.jobs.reporting.html import Html, join, name, number, tag
from corpusmill.jobs.reporting.tables import Column, hint, share_of, table


def reasons(facts: Facts) -> Html:
    """Empty where nothing can be dropped."""
    if not facts.steps:
        return join([])
    rules = {rule["reason"]: rule for rule in _rules(facts)}
    first = facts.steps[0].documents_in
    rows = []
    for step in facts.steps:
        named = [r for r in rules if r not in step.dropped] if step.stage == "decisions" else []
        listed = sorted(step.dropped.items(), key=lambda item: (-item[1], item[0])) + [(r, 0) for r in named]
        for reason, n in listed:
            rule = rules.get(reason) if step.stage == "decisions" else None
            unknown = facts.not_applicable.get(reason, 0) if rule else 0
            rows.append([prose.STAGES[step.stage], name(reason), tag("code", bounds(rule)) if rule else "", number(n),
                         share_of(n, first), *([number(unknown) if unknown else ""] if facts.not_applicable else [])])
    if not rows:
        return join([])
    columns = [Column("Stage", None), Column("Reason", "name"), Column("Kept where", "name"), Column("Documents"),
               Column("Of all")]
    explained = "Each dropped document has one reason: the first rule that it fails."
    if facts.not_applicable:
        columns.append(Column("Not applicable"))
        explained += " «Not applicable» counts documents that a rule could not judge and let pass."
    heading = tag("h2", "Why documents were dropped")
    return tag("section", heading, hint(explained), table(columns, rows, list), _by_source(facts))


def _rules(facts: Facts) -> list[Mapping[str, Any]]:
    decisions = facts.dataset("decisions")
    return list(decisions.parameters.get("rules", [])) if decisions else []


def bounds(rule: Mapping[str, Any]) -> str:
    """A rule as people write it: ``3 ≤ text.words ≤ 100``."""
    low = f"{_bound(rule['min'])} ≤ " if rule.get("min") is not None else ""
    high = f" ≤ {_bound(rule['max'])}" if rule.get("max") is not None else ""
    among = f" is one of {', '.join(map(str, rule['isin']))}" if rule.get("isin") else ""
    when = rule.get("when")
    where = f", for {when['column']} in {', '.join(map(str, when['values']))}" if when else ""
    return f"{low}{rule['signal']}{high}{among}{where}"


def _bound(value: float) -> str:
    return f"{value:,}".removesuffix(".0")


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


def _cell(n: int) -> object:
    return number(n) if n else tag("span", "·", class_="faint")
