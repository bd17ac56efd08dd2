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


def test_it_learns():
    _, losses = learned(Plan(tokens=16 * 8 * 120, batch=8, rate=0.02, device="cpu"))
    assert losses[0] == pytest.approx(math.log(257), abs=0.3)
    assert np.mean(losses[-10:]) < 1.2


def test_the_same_plan_gives_the_same_weights():
    plan = Plan(tokens=16 * 8 * 9, batch=8, device="cpu")
    (one, losses), (other, again) = learned(plan), learned(plan)
    assert losses == again
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True))


def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been():
    plan = Plan(tokens=16 * 8 * 30, batch=8, device="cpu")
    whole, losses = learned(plan)
    stopped, before = learned(plan, 11)
    resumed = Trainer(SHAPE, plan, TOKENS)
    resumed.restore(stopped.state())
    assert before + [resumed.advance() for _ in range(resumed.total - resumed.step)] == losses
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True))


def test_every_pass_takes_every_window_once():
    starts, at = windows(1000, 16, 8, 40, seed=3).ravel(), 0
    assert (starts.min() >= 0, starts.max() + 17 <= 1000) == (True, True)
    for _ in range(5):
        shift = int(starts[at]) % 16
        one = starts[at : at + len(range(shift, 1000 - 16, 16))]
        assert sorted(one.tolist()) == list(range(shift, 1000 - 16, 16))
        at += len(one)


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
