import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.space import Space, space_of, unlike


@st.composite
def spaces(draw):
    """Up to six domains with floors and caps that can be met."""
    m = draw(st.integers(2, 6))
    natural = np.array(draw(st.lists(st.floats(0, 1), min_size=m, max_size=m))) + 1e-3
    natural /= natural.sum()
    low = np.array(draw(st.lists(st.floats(0, 1), min_size=m, max_size=m))) / m * draw(st.sampled_from([0, 0.5, 0.9]))
    high = np.minimum(1, low + np.array(draw(st.lists(st.floats(0, 1), min_size=m, max_size=m))))
    if high.sum() < 1:
        high += (1 - high.sum()) / m * 1.001
    return Space(tuple("abcdef"[:m]), natural, low, np.minimum(high, 1) if high.max() <= 1 else np.ones(m))


@given(spaces(), st.integers(0, 2**32 - 1))
def test_what_is_projected_is_within_the_bounds_and_sums_to_one(space, seed):
    rng = np.random.default_rng(seed)
    mixes = rng.dirichlet(np.full(len(space), 0.2), 8)
    mixes[rng.random(mixes.shape) < 0.3] = 0
    mixes[mixes.sum(1) == 0, 0] = 1
    found = space.project(mixes / mixes.sum(1, keepdims=True))
    assert np.abs(found.sum(1) - 1).max() < 1e-9
    assert ((found >= space.low) & (found <= space.high)).all()
    assert np.allclose(space.project(found), found, atol=1e-12)


@given(spaces(), st.integers(0, 2**32 - 1))
def test_the_projection_is_one_factor_cut_at_floors_and_caps(space, seed):
    """The factor found by a root finder instead of by sorting where shares meet their bounds."""
    mix = np.random.default_rng(seed).dirichlet(np.ones(len(space)))
    if ((mix >= space.low) & (mix <= space.high)).all():
        assert space.project(mix[None])[0].tolist() == mix.tolist()
        return

    def surplus(log):
        return np.clip(np.exp(log) * mix, space.low, space.high).sum() - 1

    factor = np.exp(brentq(surplus, -60, 60, xtol=1e-14)) if surplus(-60) < 0 < surplus(60) else None
    if factor is not None:
        assert np.allclose(space.project(mix[None])[0], np.clip(factor * mix, space.low, space.high), atol=1e-8)


def test_ratios_between_shares_that_are_not_at_a_bound_stay():
    space = space_of({"a": 1, "b": 1, "c": 1}, high={"a": 0.4})
    assert space.project(np.array([[0.7, 0.2, 0.1]]))[0] == pytest.approx([0.4, 0.4, 0.2])
    floored = space_of({"a": 1, "b": 1, "c": 1}, low={"c": 0.25})
    assert floored.project(np.array([[0.75, 0.25, 0.0]]))[0] == pytest.approx([0.5625, 0.1875, 0.25])


def test_shares_that_were_nothing_are_lifted_in_natural_ratios_where_caps_ask_for_it():
    space = space_of({"a": 0.2, "b": 0.6, "c": 0.2}, high={"a": 0.5})
    assert space.project(np.array([[1.0, 0, 0]]))[0] == pytest.approx([0.5, 0.375, 0.125])


def test_bounds_come_from_shares_from_natural_ones_and_from_what_there_is():
    space = space_of({"b": 300, "a": 100}, max_natural=2, most={"a": 0.4, "b": 1.0})
    assert (space.domains, space.natural.tolist()) == (("a", "b"), [0.25, 0.75])
    assert space.high.tolist() == [0.4, 1.0]
    assert space_of({"b": 300, "a": 100}, low=0.1, high={"b": 0.8}).high.tolist() == [1.0, 0.8]


@pytest.mark.parametrize(("settings", "message"), [
    ({"high": 0.3}, "the caps of 2 domains sum to 0.6"), ({"low": 0.6}, "the floors of 2 domains sum to 1.2"),
    ({"low": 0.4, "high": {"a": 0.3}}, "the floor of 'a' is 0.4, above its cap of 0.3"),
    ({"high": {"c": 0.3}}, "bounds.max names the domain 'c'"), ({"low": -0.1}, "bounds.min of 'a' is -0.1"),
    ({"low": True}, "bounds.min of 'a' is True"), ({"max_natural": 0.5}, "bounds.max_natural=0.5"),
])
def test_bounds_that_cannot_be_met_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        space_of({"a": 1, "b": 1}, **settings)


@pytest.mark.parametrize("natural", [{"a": 1}, {}, {"a": -1, "b": 2}, {"a": 0, "b": 0}, {"a": float("nan"), "b": 1}])
def test_a_space_needs_two_domains_and_shares(natural):
    with pytest.raises(ConfigError):
        space_of(natural)


def test_domains_that_are_capped_at_nothing_are_left_out():
    space = space_of({"a": 3, "b": 0, "c": 1}, low={"c": 0.1}, most={"a": 1.0, "b": 0.0, "c": 0.5})
    left = space.without_unused()
    assert (space.used.tolist(), left.domains) == ([True, False, True], ("a", "c"))
    assert [list(v) for v in (left.natural, left.low, left.high)] == [[0.75, 0.25], [0, 0.1], [1, 0.5]]
    assert left.without_unused() is left
    with pytest.raises(ConfigError, match="natural is 0 for b, c"):
        space_of({"a": 1, "b": 0, "c": 0}, high={"a": 0}).without_unused()


def test_mixtures_that_are_near_others_are_left_out():
    mixes = np.array([[0.5, 0.5], [0.5005, 0.4995], [0.6, 0.4], [0.1, 0.9]])
    assert unlike(mixes, np.array([[0.1, 0.9]]), 1e-3).tolist() == [[0.5, 0.5], [0.6, 0.4]]
    assert len(unlike(mixes, np.empty((0, 2)))) == 4
