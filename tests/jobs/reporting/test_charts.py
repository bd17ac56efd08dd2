import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.reporting.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    TICKS,
    TOP,
    Circle,
    Column,
    brief,
    curve,
    linear,
    logarithmic,
    plain,
    scatter,
    steps,
    ticks,
)

RECT = re.compile(r'<rect class="(\w+)" x="([-\d.]+)" y="([-\d.]+)" width="([-\d.]+)" height="([-\d.]+)"')
COUNT = st.tuples(st.integers(1, 10**6), st.integers(0, 10**6))
COUNTS = st.dictionaries(st.integers(-40, 60), COUNT, min_size=1, max_size=20)


@given(COUNTS, st.booleans(), st.lists(st.floats(1e-6, 1e6), max_size=2))
def test_every_bin_is_seen_and_all_stay_inside_of_the_plot(counts, zero, lines):
    columns = [Column("0", 3)] * zero + [Column(at, n, min(n, lost)) for at, (n, lost) in sorted(counts.items())]
    drawn = logarithmic(columns, [(value, "line") for value in lines], "says")
    found = [(kind, *map(float, numbers)) for kind, *numbers in RECT.findall(drawn)]
    assert sum(kind == "kept" for kind, *_ in found) == sum(c.count > c.dropped for c in columns)
    assert sum(kind == "drop" for kind, *_ in found) == sum(c.dropped > 0 for c in columns)
    for _, x, y, width, height in found:
        assert LEFT - 0.01 <= x < x + width <= RIGHT + 0.61
        assert TOP - 2.5 <= y < y + height <= BOTTOM + 0.01
    for x in map(float, re.findall(r'class="line" d="M([\d.]+) ', drawn)):
        assert LEFT <= x <= RIGHT


def test_a_bound_at_the_edge_of_a_bin_is_drawn_there():
    drawn = logarithmic([Column(b, 5) for b in range(20)], [(16.0, "≥ 16")], "says")
    (line,) = map(float, re.findall(r'class="line" d="M([\d.]+) ', drawn))
    starts = [float(x) for _, x, *_ in RECT.findall(drawn)]
    assert line == pytest.approx(starts[8], abs=0.1)


@given(st.floats(1e-9, 1e9), st.floats(1.5, 1e12))
def test_ticks_are_round_few_and_between(low, factor):
    found = ticks(low, low * factor)
    assert len(found) <= TICKS
    assert found == sorted(found)
    assert all(low <= value <= low * factor for value in found)


@pytest.mark.parametrize(("value", "wanted"), [
    (0.001, "0.001"), (250, "250"), (9999, "9999"), (20000, "20k"), (3e6, "3M"), (1e9, "1G"),
])
def test_axes_are_short(value, wanted):
    assert brief(value) == wanted


def test_columns_without_bins_have_their_counts():
    drawn = plain([Column("2", 26), Column("3–4", 1000)], "says")
    assert ">1,000</text>" in drawn
    heights = [float(height) for *_, height in RECT.findall(drawn)]
    assert heights == pytest.approx([(BOTTOM - TOP) * 0.026, BOTTOM - TOP], abs=0.01)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 10**9)), min_size=1, max_size=60))
def test_circles_have_areas_as_their_sizes_and_labels_do_not_overlap(places):
    drawn = scatter([Circle(f"domain {i}", *place, "says") for i, place in enumerate(places)], "says")
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', drawn)]
    sizes = sorted((size for *_, size in places), reverse=True)
    assert len(radii) == len(places)
    for radius, size in zip(radii, sizes, strict=True):
        if radius > 4:
            assert math.isclose(radius**2 / radii[0]**2, size / sizes[0], rel_tol=0.05)
    assert 1 <= drawn.count("<text") <= len(places)


@given(st.dictionaries(st.integers(60, 100), COUNT, min_size=1), st.floats(60, 100))
def test_bins_of_equal_width_stand_between_their_ticks(counts, line):
    columns = [Column(at, n, min(n, lost)) for at, (n, lost) in sorted(counts.items())]
    drawn = linear(columns, [(60, "0.6"), (80, "0.8"), (100, "1.0")], [(line, "here")], "says")
    step = (RIGHT - LEFT) / 41
    found = [(kind, *map(float, numbers)) for kind, *numbers in RECT.findall(drawn)]
    assert sum(kind == "drop" for kind, *_ in found) == sum(c.dropped > 0 for c in columns)
    assert {round((x - LEFT) / step) + 60 for _, x, *_ in found} == set(counts)
    for _, x, y, width, height in found:
        assert LEFT - 0.01 <= x < x + width <= RIGHT + 0.01
        assert TOP - 2.5 <= y < y + height <= BOTTOM + 0.01
    (x,) = map(float, re.findall(r'class="line" d="M([\d.]+) ', drawn))
    assert x == pytest.approx(LEFT + step * (line - 60), abs=0.06)


def test_a_curve_goes_from_corner_to_corner_with_its_points_on_it():
    drawn = curve([(0, 0), (0.5, 0.25), (1, 1)], [(0.5, 0.25, "a quarter at a half")], "says")
    middle = f"{(LEFT + RIGHT) / 2:.1f}", f"{BOTTOM - (BOTTOM - TOP) / 4:.1f}"
    assert f'points="{LEFT:.1f},{BOTTOM:.1f} {",".join(middle)} {RIGHT:.1f},{TOP:.1f}"' in drawn
    assert f'cx="{middle[0]}" cy="{middle[1]}"' in drawn
    assert "<title>a quarter at a half</title>" in drawn


@given(st.lists(st.floats(-1, 1e6), min_size=1, max_size=9), st.data())
def test_a_line_over_labels_stays_in_the_plot_and_marks_one(values, data):
    marked = data.draw(st.integers(0, len(values) - 1))
    drawn = steps([(f"k{i}", value) for i, value in enumerate(values)], marked, "says")
    found = re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)" r="(\d)"', drawn)
    assert [r == "6" for *_, r in found] == [i == marked for i in range(len(values))]
    heights = [float(y) for _, y, _ in found]
    assert all(LEFT <= float(x) <= RIGHT for x, *_ in found)
    assert all(TOP - 0.1 <= y <= BOTTOM + 0.1 for y in heights)
    assert heights[values.index(max(values))] == min(heights)
