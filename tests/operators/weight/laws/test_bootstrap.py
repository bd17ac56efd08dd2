import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws import law_of
from corpusmill.operators.weight.laws.bootstrap import Bootstrap
from corpusmill.operators.weight.runs import Points


def test_the_interval_of_a_mean_is_that_of_theory():
    """Of 100 runs of standard deviation 1 the mean has one of 0.1: 90 % of means are within ± 0.1645."""
    chance = np.random.default_rng(0)
    points, losses = Points(chance.dirichlet(np.ones(3), 100)), 10 + chance.normal(size=(100, 1))
    low, high = Bootstrap(2000).intervals(law_of("constant"), points, losses, Points(np.eye(3)[:1]))
    spread = losses.std() / 10
    assert low[0, 0] == pytest.approx(losses.mean() - 1.645 * spread, abs=0.015)
    assert high[0, 0] == pytest.approx(losses.mean() + 1.645 * spread, abs=0.015)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth, held = np.array([[2.0], [3], [4]]), []
    asked = np.full((1, 3), 1 / 3)
    for seed in range(60):
        chance = np.random.default_rng(seed)
        mix = chance.dirichlet(np.ones(3), 60)
        losses = mix @ truth + chance.normal(0, 0.2, (60, 1))
        low, high = Bootstrap(100, 0.8).intervals(law_of("linear"), Points(mix), losses, Points(asked))
        held.append(low[0, 0] <= 3 <= high[0, 0])
    assert 0.65 <= np.mean(held) <= 0.92


def test_the_order_of_runs_changes_nothing():
    chance = np.random.default_rng(0)
    mix, losses = chance.dirichlet(np.ones(3), 20), chance.uniform(2, 3, (20, 2))
    turned = chance.permutation(20)
    one = Bootstrap(20).intervals(law_of("linear"), Points(mix), losses, Points(mix[:3]))
    other = Bootstrap(20).intervals(law_of("linear"), Points(mix[turned]), losses[turned], Points(mix[:3]))
    assert (one[0] == other[0]).all()
    assert (one[1] == other[1]).all()
    assert (one[0] < one[1]).all()


def test_settings_are_checked():
    with pytest.raises(ConfigError, match=r"predict\.level=1"):
        Bootstrap(level=1)
    with pytest.raises(ConfigError, match=r"predict\.draws is 1"):
        Bootstrap(1)


def test_a_run_is_drawn_with_all_of_its_evaluations():
    """Four evaluations of a run are no more news than one: the interval is as wide as that of the runs alone."""
    chance = np.random.default_rng(0)
    mix, losses = chance.dirichlet(np.ones(3), 50), 10 + chance.normal(size=(50, 1))
    asked, names = Points(mix[:1]), [f"run{i}" for i in range(50)]

    def width(times, runs):
        points, observed = Points(np.tile(mix, (times, 1))), np.tile(losses, (times, 1))
        low, high = Bootstrap(400).intervals(law_of("constant"), points, observed, asked, runs=runs)
        return (high - low).item()

    wide, narrow, alone = width(4, names * 4), width(4, None), width(1, None)
    assert wide == pytest.approx(alone, rel=0.2)
    assert narrow == pytest.approx(alone / 2, rel=0.2)
