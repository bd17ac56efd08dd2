import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.errors import DataError
from corpusmill.operators.lm.gpt import Shape
from corpusmill.operators.lm.mixing import MixtureTrainer, Streams, apportioned, spread
from corpusmill.operators.lm.tokens import stream
from corpusmill.operators.lm.training import Plan

RIVER = stream([b"the river turns the wheel of the mill. " * 20])
FIELD = stream([b"rye and barley stand high in the field. " * 30])


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=8), st.integers(1, 500))
def test_counts_are_within_one_of_the_shares(shares, total):
    shares = np.array(shares)
    counts = apportioned(shares, total)
    assert counts.sum() == total
    assert (np.abs(counts - shares / shares.sum() * total) < 1).all()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any))
def test_domains_are_spread_evenly(counts):
    order = spread(np.array(counts))
    assert np.bincount(order, minlength=len(counts)).tolist() == counts
    for half in (len(order) // 2, len(order) // 3):
        seen = np.bincount(order[:half], minlength=len(counts))
        assert (np.abs(seen - np.array(counts) * half / len(order)) <= len(counts)).all()


def test_all_runs_share_the_order_within_a_domain():
    alone, beside = Streams({"river": RIVER}, 16), Streams({"river": RIVER, "field": FIELD}, 16)
    assert beside.names == ("field", "river")
    wanted = alone.take([0, 0, 0])
    mixed = beside.take([1, 0, 1, 0, 1])
    assert mixed[[0, 2, 4]].tolist() == wanted.tolist()
    assert alone.take([0] * 60).shape == (60, 17)


def test_every_pass_takes_every_sequence_once():
    streams = Streams({"river": RIVER}, 16)
    passes = streams.take([0] * 200)
    assert len({tuple(row) for row in passes[:47].tolist()}) > 20
    assert streams.epochs() == pytest.approx([200 * 16 / len(RIVER)])


def test_a_position_is_all_it_takes_to_go_on():
    whole, resumed = Streams({"river": RIVER}, 16), Streams({"river": RIVER}, 16)
    rows = whole.take([0] * 90)
    resumed.position[0] = 70
    assert resumed.take([0] * 20).tolist() == rows[70:].tolist()


def test_a_domain_shorter_than_a_sequence_is_named():
    with pytest.raises(DataError, match="domain 'pond'"):
        Streams({"pond": stream([b"a pond"])}, 16)


def test_a_run_draws_its_shares_and_goes_on_where_it_was():
    def trainer():
        streams = Streams({"river": RIVER, "field": FIELD}, 16)
        plan = Plan(tokens=16 * 4 * 10, batch=4, device="cpu")
        return MixtureTrainer(Shape(1, 16, 1, 16), plan, streams, {"river": 0.7, "field": 0.3})

    whole, resumed = trainer(), trainer()
    losses = [whole.advance() for _ in range(6)]
    resumed.restore(copy.deepcopy(whole.state()))
    assert resumed.streams.position.tolist() == whole.streams.position.tolist()
    assert [resumed.advance() for _ in range(4)] == [whole.advance() for _ in range(4)]
    assert whole.shares.tolist() == [12 / 40, 28 / 40]
    assert losses[0] == pytest.approx(5.55, abs=0.1)
