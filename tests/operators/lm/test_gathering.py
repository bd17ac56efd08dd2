import pyarrow as pa
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gathering import READS, Gather


def batch_of(texts, first=0):
    ids = [(first + i).to_bytes(16, "big") for i in range(len(texts))]
    return pa.record_batch([pa.array(ids, pa.binary(16)), pa.array(texts)], schema=READS)


def test_the_same_documents_come_in_the_same_order_for_any_split():
    texts, fit = [f"text {i} é" for i in range(40)], Gather(head=8)
    whole = fit.texts(fit.partial(batch_of(texts)))
    parts = [fit.partial(batch_of(texts[a:b], a)) for a, b in ((25, 40), (0, 3), (3, 25))]
    assert fit.texts(fit.merge(parts[0], fit.merge(parts[1], parts[2]))) == whole
    assert sorted(whole) == sorted(t.encode()[:8] for t in texts)
    assert whole != [t.encode()[:8] for t in texts]


def test_a_share_of_the_priorities_is_a_share_of_the_documents():
    texts = [str(i) for i in range(2000)]
    half = Gather(head=9, last=1 << 63).partial(batch_of(texts))
    assert 900 < len(half) < 1100
    assert set(half) <= set(Gather(head=9).partial(batch_of(texts)))


def test_a_head_that_is_no_number_of_bytes_is_refused():
    with pytest.raises(ConfigError, match=r"model\.head=0"):
        Gather(head=0)
