"""``corpusmill proxy``: from a design to a table of runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from proxies import WORDS, commit_design

from corpusmill.jobs import proxy
from corpusmill.jobs.proxy import learn
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.operators.lm import mixing
from corpusmill.operators.weight.runs import Runs

SMALL = ("proxy", "design=@mixes", "proxy.layers=1", "proxy.width=16", "proxy.heads=1", "proxy.context=16",
         "proxy.tokens=20000", "proxy.batch=32", "proxy.rate=0.02", "streams.held_out=1000", "device=cpu", "quiet=true")
MIXES = [[1, 0, 0], [0, 0.5, 0.5], [0.2, 0.3, 0.5]]
TIMES = ("seconds", "tokens_per_second", "of_limit")


def table_of(mill, uri):
    """The table of a run's manifest."""
    made = mill.manifest(uri)
    return pq.read_table(pa.BufferReader(mill.store.read(f"{made.folder}/runs.parquet")))


def lasting(table):
    """All but how long it took."""
    return table.drop_columns(list(TIMES)).to_pylist()


def test_every_run_is_evaluated_at_the_steps_that_are_asked(mill, three_domains):
    commit_design(mill.store, three_domains(), MIXES)
    made = mill.manifest(mill(*SMALL, "eval.at=[0.5]"))
    table = table_of(mill, made.path)
    runs = Runs.of(table)
    steps = -(-20000 // (32 * 16))
    assert table.column("step").to_pylist() == [steps // 2, steps] * 3
    assert table.column("tokens").to_pylist() == [steps // 2 * 512, steps * 512] * 3
    assert set(table.column("status").to_pylist()) == {"done"}
    assert runs.domains == runs.targets == tuple(WORDS)
    last = runs.final()
    assert np.abs(last.points.mix - MIXES).max() <= 1 / (steps * 32)
    assert table.column("flops").to_pylist()[-1] == proxy.Shape(1, 16, 1, 16).flops * steps * 512
    assert made.details["flops"] == 3 * table.column("flops").to_pylist()[-1]
    assert made.details["n_params"] == proxy.Shape(1, 16, 1, 16).parameters
    assert 0 < made.details["of_limit"] < 1.5
    assert last.losses[0].argmin() == 0  # who read of the field only knows the field
    assert last.losses[1].argmax() == 0
    bits = [row["bpb/field"] / row["loss/field"] for row in table.to_pylist()]
    assert bits == pytest.approx([bits[0]] * 6)
    assert bits[0] == pytest.approx(1 / np.log(2), rel=0.02)  # a byte is a token, but for boundaries


def test_the_table_does_not_depend_on_shards_order_or_what_else_is_asked(mill, three_domains):
    commit_design(mill.store, three_domains(), MIXES)
    one = lasting(table_of(mill, mill(*SMALL)))
    small = ("ingest.shard_bytes=4000", "ingest.row_group_bytes=1000")
    commit_design(mill.store, three_domains(*small), [MIXES[2], MIXES[0]], name="other")
    result = mill.run(*SMALL, "design=@other", engine=("engine=inline", "engine.shuffle=4"))
    other = lasting(table_of(mill, result.uri))
    own = ("run_id", "design")
    assert [{k: v for k, v in row.items() if k not in own} for row in other] == \
        [{k: v for k, v in row.items() if k not in own} for row in one[6:] + one[:3]]


def test_seeds_are_of_the_first_weights_and_the_same_run_is_run_once(mill, three_domains, tasks_run):
    uri = three_domains()
    commit_design(mill.store, uri, [MIXES[2]] * 3, [0, 0, 1])
    found = table_of(mill, mill(*SMALL)).to_pylist()
    assert tasks_run["Learn"] == 2
    first, again, other = (row["loss/pond"] for row in found if row["step"] == found[-1]["step"])
    assert first == again != other
    commit_design(mill.store, uri, [MIXES[2], MIXES[0]], [1, 1])
    mill(*SMALL)
    assert tasks_run["Learn"] == 3


def test_a_driver_that_is_interrupted_goes_on_from_its_checkpoint(mill, three_domains, monkeypatch):
    commit_design(mill.store, three_domains(), MIXES)
    whole = mill.manifest(mill(*SMALL))
    table = lasting(table_of(mill, whole.path))
    mill.store.delete(whole.path)
    for entry in list(mill.store.list("runs/shards/")):
        mill.store.delete(entry.path)
    advance, taken = mixing.MixtureTrainer.advance, []

    def interrupted(self):
        taken.append(self.step)
        if len(taken) == 60:
            raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(learn, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(mixing.MixtureTrainer, "advance", interrupted)
    assert mill.run(*SMALL).code == 130
    again = mill.manifest(mill(*SMALL))
    assert lasting(table_of(mill, again.path)) == table
    assert taken[:60] == [*range(40), *range(20)]
    assert taken[60:] == [*range(19, 40), *range(40)]
    assert not list(mill.store.list(f"runs/{again.key}/scratch/"))


@pytest.mark.ray
@pytest.mark.faults
def test_workers_that_are_killed_change_nothing(mill, make_mill, three_domains, tmp_path):
    commit_design(mill.store, three_domains(), MIXES)
    wanted = lasting(table_of(mill, mill(*SMALL)))
    commit_design(mill.store, three_domains(), MIXES, name="mixes")
    for entry in [*mill.store.list("runs/")]:
        mill.store.delete(entry.path)
    kills = tmp_path / "kills"
    kills.mkdir()
    script = Path(__file__).parents[1] / "support" / "killing_runs.py"
    done = subprocess.run([sys.executable, script, kills, SMALL[0], f"store.root={mill.root}", "engine.workers=2", *SMALL[1:]],
                          capture_output=True, text=True, env=os.environ | {"PYTHONSAFEPATH": "1"})
    assert done.returncode == 0, done.stderr
    assert {path.name for path in kills.iterdir()} == {"9", "23"}
    made = next(line for line in done.stdout.splitlines() if line.startswith("manifest: "))  # Ray tells of the dead beside it
    assert lasting(table_of(mill, made.removeprefix("manifest: "))) == wanted


def test_a_run_that_diverges_is_told_and_the_others_go_on(mill, three_domains, monkeypatch):
    commit_design(mill.store, three_domains(), MIXES)
    learn_step = mixing.MixtureTrainer.learn

    def burst(self, tokens):
        loss = learn_step(self, tokens)
        return self.finite(float("nan")) if self.streams.names == ("field",) and self.step == 15 else loss

    monkeypatch.setattr(mixing.MixtureTrainer, "learn", burst)
    made = mill.manifest(mill(*SMALL))
    table = table_of(mill, made.path)
    assert table.column("status").to_pylist() == ["failed"] * 2 + ["done"] * 6
    assert table.column("loss/field").to_pylist()[0] > 0
    assert table.column("loss/field").to_pylist()[1] is None
    assert "the loss of step 15 is nan" in made.details["failed"]["r0"]
    assert len(Runs.of(table).final()) == 2
    commit_design(mill.store, mill.lineage(made.path)["domains"].path, [MIXES[0]])
    refused = mill.run(*SMALL)
    assert (refused.code, "all 1 runs failed, the first because the loss of step 15 is nan" in refused.err) == (1, True)


def test_a_run_that_learns_nothing_is_failed(mill, three_domains, monkeypatch):
    commit_design(mill.store, three_domains(), [MIXES[2]])
    advance = mixing.MixtureTrainer.advance
    monkeypatch.setattr(mixing.MixtureTrainer, "advance", lambda self: 5.6 + 0 * advance(self))
    refused = mill.run(*SMALL, "proxy.tokens=4000")
    assert (refused.code, "a model that knows nothing" in refused.err) == (1, True)


def test_scarce_domains_are_cut_to_the_repeats_of_the_target(mill, three_domains):
    commit_design(mill.store, three_domains(), MIXES)
    made = mill.manifest(mill(*SMALL, "repetition.budget=80000"))
    known = mill.lineage(made.path)["domain_tokens"].details["domains"]
    for row in table_of(mill, made.path).to_pylist():
        for name in WORDS:
            unique = round(known[name]["unique_tokens"] * 20000 / 80000)
            assert row[f"unique_tokens/{name}"] == unique
            assert row[f"epochs/{name}"] == pytest.approx(row[f"mix/{name}"] * row["tokens"] / unique)


def test_tokens_of_a_vocabulary_can_be_learned(mill, three_domains):
    commit_design(mill.store, three_domains(), MIXES[2:])
    made = mill.manifest(mill(*SMALL, "streams.tokenizer=cl100k", "streams.vocabulary=290"))
    row = table_of(mill, made.path).to_pylist()[-1]
    assert made.details["n_params"] > proxy.Shape(1, 16, 1, 16).parameters
    assert row["bpb/river"] < 0.6 * row["loss/river"] / np.log(2)  # a token is more than a byte


@pytest.mark.parametrize(("words", "code", "why"), [
    (("eval.at=[0.5,2]",), 2, "eval.at=[0.5, 2.0]"),
    (("eval.tokens=0",), 2, "eval.tokens=0: give at least 1"),
    (("threads=0",), 2, "threads=0"),
    (("repetition.budget=10",), 2, "repetition.budget=10"),
    (("streams.max_tokens=2000",), 1, "give a larger streams.max_tokens"),
    (("design=null",), 2, "design=MANIFEST must be given"),
    (("device=gpu",), 2, "device='gpu'"),
])
def test_mistakes_are_told(mill, three_domains, words, code, why):
    commit_design(mill.store, three_domains(), MIXES)
    refused = mill.run(*SMALL, *words)
    assert (refused.code, why in refused.err) == (code, True), refused.err
    assert "Traceback" not in refused.err


def test_a_plan_runs_nothing(mill, three_domains):
    commit_design(mill.store, three_domains(), MIXES)
    assert mill.run(*SMALL, "plan=true").code == 0
    assert not list(mill.store.list("domain_tokens/"))
    mill(*SMALL)
    for entry in list(mill.store.list("runs/")):
        mill.store.delete(entry.path)
    plan = mill.run(*SMALL, "plan=true", "quiet=false")
    assert (plan.code, "3 tasks, 0 of them committed" in plan.err, list(mill.store.list("runs/"))) == (0, True, [])


def test_a_design_that_mixes_what_is_not_there_is_refused(mill, three_domains, monkeypatch):
    monkeypatch.setitem(WORDS, "lake", [])
    commit_design(mill.store, three_domains(), [[0.25] * 4])
    refused = mill.run(*SMALL)
    assert (refused.code, "the design mixes the domain 'lake'" in refused.err) == (1, True)
    assert manifests.names(mill.store)
