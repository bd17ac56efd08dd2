"""The similarity of sketches."""

import numpy as np
import pytest

from corpusmill.operators.dedup.verify import similarity
from corpusmill.operators.errors import DataError


def test_agreement_by_chance_is_taken_out():
    left = np.zeros((3, 256), np.uint8)
    right = left.copy()
    right[1], right[2, 1:] = 1, 1
    assert similarity(left, right).tolist() == [1.0, -1 / 255, 0.0]


def test_no_pairs_have_no_similarity():
    assert similarity(np.empty((0, 128), np.uint8), np.empty((0, 128), np.uint8)).tolist() == []


@pytest.mark.parametrize("shape", [(2, 3), (1, 4), (4,)])
def test_sketches_of_other_shapes_cannot_be_compared(shape):
    with pytest.raises(DataError, match="one shape"):
        similarity(np.zeros((2, 4), np.uint8), np.zeros(shape, np.uint8))
