"""The sections that are mostly pictures: signals against their bounds, the map of domains."""

from collections.abc import Mapping
from typing import Any

from corpusmill.jobs.filtering.wording import bounds
from corpusmill.jobs.reporting.charts import Circle, Column, logarithmic, scatter
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.html import Html, join, name, number, percent, tag
from corpusmill.jobs.reporting.measures import Histogram
from corpusmill.jobs.reporting.sections import section
from corpusmill.jobs.reporting.tables import Column as Heading
from corpusmill.jobs.reporting.tables import hint, legend, table

ALL_RULES, MOST_RULES = 12, 9  # so many are all on show; of more, so many
LINES = {"min": "≥", "above": ">", "max": "≤", "below": "<"}
TERMS = 8  # of a domain
FEW = 3  # sources and documents of a domain
EXCERPT = 110  # characters


def signals(facts: Facts) -> Html:
    """A histogram for each rule, those that dropped most first; nothing where none was counted."""
    if not facts.histograms:
        return join([])
    explained = ("What each rule looks at: how its value is distributed over all documents, on a logarithmic axis with two "
                 "columns for each doubling, and where the rule draws its line. A bound close to the bulk drops much, and "
                 "shifting it changes much.")
    order = sorted(range(len(facts.histograms)), key=lambda i: (-facts.histograms[i].dropped, i))
    cards = [_signal(facts.histograms[i]) for i in order]
    shown = len(cards) if len(cards) <= ALL_RULES else MOST_RULES
    rest = [tag("details", tag("summary", f"{len(cards) - shown} more rules, which dropped less"),
                tag("div", *cards[shown:], class_="grid"))] if shown < len(cards) else []
    return section("Signals and their bounds", hint(explained), legend(("kept", "within bounds"), ("drop", "outside")),
                   tag("div", *cards[:shown], class_="grid"), *rest)


def _signal(h: Histogram) -> Html:
    rule = h.rule
    lines = [(rule[key], f"{sign} {rule[key]:,}") for key, sign in LINES.items() if isinstance(rule.get(key), int | float)]
    outside = h.values - h.below - h.above if _inverse(rule) else h.below + h.above
    told: list[object] = [tag("strong", f"{number(h.dropped)} dropped") if h.dropped else "none dropped"]
    if outside > h.dropped:
        told.append(f"{number(outside - h.dropped)} more outside, gone by an earlier rule")
    told += [f"{number(h.values)} measured"]
    told += [f"{number(h.not_applicable)} not applicable"] if h.not_applicable else []
    says = f"{h.label}: {number(outside)} of {number(h.values)} outside of {bounds(rule)}"
    return tag("div", tag("h3", name(h.label)), tag("code", bounds(rule)), logarithmic(columns(h), lines, says),
               tag("p", *(join([" · " if i else "", part]) for i, part in enumerate(told)), class_="hint"),
               class_="card")


def columns(h: Histogram) -> list[Column]:
    """Every bin that holds a value. The ``below`` smallest values and the ``above`` largest are those outside of the bounds.

    An inverted rule drops the others. Where each group has its own bound, the bins do not tell what is dropped.
    """
    counted: list[tuple[str | int, int]] = [("< 0", h.negative), ("0", h.zero), *h.bins.items(), ("∞", h.infinite)]
    filled = [(at, n) for at, n in counted if n]
    dropped = [0] * len(filled)
    for outside, places in ((h.below, range(len(filled))), (h.above, reversed(range(len(filled))))):
        left = outside
        for i in places:
            taken = min(left, filled[i][1] - dropped[i])
            dropped[i] += taken
            left -= taken
    if h.rule.get("by"):
        return [Column(at, n) for at, n in filled]
    inverse = _inverse(h.rule)
    return [Column(at, n, n - lost if inverse else lost) for (at, n), lost in zip(filled, dropped, strict=True)]


def _inverse(rule: Mapping[str, Any]) -> bool:
    """Whether a rule drops what lies within its bounds; a Pareto draw has none."""
    return bool(rule.get("invert")) and "alpha" not in rule


def domain_map(facts: Facts) -> Html:
    """What the learned domains are made of, and which are alike; nothing where none were learned."""
    if not facts.cards:
        return join([])
    tokens = {d.domain: d.tokens for d in facts.domains}
    unit = facts.counted if tokens else "documents"
    circles = [_circle(c, tokens, unit) for c in facts.cards if "place" in c]
    explained = (f"Domains were learned from the text of a sample: documents with like words are together. Each circle is a "
                 f"domain, its area the {unit} in it. Circles that are near each other have similar words; the axes have no "
                 "meaning of their own.")
    headings = [Heading("Domain", "name"), Heading("Sampled"), Heading("Words that set it apart", "words"),
                Heading("Where from", "words"), Heading("Most typical documents", "words"), Heading("Least typical", "words")]
    picture = tag("div", scatter(circles, f"Map of {len(circles)} domains"), class_="scroll") if circles else ""
    return section("Map of domains", hint(explained), picture,
                   table(headings, sorted(facts.cards, key=lambda c: (-c["documents"], c["domain"])), _card))


def _circle(card: Mapping[str, Any], tokens: Mapping[str, int], unit: str) -> Circle:
    x, y = card["place"]
    return Circle(card["domain"], x, y, _size(card, tokens), _says(card, tokens, unit))


def _size(card: Mapping[str, Any], tokens: Mapping[str, int]) -> int:
    return tokens.get(card["domain"], 0) if tokens else int(card["documents"])


def _says(card: Mapping[str, Any], tokens: Mapping[str, int], unit: str) -> str:
    terms = ", ".join(str(term["term"]) for term in card["terms"][:TERMS])
    return f"{card['domain']}: {number(_size(card, tokens))} {unit}; {terms}"


def _card(card: Mapping[str, Any]) -> list[object]:
    terms = [join([", " if i else "", name(term["term"])]) for i, term in enumerate(card["terms"][:TERMS])]
    whole = max(1, card["documents"])
    sources = [tag("div", name(s["source"]), " ", tag("span", percent(s["documents"] / whole), class_="number"))
               for s in card["sources"][:FEW]]
    near, far = ([tag("div", name(excerpt(d["excerpt"])), class_="excerpt") for d in card.get(which, ())[:FEW]]
                 for which in ("nearest", "farthest"))
    return [name(card["domain"]), number(card["documents"]), join(terms), join(sources), join(near), join(far)]


def excerpt(text: str) -> str:
    """The first words, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[:EXCERPT].rstrip() + " …"
