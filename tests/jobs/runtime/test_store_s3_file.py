import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.runtime.store_s3_file import RangedFile
from corpusmill.operators.errors import Corrupt

DATA = bytes(i * i % 251 for i in range(1 << 20))
STEPS = st.one_of(st.tuples(st.just("seek"), st.integers(0, len(DATA) + 10)),
                  st.tuples(st.just("read"), st.integers(-1, 200_000)))


@given(st.lists(STEPS, max_size=20))
def test_reads_as_a_file_in_memory_does(steps):
    ours, plain = RangedFile(lambda at, n: DATA[at : at + n], len(DATA), "u"), io.BytesIO(DATA)
    for step, n in steps:
        assert getattr(ours, step)(n) == getattr(plain, step)(n)
        assert ours.tell() == plain.tell()


def test_small_sequential_reads_make_few_requests():
    requests = []
    file = RangedFile(lambda at, n: requests.append(n) or DATA[at : at + n], len(DATA), "u")
    assert b"".join(iter(lambda: file.read(1000), b"")) == DATA
    assert len(requests) <= 6
    assert sum(requests) == len(DATA)


def test_other_reads_fetch_exactly_what_is_asked_for():
    requests = []
    file = RangedFile(lambda at, n: requests.append((at, n)) or DATA[at : at + n], len(DATA), "u")
    for at in (500_000, 100_000, 900_000):
        file.seek(at)
        file.read(10)
    assert requests == [(500_000, 10), (100_000, 10), (900_000, 10)]


def test_an_object_that_ends_early_is_corrupt():
    file = RangedFile(lambda at, n: DATA[at : at + n][:-1], len(DATA), "s3://bucket/key")
    with pytest.raises(Corrupt, match="s3://bucket/key ended at byte"):
        file.read(100)
