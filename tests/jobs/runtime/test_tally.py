from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.runtime.tally import by_source, read_by_source

ROWS = st.lists(st.tuples(st.text(max_size=4), st.sampled_from(["kept", "too_short", "exact_duplicate"])), max_size=20)


@given(ROWS, ROWS)
def test_rows_of_each_source_and_outcome_are_counted_and_add_up_over_shards(first, second):
    """Sources may hold any character, slashes too."""
    total = Counter()
    for rows in (first, second):
        total.update(by_source(pa.array([s for s, _ in rows], pa.string()), pa.array([o for _, o in rows], pa.string())))
    assert {(s, o): n for s, found in read_by_source(total | {"kept": 9}).items() for o, n in found.items()} == \
        Counter(first + second)
