import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.weight.runs import Points
from corpusmill.operators.weight.solve.constraints import region
from corpusmill.operators.weight.solve.objective import Predicted, Quadratic
from corpusmill.operators.weight.solve.optimiser import certificate, nearest, optimum
from corpusmill.operators.weight.unimax import UniMax
from tests.support.mixing import AVAILABLE, additive, grid

NATURAL = np.array([0.1, 0.3, 0.6])
EVEN = np.full(3, 1 / 3)
STARTS = [NATURAL, EVEN]
FINE = grid(3, 200)
CASES = {
    "free": {}, "caps": {"max_epochs": 2.0}, "divergence": {"kl": 0.5}, "worst": {"worst": True},
    "worst with divergence and caps": {"worst": True, "kl": 0.1, "max_epochs": 3.0},
    "bounds": {"shares": {"web": {"min": 0.4}, "code": {"max": 0.25}}},
    "sum": {"groups": {"text": {"domains": ["prose", "web"], "min": 0.7}}},
    "ratios": {"groups": {"text": {"domains": ["prose", "web"], "ratios": {"prose": 1, "web": 3}, "max": 0.6}}},
}


def asked(seed, worst=False, kl=0.0, max_epochs=None, shares=None, groups=None):
    fitted = additive(seed=seed)
    found = Predicted(lambda mix: fitted.predict(Points(mix)), lambda mix: fitted.gradient(Points(mix)), np.array([0.4, 0.6]),
                      NATURAL, fitted.predict(Points(NATURAL[None]))[0] if worst else None, kl)
    return found, region(AVAILABLE, 1000, max_epochs, shares or {}, groups or {})


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_on_a_fine_grid_is_better_and_the_best_there_is_near(case, seed):
    objective, allowed = asked(seed, **CASES[case])
    found = optimum(objective, allowed, STARTS)
    assert allowed.missed(found.mix) <= 1e-12
    assert found.mix.sum() == pytest.approx(1, abs=1e-15)
    points = FINE if case != "ratios" else np.array([[1 - s, s / 4, 3 * s / 4] for s in np.linspace(0, 1, 401)])
    inside = points[[allowed.missed(mix) <= 1e-9 for mix in points]]
    values = objective.value(inside)
    assert found.value <= values.min() + 1e-9
    assert found.value >= values.min() - 0.01
    assert np.abs(inside[values.argmin()] - found.mix).max() < 0.05
    assert found.gap < 1e-6
    assert found.agreeing == 2


@pytest.mark.parametrize("case", CASES)
def test_no_small_move_gains_anything(case):
    """Karush, Kuhn and Tucker in small: from any variable to any other, as far as the limits let it."""
    objective, allowed = asked(3, **CASES[case])
    found = optimum(objective, allowed, STARTS)
    r = allowed.blend.shape[1]
    moves = [1e-4 * (allowed.blend[:, j] - allowed.blend[:, i]) for i, j in itertools.permutations(range(r), 2)]
    near = [found.mix + move for move in moves if (found.mix + move >= 0).all() and allowed.missed(found.mix + move) <= 1e-12]
    assert near
    assert (objective.value(np.array(near)) >= found.value - 1e-9).all()


@pytest.mark.parametrize("case", CASES)
def test_the_gap_is_at_least_what_is_left(case):
    objective, allowed = asked(3, **CASES[case])
    found = optimum(objective, allowed, STARTS)
    away = allowed.blend @ allowed.settled(allowed.reduced(0.7 * found.mix + 0.3 * nearest(NATURAL, allowed)))
    left = float(objective.value(away[None])[0]) - found.value
    assert left > 1e-6
    assert certificate(objective, allowed, away)[0] >= left - 1e-9


@pytest.mark.parametrize(("of", "limits", "closer"), [
    ("code", {"max_epochs": 2.0}, {"max_epochs": 1.98}),
    ("web", {"shares": {"web": {"min": 0.4}}}, {"shares": {"web": {"min": 0.402}}}),
    ("text", {"groups": {"text": {"domains": ["prose", "web"], "min": 0.8}}},
     {"groups": {"text": {"domains": ["prose", "web"], "min": 0.802}}}),
    ("text", {"groups": {"text": {"domains": ["prose", "web"], "max": 0.5, "ratios": "natural"}}},
     {"groups": {"text": {"domains": ["prose", "web"], "max": 0.498, "ratios": "natural"}}}),
    ("code", {"worst": True, "kl": 0.1, "max_epochs": 1.5}, {"worst": True, "kl": 0.1, "max_epochs": 1.48}),
])  # fmt: skip
def test_a_price_is_what_the_optimum_loses_when_the_limit_is_drawn_closer(of, limits, closer):
    (objective, allowed), (_, drawn) = asked(2, **limits), asked(2, **closer)
    found, worse = optimum(objective, allowed, STARTS), optimum(objective, drawn, STARTS)
    before, after = ({limit.of: limit.bound for limit in one.limits} for one in (allowed, drawn))
    spent = sum(one.price * (before[one.limit.of] - after[one.limit.of]) for one in found.binding)
    assert {one.limit.of for one in found.binding if one.price > 0} == {of}
    assert spent > 1e-5
    assert worse.value - found.value == pytest.approx(spent, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=2, max_size=6), st.floats(0.05, 1.0), st.floats(1.0, 10.0))
def test_the_least_sum_of_squares_within_epochs_is_unimax(sizes, part, max_epochs):
    """Water-filling and a quadratic program meet: an oracle for caps, repair and exactness."""
    available = dict(zip("abcdef", sizes, strict=False))
    budget = max(1, int(part * max_epochs * sum(sizes)))
    allowed = region(available, budget, max_epochs, {}, {})
    m = len(sizes)
    found = optimum(Quadratic(np.eye(m), np.zeros(m)), allowed, [np.full(m, 1 / m)])
    expected = UniMax(budget, max_epochs).solve(available)
    np.testing.assert_allclose(found.mix, list(expected.values()), atol=2e-7)
    assert all(share * budget <= max_epochs * n * (1 + 1e-12) for share, n in zip(found.mix, sizes, strict=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_nearest_allowed_mixture_is_no_farther_than_any_on_a_grid(seed):
    target = np.random.default_rng(seed).dirichlet(np.ones(3))
    _, allowed = asked(1, shares={"web": {"min": 0.4}}, groups={"g": {"domains": ["code", "web"], "max": 0.7}})
    found = nearest(target, allowed)
    inside = [mix for mix in grid(3, 40) if allowed.missed(mix) <= 1e-9]
    assert allowed.missed(found) <= 1e-12
    assert ((found - target) ** 2).sum() <= min(((mix - target) ** 2).sum() for mix in inside) + 1e-9


def test_of_two_valleys_the_deeper_is_found_from_the_starts_given():
    """γ above 1 makes corners attractive: descents from two starts end apart, and the lower end counts."""
    curvature = -np.diag([2.0, 1.0, 0.5])
    found = optimum(Quadratic(curvature, np.zeros(3)), asked(1)[1],
                    [0.8 * corner + 0.2 * EVEN for corner in np.eye(3)])
    corners = {i: float(Quadratic(curvature, np.zeros(3)).value(np.eye(3)[i][None])[0]) for i in range(3)}
    assert found.mix.argmax() == min(corners, key=corners.get)
    assert found.value == pytest.approx(-1.0)
    assert found.agreeing == 1


def test_the_order_of_domains_does_not_matter():
    fitted = additive()
    values = []
    for order in itertools.permutations(range(3)):
        turned = list(order)
        back = np.argsort(turned)
        objective = Predicted(lambda mix, b=back: fitted.predict(Points(mix[:, b])),
                              lambda mix, b=back, o=turned: fitted.gradient(Points(mix[:, b]))[:, :, o],
                              np.array([0.5, 0.5]), NATURAL[turned])
        names = [list(AVAILABLE)[i] for i in turned]
        allowed = region({name: AVAILABLE[name] for name in names}, 1000, 2.0, {}, {})
        values.append(optimum(objective, allowed, [NATURAL[turned]]).mix[back])
    np.testing.assert_allclose(values, np.tile(values[0], (6, 1)), atol=1e-5)
