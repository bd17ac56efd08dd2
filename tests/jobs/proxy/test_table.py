import pyarrow as pa
import pytest

from corpusmill.jobs.proxy.table import asked, written
from corpusmill.operators.errors import DataError


def design(**columns):
    return pa.table({"run_id": ["a", "b"], "mix/x": [0.5, 0.2], "mix/y": [0.5, 0.8]} | columns)


def test_the_runs_of_a_design_are_its_rows_scaled_to_sum_to_one():
    rows = asked(design(**{"mix/y": [0.51, 0.8]}), "it")
    assert [(row.run_id, row.design, row.seed) for row in rows] == [("a", "", 0), ("b", "", 0)]
    assert rows[0].shares == (("x", pytest.approx(0.5 / 1.01)), ("y", pytest.approx(0.51 / 1.01)))
    assert [(row.design, row.seed) for row in asked(design(design=["d", None], seed=[3, None]), "it")] == [("d", 3), ("", 0)]


@pytest.mark.parametrize(("columns", "why"), [
    ({"run_id": ["a", "a"]}, "2 rows and 1 names"), ({"mix/x": [0.5, None]}, "shares of run b"),
    ({"mix/x": [-0.1, 0.2]}, "shares of run a"), ({"mix/x": [0.5, 0.4]}, "shares of run b"),
])
def test_what_is_no_design_is_refused(columns, why):
    with pytest.raises(DataError, match=f"^it.*{why}"):
        asked(design(**columns), "it")


def test_a_table_without_runs_or_shares_is_no_design():
    with pytest.raises(DataError, match="no column run_id"):
        asked(design().drop_columns(["run_id"]), "it")
    with pytest.raises(DataError, match="no column mix/<domain>"):
        asked(design().select(["run_id"]), "it")


def test_what_a_run_does_not_tell_is_null():
    told = {"status": "failed", "tokens": 4, "step": 1, "mix/x": 0.5, "mix/y": 0.5, "loss/x": None, "reason": "it burst"}
    rows = asked(design(), "it")
    _, runs = written(rows, [[told], [told | {"status": "done", "loss/x": 1.0, "reason": None}]], 7)
    assert runs.table.column("loss/x").to_pylist() == [None, 1.0]
    assert runs.table.column("reason").to_pylist() == ["it burst", None]
    assert runs.targets == ("x",)
