"""The page: what happened in a sentence, then in numbers, then in every detail."""

import json
from collections.abc import Sequence

from corpusmill.jobs.reporting import pictures, prose, regrouping, sections
from corpusmill.jobs.reporting.dedup import duplicates
from corpusmill.jobs.reporting.facts import FORMAT, Dataset, Facts
from corpusmill.jobs.reporting.gallery import gallery
from corpusmill.jobs.reporting.html import Html, join, number, seconds, size, tag
from corpusmill.jobs.reporting.reasons import reasons
from corpusmill.jobs.reporting.style import CSS
from corpusmill.jobs.reporting.tables import Column, hint, table
from corpusmill.jobs.reporting.timings import Timing
from corpusmill.jobs.reporting.weighing import weighing

# Nothing may be fetched or run, whatever a corpus puts on the page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render(facts: Facts, timings: Sequence[Timing]) -> bytes:
    """The page as one self-contained file."""
    title = prose.title(facts)
    head = tag(
        "head", tag("meta", charset="utf-8"), tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"), tag("title", f"{title} – corpusmill report"), tag("style", Html(CSS)),
    )
    main = tag("main", _opening(facts, title), sections.funnel(facts), reasons(facts), sections.sources(facts),
               pictures.signals(facts), duplicates(facts), pictures.domain_map(facts), regrouping.choice(facts),
               regrouping.crossed(facts), sections.domains(facts),
               weighing(facts), sections.mixture(facts), gallery(facts), _timings(timings), _datasets(facts), _footer(facts))
    page = tag("html", head, tag("body", main), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _opening(facts: Facts, title: str) -> Html:
    cards = [tag("div", tag("div", label, class_="label"), tag("div", value, class_="value"),
                 tag("div", says, class_="says"), class_="card") for label, value, says in prose.headline(facts)]
    return tag("header", tag("div", "corpusmill report", class_="eyebrow"), tag("h1", title),
               tag("p", prose.summary(facts), class_="lede"),
               *(tag("p", text, class_="notice") for text in prose.notices(facts)),
               tag("div", *cards, class_="cards") if cards else "")


def _timings(timings: Sequence[Timing]) -> Html:
    if not timings:
        return join([])
    columns = [Column("Dataset", None), Column("Wall time"), Column("Task time"), Column("Tasks"), Column("Rows/s"),
               Column("MB/s"), Column("Workers"), Column("Machine", None)]
    explained = ("How the run went that first made each dataset. «adopted» means that every task had been computed "
                 "before, by another run; rates are given where none was.")
    return sections.section("Timings", hint(explained), table(columns, timings, _timing))


def _timing(t: Timing) -> list[object]:
    run = t.run
    tasks = number(run["tasks_run"]) + (f" + {number(run['tasks_adopted'])} adopted" if run["tasks_adopted"] else "")
    machine = tag("span", f"{run['machine']}, {run['cpus']} CPUs, Python {run['python']}", class_="faint",
                  title=f"{run['system']}, pyarrow {run['pyarrow']}")
    took = ["adopted", "–"] if t.adopted else [seconds(run["wall_seconds"]), seconds(run["task_seconds"])]
    rate = "–" if t.rows_per_second is None else f"{t.rows_per_second:,.0f}"
    speed = "–" if t.mb_per_second is None else f"{t.mb_per_second:,.1f}"
    return [t.role, *took, tasks, rate, speed, number(run["workers"]), machine]


def _datasets(facts: Facts) -> Html:
    explained = ("Every dataset that led here: what identifies it, and its parameters. Equal content digests mean "
                 "equal content, on any machine.")
    roles = {d.key: d.role for d in facts.datasets}
    return sections.section("Configuration and digests", hint(explained),
                            *(_dataset(d, roles, told=d.manifest == facts.told) for d in facts.datasets))


def _dataset(d: Dataset, roles: dict[str, str], *, told: bool) -> Html:
    about = f"{number(d.rows)} rows, {number(d.shards)} shards, {size(d.bytes)}" if d.shards else size(d.bytes)
    listed = tag("dl", *(join([tag("dt", label), tag("dd", value)]) for label, value in _identity(d, roles)))
    subject = tag("span", "this report's subject", class_="tag") if told else ""
    # Counts by source or domain are in the tables above, and can be as many as there are web sites.
    counts = {name: n for name, n in d.counts.items() if "/" not in name}
    return tag("details", tag("summary", tag("strong", d.role), tag("span", about, class_="faint"), subject), listed,
               tag("h3", "Parameters"), _json(d.parameters), tag("h3", "Counts"), _json(counts))


def _identity(d: Dataset, roles: dict[str, str]) -> list[tuple[str, object]]:
    made_of = ", ".join(f"{role} {key[:8]}" for role, key in d.inputs.items()) or "nothing: it was read in"
    view = ", then ".join(["the documents' text", *(f"the edits of {roles.get(key, key)}" for key in d.view)])
    exact = "yes" if d.exact else "no: a run on another machine can differ slightly"
    entries: list[tuple[str, object]] = [
        ("content digest", tag("code", d.digest)), ("key", tag("code", d.key)), ("manifest", tag("code", d.manifest)),
        ("made from", made_of), ("text view", view), ("exact", exact),
    ]
    return [*entries, ("partial", "yes: a first look")] if d.partial else entries


def _json(value: object) -> Html:
    return tag("pre", json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def _footer(facts: Facts) -> Html:
    return tag("footer", "Told of ", tag("code", facts.told), ". All numbers are in report.json beside this page "
               f"({FORMAT}). Commas separate thousands; 1 MB is 10⁶ bytes.")
