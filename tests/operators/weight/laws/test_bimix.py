import lawful
import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.laws.bimix import BiMix
from corpusmill.operators.weight.runs import Points


def test_a_target_that_is_a_domain_follows_its_own_share():
    """The paper's form at one length of runs: log L falls in a line with log r."""
    mix = lawful.mixtures(30, 3)
    losses = np.stack([2 * (mix[:, 2] + 1e-3) ** -0.1, 3 * (mix[:, 0] + 1e-3) ** -0.2], 1)
    fitted = lawful.holds(BiMix(floor=1e-3, own=(2, 0)), mix, losses)
    np.testing.assert_allclose(fitted.coefficients, [[0, 0, 2], [3, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(fitted.exponents, [[0, 0, 0.1], [0.2, 0, 0]], atol=1e-9)


def test_others_take_the_sum():
    mix, a, b = lawful.sparse(80, 3), np.array([0.5, 0.7, 0.3]), np.array([0.1, 0.2, 0.15])
    losses = np.stack([(a * (mix + 3e-3) ** -b).sum(1), 2 * (mix[:, 0] + 3e-3) ** -0.2], 1)
    fitted = lawful.holds(BiMix(own=(-1, 0)), mix, losses)
    fresh = 0.9 * lawful.mixtures(40, 3, 7) + 0.03
    np.testing.assert_allclose(fitted.predict(Points(fresh))[:, 0], (a * (fresh + 3e-3) ** -b).sum(1), rtol=5e-3)
    assert fitted.coefficients[1].tolist()[1:] == [0, 0]
    np.testing.assert_allclose(fitted.gradient(Points(fresh)), lawful.slopes(fitted, fresh), rtol=1e-5, atol=1e-8)
    summed = BiMix(form="sum", own=(-1, 0)).fit(Points(mix), losses)
    assert (summed.coefficients > 0).all()


def test_targets_find_their_domains_by_name():
    domains = ("code", "the_pile_arxiv", "web")
    targets = ("metric/the_pile_arxiv_val_loss", "web", "chat", "webster")
    assert BiMix().named(domains, targets).own == (1, 2, -1, -1)
    assert BiMix(own=(0, 0, 0, 0)).named(domains, targets).own == (0, 0, 0, 0)


def test_settings_are_checked():
    mix = lawful.mixtures(9, 3)
    with pytest.raises(ConfigError, match=r"law\.form='both': give own or sum"):
        BiMix(form="both")
    with pytest.raises(ConfigError, match="0 to 2, for each of 1 targets"):
        BiMix(own=(3,)).fit(Points(mix), mix[:, :1] + 1)
