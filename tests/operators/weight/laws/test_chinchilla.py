import numpy as np
import pytest
import scaled

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws.additive import Additive
from corpusmill.operators.weight.laws.chinchilla import Chinchilla
from corpusmill.operators.weight.runs import Points


def test_it_holds():
    scaled.holds(Chinchilla(), *scaled.runs())


def test_it_reaches_a_scale_that_was_not_run_where_shares_alone_do_not():
    runs = scaled.runs()
    assert scaled.error(Chinchilla(), *runs) < 0.04 < 0.2 < scaled.error(Additive(), *runs)


def test_planted_terms_of_scale_are_found():
    points, _ = scaled.runs(noise=0)
    observed = (1.5 + 1 / (points.mix @ [0.7, 0.2, 0.4]) + 0.3 * (points.parameters / 3e6) ** -0.3
                + 0.2 * (points.tokens / 6e8) ** -0.5)[:, None]
    fitted = Chinchilla(tie=1e-9, shrink=1e-9).fit(points, observed)
    np.testing.assert_allclose(fitted.scaled[0], [0.3, 0.3, 0.2, 0.5], rtol=0.02)
    np.testing.assert_allclose(fitted.predict(points), observed, rtol=1e-4)


def test_runs_of_one_scale_tell_nothing_of_it():
    points, observed = scaled.runs(sizes=(1e6,), steps=(1e9,))
    with pytest.raises(DataError, match="needs runs of different n_params or tokens"):
        Chinchilla().fit(points, observed)
    with pytest.raises(ConfigError, match=r"law\.tie"):
        Chinchilla(tie=0)


def test_the_best_mixture_is_the_same_at_every_scale():
    fitted = Chinchilla().fit(*scaled.runs())
    mix = np.full((1, 3), 1 / 3)
    small, large = (fitted.gradient(Points(mix, np.array([n]), np.array([1e9]))) for n in (1e6, 1e9))
    assert (small == large).all()
