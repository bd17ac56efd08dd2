import numpy as np
import pyarrow as pa
import pytest

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Runs, joined

ROWS = {"run_id": ["a", "a", "b"], "status": ["done", "done", "failed"], "step": [10, 20, 10], "n_params": [5, 5, 5],
        "mix/web": [0.25, 0.25, 1.0], "mix/code": [0.75, 0.75, 0.0], "loss/web": [3.0, 2.5, None],
        "loss/chat": [4.0, 3.5, None]}


def table(**changed):
    return pa.table(ROWS | changed)


def test_a_table_is_read():
    runs = Runs.of(table())
    assert (runs.domains, runs.targets, len(runs)) == (("code", "web"), ("chat", "web"), 3)
    assert runs.points.mix.tolist() == [[0.75, 0.25], [0.75, 0.25], [0, 1]]
    assert runs.losses[:2].tolist() == [[4, 3], [3.5, 2.5]]
    assert (runs.points.parameters.tolist(), runs.points.tokens, runs.points.unique) == ([5, 5, 5], None, None)


def test_the_last_step_of_runs_that_are_done():
    last = Runs.of(table()).final()
    assert (last.table.column("run_id").to_pylist(), last.losses.tolist()) == (["a"], [[3.5, 2.5]])


@pytest.mark.parametrize(("changed", "message"), [
    ({"mix/web": [0.25, 0.3, 1.0]}, "run a must be numbers from 0 that sum to 1, they sum to 1.05"),
    ({"mix/web": [0.25, None, 1.0]}, "the shares of run a"),
    ({"mix/web": [-0.25, 0.25, 1.0], "mix/code": [1.25, 0.75, 0]}, "the shares of run a"),
    ({"loss/web": [3.0, float("nan"), None]}, "run a is done but a loss of it is missing"),
    ({"step": [10, 10, 10]}, "run a stands there twice at step 10"),
    ({"status": ["done", "half", "failed"]}, "status 'half' is none of"),
    ({"loss/web": ["x", "y", "z"]}, "loss/web is no column of numbers"),
    ({"unique_tokens/web": [1, 1, 1]}, "but not unique_tokens/code"),
    ({"unique_tokens/web": [1, None, 1], "unique_tokens/code": [1, 1, 1]}, "the unique tokens of run a must be numbers from 0"),
    ({"unique_tokens/web": [1, 1, -1], "unique_tokens/code": [1, 1, 1]}, "the unique tokens of run b must be numbers from 0"),
    ({"n_params": [5, 5, -5]}, "n_params goes down to -5"), ({"tokens": [1, 0, 1]}, "tokens goes down to 0"),
])
def test_what_is_no_run_table_is_refused(changed, message):
    with pytest.raises(DataError, match=message):
        Runs.of(table(**changed))


def test_columns_that_must_be_there():
    for left_out in ("mix/", "loss/", "run_id"):
        kept = {name: values for name, values in ROWS.items() if not name.startswith(left_out)}
        with pytest.raises(DataError, match=left_out):
            Runs.of(pa.table(kept))


def test_two_tables_are_joined_on_their_index():
    mixtures = pa.table({"index": [2, 1], "train_web": [1.0, 0.5], "train_code": [0.0, 0.5]})
    losses = pa.table({"index": ["1", "2"], "valid_chat": [3.0, 4.0]})
    runs = Runs.of(joined(mixtures, losses))
    assert (runs.domains, runs.targets) == (("code", "web"), ("chat",))
    assert dict(zip(runs.table.column("run_id").to_pylist(), runs.losses[:, 0], strict=True)) == {"1": 3.0, "2": 4.0}
    with pytest.raises(DataError, match="index 2 is in one of"):
        joined(mixtures, pa.table({"index": [1, 3], "valid_chat": [3.0, 4.0]}))
    with pytest.raises(DataError, match="not unique"):
        joined(pa.table({"index": [1, 1], "train_web": [1.0, 1.0]}), losses)


def test_rounded_shares_are_scaled_to_one():
    runs = Runs.of(pa.table({"run_id": ["a"], "mix/web": [0.668], "mix/code": [0.331], "loss/web": [2.0]}))
    assert runs.points.mix.sum() == pytest.approx(1, abs=1e-15)
    assert runs.take(np.array([True])).points.mix.tolist() == runs.points.mix.tolist()


def test_runs_that_the_design_holds_out_are_no_part_of_the_fit():
    runs = Runs.of(table(design=["dirichlet", "dirichlet", "dirichlet/held_out"]))
    kept, apart = runs.split()
    assert (kept.table.column("run_id").to_pylist(), apart.table.column("run_id").to_pylist()) == (["a", "a"], ["b"])
    assert Runs.of(table()).split()[1] is None
    with pytest.raises(DataError, match="all 3 rows are of a design that ends in /held_out"):
        Runs.of(table(design=["x/held_out"] * 3)).split()


def test_the_same_run_under_two_names_counts_once():
    rows = {"run_id": ["a", "b", "c"], "seed": [0, 0, 1], "mix/web": [1.0] * 3, "loss/web": [2.0, 2.0, 2.0]}
    kept, twice = Runs.of(pa.table(rows)).distinct()
    assert (kept.table.column("run_id").to_pylist(), twice) == (["a", "c"], 1)
