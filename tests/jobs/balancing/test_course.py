import io

import numpy as np
import pytest
import torch

from corpusmill.jobs.balancing.course import Course, Setting
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import GPT, Shape
from corpusmill.operators.lm.mixing import Streams, apportioned, spread
from corpusmill.operators.lm.tokens import stream
from corpusmill.operators.lm.training import Learner, Plan
from corpusmill.operators.weight.balance.gram import DGA, Balance, balanced
from corpusmill.operators.weight.balance.losses import Fixed
from corpusmill.operators.weight.balance.probes import Aioli, SkillIt
from corpusmill.operators.weight.balance.samples import LinUpper

SHAPE, PLAN = Shape(1, 16, 1, 16), Plan(tokens=4608, batch=12, rate=0.02, device="cpu")  # 24 steps
TEXTS = {"field": "rye barley hay plough ", "river": "river boat water mill ", "sums": "12345 67890 24680 "}
TOKENS = {name: stream([text.encode() * 200]) for name, text in TEXTS.items()}
EVEN = np.full(3, 1 / 3)


def course(rule, **more):
    return Course(Setting(SHAPE, PLAN, rule, **({"first": EVEN, "evaluation": EVEN, "steps": 6, "apart": 80} | more)), TOKENS)


def to_the_end(found):
    while not found.done:
        found.advance()
    return found


def test_the_matrix_of_a_round_is_that_of_each_sequence_by_itself():
    """A plain loop, which differentiates every sequence's loss alone, on the same steps of the same learner."""
    found = to_the_end(course(Balance()))
    learner, streams = Learner(SHAPE, PLAN), Streams(TOKENS, SHAPE.context)
    shares = EVEN
    for row in found.rows:
        sums, counts = np.zeros((3, 257 * 16)), np.zeros(3)
        order = spread(apportioned(shares, 6 * 12))
        for domains in order.reshape(6, 12):
            domains = np.sort(domains)
            tokens = streams.take(domains)
            for domain, sequence in zip(domains, tokens, strict=True):
                sums[domain] += output_gradient_alone(learner.model, sequence[None])
                counts[domain] += 1
            learner.learn(tokens)
        means = sums / counts[:, None]
        assert row["count"] == counts.tolist()
        assert row["p"] == pytest.approx(shares, abs=1e-5)
        assert np.array(row["gram"]) == pytest.approx(means @ means.T, rel=1e-3, abs=1e-5)
        shares = balanced(np.array(row["gram"]), EVEN, 3.0)


def output_gradient_alone(model, tokens):
    held = []
    hook = model.norm.register_forward_hook(lambda *told: held.append(told[2].detach()))
    with torch.no_grad():
        model(tokens[:, :-1])
    hook.remove()
    output = model.embedding.weight.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy((held[0] @ output.T).flatten(0, 1), tokens[:, 1:].flatten()).backward()
    return output.grad.flatten().numpy()


@pytest.mark.parametrize("rule", [Balance(), DGA(), Aioli(steps=1, sweeps=1), SkillIt(steps=2)], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("step", [1, 9, 12])
def test_a_state_is_all_it_takes_to_go_on(rule, step):
    whole, first = (course(rule, samples=LinUpper(burn_in=3)) for _ in range(2))
    to_the_end(whole)
    for _ in range(step):
        first.advance()
    data = io.BytesIO()
    torch.save(first.state(), data)
    data.seek(0)
    second = course(rule, samples=LinUpper(burn_in=3))
    second.restore(torch.load(data, weights_only=True))
    to_the_end(second)
    assert second.rows == whole.rows
    assert second.extra_flops == whole.extra_flops
    weights = zip(whole.learner.model.parameters(), second.learner.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)


def test_a_rule_that_only_watches_changes_nothing_that_is_learned():
    """λ near 0 keeps the proportions even, so what is learned is what fixed proportions give."""
    watched, plain = to_the_end(course(Balance(strength=1e-9))), to_the_end(course(Fixed()))
    for one, other in zip(watched.learner.model.parameters(), plain.learner.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert plain.extra_flops == plain.extra_bytes == 0
    assert watched.extra_flops == 2 * 257 * 16 * 4608 + 4 * 2 * 9 * 257 * 16


def test_probes_that_are_put_back_leave_the_training_as_it_was():
    tried = course(SkillIt(steps=3))
    first = GPT(SHAPE, PLAN.seed)
    tried._begin()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), tried.learner.model.parameters(), strict=True))
    assert (tried.learner.step, tried.streams.position.tolist()) == (0, [0, 0, 0])
    assert tried.shares.tolist() != EVEN.tolist()


def test_probes_that_are_kept_are_steps_of_the_round():
    found = to_the_end(course(Aioli(steps=1, sweeps=1)))
    assert [row["step"] for row in found.rows] == [6, 12, 18, 24]
    assert [sum(row["count"]) for row in found.rows] == [36] * 4
    assert found.streams.position.sum() == 24 * 12


def test_text_is_set_apart_only_for_rules_that_need_it():
    plain, aligned = course(Balance()), course(DGA(), apart=400)
    assert plain.held is None
    for name, tokens in TOKENS.items():
        assert len(plain.streams.tokens[name]) == len(tokens)
        assert len(aligned.streams.tokens[name]) + len(aligned.held.tokens[name]) == len(tokens)
        assert len(aligned.held.tokens[name]) == 400


def test_the_last_round_takes_what_is_left_over():
    found = to_the_end(course(Fixed(), steps=7))
    assert [row["step"] for row in found.rows] == [7, 14, 24]


def test_a_domain_with_few_sequences_keeps_its_older_gradient():
    """24 of each in the first round; then so large a λ starves some."""
    first, second = to_the_end(course(Balance(strength=50.0), least=20)).rows[:2]
    scarce = np.array(second["count"]) < 20
    assert 0 < scarce.sum() < 3
    assert (np.diag(first["gram"]) == np.diag(second["gram"])).tolist() == scarce.tolist()


def test_rounds_too_short_for_every_domain_are_refused():
    with pytest.raises(ConfigError, match=r"rounds\.least=25: the first round draws 24 of its 72 sequences from field"):
        course(Balance(), least=25)
