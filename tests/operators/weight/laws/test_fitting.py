import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.laws.fitting import Objective, best_of, checked, folds, minimise, mixtures, ordered
from corpusmill.operators.weight.runs import Points

PLACES = np.linspace(0, 3, 30)


def decay(theta):
    """exp(a - exp(b) x), and its derivatives by a and b."""
    value = np.exp(theta[:, :1] - np.exp(theta[:, 1:]) * PLACES)
    return value, np.stack([value, -value * np.exp(theta[:, 1:]) * PLACES], 2)


@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.1, 100.0]))
@settings(max_examples=15, deadline=None)
def test_minima_are_those_that_scipy_finds(seed, huber):
    chance = np.random.default_rng(seed)
    truth = chance.normal(0, 0.5, (3, 2))
    observed = decay(truth)[0] + chance.normal(0, 0.05, (3, 30))
    objective = Objective(huber, 0.01 * np.eye(2), np.array([0.1, 0.2]))
    theta, value = minimise(decay, np.zeros((3, 2)), observed, objective, gain=1e-14)
    for i in range(3):
        def plain(at, i=i):
            size = np.abs(decay(at[None])[0][0] - observed[i])
            kept = [0.5 * r * r if r <= huber else huber * (r - huber / 2) for r in size]
            return sum(kept) + 0.005 * ((at - [0.1, 0.2]) ** 2).sum()

        found = minimize(plain, theta[i], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
        assert value[i] == pytest.approx(plain(theta[i]), rel=1e-9)
        assert value[i] <= found.fun * (1 + 1e-4) + 1e-12  # where most residuals are beyond huber, the last steps are slow


def test_the_lowest_of_several_starts_is_taken():
    theta = np.arange(12.0).reshape(6, 2)  # three starts of two problems
    assert best_of(3, theta, np.array([5.0, 1, 2, 9, 3, 0.5])).tolist() == [[4, 5], [10, 11]]


def test_the_order_of_runs_is_lost():
    mix, losses = np.random.default_rng(0).dirichlet(np.ones(3), 9), np.random.default_rng(1).uniform(1, 2, (9, 2))
    mix[3] = mix[4]
    turned = np.random.default_rng(2).permutation(9)
    sizes = np.arange(9.0)
    one = ordered(Points(mix, sizes), losses)
    other = ordered(Points(mix[turned], sizes[turned]), losses[turned])
    assert (one[0].mix == other[0].mix).all()
    assert (one[0].parameters == other[0].parameters).all()
    assert (one[1] == other[1]).all()


def test_runs_that_cannot_be_fitted_are_refused():
    points = Points(np.full((3, 2), 0.5))
    with pytest.raises(DataError, match="law x cannot be fitted on 3 runs: give at least 4"):
        checked(points, np.ones((3, 1)), 4, "x")
    with pytest.raises(DataError, match="above 0, of which 1 are not"):
        checked(points, np.array([[1.0], [0], [2]]), 2, "x")


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=40), st.integers(2, 7))
def test_folds_are_even_and_keep_equal_keys_together(keys, parts):
    found = folds(keys, parts)
    place = dict(zip(keys, found, strict=True))
    assert [place[key] for key in keys] == found.tolist()
    sizes = [sum(p == part for p in place.values()) for part in range(parts)]
    assert max(sizes) - min(sizes) <= 1
    turned = dict(zip(keys[::-1], folds(keys[::-1], parts), strict=True))
    assert turned == place


def test_equal_mixtures_have_one_key():
    near = mixtures(Points(np.array([[0.1 + 0.2, 0.7], [0.3, 0.7], [0.31, 0.69], [1, 0], [1, -0.0]])))
    assert near[0] == near[1] != near[2]
    assert near[3] == near[4]
