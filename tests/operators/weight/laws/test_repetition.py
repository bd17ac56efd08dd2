import lawful
import numpy as np
import pytest
import scaled

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.repetition import Repetition, effective_shares
from corpusmill.operators.weight.runs import Points

UNIQUE = np.array([1e9, 4e7, 3e8])


def runs(n=60, seed=0, noise=0.0):
    """Mixtures of three domains of which one is scarce, and losses by a loop as plain as the equations."""
    mix, chance = lawful.mixtures(n, 3, seed), np.random.default_rng(seed)
    tokens = chance.choice([2e8, 1e9], n)
    points = Points(mix, None, tokens, np.tile(UNIQUE, (n, 1)))
    losses = []
    for shares, size in zip(mix, tokens, strict=True):
        seen = [share * size for share in shares]
        worth = [d if d <= u else u + u * 15.387756 * (1 - np.exp(-(d / u - 1) / 15.387756))
                 for d, u in zip(seen, UNIQUE, strict=True)]
        parts = [worth[j] / size for j in range(3)]
        losses.append([1.5 + 1 / (0.5 * parts[0]**.5 + 0.6 * parts[1]**.4 + 0.2 * parts[2]**.6)])
    return points, np.array(losses) * np.exp(chance.normal(0, noise, (n, 1)))


def test_it_holds():
    points, _ = scaled.runs()
    shared = Points(points.mix, points.parameters, points.tokens, np.full(points.mix.shape, 1e8))
    known = scaled.asked

    def asked(n=40):
        far, wanted = known(n)
        return Points(far.mix, far.parameters, far.tokens, np.full(far.mix.shape, 1e8)), wanted

    scaled.asked = asked
    try:
        scaled.holds(Repetition(), shared, scaled.losses(points.mix, points.parameters, points.tokens))
    finally:
        scaled.asked = known


def test_it_tells_a_repeated_domain_from_a_large_one():
    fresh, wanted = runs(40, seed=7)
    points, observed = runs()
    error = {law.name: np.abs(law.fit(points, observed).predict(fresh) / wanted - 1).mean()
             for law in (Repetition(), Additive())}
    assert error["repetition"] < 0.005 < error["additive"] / 2


def test_effective_shares_are_the_shares_where_nothing_is_repeated():
    points, _ = runs(5)
    plenty = Points(points.mix, None, points.tokens, np.full((5, 3), 1e12))
    np.testing.assert_allclose(effective_shares(plenty), points.mix, rtol=1e-12)
    assert (effective_shares(points) <= points.mix * (1 + 1e-12)).all()
    assert effective_shares(points)[:, 1].sum() < points.mix[:, 1].sum()


def test_what_it_must_be_told():
    points, observed = runs()
    with pytest.raises(DataError, match="unique_tokens/<domain>"):
        Repetition().fit(Points(points.mix, None, points.tokens), observed)
    with pytest.raises(ConfigError, match="would look like a gain"):
        Repetition(base="linear")
    with pytest.raises(ConfigError, match=r"law\.repeats"):
        Repetition(repeats=0)
