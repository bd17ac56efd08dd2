import numpy as np
import pytest

from corpusmill.operators.weight.designs.properties import properties


def test_of_corners_and_their_middle():
    told = properties(np.array([[1.0, 0], [0, 1], [0.5, 0.5], [0.5, 0.5]]), ("a", "b"))
    assert (told["runs"], told["mixtures"], told["zeros"]) == (4, 3, 0.25)
    assert (told["nearest"], told["spacing"]) == (0.5, 0.5)
    assert (told["least"], told["most"]) == ({"a": 0, "b": 0}, {"a": 1, "b": 1})
    assert told["condition"] == pytest.approx(np.sqrt(1.5))  # eigenvalues of [[1.25, .25], [.25, 1.25]]


def test_mixtures_that_do_not_span_the_simplex_have_no_condition():
    together = np.array([[0.5, 0.25, 0.25], [0.2, 0.4, 0.4], [0.8, 0.1, 0.1]])
    assert properties(together, ("a", "b", "c"))["condition"] is None
    alone = properties(np.array([[0.5, 0.5]]), ("a", "b"))
    assert (alone["condition"], alone["nearest"], alone["spacing"]) == (None, None, None)
