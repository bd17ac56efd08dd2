"""Which source lost more than its share."""

import pytest

from corpusmill.jobs.filtering.retention import losses


def counts(**sources):
    """(kept, dropped by a, dropped by b) of each source."""
    return {f"source/{s}/{name}": n for s, found in sources.items() for name, n in zip(("kept", "a", "b"), found, strict=True)}


def test_a_source_that_is_dropped_over_three_times_as_often_is_named():
    (loss,) = losses(counts(web=(900, 50, 0), code=(40, 4, 12)))
    assert (loss.source, loss.documents, loss.dropped, loss.reason, loss.by_reason) == ("code", 56, 16, "b", 12)
    assert loss.times == pytest.approx((16 / 56) / (66 / 1006))
    assert str(loss).startswith("source code lost 16 of its 56 documents, 4.4 times its share, 12 of them to b: ")


@pytest.mark.parametrize(("kept", "dropped", "named"), [(10, 30, False), (9, 31, True), (0, 9, False)])
def test_three_times_the_share_is_allowed_and_few_documents_say_nothing(kept, dropped, named):
    """Of 400 documents 100 are gone: a quarter, and a source may lose three quarters."""
    size = kept + dropped
    rest = 100 - dropped if dropped > 9 else 20
    found = losses(counts(web=(400 - size - rest, rest, 0), code=(kept, dropped, 0)))
    assert bool(found) == named


def test_the_hardest_hit_comes_first_and_nothing_dropped_is_nothing_lost():
    found = losses(counts(web=(5_000, 10, 0), a=(70, 30, 0), b=(60, 40, 0)))
    assert [loss.source for loss in found] == ["b", "a"]
    assert losses(counts(web=(5, 0, 0))) == losses({}) == ()
