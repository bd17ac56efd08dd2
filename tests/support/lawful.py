"""What tests of mixture laws share: runs drawn at random, slopes by finite differences, what every law must do."""

import json

import numpy as np
import pytest

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Points


def mixtures(n, m, seed=0, strength=1.0):
    """Dirichlet draws, (n, m)."""
    return np.random.default_rng(seed).dirichlet(np.full(m, strength), n)


def sparse(n, m, seed=0):
    """Mixtures of which about half of the shares are zero."""
    chance = np.random.default_rng(seed)
    mix = chance.dirichlet(np.ones(m), n) * (chance.random((n, m)) < 0.5)
    mix[np.arange(n), np.arange(n) % m] += 0.1
    return mix / mix.sum(1, keepdims=True)


def slopes(fitted, mix, width=1e-6):
    """Central differences, (n, t, m)."""
    moves = width * np.eye(mix.shape[1])
    return np.stack([(fitted.predict(Points(mix + move)) - fitted.predict(Points(mix - move))) / (2 * width)
                     for move in moves], 2)


def holds(law, mix, losses):
    """What any law must do: legal at zero shares, the same in any order of runs, and after it was written as JSON."""
    fitted, n = law.fit(Points(mix), losses), len(mix)
    asked = Points(np.concatenate([mixtures(7, mix.shape[1], 99), np.eye(mix.shape[1])]))
    predicted = fitted.predict(asked)
    assert predicted.shape == (len(asked), losses.shape[1])
    assert np.isfinite(predicted).all()
    assert np.isfinite(fitted.gradient(asked)).all()
    assert fitted.gradient(asked).shape == (*predicted.shape, mix.shape[1])
    turned = np.random.default_rng(1).permutation(n)
    assert (law.fit(Points(mix[turned]), losses[turned]).predict(asked) == predicted).all()
    again = law.restore(json.loads(json.dumps(fitted.parameters())))
    assert (again.predict(asked) == predicted).all()
    assert (again.gradient(asked) == fitted.gradient(asked)).all()
    assert again.parameters() == fitted.parameters()
    for spoilt in ({}, dict.fromkeys(fitted.parameters(), "x")):
        with pytest.raises(DataError, match="no parameters of law"):
            law.restore(spoilt)
    with pytest.raises(DataError, match="runs"):
        law.fit(Points(mix[:0]), losses[:0])
    with pytest.raises(DataError, match="losses above 0"):
        law.fit(Points(mix), losses - losses.max())
    return fitted
