import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.dirichlet import Dirichlet
from corpusmill.operators.weight.designs.space import space_of

SIZES = {"a": 0.5, "b": 0.3, "c": 0.15, "d": 0.05}


def test_draws_are_of_the_mean_and_the_variance_of_a_dirichlet():
    """Mean prior, variance prior · (1 − prior) / (strength + 1)."""
    space = space_of(SIZES)
    for strength in (0.3, 4.0):
        mixes = Dirichlet(strength, strength, least=0, most=None).draw(space, 20_000, 3)
        assert mixes.mean(0) == pytest.approx(space.natural, abs=0.012)
        assert mixes.var(0) == pytest.approx(space.natural * (1 - space.natural) / (strength + 1), rel=0.06)


def test_weak_draws_are_of_few_domains_and_strong_ones_are_natural():
    space = space_of(SIZES)
    weak, strong = (Dirichlet(s, s, most=None).draw(space, 200, 0) for s in (0.05, 500.0))
    assert np.median(weak.max(1)) > 0.99
    assert np.abs(strong - space.natural).max() < 0.1


def test_temperature_flattens_what_is_drawn_around():
    space = space_of(SIZES)
    root = np.sqrt(space.natural)
    mixes = Dirichlet(2000.0, 2000.0, temperature=2, most=None).draw(space, 50, 0)
    assert mixes.mean(0) == pytest.approx(root / root.sum(), abs=0.01)


def test_small_shares_become_nothing_and_large_ones_meet_the_cap():
    space = space_of(SIZES)
    mixes = Dirichlet(least=0.01, most=3).draw(space, 300, 1)
    assert not ((mixes > 0) & (mixes < 0.01 - 1e-9)).any()
    assert (mixes <= np.minimum(1, 3 * space.natural) + 1e-12).all()
    assert np.isclose(mixes[:, 3], 0.15).any()
    floored = space_of(SIZES, low={"d": 0.1})
    assert (Dirichlet(least=0.2).draw(floored, 50, 1)[:, 3] >= 0.1).all()


def test_a_domain_without_tokens_is_never_drawn():
    assert not Dirichlet().draw(space_of({"a": 2, "b": 1, "none": 0}), 100, 0)[:, 2].any()


def test_draws_depend_on_the_seed_alone():
    space = space_of(SIZES)
    assert Dirichlet().draw(space, 9, 5).tolist() == Dirichlet().draw(space, 9, 5).tolist()
    assert Dirichlet().draw(space, 9, 5).tolist() != Dirichlet().draw(space, 9, 6).tolist()


@pytest.mark.parametrize("settings", [{"weakest": 0}, {"weakest": 6.0}, {"temperature": -1}, {"least": 0.6}, {"most": 0.5}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Dirichlet(**settings)
