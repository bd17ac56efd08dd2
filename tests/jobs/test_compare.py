"""``compare``: mixtures side by side."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DOMAINS = ("code", "web", "zh")  # of the planted corpus
SLOPES = {"chat": (1.0, 3.0, 4.0), "news": (2.0, 2.5, 4.0)}


def run_table(mixes, **columns):
    mixes = np.array(mixes, float)
    rows = {"run_id": [f"r{i}" for i in range(len(mixes))], "n_params": [10] * len(mixes), "tokens": [1000] * len(mixes)}
    rows |= {f"mix/{d}": mixes[:, j] for j, d in enumerate(DOMAINS)}
    return pa.table(rows | {f"loss/{t}": mixes @ np.array(slopes) for t, slopes in SLOPES.items()} | columns)


@pytest.fixture(scope="module")
def compared(copied, tmp_path_factory):
    """A mill with a corpus, a law as @law, and arms of a sweep as @arm-0, @arm-1."""
    mill, mixture = copied
    path = tmp_path_factory.mktemp("runs") / "runs.parquet"
    pq.write_table(run_table(np.concatenate([np.eye(3), np.random.default_rng(0).dirichlet(np.ones(3), 20)])), path)
    mill("runs", f"table={path}", "name=table")
    mill("fit_law", "runs.table=@table", "law=linear", "name=law")
    counts = mill.lineage(mixture)["counts"].path
    swept = mill.run("weigh", "-m", f"counts={counts}", "weigh=natural,uniform", "name=arm")
    assert swept.code == 0, swept.err
    return mill, mixture


def test_arms_of_a_sweep_by_what_a_law_predicts(compared):
    mill, _ = compared
    result = mill.run("compare", "arms=['@arm-*']", "law=@law")
    assert result.code == 0, result.err
    rows = {row["arm"]: row for row in mill.rows(result.uri)}
    assert set(rows) == {"arm-0", "arm-1"}
    even = rows["arm-1"]
    assert even["predicted"] == pytest.approx((8 / 3 + 8.5 / 3) / 2, abs=1e-3)
    assert even["vs_best_single_source"] == pytest.approx(2.75 - 1.5, abs=1e-3)
    assert mill.manifest(result.uri).details["controls"]["random"]["mixtures"] == 20
    assert "vs_random" in result.err
    assert mill("compare", "arms=['@arm-*']", "law=@law") == result.uri


def test_a_setting_may_be_called_like_the_group_of_another_job(compared):
    """law=@NAME of compare, law=OPTION of fit_law, in any order."""
    mill, _ = compared
    for _ in range(2):
        assert mill.run("compare", "arms=['@arm-0']", "law=@law").code == 0
        assert mill.run("fit_law", "runs.table=@table", "law=constant").code == 0
        refused = mill.run("fit_law", "runs.table=@table", "law=constnt")
        assert (refused.code, "constant" in refused.err) == (2, True)


def test_arms_by_what_came_of_runs(compared, tmp_path):
    mill, _ = compared
    shares = [mill.manifest(f"@arm-{i}").details["proportions"] for i in (0, 1)]
    mixes = [[share[d] for d in DOMAINS] for share in shares]
    pq.write_table(run_table([*mixes, mixes[1]], **{"loss/chat": [3.0, 2.0, 2.2]}), tmp_path / "runs.parquet")
    uri = mill("compare", "arms=['@arm-0', '@arm-1']", f"runs={tmp_path}/runs.parquet", "weights={chat: 1}")
    assert [(row["arm"], row["realised"], row["repeats"]) for row in mill.rows(uri)] == [("arm-1", 2.1, 2), ("arm-0", 3.0, 1)]
    refused = mill.run("compare", "arms=['@arm-0']", f"runs={tmp_path}/runs.parquet", "tokens=7")
    assert (refused.code, "has no run of tokens=7; it has 1000" in refused.err) == (1, True)


def test_mixtures_of_different_budgets_are_not_ranked(compared):
    mill, mixture = compared
    proportions = mill.lineage(mixture)["proportions"].path
    small = mill("mix", f"proportions={proportions}", "mix.unit=words", "mix.budget=2000")
    result = mill.run("compare", f"arms=['{mixture}', '{small}']", "law=@law")
    assert (result.code, "are not ranked: they take 2,000 and 4,000 tokens" in result.err) == (1, True)
    assert mill.run("compare", f"arms=['{mixture}', '@arm-0']", "law=@law").code == 0


@pytest.mark.parametrize(("words", "code", "message"), [
    (("arms=[]", "law=@law"), 2, "arms=[MANIFEST, …] must be given"),
    (("arms=['@non*']", "law=@law"), 2, "no name matches @non*; there is @arm-0, @arm-1, @law, @"),
    (("arms=['@law']", "law=@law"), 2, "is a manifest of law, not of proportions or mixture"),
    (("arms=['@arm-0']", "law=@law", "near=-1"), 2, "near=-1.0: give a share from 0 to 1"),
    (("arms=['@arm-0']",), 2, "law=MANIFEST or runs=MANIFEST must be given"),
    (("arms=['@arm-0']", "law=@law", "weights=3"), 2, "give a number by target"),
    (("arms=['@arm-0']", "law=@table"), 2, "is a manifest of runs, not of law"),
])
def test_a_wrong_setting_is_refused(compared, words, code, message):
    mill, _ = compared
    result = mill.run("compare", *words)
    assert (result.code, message in result.err) == (code, True), result.err


def test_domains_that_no_law_knows_are_refused(compared, tmp_path):
    mill, _ = compared
    other = run_table(np.eye(3))
    names = [name.replace("mix/zh", "mix/books") for name in other.column_names]
    pq.write_table(other.rename_columns(names), tmp_path / "runs.parquet")
    result = mill.run("compare", "arms=['@arm-0']", f"runs={tmp_path}/runs.parquet")
    assert (result.code, "holds 'zh', of which law and runs know nothing" in result.err) == (2, True)
