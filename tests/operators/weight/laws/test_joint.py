import numpy as np
import scaled

from corpusmill.operators.weight.laws.chinchilla import Chinchilla
from corpusmill.operators.weight.laws.joint import Joint
from corpusmill.operators.weight.runs import Points


def test_it_holds():
    scaled.holds(Joint(), *scaled.runs())


def test_it_knows_that_size_buys_more_for_some_mixtures():
    runs = scaled.runs()
    assert scaled.error(Joint(), *runs) < 0.005
    assert scaled.error(Joint(), *runs) < scaled.error(Chinchilla(), *runs) / 4


def test_what_is_bought_is_found():
    """Without noise the part of the loss that goes with parameters, against the equation that made it."""
    points, observed = scaled.runs(noise=0)
    fitted = Joint(tie=1e-9, shrink=1e-9).fit(points, observed)
    ask = np.eye(3) * 0.8 + 0.2 / 3
    small, large = (fitted.predict(Points(ask, np.full(3, n), np.full(3, 1e9))) for n in (1e6, 1e7))
    wanted = scaled.losses(ask, np.full(3, 1e6), np.full(3, 1e9)) - scaled.losses(ask, np.full(3, 1e7), np.full(3, 1e9))
    np.testing.assert_allclose(small - large, wanted, rtol=0.02)
