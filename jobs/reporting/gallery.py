"""The section that shows documents, folded: kept ones, those that each reason dropped, and pairs of duplicates."""

from collections.abc import Iterable

from corpusmill.jobs.filtering.wording import bounds
from corpusmill.jobs.inspecting.words import compare
from corpusmill.jobs.reporting.examples import Outcome, Pair, Shown
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.html import Html, join, name, number, plural, tag
from corpusmill.jobs.reporting.reasons import rules_of
from corpusmill.jobs.reporting.sections import section
from corpusmill.jobs.reporting.tables import hint
from corpusmill.operators.schema import KINDS


def gallery(facts: Facts) -> Html:
    """Nothing where no document can have been dropped."""
    found = facts.examples
    if not found.outcomes and not found.pairs and not found.note:
        return join([])
    rules = {rule["reason"]: bounds(rule) for rule in rules_of(facts)}
    kinds = {kind: [one for one in found.pairs if one.kind == kind] for kind in KINDS}
    folded = [*(_outcome(outcome, rules.get(outcome.outcome, "")) for outcome in found.outcomes),
              *(_pairs(facts, kind, pairs) for kind, pairs in kinds.items() if pairs)]
    explained = ("A few documents of each outcome, drawn at random but the same in every report of this dataset. Do you agree "
                 "with what was dropped, and with what was kept by a small margin? corpusmill inspect shows more of any "
                 "outcome.")
    note = tag("p", found.note, class_="notice") if found.note else ""
    return section("Documents to look at", hint(explained), note, *folded)


def _outcome(outcome: Outcome, rule: str) -> Html:
    kept = outcome.outcome == "kept"
    heading = tag("strong", "Kept") if kept else join(["Dropped as ", tag("strong", name(outcome.outcome))])
    about = f"{len(outcome.documents)} of {number(outcome.count)}" + (f"; kept where {rule}" if rule else "")
    near = [tag("h3", "Kept, but near the bound"), *map(_sample, outcome.borderline)] if outcome.borderline else []
    return fold(heading, about, [*map(_sample, outcome.documents), *near])


def _sample(d: Shown) -> Html:
    return tag("div", _about(d), _text(d, d.text), class_="sample")


def _pairs(facts: Facts, kind: str, pairs: list[Pair]) -> Html:
    count = facts.clusters.kinds.get(kind, len(pairs)) if facts.clusters else len(pairs)
    about = f"{len(pairs)} of {number(count)} dropped documents, each beside the kept one"
    return fold(tag("strong", f"{kind.capitalize()} duplicates"), about, map(pair, pairs))


def fold(heading: object, about: str, content: Iterable[Html]) -> Html:
    """What opens when its heading is clicked."""
    return tag("details", tag("summary", heading, tag("span", about, class_="faint")), *content)


def pair(one: Pair) -> Html:
    """Both documents side by side, with the words that differ marked."""
    left: list[object] = []
    right: list[object] = []
    for span in compare(one.dropped.text, one.kept.text):
        for side, text in ((left, span.left), (right, span.right)):
            side.append(text if span.equal else tag("mark", text) if text else "")
    marked = "words that differ are marked" if left != right else "the part that is shown is the same in both"
    cluster = f", {plural(one.cluster_size, 'document')} in the cluster" if one.cluster_size else ""
    alike = f"Similarity {one.similarity:.2f}{cluster}; {marked}."
    kept = f"Published in {one.dataset}" if one.dataset else "Kept"
    headings = ("Dropped", kept) if one.cluster_size else ("Lower in rank", "Upper")
    return tag("div", hint(alike),
               tag("div", tag("div", tag("h3", headings[0]), _about(one.dropped), _text(one.dropped, join(left))),
                   tag("div", tag("h3", headings[1]), _about(one.kept), _text(one.kept, join(right))), class_="pair"),
               class_="sample")


def _about(d: Shown) -> Html:
    signals = [tag("span", f"{signal} = {value}", class_="tag") for signal, value in d.signals.items()]
    return tag("p", name(d.source), " ", tag("code", name(d.native_id)), " ", *signals, class_="hint")


def _text(d: Shown, shown: object) -> Html:
    """The text as it is, in its own direction, with what was left out."""
    rest = d.length - d.start - len(d.text)
    before = tag("span", f"{number(d.start)} characters before … ", class_="faint") if d.start else ""
    after = tag("span", f" … {number(rest)} more characters", class_="faint") if rest else ""
    return tag("pre", before, tag("bdi", shown), after, dir="auto")
