"""``runs``: run tables of ours and of other people."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from corpusmill.operators.weight.runs import Runs

REGMIX = Path(__file__).parents[2] / ".." / "shared" / "data" / "mixlaw"
MIXTURES = "index,train_web,train_code\n2,1.0,0.0\n1,0.5,0.5\n3,0.5,0.5\n"
LOSSES = "index,valid_chat\n1,3.5\n3,3.7\n2,4.0\n"
ROWS = {"run_id": ["a"], "mix/web": [0.25], "mix/code": [0.75], "loss/chat": [4.0]}


@pytest.fixture
def files(tmp_path):
    """Shares, losses, and a table."""
    (tmp_path / "mix.csv").write_text(MIXTURES)
    (tmp_path / "loss.csv").write_text(LOSSES)
    pq.write_table(pa.table(ROWS), tmp_path / "table.parquet")
    return {"mix": f"mixtures={tmp_path}/mix.csv", "loss": f"losses={tmp_path}/loss.csv", "table": f"{tmp_path}/table.parquet"}


def read(mill, uri):
    made = mill.manifest(uri)
    return Runs.of(pq.read_table(mill.root / made.folder / made.details["file"]))


def test_two_tables_of_csv_become_a_run_table(mill, files):
    result = mill.run("runs", files["mix"], files["loss"], "n_params=1e6", "tokens=1B")
    assert result.code == 0, result.err
    runs = read(mill, result.uri)
    assert (runs.domains, runs.targets, len(runs)) == (("code", "web"), ("chat",), 3)
    assert set(runs.table.column("n_params").to_pylist()) == {1_000_000}
    assert set(runs.table.column("tokens").to_pylist()) == {10**9}
    assert "3 runs of 2 mixtures; 2 domains, 1 targets" in result.err
    assert mill.manifest(result.uri).details["noise"]["chat"] == pytest.approx(0.2 / 2**0.5)
    assert mill("runs", files["mix"], files["loss"], "n_params=1e6", "tokens=1B") == result.uri
    assert mill("runs", files["mix"], files["loss"]) != result.uri


def test_several_tables_become_one(mill, files, tmp_path):
    mill("runs", files["mix"], files["loss"], "name=theirs")
    pa.csv.write_csv(pa.table(ROWS | {"run_id": ["b"]}), tmp_path / "more.csv")
    uri = mill("runs", f"tables=['@theirs', '{files['table']}', '{tmp_path}/more.csv']")
    runs = read(mill, uri)
    assert runs.table.column("run_id").to_pylist() == ["1", "2", "3", "a", "b"]
    assert list(mill.manifest(uri).inputs) == ["runs_0"]
    assert [row["run_id"] for row in mill.rows(uri)] == ["1", "2", "3", "a", "b"]


def test_runs_that_are_called_alike_are_told_apart_by_a_prefix(mill, files):
    mill("runs", files["mix"], files["loss"], "n_params=1e6", "name=small")
    mill("runs", files["mix"], files["loss"], "n_params=6e7", "name=large")
    refused = mill.run("runs", "tables=[@small,@large]")
    assert (refused.code, "run 1 stands there twice; runs of several tables" in refused.err) == (1, True)
    mill("runs", files["mix"], files["loss"], "n_params=6e7", "prefix=large-", "name=large")
    table = read(mill, mill("runs", "tables=[@small,@large]")).table
    assert dict(zip(table.column("run_id").to_pylist(), table.column("n_params").to_pylist(), strict=True)) == {
        name: size for lead, size in (("", 10**6), ("large-", 6 * 10**7)) for name in (f"{lead}{n}" for n in (1, 2, 3))}


def test_a_changed_file_is_another_table(mill, files, tmp_path):
    uri = mill("runs", f"table={files['table']}")
    pq.write_table(pa.table(ROWS | {"loss/chat": [4.1]}), tmp_path / "table.parquet")
    assert mill("runs", f"table={files['table']}") != uri


@pytest.mark.parametrize(("words", "code", "message"), [
    ((), 2, "give mixtures and losses, or a table, or tables"),
    (("mixtures=x.csv",), 2, "give mixtures and losses"),
    (("table=x.csv", "tables=[y.csv]"), 2, "give mixtures and losses, or a table, or tables"),
    (("table=/none/x.csv",), 2, "there is no such file"),
    (("table=@none",), 2, "no manifest is named @none"),
    (("tables=[TABLE,TABLE]",), 2, "is given twice"),
    (("table=MIX",), 1, "has no column mix/<domain>"),
])
def test_what_is_no_run_table_is_refused(mill, files, words, code, message):
    names = {"TABLE": files["table"], "MIX": files["mix"].removeprefix("mixtures=")}
    for name, path in names.items():
        words = tuple(word.replace(name, path) for word in words)
    result = mill.run("runs", *words)
    assert (result.code, "Traceback" in result.err) == (code, False)
    assert message in result.err


@pytest.mark.corpus
@pytest.mark.skipif(not REGMIX.exists(), reason="no shared data")
def test_the_runs_of_regmix(mill):
    """512 runs of models of 1M parameters, over 17 domains of the Pile, at 13 targets."""
    uri = mill("runs", f"mixtures={REGMIX}/train_mixture_1m.csv", f"losses={REGMIX}/train_pile_loss_1m.csv")
    runs = read(mill, uri)
    assert (len(runs), len(runs.domains), len(runs.targets)) == (512, 17, 13)
