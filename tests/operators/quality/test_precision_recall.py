import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.quality.precision_recall import at_cut, cut_for, table

SCORES = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=1, max_size=50)


@given(SCORES, st.floats(0.01, 1))
def test_the_highest_cut_that_keeps_a_share(scores, share):
    found = np.array(scores)
    enough = [cut for cut in scores if sum(s >= cut for s in scores) >= share * len(scores) - 1e-9]
    assert cut_for(found, share) == max(enough)


def test_precision_and_recall_at_a_cut():
    found = at_cut(np.array([0.9, 0.8, 0.5, 0.1]), np.array([True, False, True, True]), 0.5)
    assert found == {"cut": 0.5, "kept": 3, "share": 0.75, "precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3)}
    assert at_cut(np.array([0.1]), np.array([False]), 0.5)["precision"] == 1.0


def test_wanted_shares_are_among_the_cuts():
    scores = np.arange(100) / 100
    assert 0.6 in [one["cut"] for one in table(scores, scores > 0.5, [0.4])]
