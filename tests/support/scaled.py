"""Runs at several scales, of an equation that is none of the laws', and what laws that know of scale must do."""

import json

import numpy as np
import pytest

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Points

SIZES, STEPS = (1e6, 3e6, 1e7), (2e8, 4e8, 6e8, 8e8, 1e9)
LARGE = (1e8, 5e9)


def losses(mix, parameters, tokens):
    """Two targets of three domains; what parameters buy depends on the mixture."""
    own = np.stack([0.8 * mix[:, 0]**.4 + .3 * mix[:, 1]**.5 + .2 * mix[:, 2]**.3,
                    .2 * mix[:, 0]**.4 + .9 * mix[:, 1]**.5 + .4 * mix[:, 2]**.3], 1)
    bought = 40 * mix @ np.array([[3.0, 5], [6, 3], [4, 4]]) / parameters[:, None] ** .35
    return np.array([1.2, 1.5]) + 1 / own + bought + np.array([300, 400]) / tokens[:, None] ** .33


def runs(mixtures=24, noise=0.002, sizes=SIZES, steps=STEPS):
    """Points and noisy losses, every mixture at every size and step."""
    chance = np.random.default_rng(4)
    mix = chance.dirichlet(np.ones(3), mixtures)
    shapes = [(n, d) for n in sizes for d in steps]
    points = Points(np.tile(mix, (len(shapes), 1)), *(np.repeat([shape[i] for shape in shapes], mixtures) for i in (0, 1)))
    exact = losses(points.mix, points.parameters, points.tokens)
    return points, exact * np.exp(chance.normal(0, noise, exact.shape))


def asked(n=40):
    """Mixtures at a scale that was not run, and what they lose there."""
    mix = np.random.default_rng(9).dirichlet(np.ones(3), n)
    points = Points(mix, *(np.full(n, size) for size in LARGE))
    return points, losses(points.mix, points.parameters, points.tokens)


def error(law, points, observed):
    """Mean relative error at the scale that was not run."""
    far, wanted = asked()
    return float(np.abs(law.fit(points, observed).predict(far) / wanted - 1).mean())


def holds(law, points, observed):
    """The same in any order of runs, and after it was written as JSON; a gradient that is the prediction's."""
    fitted, (far, _) = law.fit(points, observed), asked(6)
    predicted = fitted.predict(far)
    turned = np.random.default_rng(1).permutation(len(points))
    assert (law.fit(points.take(turned), observed[turned]).predict(far) == predicted).all()
    again = law.restore(json.loads(json.dumps(fitted.parameters(), allow_nan=False)))
    assert (again.predict(far) == predicted).all()
    assert again.parameters() == fitted.parameters()
    near = Points(0.9 * far.mix + 0.1 / 3, far.parameters, far.tokens, far.unique)
    width = 1e-6 * np.eye(3)
    moved = [[fitted.predict(Points(near.mix + sign * move, near.parameters, near.tokens, near.unique)) for sign in (1, -1)]
             for move in width]
    slopes = np.stack([(up - down) / 2e-6 for up, down in moved], 2)
    np.testing.assert_allclose(fitted.gradient(near), slopes, rtol=1e-4, atol=1e-6)
    for spoilt in ({}, dict.fromkeys(fitted.parameters(), "x")):
        with pytest.raises(DataError, match="no parameters of law"):
            law.restore(spoilt)
    for lacking in sorted(law.needs):
        poor = {name: None if name == lacking else getattr(points, name) for name in ("parameters", "tokens", "unique")}
        with pytest.raises(DataError, match=f"law {law.name}"):
            law.fit(Points(points.mix, **poor), observed)
    return fitted
