import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.unimax import UniMax
from corpusmill.operators.weight.utilimax import UtiliMax
from tests.support.mixing import grid

AVAILABLE = {"code": 100, "prose": 300, "web": 600}
TABLE = {"code": {"maths": 0.9, "reading": 0.1}, "prose": {"maths": 0.2, "reading": 0.8}, "web": {"maths": 0.3, "reading": 0.4}}


def solved(utilities=TABLE, available=AVAILABLE, **options):
    return UtiliMax(utilities, **options).weigh(available, {})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=2, max_size=5), st.floats(0, 1), st.floats(0.1, 0.9))
def test_equal_utilities_give_unimax(sizes, utility, part):
    """Then only the risk differs between mixtures, and the least sum of squares within caps is what UniMax fills."""
    available = dict(zip("abcde", sizes, strict=False))
    budget = max(1, int(part * 4 * sum(sizes)))
    found = solved({name: [utility, utility] for name in available}, available, budget=budget).proportions
    assert found == pytest.approx(UniMax(budget).solve(available), abs=1e-6)


@pytest.mark.parametrize(("risk", "max_epochs"), [(0.001, None), (0.1, None), (0.1, 1.5), (1.0, 2.0)])
def test_the_portfolio_is_that_of_a_grid(risk, max_epochs):
    found = np.array(list(solved(risk=risk, max_epochs=max_epochs, variances={"code": 2.0}).proportions.values()))
    points = grid(3, 200)
    if max_epochs:
        points = points[(points * 1000 <= max_epochs * np.array([100, 300, 600]) + 1e-9).all(1)]
    utilities = np.array([list(row.values()) for row in TABLE.values()])

    def cost(mixes):
        return ((mixes @ utilities - 1) ** 2).sum(1) + risk * 3 * (mixes**2 * [2.0, 1, 1]).sum(1)

    assert cost(found[None])[0] <= cost(points).min() + 1e-9
    assert np.abs(found - points[cost(points).argmin()]).max() < 0.02


def test_what_is_expected_of_each_task_is_told():
    found = solved(max_epochs=1.5)
    expected = sum(found.proportions[name] * TABLE[name]["maths"] for name in TABLE)
    assert found.details["solution"]["utilities"]["maths"] == pytest.approx(expected)
    assert any("'code'" in limit for limit in found.details["solution"]["binding"])


def test_a_table_may_be_a_file_in_any_order():
    table = pa.table({"maths": [0.3, 0.9, 0.2], "domain": ["web", "code", "prose"], "reading": [0.4, 0.1, 0.8]})
    assert UtiliMax("x.csv").weigh(AVAILABLE, {"utilities": table}).proportions == solved().proportions


@pytest.mark.parametrize(("utilities", "options", "message"), [
    (TABLE | {"wab": TABLE["web"]}, {}, "weigh.utilities names the domain 'wab'.*'web'"),
    ({"code": [1]}, {}, "weigh.utilities does not know 'prose', 'web': give each domain a row"),
    (TABLE | {"web": {"maths": 1}}, {}, "weigh.utilities.web has maths, the first domain has maths, reading"),
    (TABLE, {"risk": 0}, "weigh.risk must be"), (TABLE, {"variances": {"web": -1}}, "weigh.variances.web must be"),
    (TABLE, {"variances": {"wiki": 1}}, "weigh.variances names the domain 'wiki'"), (TABLE, {"budget": 0}, "weigh.budget"),
    (TABLE, {"variances": 3}, "weigh.variances=3"), (TABLE, {"max_epochs": -1}, "weigh.max_epochs must be"),
    (TABLE, {"budget": 10**6}, "weigh.max_epochs=4 of all 3 domains holds less"),
])  # fmt: skip
def test_a_wrong_setting_is_named(utilities, options, message):
    with pytest.raises((ConfigError, DataError), match=message):
        solved(utilities, **options)
