import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import Seen
from corpusmill.operators.weight.balance.gram import DGA, Balance, DoGE

gradients = st.integers(2, 6).flatmap(lambda m: arrays(np.float64, (m, 5), elements=st.integers(-9, 9)))


def seen(gram, evaluation=None, drawn=None, **more):
    m = len(gram)
    even = np.full(m, 1 / m)
    return Seen(even if drawn is None else np.array(drawn), even if evaluation is None else np.array(evaluation),
                np.full(m, 10.0), np.full(m, 2.0), gram=np.array(gram, float), **more)


def test_hand_made_gradients_give_the_closed_form():
    """g1 = (3, 0) of 3 sequences, g2 = (0, 8) of 4, p_eval = (.8, .2): G p = (.8, .8), so both pull alike; then g2 twice."""
    means = np.array([[3.0, 0.0], [0.0, 8.0]]) / [[3], [4]]
    found, memory = Balance().update(seen(means @ means.T, [0.8, 0.2]), {})
    assert found == pytest.approx([0.5, 0.5], abs=1e-6)
    means[1] *= 2  # G p = (.8, 3.2), norm 3.298485
    found, _ = Balance().update(seen(means @ means.T, [0.8, 0.2]), {})
    odds = math.exp(3 * (0.8 - 3.2) / math.hypot(0.8, 3.2))
    assert found == pytest.approx([odds / (1 + odds), 1 / (1 + odds)], abs=1e-6)
    assert memory == {}


@given(gradients, st.floats(0.1, 20))
def test_the_update_is_a_softmax_of_a_unit_vector(rows, strength):
    gram = rows @ rows.T
    found, _ = Balance(strength).update(seen(gram), {})
    assert found.sum() == pytest.approx(1)
    assert found.max() / found.min() <= math.exp(strength * math.sqrt(2)) * (1 + 1e-9)
    pull = gram @ np.full(len(gram), 1 / len(gram))
    assert found[pull.argmax()] == pytest.approx(found.max())
    scaled, _ = Balance(strength).update(seen(9 * gram), {})
    assert scaled == pytest.approx(found)


@given(st.integers(2, 8), st.floats(0, 5))
def test_equal_gradients_and_none_give_equal_shares(m, size):
    for rule in (Balance(), DoGE()):
        found, _ = rule.update(seen(np.full((m, m), size)), {})
        assert found == pytest.approx(np.full(m, 1 / m))


def test_it_forgets_older_rounds_and_what_was_drawn():
    gram = np.diag([1.0, 2.0, 3.0])
    found, _ = Balance().update(seen(gram), {})
    other, _ = Balance().update(seen(gram, drawn=[0.9, 0.05, 0.05], round=7), {})
    assert other.tolist() == found.tolist()


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, math.pi / 2])
def test_the_domain_that_is_aligned_with_what_is_evaluated_is_best_for_a_small_step(angle):
    """Lemma 2: all weight on argmax (G p) lowers the evaluated loss as much as any mixture, if the step is short enough.

    A quadratic of two domains: L_i(x) = |x - c_i|² / 2, L = Σ p_i L_i is 1-smooth; only domain 0 is evaluated.
    """
    centres = np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
    evaluation = np.array([1.0, 0.0])
    gradient = -centres  # at x = 0
    gram = gradient @ gradient.T
    found, _ = Balance().update(seen(gram, evaluation), {})
    assert found[0] >= found[1] - 1e-12
    assert (found[0] > found[1] + 1e-3) == (angle > 0)
    pull, mixed = gram @ evaluation, gradient.T @ [0.5, 0.5]
    gain = pull.max() - mixed @ (gradient.T @ evaluation)
    step = gain / (max(np.linalg.norm(row) for row in gradient) ** 2 + mixed @ mixed)
    after = [np.sum((-step * direction - centres[0]) ** 2) / 2 for direction in (gradient[pull.argmax()], mixed)]
    assert after[0] <= after[1] + 1e-12


def test_doge_multiplies_and_remembers():
    gram = np.array([[2.0, -1.0], [-1.0, 1.0]])
    found, memory = DoGE(rate=0.5).update(seen(gram, drawn=[0.25, 0.75]), {})
    raw = np.array([0.25 * math.exp(0.5), 0.75])  # W = (1, 0)
    assert found == pytest.approx(raw / raw.sum())
    again, _ = DoGE(rate=0.5).update(seen(gram, drawn=[0.9, 0.1]), memory)
    raw = raw * [math.exp(0.5), 1]
    assert again == pytest.approx(raw / raw.sum())
    found, _ = DoGE(target=True).update(seen(gram, [1.0, 0.0], drawn=[0.5, 0.5]), {})
    assert found == pytest.approx(np.exp([2.0, -1.0]) / np.exp([2.0, -1.0]).sum())


def test_dga_follows_the_gradient_of_held_out_text():
    told = dataclasses.replace(seen(np.eye(2)), alignment=np.array([0.0, math.log(3)]))
    found, memory = DGA(smoothing=0.0).update(told, {})
    assert found == pytest.approx([0.25, 0.75])
    again, _ = DGA(smoothing=0.5).update(told, memory)
    assert again == pytest.approx(0.5 * np.array([0.25, 0.75]) + 0.5 * np.array([0.1, 0.9]))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Balance(strength=0), r"balance\.strength must be a number above 0, got 0"),
    (lambda: DoGE(rate=-1), r"balance\.rate"),
    (lambda: DGA(smoothing=1), r"balance\.smoothing must be a number from 0 to below 1, got 1"),
])
def test_constants_that_mean_nothing_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
