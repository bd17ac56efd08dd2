"""The section on how the domains were weighed."""

from collections.abc import Mapping

import numpy as np

from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.html import Html, join, number, percent, plural, tag
from corpusmill.jobs.reporting.sections import section
from corpusmill.jobs.reporting.tables import Column, hint, table
from corpusmill.jobs.reporting.weights import CourseFacts, LawFacts


def weighing(facts: Facts) -> Html:
    """The section; nothing where nothing was weighed."""
    if (found := facts.weighing) is None:
        return join([])
    parts = [*(_told_law(found.law) if found.law else []), *(_told_shares(found.strategies) if found.strategies else []),
             *(_told_course(found.course) if found.course else [])]
    return section("How the domains were weighed", *parts)


def _told_law(law: LawFacts) -> list[Html]:
    from corpusmill.jobs.reporting import figures  # matplotlib takes half a second that most reports do not need

    columns = [Column("Target", "name"), Column("Relative error"), Column("Absolute error"), Column("Rank correlation"),
               Column("Follows", None)]
    rows = list(zip(law.targets, law.follows, strict=True))
    explained = (f"The law «{law.name}», fitted on {plural(len(law.observed), 'run')}. Errors are those of laws that did not "
                 "see the run they are asked about.")
    drawn = [hint(explained), *(tag("p", warning, class_="notice") for warning in law.warnings),
             table(columns, rows, lambda row: _error(law.errors[row[0]], *row))]
    if law.held_out:
        figure = figures.predicted_observed(law.targets, np.array(law.observed), np.array(law.held_out))
        drawn.append(figures.picture(figure, "Predicted against observed losses, a panel per target"))
    if law.lines:
        titles = [f"{target}\nby share of {domain}" for target, domain in rows]
        figure = figures.loss_share(titles, np.array(law.shares), np.array(law.observed), np.array(law.lines), np.array(law.at))
        drawn.append(figures.picture(figure, "Losses against the share of the domain that each follows most, and the law"))
    return drawn


def _error(errors: Mapping[str, float], target: str, domain: str) -> list[object]:
    return [target, percent(errors["mre"]), f"{errors['mae']:.4f}", f"{errors['spearman']:.3f}", domain]


def _told_shares(strategies: Mapping[str, Mapping[str, float]]) -> list[Html]:
    from corpusmill.jobs.reporting import figures

    domains = sorted(strategies["chosen"], key=lambda domain: (-strategies["chosen"][domain], domain))
    shares = {name: [given.get(domain, 0.0) for domain in domains] for name, given in strategies.items()}
    return [figures.picture(figures.strategies(domains, shares), f"Shares of {number(len(domains))} domains by strategy")]


def _told_course(course: CourseFacts) -> list[Html]:
    from corpusmill.jobs.reporting import figures

    explained = (f"Proportions that {course.rule} gave the domains in each of {plural(len(course.steps), 'round')}, and how "
                 "their gradients pointed in the last one.")
    drawn = [hint(explained), figures.picture(figures.trajectories(course.domains, course.steps, np.array(course.shares)),
                                              "Shares of domains by step")]
    if course.gram:
        cosines = figures.gram(course.domains, np.array(course.gram))
        drawn.append(figures.picture(cosines, "Cosines between gradients of domains"))
    return drawn
