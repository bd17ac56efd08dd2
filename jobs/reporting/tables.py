"""Tables and bars, the two things that a report is drawn with."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from corpusmill.jobs.reporting.html import Html, join, number, percent, tag

Item = TypeVar("Item")
ROWS = 200  # a page shows so many rows of a table; report.json holds them all


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``kind`` is the class of its cells: number, name, bar or none."""

    title: str
    kind: str | None = "number"


def table(columns: Sequence[Column], items: Sequence[Item], draw: Callable[[Item], Sequence[object]],
          foot: Sequence[object] | None = None) -> Html:
    """A row of cells for each of the first ``ROWS`` items."""
    head = tag("thead", tag("tr", *(tag("th", c.title, class_=c.kind, scope="col") for c in columns)))
    body = tag("tbody", *(_row(columns, draw(item)) for item in items[:ROWS]))
    tail = tag("tfoot", _row(columns, foot)) if foot else ""
    framed = tag("div", tag("table", head, body, tail), class_="scroll")
    if len(items) <= ROWS:
        return framed
    return join([framed, hint(f"{number(len(items) - ROWS)} more rows are in report.json.")])


def _row(columns: Sequence[Column], cells: Sequence[object]) -> Html:
    return tag("tr", *(tag("td", cell, class_=c.kind) for c, cell in zip(columns, cells, strict=True)))


def hint(text: object) -> Html:
    """A quiet line of explanation."""
    return tag("p", text, class_="hint")


def stacked(parts: Sequence[tuple[str, float]], says: str) -> Html:
    """One bar of parts side by side: (class, share of the whole), on a track."""
    drawn, at = [_rect("track", 0, 0, 100, 10)], 0.0
    for kind, share in parts:
        drawn.append(_rect(kind, at, 0, 100 * share, 10))
        at += 100 * share
    return _svg(drawn, 10, says)


def grouped(parts: Sequence[tuple[str, float]], says: str) -> Html:
    """Bars below each other: (class, length from 0 to 1)."""
    drawn = [_rect(kind, 0, 7 * i, 100 * share, 6) for i, (kind, share) in enumerate(parts)]
    return _svg(drawn, 7 * len(parts) - 1, says)


def legend(*entries: tuple[str, str]) -> Html:
    """(class, what it means) for the colours of bars."""
    swatches = [(tag("svg", _rect(kind, 0, 0, 10, 10), viewBox="0 0 10 10", aria_hidden="true"), text)
                for kind, text in entries]
    return tag("div", *(tag("span", *entry) for entry in swatches), class_="legend")


def _svg(drawn: Sequence[Html], height: int, says: str) -> Html:
    return tag("svg", tag("title", says), *drawn, viewBox=f"0 0 100 {height}", preserveAspectRatio="none", height=height,
               role="img", aria_label=says)


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Html:
    return tag("rect", class_=kind, x=f"{x:.3f}", y=f"{y:g}", width=f"{width:.3f}", height=f"{height:g}")


def share_of(part: int, whole: int) -> str:
    """A share in per cent; – of nothing."""
    return percent(part / whole) if whole else "–"
