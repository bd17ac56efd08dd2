import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.natural import Natural
from corpusmill.operators.weight.uniform import Uniform
from corpusmill.operators.weight.unimax import UniMax

NAMES = "abcdefgh"


def level(counts, budget, cap):
    """Allocations min(h, cap × count) that sum to the budget, with the water level h found by bisection."""
    low, high = 0.0, float(budget)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(min(middle, cap * n) for n in counts) > budget else (middle, high)
    given = [min(low, cap * n) for n in counts]
    return [g / sum(given) for g in given]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8), st.integers(1, 10**7), st.floats(0.1, 20))
def test_equals_a_water_level_found_by_bisection(counts, budget, cap):
    """The paper's one pass over sorted sizes finds the level at which the capped shares use up the budget."""
    names = NAMES[: len(counts)]
    solved = UniMax(budget, cap).solve(dict(zip(names, counts, strict=True)))
    for name, expected in zip(names, level(counts, budget, cap), strict=True):
        assert math.isclose(solved[name], expected, rel_tol=1e-9)


def test_a_worked_example():
    """Budget 120 for 3 domains: 10 tokens × 2 epochs = 20 < 40 is capped, the other two share 100."""
    solved = UniMax(budget=120, max_epochs=2.0).solve({"s": 10, "m": 60, "l": 500})
    assert solved == {"l": 5 / 12, "m": 5 / 12, "s": 1 / 6}


def test_no_budget_is_all_that_is_available():
    available = {"s": 10, "m": 60, "l": 500}
    assert UniMax().solve(available) == UniMax(budget=570).solve(available)


def test_uniform_for_small_budgets_and_natural_for_large_ones():
    available = {"s": 10, "m": 60, "l": 500}
    assert UniMax(budget=30, max_epochs=1.0).solve(available) == Uniform().solve(available)
    assert UniMax(budget=10**9).solve(available) == Natural().solve(available)


@pytest.mark.parametrize("settings", [{"budget": 0}, {"budget": 1.5}, {"max_epochs": 0.0}, {"max_epochs": math.nan}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=f"weigh.{next(iter(settings))} must be"):
        UniMax(**settings)
