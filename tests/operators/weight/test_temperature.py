import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.natural import Natural
from corpusmill.operators.weight.temperature import Temperature


def reference(counts, temperature):
    """U^(1/T) over its sum, with 60 digits."""
    with localcontext(prec=60):
        powers = [Decimal(n) ** (1 / Decimal(temperature)) if n else Decimal(0) for n in counts]
        return [float(p / sum(powers)) for p in powers]


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=6).filter(any), st.floats(0.05, 100))
def test_equals_a_reference_in_decimals(counts, temperature):
    names = "abcdef"[: len(counts)]
    solved = Temperature(temperature).solve(dict(zip(names, counts, strict=True)))
    for name, expected in zip(names, reference(counts, temperature), strict=True):
        assert math.isclose(solved[name], expected, rel_tol=1e-11, abs_tol=1e-300)


def test_one_is_natural_and_two_is_the_square_root():
    available = {"a": 1, "b": 4, "c": 9}
    assert Temperature(1.0).solve(available) == pytest.approx(Natural().solve(available), rel=1e-15)
    assert Temperature(2.0).solve(available) == pytest.approx({"a": 1 / 6, "b": 2 / 6, "c": 3 / 6}, rel=1e-15)


def test_low_temperatures_neither_overflow_nor_fail():
    assert Temperature(0.001).solve({"a": 10**13, "b": 10**12}) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan, math.inf, "two"])
def test_a_temperature_out_of_range_is_refused(temperature):
    with pytest.raises(ConfigError, match="temperature must be a number above 0"):
        Temperature(temperature)
