"""Owners of consecutive shards."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.deduping.owners import Owners, only


@given(st.integers(1, 200), st.integers(1, 200))
def test_each_owner_has_consecutive_shards_and_every_shard_one_owner(shards, count):
    owners = Owners(shards, min(count, shards))
    found = owners.route(np.arange(shards)).tolist()
    assert found == [owners.owner(i) for i in range(shards)]
    assert found == sorted(found)
    assert set(found) == set(range(owners.count))


@pytest.mark.parametrize(("total", "count"), [(0, 3), (100, 3), (1000, 10), (10**9, 12)])
def test_owners_grow_with_what_is_exchanged_up_to_one_per_shard(total, count):
    assert Owners(12, 3).grown(total, 100) == Owners(12, count)


def test_messages_of_a_shard_are_its_own():
    messages = pa.table({"shard": [1, 0, 1], "row": [5, 6, 7]})
    assert only(messages, 1).to_pydict() == {"shard": [1, 1], "row": [5, 7]}
    assert only(messages, 2).num_rows == 0
