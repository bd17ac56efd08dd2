from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.deduping.likeness import ALIKE, UNLIKE, counted, tally


@given(st.lists(st.fractions(0, 1, max_denominator=300), max_size=60), st.integers(1, 100))
def test_hundredths_are_those_of_the_fractions(similarities, percent):
    """Also of 29/100, whose float times 100 lies below 29."""
    found = tally(np.array([float(s) for s in similarities]), percent / 100)
    for prefix, alike in ((ALIKE, True), (UNLIKE, False)):
        chosen = [s for s in similarities if (float(s) >= percent / 100) == alike]
        assert counted(found, prefix) == Counter(int(s * 100) for s in chosen)


def test_estimates_below_zero_are_with_the_first_and_equal_sets_alone():
    found = tally(np.array([-0.004, 0.0, 0.999, 1.0]), 0.7)
    assert found == {"alike/99": 1, "alike/100": 1, "unlike/0": 2}
