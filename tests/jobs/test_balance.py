"""``balance``: a model trained while a rule moves the proportions, and what it leaves for mix."""

import io
import json
import random

import numpy as np
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs import balance
from corpusmill.jobs.balancing import course
from corpusmill.jobs.runtime import artifacts
from corpusmill.operators.lm.gpt import from_bytes
from corpusmill.operators.weight.balance.gram import balanced
from corpusmill.operators.weight.runs import Runs

WORDS = {"river": ["water", "boat", "bank", "bridge"], "field": ["rye", "barley", "plough", "hay"],
         "town": ["market", "bridge", "boat", "hay"]}
FIT = ("balance", "domains=@domains", "tokenizer=words", "model.layers=1", "model.width=16", "model.heads=1",
       "model.context=16", "training.tokens=7680", "training.batch=12", "training.device=cpu", "training.rate=0.02",
       "rounds.steps=8", "rounds.apart=100", "streams.held_out=1000", "quiet=true")  # 40 steps, 5 rounds


@pytest.fixture
def domains(mill, tmp_path, monkeypatch):
    """@domains of three sources."""
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    draw = random.Random(0)
    rows = [{"text": " ".join(draw.choices(words, k=30)), "source": name, "native_id": f"{name}{i}"}
            for name, words in WORDS.items() for i in range(60)]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'docs.jsonl'}]", "name=docs", "quiet=true")
    mill("regroup", "documents=@docs", "regroup=source", "name=domains", "quiet=true")


def files(mill, uri):
    made = mill.manifest(uri)
    read = lambda name: bytes(memoryview(mill.store.read(f"{made.folder}/{name}")))  # noqa: E731
    tables = [pq.read_table(io.BytesIO(read(name))) for name in ("trajectory.parquet", "runs.parquet")]
    return made, *tables, json.loads(read("overhead.json"))


@pytest.mark.usefixtures("domains")
def test_the_trajectory_is_that_of_algorithm_1_and_its_end_goes_to_mix(mill):
    made, rounds, runs, cost = files(mill, mill(*FIT, "name=balanced"))
    assert made.stage == "proportions"
    shares = np.column_stack([rounds.column(f"p/{name}").to_numpy() for name in sorted(WORDS)])
    assert shares[0] == pytest.approx(1 / 3)
    grams = np.array(rounds.column("gram").to_pylist())
    for before, after in zip(grams[:-1], shares[1:], strict=True):
        assert after == pytest.approx(balanced(before, np.full(3, 1 / 3), 3.0), abs=1e-6)
    assert np.linalg.eigvalsh(grams[0]).min() > -1e-9
    counts = np.column_stack([rounds.column(f"count/{name}").to_numpy() for name in sorted(WORDS)])
    assert (counts.sum(1) == 8 * 12).all()
    assert (np.abs(counts - shares * 8 * 12) < 1).all()
    assert list(made.details["proportions"].values()) == pytest.approx(shares[-1])
    assert rounds.column("step").to_pylist() == [8, 16, 24, 32, 40]
    table = Runs.of(runs)
    assert runs.column("step").to_pylist() == [10, 20, 40]
    assert runs.column("flops")[0].as_py() == pytest.approx(runs.column("flops")[2].as_py() / 4, rel=1e-3)
    assert table.points.mix[-1] == pytest.approx(counts.sum(0) / counts.sum())
    assert {f"loss/{n}": made.details[f"loss/{n}"] for n in WORDS} == {f"loss/{n}": table.losses[-1, i]
                                                                      for i, n in enumerate(sorted(WORDS))}
    assert made.details["tokens"] == 7680
    assert made.details["n_params"] == from_bytes(
        artifacts.fetch(mill.store, made.details["artifact"]).read_bytes())[0].shape.parameters
    assert 0 < cost["parts"]["gradients"] < cost["seconds"]
    assert cost["method_bytes"] == 2 * 3 * 257 * 16 * 4
    mixed = mill.manifest(mill("mix", "proportions=@balanced", "mix.unit=words", "mix.budget=900", "quiet=true"))
    assert sum(one["size"] for one in mixed.details["achieved"].values()) == pytest.approx(900, abs=90)


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize("rule", ["rb", "odm", "dga", "skillit"])
def test_a_run_that_is_interrupted_goes_on_as_if_it_was_not(mill, monkeypatch, rule):
    fit = (*FIT, f"balance={rule}", "samples=linupper", "samples.burn_in=10",
           *(("balance.steps=2",) if rule == "skillit" else ()))
    whole, rounds, runs, _ = files(mill, mill(*fit))
    advance, taken = course.Course.advance, []

    def interrupted(self):
        taken.append(self.learner.step)
        if len(taken) == 20:
            raise KeyboardInterrupt
        return advance(self)

    mill.store.delete(whole.path)
    monkeypatch.setattr(balance, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(course.Course, "advance", interrupted)
    for path in [entry.path for entry in mill.store.list(f"{whole.folder}/scratch/")]:
        mill.store.delete(path)
    assert mill.run(*fit).code == 130
    again, other, evaluated, _ = files(mill, mill(*fit))
    assert taken[19:21] == [19, 19]
    assert again.details == whole.details
    assert other.equals(rounds)
    timed = ["seconds", "tokens_per_second"]
    assert evaluated.drop_columns(timed).equals(runs.drop_columns(timed))
    assert not list(mill.store.list(f"{whole.folder}/scratch/"))


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize(("rule", "more"), [("doge", ()), ("fixed", ("rounds.first=natural",)),
                                            ("aioli", ("balance.steps=1", "balance.sweeps=2"))])
def test_every_rule_leaves_proportions(mill, rule, more):
    made, rounds, _, _ = files(mill, mill(*FIT, f"balance={rule}", "rounds.take=average", *more))
    assert sum(made.details["proportions"].values()) == pytest.approx(1)
    assert rounds.num_rows == 5
    assert made.details["flops"] >= made.details["tokens"] * 6 * 16
    if rule == "aioli":  # six steps of a round are probes
        assert rounds.column("count/town").to_numpy().sum() < 40 * 12
        assert made.details["method_flops"] > 0
    if rule == "fixed":
        assert made.details["method_flops"] == 0
        assert rounds.column("p/river").to_pylist() == pytest.approx([made.details["proportions"]["river"]] * 5)


@pytest.mark.usefixtures("domains")
def test_doremi_compares_with_a_model_that_was_trained_before(mill):
    refused = mill.run(*FIT, "balance=doremi")
    assert (refused.code, "give reference=@NAME" in refused.err) == (2, True)
    mill(*FIT, "balance=fixed", "name=reference")
    refused = mill.run(*FIT, "balance=doremi", "reference=@reference", "model.context=32")
    assert (refused.code, "reads 16 of 257 tokens at once, but 32 of 257" in refused.err) == (2, True)
    made, rounds, _, cost = files(mill, mill(*FIT, "balance=doremi", "balance.rate=5", "reference=@reference",
                                             "training.seed=1"))
    assert cost["parts"]["reference"] > 0
    assert min(made.details["proportions"].values()) > 0.0003
    assert rounds.column("p/river").to_pylist()[1] != rounds.column("p/river").to_pylist()[0]


@pytest.mark.usefixtures("domains")
def test_what_the_rule_costs_is_told_beside_the_run_without_it(mill):
    made, _, runs, cost = files(mill, mill(*FIT, "against=true", "eval.at=[1]"))
    assert runs.column("design").to_pylist() == ["balance", "fixed"]
    assert runs.column("mix/river")[1].as_py() == pytest.approx(1 / 3, abs=0.01)
    assert runs.column("flops")[0].as_py() == runs.column("flops")[1].as_py() + made.details["method_flops"]
    assert cost["without"]["seconds"] == runs.column("seconds")[1].as_py()


@pytest.mark.usefixtures("domains")
def test_evaluation_moves_the_proportions_towards_itself_and_a_floor_holds(mill):
    one, _, _, _ = files(mill, mill(*FIT, "rounds.evaluation={river: 1}", "rounds.floor=0.1"))
    other, _, _, _ = files(mill, mill(*FIT, "rounds.evaluation={field: 1}", "rounds.floor=0.1"))
    assert one.details["proportions"]["river"] > other.details["proportions"]["river"]
    assert min(one.details["proportions"].values()) >= 0.1 - 1e-9


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize(("words", "said"), [
    ("rounds.evaluation={sea: 1}", "rounds.evaluation names sea, and none of these is trained on; there is field, river, town"),
    ("rounds.first={river: 1}", "rounds.least=1: the first round draws 0 of its 96 sequences from field"),
    ("rounds.floor=0.5", "rounds.floor=0.5 for 3 domains"), ("rounds.take=best", "rounds.take='best'"),
    ("rounds.least=100", "rounds.least=100"), ("rounds.evaluation=even", "rounds.evaluation='even'"),
    ("eval.tokens=0", "eval.tokens=0: give at least 1"), ("eval.at=[0]", "eval.at=[0.0]: give shares of a run above 0"),
    ("balance=aioli", "48 steps of probes leave nothing of a round of 8"),
    ("balance=fixed balance._target_=corpusmill.operators.weight.uniform.Uniform", "is no rule"),
])
def test_settings_that_cannot_be_are_refused(mill, words, said):
    refused = mill.run(*FIT, *(words.split() if words.startswith("balance=") else [words]))
    assert refused.code == 2
    assert said in refused.err


@pytest.mark.usefixtures("domains")
def test_a_plan_trains_nothing(mill):
    mill(*FIT)
    before = mill.objects()
    planned = mill.run(*FIT[:-1], "training.tokens=20000", "plan=true")
    assert planned.code == 0
    assert "steps in rounds of 8" in planned.err
    assert mill.objects() == before
