"""Sweeps by Hydra's launchers and sweepers."""

import importlib.util
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime import sweeps
from corpusmill.operators.errors import ConfigError

DOMAINS = ("code", "web", "zh")  # of the planted corpus
OPTUNA = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")


@pytest.fixture(scope="module")
def swept(copied, tmp_path_factory):
    """A mill with a corpus, its counts, and a law as @law, by which code is best."""
    mill, mixture = copied
    mixes = np.concatenate([np.eye(3), np.random.default_rng(0).dirichlet(np.ones(3), 20)])
    rows = {"run_id": [f"r{i}" for i in range(len(mixes))], "loss/chat": mixes @ np.array([1.0, 3.0, 4.0])}
    path = tmp_path_factory.mktemp("runs") / "runs.parquet"
    pq.write_table(pa.table(rows | {f"mix/{d}": mixes[:, j] for j, d in enumerate(DOMAINS)}), path)
    mill("fit_law", f"runs.table={path}", "law=linear", "name=law")
    return mill, mill.lineage(mixture)["counts"].path


def uris(result):
    return [line.removeprefix("manifest: ") for line in result.out.splitlines() if line.startswith("manifest: ")]


def loss(mill, uri):
    shares = mill.lineage(uri)["proportions"].details["proportions"]
    return sum(shares[d] * slope for d, slope in zip(DOMAINS, (1.0, 3.0, 4.0), strict=True))


def test_arms_have_names_of_their_own(swept):
    mill, counts = swept
    result = mill.run("weigh", "-m", f"counts={counts}", "weigh=natural,uniform", "name=swept")
    assert result.code == 0, result.err
    assert [mill.manifest(f"@swept-{i}") for i in (0, 1)] == [mill.manifest(uri) for uri in uris(result)]
    assert mill.run("weigh", f"counts={counts}", "weigh=natural", "name=alone").code == 0
    assert mill.manifest("@alone") == mill.manifest("@swept-0")


def test_an_error_names_the_arm_by_what_is_its_own(swept):
    mill, counts = swept
    result = mill.run("weigh", "-m", f"counts={counts}", "weigh=temperature", "weigh.temperature=2,-1,3")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: arm 1 (weigh.temperature=-1): weigh")
    assert len(uris(result)) == 1


def test_optuna_makes_the_predicted_loss_small(swept):
    """The last line is the best arm's manifest; the same command tries the same settings again."""
    mill, counts = swept
    words = (f"counts={counts}", "weigh=temperature", "weigh.temperature=interval(0.5,9)", "optimise=@law", *OPTUNA)
    result = mill.run("weigh", "-m", *words)
    assert result.code == 0, result.err
    made = uris(result)
    assert len(made) == 4
    assert loss(mill, made[-1]) == min(loss(mill, uri) for uri in made)
    assert "best of 3 arms: arm " in result.err
    assert uris(mill.run("weigh", "-m", *words)) == made


def test_optuna_makes_a_number_of_the_details_small(swept):
    mill, counts = swept
    result = mill.run("weigh", "-m", f"counts={counts}", "weigh=temperature", "weigh.temperature=choice(0.5,9)",
                      "optimise=proportions.web", *OPTUNA)
    assert result.code == 0, result.err
    found = [mill.manifest(uri).details["proportions"]["web"] for uri in uris(result)]
    assert found[-1] == min(found)


@pytest.mark.parametrize(("words", "message"), [
    (OPTUNA, "optimise= must be given with hydra/sweeper=optuna"),
    (("optimise=unit", *OPTUNA), "optimise=unit: the details of proportions hold no such number"),
    (("optimise=@none", *OPTUNA), "no manifest is named @none"),
])
def test_an_optimum_of_nothing_is_refused_and_names_the_arm(swept, words, message):
    mill, counts = swept
    result = mill.run("weigh", "-m", f"counts={counts}", "weigh=temperature", "weigh.temperature=interval(1,2)", *words)
    assert result.code == 2
    assert message in result.err
    assert "error: arm 0 (weigh.temperature=" in result.err


@pytest.mark.parametrize("word", sweeps.PLUGINS)
def test_what_is_not_installed_is_said(monkeypatch, word):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"is not installed: pip install 'corpusmill\[sweeps\]'"):
        sweeps.of("weigh", ["-m", word])


def test_what_is_no_sweep_is_none():
    assert sweeps.of("weigh", ["weigh=natural"]) is None
    assert sweeps.of("weigh", ["--multirun", "weigh=natural"]) is not None


@pytest.mark.ray
@pytest.mark.e2e
def test_arms_on_ray_give_what_arms_in_turn_give(built, build_command, make_mill, tmp_path):
    """Two arms that are the same run at once, and do not disturb each other; one that fails is named, the others stay."""
    mill, mixture = built
    root = tmp_path / "store"
    command = [sys.executable, "-m", "corpusmill.jobs.build", "-m", f"store.root={root}", "engine=inline", "engine.workers=2",
               "hydra/launcher=ray", *build_command, "mix.budget=2e3,4e3,4e3,-4"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "error: arm 3 (mix.budget=-4): mix.budget" in ended.stderr
    made = [line.removeprefix("manifest: ") for line in ended.stdout.splitlines() if line.startswith("manifest: ")]
    assert ended.stdout.splitlines() == [f"manifest: {uri}" for uri in made]
    other = make_mill(root)
    assert [other.manifest(uri).details["plan"]["budget"] for uri in made] == [2000, 4000, 4000]
    assert made[1] == made[2]
    assert other.manifest(made[1]).digest == mill.manifest(mixture).digest
    assert other.lineage(made[0])["counts"].key == other.lineage(made[1])["counts"].key
