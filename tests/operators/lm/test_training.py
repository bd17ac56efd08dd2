import itertools
import math

import numpy as np
import pytest
import torch

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gpt import Shape
from corpusmill.operators.lm.tokens import stream
from corpusmill.operators.lm.training import Plan, Trainer, windows

SHAPE = Shape(layers=1, width=16, heads=1, context=16)
TOKENS = stream([b"the mill grinds the corn that the river turns into bread. " * 40])


def learned(plan, steps=None):
    trainer = Trainer(SHAPE, plan, TOKENS)
    return trainer, [trainer.advance() for _ in range(steps or trainer.total)]


def test_it_learns_and_the_same_plan_gives_the_same_weights():
    plan = Plan(tokens=16 * 8 * 60, batch=8, rate=0.03, device="cpu")
    one, losses = learned(plan)
    other, again = learned(plan)
    assert losses == again
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True))
    assert losses[0] == pytest.approx(math.log(257), abs=0.3)
    assert np.mean(losses[-10:]) < 2


def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been():
    plan = Plan(tokens=16 * 8 * 30, batch=8, device="cpu")
    whole, losses = learned(plan)
    stopped, before = learned(plan, 11)
    resumed = Trainer(SHAPE, plan, TOKENS)
    resumed.restore(stopped.state())
    assert before + [resumed.advance() for _ in range(resumed.total - resumed.step)] == losses
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True))


def test_every_pass_takes_every_window_once():
    starts = windows(1000, 16, 8, 40, seed=3).ravel()
    at, passes = 0, []
    for shift in range(10):
        del shift
        first = min(starts[at : at + 61]) if at < len(starts) else None
        size = len(range(int(first) % 16, 1000 - 16, 16)) if first is not None else 0
        passes.append(starts[at : at + size])
        at += size
    for one in itertools.takewhile(len, passes[:4]):
        assert len(set(one.tolist())) == len(one)
        assert len({int(s) % 16 for s in one}) == 1
    assert starts.min() >= 0
    assert starts.max() + 17 <= 1000


def test_the_rate_rises_then_falls_to_a_tenth():
    rates = [Plan(rate=0.01, warm_up=0.1).rate_at(step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.001 * n for n in range(1, 11)])
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert rates[-1] == pytest.approx(0.001, rel=0.02)


def test_a_stream_shorter_than_a_sequence_is_refused():
    with pytest.raises(DataError, match="fewer than one sequence of 17"):
        Trainer(SHAPE, Plan(device="cpu"), stream([b"short"]))


def test_a_loss_that_is_no_number_is_said():
    trainer = Trainer(SHAPE, Plan(tokens=16 * 8 * 200, batch=8, device="cpu"), TOKENS)
    with torch.no_grad():
        trainer.model.embedding.weight.fill_(float("nan"))
    with pytest.raises(DataError, match="the loss of step 1 is nan"):
        trainer.advance()


@pytest.mark.parametrize("given", [{"tokens": 0}, {"batch": 0}, {"rate": 0.0}, {"rate": 1.5}, {"warm_up": 1.0}])
def test_plans_that_cannot_be_are_refused(given):
    with pytest.raises(ConfigError, match="training"):
        Plan(**given)
