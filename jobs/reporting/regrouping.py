"""The sections on how domains were found: what spoke for their number, and which sources they are made of."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from corpusmill.jobs.reporting.charts import steps
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.html import Html, join, name, number, percent, tag
from corpusmill.jobs.reporting.sections import section
from corpusmill.jobs.reporting.tables import Column, hint, table

TOLD = {"k", "silhouette", "stability", "least_words", "score", "chosen"}  # of each number that was tried
SOURCES = 12  # as columns; of more the last holds the others
Row = tuple[str, Sequence[int]]  # a domain and its documents by source


def choice(facts: Facts) -> Html:
    """Silhouette, stability and the smallest domain's words by number of domains.

    Nothing where the number was given, or was chosen by a version that told other measures.
    """
    if not facts.choice or any(TOLD - one.keys() for one in facts.choice):
        return join([])
    chosen = next(i for i, one in enumerate(facts.choice) if one["chosen"])
    explained = (f"{number(facts.choice[chosen]['k'])} domains have the best mean of silhouette (how much nearer "
                 "documents are to their own domain than to the next) and stability (how far two halves of the documents "
                 "give the same domains), each scaled from the worst to the best of the "
                 "numbers whose smallest domain has words enough.")
    plots = [_plot(facts.choice, key, label, chosen) for key, label in (
        ("silhouette", "Silhouette"), ("stability", "Stability"), ("least_words", "Words of the smallest domain"))]
    columns = [Column("Domains"), Column("Silhouette"), Column("Stability"), Column("Words of the smallest"),
               Column("Score"), Column("", "name")]
    return section("How many domains", hint(explained), tag("div", *plots, class_="grid"), table(columns, facts.choice, _tried))


def _plot(tried: Sequence[Mapping[str, Any]], key: str, label: str, chosen: int) -> Html:
    says = f"{label}: " + ", ".join(f"{one[key]:,} at {one['k']}" for one in tried)
    return tag("div", tag("h3", label), steps([(str(one["k"]), float(one[key])) for one in tried], chosen, says), class_="card")


def _tried(one: Mapping[str, Any]) -> list[object]:
    told = tag("span", "chosen", class_="tag") if one["chosen"] else "" if one["score"] is not None else "too few words"
    return [number(one["k"]), f"{one['silhouette']:.3f}", f"{one['stability']:.3f}", number(one["least_words"]),
            "–" if one["score"] is None else f"{one['score']:.3f}", told]


def crossed(facts: Facts) -> Html:
    """Documents of each domain by source; nothing where domains are sources, or have no counts of them."""
    counts = facts.crossed
    if not counts or all(source == domain for source, domain, _ in counts):
        return join([])
    sizes: collections.Counter[str] = collections.Counter()
    for source, _, n in counts:
        sizes[source] += n
    order = sorted(sizes, key=lambda source: (-sizes[source], source))
    named = order if len(order) <= SOURCES else order[: SOURCES - 1]
    rows = _rows(counts, named)
    heads = [*named, *([f"{number(len(order) - len(named))} others"] if len(named) < len(order) else [])]
    columns = [Column("Domain", "name"), *(Column(name(head)) for head in heads), Column("All")]
    foot = ["All", *(number(sum(row[i] for _, row in rows)) for i in range(len(heads))), number(sizes.total())]
    return section("Sources of each domain", hint("Documents by domain and source, and their share of the domain."),
                   table(columns, rows, lambda row: _crossed(row, len(heads)), foot))


def _rows(counts: Sequence[tuple[str, str, int]], named: Sequence[str]) -> list[Row]:
    """Largest domain first; the last number is that of the sources that are not named."""
    place = {source: i for i, source in enumerate(named)}
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0] * (len(named) + 1))
    for source, domain, n in counts:
        found[domain][place.get(source, len(named))] += n
    return sorted(found.items(), key=lambda row: (-sum(row[1]), row[0]))


def _crossed(row: Row, columns: int) -> list[object]:
    domain, counts = row
    whole = sum(counts)
    cells = [join([number(n), " ", tag("span", percent(n / whole), class_="number")]) if n else "" for n in counts[:columns]]
    return [name(domain), *cells, number(whole)]
