import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.quality.histogram import edges, tally

POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


def total(counts):
    return sum(n for name, n in counts.items() if name not in ("below", "above"))


@given(st.lists(st.one_of(POSITIVE, st.integers(0, 10**6).map(float)), min_size=1))
def test_bins_are_those_of_numpy(values):
    """Over the same edges; numpy closes the last bin, so one more stands after it."""
    values = np.array(values)
    counts = tally(values, None, None)
    numbers = sorted(int(name) for name in counts if name != "zero")
    assert counts.get("zero", 0) == int((values == 0).sum())
    if numbers:
        span = range(numbers[0], numbers[-1] + 3)
        expected, _ = np.histogram(values[values > 0], [edges(number)[0] for number in span])
        assert {number: n for number, n in zip(span, expected.tolist(), strict=False) if n} == {
            number: counts[str(number)] for number in numbers}


@given(st.lists(st.floats(allow_nan=True)), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_every_value_but_nan_is_in_one_bin_and_the_bounds_are_exact(values, low, high):
    counts = tally(np.array(values), low, high)
    known = [v for v in values if not math.isnan(v)]
    assert total(counts) == len(known)
    assert counts.get("below", 0) == sum(v < low for v in known)
    assert counts.get("above", 0) == sum(v > high for v in known)
    assert counts.get("negative", 0) == sum(v < 0 for v in known)
    assert counts.get("infinite", 0) == sum(v == math.inf for v in known)


@given(st.lists(POSITIVE), st.lists(POSITIVE))
def test_counts_add_up(first, second):
    parts = [tally(np.array(part), 1.0, 10.0) for part in (first, second)]
    whole = tally(np.array(first + second), 1.0, 10.0)
    assert {name: sum(part.get(name, 0) for part in parts) for name in {**parts[0], **parts[1]}} == whole


def test_extremes_have_bins():
    counts = tally(np.array([5e-324, 1.7e308]), None, None)
    first, last = sorted(map(int, counts))
    assert 0 < edges(first)[0] <= 5e-324
    assert edges(last)[0] <= 1.7e308 <= edges(last)[1]


def test_powers_of_two_begin_a_bin_and_there_are_two_to_each_doubling():
    assert tally(np.array([1.0, 1.4, 1.5, 2.0, 0.5]), None, None) == {"0": 2, "1": 1, "2": 1, "-2": 1}
    for number in range(-9, 9):
        low, high = edges(number)
        assert math.isclose(high / low, math.sqrt(2))
        assert edges(number + 1)[0] == high
