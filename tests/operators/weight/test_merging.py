import pyarrow as pa
import pytest

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.merging import merged, summary

ROWS = {"run_id": ["a", "b"], "seed": [0, 1], "n_params": [5, 5], "tokens": [9, 9], "mix/web": [0.25, 1.0],
        "mix/code": [0.75, 0.0], "loss/chat": [4.0, 3.0]}


def table(**changed):
    return pa.table(ROWS | changed)


def test_tables_are_put_together_with_the_columns_of_the_schema_first():
    other = pa.table({"loss/chat": [2.0], "flops": [7.5], "mix/code": [0.5], "mix/web": [0.5], "run_id": ["c"],
                      "design": ["d"]})
    runs = merged({"A": table(), "B": other})
    assert runs.table.column_names == ["run_id", "design", "seed", "status", "n_params", "tokens", "step", "mix/code",
                                       "mix/web", "loss/chat", "flops"]
    assert runs.table.column("run_id").to_pylist() == ["a", "b", "c"]
    assert runs.table.column("flops").to_pylist() == [None, None, 7.5]
    assert runs.table.column("n_params").to_pylist() == [5, 5, None]
    assert runs.table.column("status").to_pylist() == ["done"] * 3


@pytest.mark.parametrize(("changed", "message"), [
    ({"mix/books": [0.0, 0.0]}, "mix/books is in B but not in A"),
    ({"loss/news": [1.0, 1.0]}, "loss/news is in B but not in A"),
    ({"unique_tokens/web": [1, 1], "unique_tokens/code": [1, 1]}, "unique_tokens/code is in B but not in A"),
    ({}, "A, B: run a stands there twice"),
    ({"run_id": ["c", "d"], "mix/web": [0.3, 1.0]}, "B: the shares of run c"),
])
def test_tables_that_do_not_go_together_are_refused(changed, message):
    with pytest.raises(DataError, match=message):
        merged({"A": table(), "B": table(**changed)})


def test_columns_of_different_types_are_refused():
    with pytest.raises(DataError, match="different types"):
        merged({"A": table(extra=["x", "y"]), "B": table(run_id=["c", "d"], extra=[[1], [2]])})


def test_what_a_table_holds():
    told = summary(merged({"A": table(run_id=["a", "b"]),
                           "B": table(run_id=["c", "d"], **{"loss/chat": [4.5, 3.0], "status": ["done", "failed"]})}))
    assert (told["rows"], told["runs"], told["mixtures"]) == (4, 4, 2)
    assert told["status"] == {"done": 3, "failed": 1}
    assert told["sizes"] == [{"n_params": 5, "tokens": 9}]
    assert told["shares"]["web"] == [0.25, 0.25, 1.0]
    assert told["losses"]["chat"] == [3.0, 4.0, 4.5]
    assert told["noise"]["chat"] == pytest.approx(0.5 / 2**0.5)
    assert summary(merged({"A": table()}))["noise"] is None
