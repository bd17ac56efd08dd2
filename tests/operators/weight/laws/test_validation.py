import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws import law_of, validation
from corpusmill.operators.weight.laws.validation import Folds, Validation, cross_validated, measured
from corpusmill.operators.weight.runs import Runs


def table(mix, losses, **more):
    names = ("code", "text", "web")[:mix.shape[1]]
    return pa.table({"run_id": [f"r{i}" for i in range(len(mix))]} | {f"mix/{d}": mix[:, j] for j, d in enumerate(names)}
                    | {f"loss/t{j}": losses[:, j] for j in range(losses.shape[1])} | more)


def linear(n=40, noise=0.0, seed=0):
    chance = np.random.default_rng(seed)
    mix = chance.dirichlet(np.ones(3), n)
    return mix, mix @ np.array([[2.0, 5], [3, 1], [4, 2.5]]) + noise * chance.normal(size=(n, 2))


def test_errors_are_those_of_scipy():
    chance = np.random.default_rng(0)
    seen, told = chance.uniform(1, 3, (20, 2)).round(1), chance.uniform(1, 3, (20, 2))
    found = measured(seen, told, ["a", "b"])["b"]
    x, y = seen[:, 1], told[:, 1]
    assert found["pearson"] == pytest.approx(stats.pearsonr(x, y)[0])
    assert found["spearman"] == pytest.approx(stats.spearmanr(x, y)[0])
    assert found["mre"] == pytest.approx(np.mean([abs(a - b) / a for a, b in zip(x, y, strict=True)]))
    assert found["rmse"] == pytest.approx(np.mean((x - y) ** 2) ** 0.5)
    assert found["mae"] == pytest.approx(np.mean(abs(x - y)))
    assert measured(seen, np.ones((20, 2)), ["a", "b"])["a"]["pearson"] == 0


def test_a_law_that_holds_predicts_runs_that_it_did_not_see():
    runs = Runs.of(table(*linear()))
    found = cross_validated(law_of("linear"), runs, Folds())
    np.testing.assert_allclose(found.predictions, runs.losses, rtol=1e-9)
    assert found.mean["spearman"] == pytest.approx(1)
    assert cross_validated(law_of("constant"), runs, Folds()).mean["mre"] > 0.1


def test_every_run_is_predicted_by_a_law_that_did_not_see_its_mixture(monkeypatch):
    """Of every mixture there are two runs; what a law was fitted on is spied on."""
    mix, losses = linear(12)
    runs = Runs.of(table(np.repeat(mix, 2, 0), np.repeat(losses, 2, 0)))
    law, folded = law_of("constant"), []
    plain = type(law).fit

    def spied(self, points, values):
        folded.append({row.tobytes() for row in points.mix})
        return plain(self, points, values)

    monkeypatch.setattr(type(law), "fit", spied)
    cross_validated(law, runs, Folds(4, 3))
    assert len(folded) == 12
    assert {len(seen) for seen in folded} == {9}


def test_the_order_of_the_table_changes_nothing():
    mix, losses = linear(noise=0.1)
    runs = Runs.of(table(mix, losses))
    turned = runs.take(np.random.default_rng(1).permutation(len(runs)))
    one, other = (cross_validated(law_of("additive"), rows, Folds(repeats=2)).errors for rows in (runs, turned))
    for target, told in one.items():
        assert other[target] == pytest.approx(told, rel=1e-9)


def test_one_mixture_or_fewer_than_folds():
    mix, losses = linear(3)
    assert cross_validated(law_of("constant"), Runs.of(table(mix, losses)), Folds(50)).errors["t0"]["mae"] > 0
    with pytest.raises(DataError, match="all runs are of one mixture"):
        cross_validated(law_of("constant"), Runs.of(table(np.repeat(mix[:1], 3, 0), losses)), Folds())


def test_the_best_law_is_that_of_the_lowest_relative_error():
    told = {name: Validation(np.empty(0), {"a": {"mre": error}, "b": {"mre": 0.1}})
            for name, error in (("x", 0.3), ("y", 0.2), ("z", 0.2))}
    assert validation.best(told) == "y"


def test_more_runs_teach_more():
    runs = Runs.of(table(*linear(100, noise=0.1)))
    found = validation.efficiency(law_of("linear"), runs, [4, 16, 64], Folds(repeats=5))
    assert found[4]["mre"] > found[16]["mre"] > found[64]["mre"]
    with pytest.raises(ConfigError, match=r"sizes has 100: of 100 mixtures give 1 to 99"):
        validation.efficiency(law_of("linear"), runs, [100], Folds())


def test_noise_is_what_repeats_differ_by():
    """Mixtures of 2, 3 and 1 runs: pooled by hand."""
    mix = np.array([[1, 0], [1, 0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0, 1.0]])
    losses = np.array([[2.0], [2.2], [3.0], [3.1], [3.5], [9.0]])
    away = 2 * 0.1**2 + 0.2**2 + 0.1**2 + 0.3**2
    assert validation.noise(Runs.of(table(mix, losses))) == pytest.approx([(away / 3) ** 0.5])
    assert validation.noise(Runs.of(table(*linear()))) is None


def test_one_mixture_at_two_sizes_is_no_repeat():
    mix, losses = np.array([[1, 0], [1, 0], [1, 0], [0, 1.0]]), np.array([[2.0], [2.2], [1.0], [9.0]])
    runs = Runs.of(table(mix, losses, n_params=[5, 5, 50, 5]))
    assert validation.noise(runs) == pytest.approx([0.2 / 2**0.5])


def test_a_law_of_large_runs_is_told_by_large_runs():
    mix = np.tile(linear(12)[0], (3, 1))
    size = np.repeat([1, 5, 50], 12)
    losses = (mix @ np.array([[2.0, 5], [3, 1], [4, 2.5]])) + 1.0 + np.repeat([3.0, 1.5, 0.0], 12)[:, None]
    runs = Runs.of(table(mix, losses, n_params=size.tolist()))
    errors = cross_validated(law_of("calibrated", base="linear"), runs, Folds(4)).errors
    assert max(one["mre"] for one in errors.values()) < 1e-3
    assert "12 of 36 runs are of sizes between" in " ".join(validation.warned(law_of("calibrated"), runs))


def test_laws_out_of_their_range_are_warned_of():
    mix, losses = linear()
    inside = Runs.of(table(0.9 * mix + 0.1 / 3, losses))
    edge = Runs.of(table(np.concatenate([mix, np.eye(3)]), np.concatenate([losses, losses[:3]])))
    assert "have a share below 1%" in validation.warned(law_of("exponential"), edge)[0]
    assert "have a share below 1%" in validation.warned(law_of("loglinear"), edge)[0]
    assert validation.warned(law_of("exponential"), inside) == ()
    assert validation.warned(law_of("additive"), edge) == ()
    few = inside.take(np.arange(29))
    assert "wants 10 runs per domain, 30" in validation.warned(law_of("lightgbm"), few)[0]
    assert "wants 10 runs per domain" in validation.warned(law_of("stack"), few)[0]
    assert validation.warned(law_of("stack"), inside) == ()
    assert "6 runs for 7 parameters" in validation.warned(law_of("additive"), inside.take(np.arange(6)))[0]


def test_steps_of_a_run_are_for_laws_that_know_of_tokens():
    mix, losses = linear(6)
    twice = Runs.of(pa.concat_tables([
        table(mix, losses + 1, step=[1] * 6, tokens=[10] * 6), table(mix, losses, step=[2] * 6, tokens=[20] * 6)]))
    law = law_of("linear")
    assert len(validation.rows_for(law, twice)) == 6
    assert validation.rows_for(law, twice).losses.min() == losses.min()

    @dataclasses.dataclass(frozen=True)
    class Knowing(type(law)):
        needs = frozenset({"tokens"})

    assert len(validation.rows_for(Knowing(), twice)) == 12
    with pytest.raises(DataError, match="needs tokens, but the run table has no tokens"):
        validation.rows_for(Knowing(), Runs.of(table(mix, losses)))
    found = cross_validated(Knowing(), twice, Folds(3))
    assert found.predictions.shape == (6, 2)


@pytest.mark.parametrize("wrong", [{"parts": 1}, {"repeats": 0}, {"seed": -1}])
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError, match=f"validation.{next(iter(wrong))}"):
        Folds(**wrong)
