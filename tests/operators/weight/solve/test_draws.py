import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.solve.constraints import region
from corpusmill.operators.weight.solve.draws import best_drawn
from corpusmill.operators.weight.solve.objective import Near
from tests.support.mixing import AVAILABLE

FREE = region(AVAILABLE, 1000, None, {}, {})


def test_the_mean_of_the_best_is_near_the_optimum_and_the_same_each_time():
    target = np.array([0.3, 0.3, 0.4])
    found = best_drawn(Near(target), FREE, np.ones(3), 20_000, 128, 0)
    assert np.abs(found - target).max() < 0.01
    assert (found == best_drawn(Near(target), FREE, np.ones(3), 20_000, 128, 0)).all()
    assert (found != best_drawn(Near(target), FREE, np.ones(3), 20_000, 128, 1)).any()


def test_all_draws_averaged_are_the_mean_of_dirichlet():
    prior = np.array([1.0, 3.0, 6.0])
    np.testing.assert_allclose(best_drawn(Near(np.ones(3)), FREE, prior, 20_000, 20_000, 0), prior / 10, atol=0.005)


def test_draws_that_miss_a_limit_do_not_count():
    allowed = region(AVAILABLE, 1000, 2.0, {}, {"text": {"domains": ["prose", "web"], "max": 0.9}})
    found = best_drawn(Near(np.array([1.0, 0, 0])), allowed, np.ones(3), 20_000, 50, 0)
    assert allowed.missed(found) <= 1e-12
    assert found[0] == pytest.approx(0.2, abs=0.01)


def test_too_few_that_are_allowed_are_an_error():
    tight = region(AVAILABLE, 1000, None, {"code": {"min": 0.3, "max": 0.3001}}, {})
    with pytest.raises(ConfigError, match=r"weigh.draws=100: \d+ of them meet the limits, weigh.top=50 are wanted"):
        best_drawn(Near(np.ones(3)), tight, np.ones(3), 100, 50, 0)
