from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.deduping.verdicts import cluster_sizes

ROWS = st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.one_of(st.none(), st.integers(1, 5000))))


@given(ROWS)
def test_clusters_are_counted_with_their_first_document_in_doubling_spans(rows):
    """2, 3-4, 5-8 and so on, written out."""
    spans = [(2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128), (129, 256), (257, 512), (513, 1024), (1025, 2048),
             (2049, 4096), (4097, 8192)]
    expected = Counter()
    for keep, first, size in rows:
        for low, high in spans:
            if keep is not None and first and size is not None and low <= size <= high:
                expected["clusters/2" if low == 2 else f"clusters/{low}-{high}"] += 1
    keep, first, sizes = ([row[i] for row in rows] for i in range(3))
    batch = pa.record_batch({"keep": pa.array(keep, pa.bool_()), "cluster_size": pa.array(sizes, pa.int64()),
                             "matched_doc_id": pa.array([None if one else bytes(16) for one in first], pa.binary(16))})
    assert cluster_sizes(batch) == dict(expected)
