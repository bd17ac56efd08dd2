import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.operators.domain.comparing import READS, Draw, agreement, explained, ordered, silhouette, within

LABELS = st.lists(st.integers(-1, 3), min_size=2, max_size=30)


def test_the_share_of_the_variance_that_is_explained_by_hand():
    """Means 1 and 5 of the seen; held out 2, 4, 6 lie 1, 1, 1 from them, and 2, 0, 2 … of the mean 3."""
    codes, losses = np.array([0, 0, 1, 1], np.int32), np.array([0.0, 2.0, 4.0, 6.0])
    held_codes, held = np.array([0, 1, 1], np.int32), np.array([2.0, 4.0, 6.0])
    assert explained(codes, losses, held_codes, held) == pytest.approx(1 - 3 / (1 + 1 + 9))
    assert explained(codes, losses, np.array([7, -1, 2], np.int32), held) == pytest.approx(0)  # clusters of none: the mean
    assert explained(codes, losses, held_codes, np.full(3, 3.0)) == 0


def test_clusters_of_chance_explain_nothing_however_many_they_are():
    rng = np.random.default_rng(0)
    losses, held = rng.normal(size=4000), rng.normal(size=4000)
    for k in (2, 50):
        codes, held_codes = (rng.integers(0, k, 4000).astype(np.int32) for _ in range(2))
        assert -0.05 < explained(codes, losses, held_codes, held) < 0.005
    assert 1 - within(codes, losses) / losses.var() == pytest.approx(49 / 3999, rel=0.5)  # which η² takes for an explanation


@given(labels=LABELS, data=st.data())
def test_the_variance_is_that_within_clusters_and_that_between_them(labels, data):
    codes = np.array(labels, np.int32)
    losses = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=len(codes), max_size=len(codes))))
    between = sum((codes == c).mean() * (losses[codes == c].mean() - losses.mean()) ** 2 for c in set(labels))
    assert within(codes, losses) + between == pytest.approx(losses.var(), abs=1e-9)


@settings(max_examples=30)
@given(labels=LABELS, seed=st.integers(0, 99))
def test_the_silhouette_is_that_of_a_plain_loop(labels, seed):
    points = np.random.default_rng(seed).normal(size=(len(labels), 3)).astype(np.float32)
    kept = [i for i, label in enumerate(labels) if label >= 0]
    scores = []
    for i in kept:
        means = {}
        for label in {labels[j] for j in kept}:
            gaps = [math.dist(points[i], points[j]) for j in kept if labels[j] == label and j != i]
            means[label] = sum(gaps) / len(gaps) if gaps else None
        own = means.pop(labels[i])
        if means:
            other = min(means.values())
            scores.append(0 if own is None else (other - own) / max(own, other))
    expected = sum(scores) / len(scores) if scores else 0
    assert silhouette(points, np.array(labels, np.int32)) == pytest.approx(expected, abs=1e-5)


def test_agreement_by_hand():
    """Two clusters of two and of four; NMI = 2 I / (H + H) of the table [[2, 0], [1, 3]] / 6."""
    codes, labels = np.array([0, 0, 1, 1, 1, 1], np.int32), np.array([5, 5, 5, 9, 9, 9], np.int32)
    table, rows, columns = {(0, 0): 2 / 6, (1, 0): 1 / 6, (1, 1): 3 / 6}, [2 / 6, 4 / 6], [3 / 6, 3 / 6]
    mutual = sum(p * math.log(p / rows[i] / columns[j]) for (i, j), p in table.items())
    entropy = -sum(p * math.log(p) for p in rows + columns) / 2
    assert agreement(codes, labels) == (pytest.approx(5 / 6), pytest.approx(mutual / entropy))
    assert agreement(labels, labels) == (pytest.approx(1), pytest.approx(1))


@settings(max_examples=20)
@given(data=st.data())
def test_the_draw_is_the_same_for_any_cuts_and_order(data):
    rows = [{"doc_id": i.to_bytes(16, "big"), "source": "s", "text": f"t{i}", "metadata": None} for i in range(20)]
    draw = Draw(1 << 63, seed=3)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, 20))
    parts = [draw.partial(pa.RecordBatch.from_pylist(part, schema=READS)) for part in (shuffled[:cut], shuffled[cut:])]
    whole = draw.partial(pa.RecordBatch.from_pylist(rows, schema=READS))
    assert ordered(draw.merge(*parts)).equals(ordered(whole))
    assert 0 < whole.num_rows < 20
    assert pa.ipc.open_stream(draw.finish(whole)).read_all().to_batches()[0].equals(ordered(whole))
