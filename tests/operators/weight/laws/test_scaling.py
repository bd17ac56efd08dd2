import numpy as np
import pytest

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.laws.scaling import Scale, power, sizes_of
from corpusmill.operators.weight.runs import Points

MIX = np.full((3, 2), 0.5)
POINTS = Points(MIX, np.array([1.0, 2, 4]), np.array([10.0, 10, 10]))


def test_sizes_are_counted_in_their_medians():
    n, d = Scale.of(POINTS, "joint").logs(POINTS, "joint")
    assert np.exp(n).tolist() == pytest.approx([0.5, 1, 2])
    assert d.tolist() == [0, 0, 0]


def test_what_is_not_known_is_named():
    with pytest.raises(DataError, match="law joint asks for tokens, but there is no tokens"):
        sizes_of(Points(MIX, POINTS.parameters), "tokens", "joint")
    with pytest.raises(DataError, match="different n_params or tokens"):
        Scale.of(Points(MIX, np.ones(3), np.ones(3)), "joint")


def test_a_size_of_which_the_runs_said_nothing_is_not_guessed():
    scale = Scale.restored(np.array(Scale.of(POINTS, "joint").numbers))
    assert scale.varied == (True, False)
    far = Points(MIX, np.full(3, 100.0), np.full(3, 10.0))
    assert scale.logs(far, "joint")[0].tolist() == pytest.approx([np.log(50)] * 3)
    with pytest.raises(DataError, match="asked about other tokens than its runs had, which were all 10"):
        scale.logs(Points(MIX, POINTS.parameters, np.full(3, 20.0)), "joint")


def test_a_power_and_its_slope():
    logs, width = np.log([0.5, 1, 3.0]), 1e-6
    term, slope = power(np.array([0.2]), np.array([-1.0]), logs)
    np.testing.assert_allclose(term[0], np.exp(0.2) * np.array([0.5, 1, 3.0]) ** -np.exp(-1.0))
    up, down = (power(np.array([0.2]), np.array([-1.0 + move]), logs)[0] for move in (width, -width))
    np.testing.assert_allclose(slope, (up - down) / (2 * width), rtol=1e-6)
