"""Pictures as SVG that scales with the page: columns along a logarithmic or linear axis or side by side, a curve, a map."""

import dataclasses
import math
from collections.abc import Sequence

from corpusmill.jobs.reporting.html import Html, number, tag
from corpusmill.operators.quality.histogram import edges

WIDTH, HEIGHT = 320, 132
LEFT, RIGHT, TOP, BOTTOM = 38, 312, 20, 106  # of the plot
MAP_WIDTH, MAP_HEIGHT, MARGIN = 1000, 430, 70
LARGEST, SMALLEST = 64.0, 4.0  # radius of a circle
CHARACTER = 6.7  # width of a letter of a label
LABEL = 28  # characters of a label
TICKS = 5
CLEAR = 14  # between the label of zero and the next
LEAST_BINS = 8  # along an axis


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    at: str | int  # a bin's number, or a label such as 0
    count: int
    dropped: int = 0  # of them, in the colour of what is dropped


@dataclasses.dataclass(frozen=True, slots=True)
class Circle:
    """One circle of a map."""

    label: str
    x: float
    y: float
    size: int
    says: str


def logarithmic(columns: Sequence[Column], lines: Sequence[tuple[float, str]], says: str) -> Html:
    """Columns of bins, those with labels beside them, and (value, label) of lines across."""
    numbers = [c.at for c in columns if isinstance(c.at, int)] + [_bin(v) for v, _ in lines if v > 0]
    first, last = (min(numbers), max(numbers)) if numbers else (0, 0)
    last = max(last, first + LEAST_BINS - 1)
    before = [c for c in columns if isinstance(c.at, str) and c.at != "∞"]
    after = [c for c in columns if c.at == "∞"]
    step = (RIGHT - LEFT) / (last - first + 1 + 1.5 * (len(before) + len(after)))
    start = LEFT + 1.5 * step * len(before)
    peak = max((c.count for c in columns), default=1)
    drawn = [_frame(brief(peak))]
    beside = [(LEFT + 1.5 * step * i, c) for i, c in enumerate(before)] + [(RIGHT - step, c) for c in after]
    for place, c in beside:
        drawn += [*_column(place, step, c, peak), _text(place + step / 2, BOTTOM + 14, str(c.at), "middle")]
    for c in columns:
        if isinstance(c.at, int):
            drawn += _column(start + step * (c.at - first), step, c, peak)
    for value in ticks(edges(first)[0], edges(last)[1]):
        x = start + step * (2 * math.log2(value) - first)
        if before and x < start + CLEAR:
            continue
        drawn.append(_tick(x, brief(value)))
    for value, label in lines:
        x = start + step * (2 * math.log2(value) - first) if value > 0 else start
        drawn += _line(x, label)
    return _svg(drawn, WIDTH, HEIGHT, says)


def plain(columns: Sequence[Column], says: str) -> Html:
    """Columns side by side, each with its label below and its count above."""
    peak = max((c.count for c in columns), default=1)
    step = min(60.0, (RIGHT - LEFT) / max(1, len(columns)))
    drawn = [_frame(brief(peak))]
    for i, c in enumerate(columns):
        x = LEFT + step * i
        drawn += [*_column(x + step * 0.1, step * 0.8, c, peak), _text(x + step / 2, BOTTOM + 14, str(c.at), "middle"),
                  _text(x + step / 2, BOTTOM - _height(c.count, peak) - 4, number(c.count), "middle")]
    return _svg(drawn, WIDTH, HEIGHT, says)


def linear(columns: Sequence[Column], ticks: Sequence[tuple[int, str]], lines: Sequence[tuple[float, str]], says: str) -> Html:
    """Columns of bins of equal width from the first tick to the bin that begins at the last, and (place, label) of lines."""
    first, last = ticks[0][0], ticks[-1][0]
    step = (RIGHT - LEFT) / (last + 1 - first)
    peak = max((c.count for c in columns), default=1)
    drawn = [_frame(brief(peak))]
    for c in columns:
        drawn += _column(LEFT + step * (int(c.at) - first), step, c, peak)
    drawn += [_tick(LEFT + step * (at - first), label) for at, label in ticks]
    for at, label in lines:
        drawn += _line(LEFT + step * (at - first), label)
    return _svg(drawn, WIDTH, HEIGHT, says)


def curve(line: Sequence[tuple[float, float]], points: Sequence[tuple[float, float, str]], says: str) -> Html:
    """A line through (x, y), both from 0 to 1, and points on it that say what they are."""
    places = " ".join(f"{_across(x):.1f},{_up(y):.1f}" for x, y in line)
    drawn = [_frame("100 %"), *(_tick(_across(i / 5), f"{i / 5:.1f}") for i in range(6)),
             tag("polyline", class_="curve", points=places)]
    drawn += [tag("circle", tag("title", told), class_="bubble", cx=f"{_across(x):.1f}", cy=f"{_up(y):.1f}", r="4")
              for x, y, told in points]
    return _svg(drawn, WIDTH, HEIGHT, says)


def steps(points: Sequence[tuple[str, float]], marked: int, says: str) -> Html:
    """A line through values at labels side by side, from 0 or their least to their largest; one of them is marked."""
    low, high = min(0.0, *(value for _, value in points)), max(value for _, value in points)
    places = [(_across((i + 0.5) / len(points)), _up((value - low) / ((high - low) or 1.0)), label, value)
              for i, (label, value) in enumerate(points)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in places)
    drawn = [_frame(brief(high), brief(low)), tag("polyline", class_="curve", points=line)]
    for i, (x, y, label, value) in enumerate(places):
        drawn += [tag("circle", tag("title", f"{label}: {brief(value)}"), class_="bubble", cx=f"{x:.1f}", cy=f"{y:.1f}",
                      r="6" if i == marked else "3"), _tick(x, label)]
    return _svg([*drawn, *_line(places[marked][0], places[marked][2])], WIDTH, HEIGHT, says)


def _across(x: float) -> float:
    return LEFT + (RIGHT - LEFT) * x


def _up(y: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * y


def _tick(x: float, label: str) -> Html:
    return tag("g", tag("path", class_="axis", d=f"M{x:.1f} {BOTTOM}v3"), _text(x, BOTTOM + 14, label, "middle"))


def _line(x: float, label: str) -> list[Html]:
    anchor = "start" if x < WIDTH / 3 else "end" if x > WIDTH * 2 / 3 else "middle"
    return [tag("path", class_="line", d=f"M{x:.1f} {TOP - 6}V{BOTTOM}"), _text(x, TOP - 9, label, anchor, "strong")]


def _frame(top: str, bottom: str = "0") -> Html:
    lines = (tag("path", class_=kind, d=f"M{LEFT} {y}H{RIGHT}") for kind, y in (("axis", BOTTOM), ("line faint", TOP)))
    return tag("g", *lines, _text(LEFT - 5, TOP + 4, top, "end"),
               _text(LEFT - 5, BOTTOM + 3, bottom, "end"))


def _column(x: float, width: float, c: Column, peak: int) -> list[Html]:
    """From the axis up: what is dropped, then the rest; whatever is above zero can be seen."""
    low, whole = _height(c.dropped, peak), _height(c.count, peak)
    whole = max(whole, low + (1.2 if c.count > c.dropped else 0))
    parts = (("kept", BOTTOM - whole, whole - low), ("drop", BOTTOM - low, low))
    return [tag("rect", class_=kind, x=f"{x:.2f}", y=f"{y:.2f}", width=f"{max(0.6, width - 0.8):.2f}", height=f"{height:.2f}")
            for kind, y, height in parts if height > 0]


def _height(count: int, peak: int) -> float:
    return max(1.2, (BOTTOM - TOP) * count / max(1, peak)) if count else 0.0


def _bin(value: float) -> int:
    return math.floor(2 * math.log2(value))


def ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two values, no more than ``TICKS``; more round numbers where those are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for mantissas in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [float(f"{m}e{e}") for e in range(first, last + 1) for m in mantissas if low <= float(f"{m}e{e}") <= high]
        if len(found) >= 3:
            break
    return found[:: max(1, math.ceil(len(found) / TICKS))]


def brief(value: float) -> str:
    """0.01, 250, 10k, 3M: for axes."""
    for unit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= unit:
            return f"{value / (1e3 if letter == 'k' else unit):.3g}{letter}"
    return f"{value:.4g}"


def scatter(circles: Sequence[Circle], says: str) -> Html:
    """Circles with areas as their sizes, the largest first so that none is hidden; labels where there is room for them."""
    found = sorted(circles, key=lambda c: (-c.size, c.label))
    xs, ys = [c.x for c in found], [c.y for c in found]
    scale = min((length - 2 * MARGIN) / max(max(at) - min(at), 1e-9)
                for length, at in ((MAP_WIDTH, xs), (MAP_HEIGHT, ys)))
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    peak = max(1, max(c.size for c in found))
    drawn, names = [], []
    boxes: list[tuple[float, float, float, float]] = []
    for c in found:
        x, y = MAP_WIDTH / 2 + scale * (c.x - middle[0]), MAP_HEIGHT / 2 - scale * (c.y - middle[1])
        r = max(SMALLEST, LARGEST * math.sqrt(c.size / peak))
        drawn.append(tag("circle", tag("title", c.says), class_="bubble", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:.1f}"))
        text = c.label if len(c.label) <= LABEL else c.label[: LABEL - 1] + "…"
        half = CHARACTER * len(text) / 2
        for at in (y + 4, y - r - 5, y + r + 13) if half < r * 2 else (y - r - 5, y + r + 13):
            inside = min(max(x, half + 4), MAP_WIDTH - half - 4)
            box = (inside - half, at - 11, inside + half, at + 3)
            if box[1] > 0 and box[3] < MAP_HEIGHT and not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                names.append(_text(inside, at, text, "middle", "strong"))
                break
    return _svg([*drawn, *names], MAP_WIDTH, MAP_HEIGHT, says)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _text(x: float, y: float, text: str, anchor: str, kind: str | None = None) -> Html:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)


def _svg(drawn: Sequence[Html], width: int, height: int, says: str) -> Html:
    return tag("svg", *drawn, viewBox=f"0 0 {width} {height}", role="img", aria_label=says, class_="chart")
