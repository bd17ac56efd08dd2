import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.balance.contract import Seen
from corpusmill.operators.weight.balance.probes import Aioli, SkillIt

EVEN = np.full(3, 1 / 3)
EFFECT = np.array([[0.5, 0.1, 0.0], [0.0, 0.3, 0.1], [0.2, 0.0, 0.4]])  # A_ij: of training on j, on loss i


def seen(**more):
    return Seen(EVEN, EVEN, np.full(3, 9.0), np.full(3, 2.0), **more)


def test_aioli_recovers_a_linear_effect_from_smoothed_probes():
    """Drops that are P A^T exactly, in each of two sweeps, give A back, and p by its column sums."""
    rule = Aioli(rate=0.5, sweeps=2, one_hot=0.6)
    probes = rule.probes(3, 5)
    assert probes.mixtures.shape == (6, 3)
    assert probes.mixtures[0] == pytest.approx([0.6, 0.2, 0.2])
    assert (probes.steps, probes.kept) == (4, True)
    found, memory = rule.update(seen(drops=probes.mixtures @ EFFECT.T), {})
    wanted = EVEN * np.exp(0.5 * EFFECT.sum(0) / EFFECT.sum())
    assert found == pytest.approx(wanted / wanted.sum())
    again, _ = rule.update(seen(drops=probes.mixtures @ EFFECT.T), memory)
    wanted = wanted * np.exp(0.5 * EFFECT.sum(0) / EFFECT.sum())
    assert again == pytest.approx(wanted / wanted.sum())


def test_aioli_shifts_what_is_below_0_and_can_average():
    rule = Aioli(sweeps=1, one_hot=1.0, smoothing=0.5)
    found, memory = rule.update(seen(drops=EFFECT.T - 0.1), {})
    assert memory["a"] == pytest.approx(EFFECT / EFFECT.sum())
    wanted = np.exp(0.2 * EFFECT.sum(0) / EFFECT.sum())
    assert found == pytest.approx(wanted / wanted.sum())
    _, memory = rule.update(seen(drops=np.eye(3)), memory)
    assert memory["a"] == pytest.approx(EFFECT / EFFECT.sum() / 2 + np.eye(3) / 6)


def test_skill_it_weighs_effects_by_the_losses_of_a_window():
    rule = SkillIt(rate=0.5, window=2)
    assert rule.probes(3, 1) is None
    assert (rule.probes(3, 0).kept, rule.probes(3, 0).mixtures.tolist()) == (False, np.eye(3).tolist())
    first, second, third = (np.array(v) for v in ([2.0, 4.0, 1.0], [1.0, 3.0, 1.0], [1.0, 2.0, 0.5]))
    drops = np.array([[1.0, 0.4, 0.0], [-0.5, 2.0, 0.1], [0.0, 0.0, 0.5]])
    a = np.array([[0.5, 0.1, 0.0], [0.0, 0.5, 0.1], [0.0, 0.0, 0.5]])
    memory = {}
    for losses, told in ((first, [first]), (second, [first, second]), (third, [second, third])):
        found, memory = rule.update(seen(validation=losses, drops=drops if losses is first else None), memory)
        wanted = np.exp(0.5 * (a @ np.sum(told, 0)))
        assert found == pytest.approx(wanted / wanted.sum())


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Aioli(one_hot=1.2), r"balance\.one_hot=1\.2"), (lambda: Aioli(steps=0), r"balance\.steps"),
    (lambda: Aioli(one_hot=0.5).probes(2, 0), "all the same"), (lambda: Aioli().probes(1, 0), "at least two domains"),
    (lambda: SkillIt(window=1.5), r"balance\.window must be a whole number from 1, got 1\.5"),
    (lambda: SkillIt(rate=0), r"balance\.rate"),
])
def test_constants_that_mean_nothing_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
