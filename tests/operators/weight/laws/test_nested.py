import dataclasses

import numpy as np
import pytest
import scaled

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.nested import Nested, power_law, runs_of
from corpusmill.operators.weight.runs import Points

RUNS = scaled.runs(mixtures=10)


def test_it_holds():
    scaled.holds(Nested(), *RUNS)


def test_it_reaches_a_scale_that_was_not_run_where_shares_alone_do_not():
    assert scaled.error(Nested(), *scaled.runs(mixtures=14)) < 0.04 < 0.2 < scaled.error(Additive(), *RUNS)


def test_a_power_law_is_found():
    sizes = np.array([1.0, 2, 3, 5, 8])
    losses = np.array([2.0, 3.0]) + (np.array([0.5, 2.0]) / sizes[:, None]) ** 0.7
    floor, rise, exponent = power_law(np.log(sizes), losses, 0.05)
    assert floor == pytest.approx([2, 3], rel=1e-3)
    assert float(exponent) == pytest.approx(0.7, rel=1e-2)
    assert np.exp(rise) == pytest.approx(np.array([0.5, 2.0]) ** 0.7, rel=1e-2)


def test_at_a_size_that_was_run_its_own_runs_are_asked():
    points, observed = scaled.runs(mixtures=10, noise=0)
    mixes, losses = Nested().fit(points, observed).at(1e7, 1e9)
    np.testing.assert_allclose(losses, scaled.losses(mixes, np.full(10, 1e7), np.full(10, 1e9)), rtol=2e-3)


def test_what_curves_are_too_short_for_is_refused():
    with pytest.raises(DataError, match="needs 3 evaluations of every run"):
        Nested().fit(*scaled.runs(steps=(5e8, 1e9)))
    two = Nested().fit(*scaled.runs(mixtures=10, sizes=(1e6, 3e6)))
    with pytest.raises(DataError, match="its runs have 1000000, 3000000"):
        two.predict(scaled.asked()[0])
    points, observed = RUNS
    apart = points.mix[:, 0] > np.median(points.mix[:, 0])
    rows = ~(apart & (points.parameters == 1e7)) & ~(~apart & (points.parameters == 1e6))
    with pytest.raises(DataError, match="no mixture was run at all of 3 sizes"):
        Nested().fit(points.take(rows), observed[rows]).predict(scaled.asked()[0])


@pytest.mark.parametrize(("change", "told"), [
    ({"base": "joint"}, "stands on a law of shares alone"), ({"base": "adative"}, "did you"), ({"skip": 1.0}, r"law\.skip")])
def test_settings_that_mean_nothing(change, told):
    with pytest.raises(ConfigError, match=told):
        dataclasses.replace(Nested(), **change)


def test_each_mixture_is_asked_at_its_own_scale():
    fitted = Nested().fit(*RUNS)
    mix = np.full((2, 3), 1 / 3)
    both = fitted.predict(Points(mix, np.array([1e6, 1e7]), np.array([1e9, 1e9])))
    assert (both[0] > both[1]).all()


def test_shares_that_a_run_realises_a_little_later_are_still_its_own():
    points, observed = RUNS
    moved = points.mix + np.where(points.tokens < 1e9, 1e-3, 0)[:, None] * np.array([1, -1, 0])
    mix = np.clip(moved, 0, None) / np.clip(moved, 0, None).sum(1, keepdims=True)
    fitted = Nested().fit(Points(mix, points.parameters, points.tokens), observed)
    assert len(fitted.sizes) == 10 * len(scaled.SIZES)
    np.testing.assert_allclose(fitted.rises, Nested().fit(points, observed).rises)


def test_runs_of_different_lengths_are_told_apart():
    points, observed = RUNS
    short = points.mix[:, 0] > np.median(points.mix[:, 0])
    rows = ~(short & (points.tokens > 6e8))
    ends, run = runs_of(points.mix[rows], points.parameters[rows], points.tokens[rows])
    assert len(ends) == 10 * len(scaled.SIZES)
    for place, end in enumerate(ends):
        assert np.allclose(points.mix[rows][run == place], points.mix[rows][end])
        assert points.tokens[rows][run == place].max() == points.tokens[rows][end]
    assert len(Nested().fit(points.take(rows), observed[rows]).sizes) == len(ends)


def test_repeats_of_a_mixture_are_runs_of_their_own():
    mix, tokens = np.full((6, 2), 0.5), np.array([1.0, 2, 3, 1, 2, 3])
    ends, run = runs_of(mix, np.ones(6), tokens)
    assert len(ends) == 2
    assert sorted(tokens[run == 0]) == sorted(tokens[run == 1]) == [1, 2, 3]
