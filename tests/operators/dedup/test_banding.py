"""Bands and rows against datasketch's optimiser."""

import warnings

import numpy as np
import pytest
from datasketch.lsh import _optimal_param

from corpusmill.operators.dedup.banding import best_banding, s_curve


@pytest.mark.parametrize("minima", [1, 16, 128, 240])
@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.75, 0.8, 0.9, 0.95, 1.0])
def test_the_choice_is_that_of_datasketch(threshold, minima):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its quadrature warns of slow convergence for many minima
        expected = _optimal_param(threshold, minima, 0.5, 0.5)
    assert best_banding(threshold, minima) == expected


def test_the_curve_is_that_of_bands_and_rows():
    assert s_curve([0.0, 1.0], 14, 8).tolist() == [0.0, 1.0]
    assert np.isclose(s_curve(0.8, 14, 8), 0.9236, atol=1e-4)
