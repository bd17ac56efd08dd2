import numpy as np
import pytest
import torch

from corpusmill.operators.lm import gradients
from corpusmill.operators.lm.gpt import GPT, Shape

SHAPE = Shape(layers=2, width=16, heads=2, context=12)
DOMAINS = np.array([0, 0, 0, 2, 3, 3])  # none of domain 1


@pytest.fixture
def model():
    model = GPT(SHAPE, seed=3)
    for weight in model.parameters():  # gradients of a first model are nearly alike
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, 0, 0.2, torch.Generator().manual_seed(weight.numel()))
    return model


@pytest.fixture
def tokens():
    return torch.randint(0, 257, (len(DOMAINS), SHAPE.context + 1), generator=torch.Generator().manual_seed(1))


def alone(model, tokens):
    """By automatic differentiation of the loss, through an output matrix that is not the embedding."""
    output = model.embedding.weight.detach().double().requires_grad_()
    held = []
    hook = model.norm.register_forward_hook(lambda *told: held.append(told[2].detach().double()))
    with torch.no_grad():
        model(tokens[:, :-1])
    hook.remove()
    logits = held[0] @ output.T
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    return output.grad


def summed(model, tokens, weights=None, least=1):
    watch = gradients.DomainGradients(model, 4, least)
    losses = gradients.token_losses(model, tokens).mean(1)
    watch.expect(DOMAINS, weights)  # weights may depend on the losses
    (losses if weights is None else weights * losses).mean().backward()
    watch.close()
    return watch


@pytest.mark.parametrize("weights", [None, [0.1, 2.0, 0.9, 1.5, 0.5, 1.0]])
def test_sums_are_those_of_each_domain_alone(model, tokens, weights):
    """Weights in the loss change what is learned, not what is known of a domain."""
    watch = summed(model, tokens, None if weights is None else torch.tensor(weights))
    assert watch.counts.tolist() == [3, 0, 1, 2]
    for domain in (0, 2, 3):
        rows = np.flatnonzero(domain == DOMAINS)
        wanted = sum(alone(model, tokens[[row]]) for row in rows)
        assert (watch.sums[domain] - wanted).abs().max() < 1e-6 * max(1.0, float(wanted.abs().max()))
    assert not watch.sums[1].any()


def test_the_gram_matrix_is_of_means(model, tokens):
    watch = summed(model, tokens)
    watch.finish()
    means = [np.zeros(257 * 16) if domain == 1 else alone(model, tokens[domain == DOMAINS]).flatten().numpy()
             for domain in range(4)]
    wanted = np.array([[a @ b for b in means] for a in means])
    assert watch.gram() == pytest.approx(wanted, abs=1e-6)
    assert np.abs(wanted).max() > 1e-2


def test_watching_changes_nothing_that_is_learned(model, tokens):
    plain = GPT(SHAPE)
    plain.load_state_dict(model.state_dict())
    plain.loss(tokens).backward()
    summed(model, tokens)
    for one, other in zip(plain.parameters(), model.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_a_domain_with_few_sequences_keeps_its_older_gradient(model, tokens):
    watch = summed(model, tokens, least=2)
    watch.finish()
    assert watch.counts.tolist() == [0, 0, 1, 0]
    assert [bool(mean.any()) for mean in watch.means] == [True, False, False, True]
    before = watch.means[0].clone()
    watch.counts[2], watch.sums[2] = 2, watch.sums[2] * 2
    watch.finish()
    assert torch.equal(watch.means[0], before)
    assert torch.allclose(watch.means[2].double(), alone(model, tokens[[3]]), atol=1e-6)


def test_only_passes_that_are_expected_are_counted(model, tokens):
    """Each of them once: a pass that nobody announced, as of a probe, tells nothing of a round."""
    watch = gradients.DomainGradients(model, 4)
    for step in range(6):
        loss = gradients.token_losses(model, tokens).mean()
        if step % 3 == 0:
            watch.expect(DOMAINS)
        loss.backward()
        with torch.no_grad():
            model(tokens[:, :-1])
    assert watch.counts.tolist() == [6, 0, 2, 4]
    watch.close()


def test_the_gradient_of_held_out_text_needs_no_backward_pass(model, tokens):
    found = gradients.output_gradient(model, tokens)
    assert (found - alone(model, tokens)).abs().max() < 1e-6
    watch = summed(model, tokens)
    watch.finish()
    assert watch.along(found)[0] == pytest.approx(float((watch.means[0] * found).sum()), rel=1e-5)


def test_a_state_is_all_it_takes_to_go_on(model, tokens):
    watch = summed(model, tokens)
    other = gradients.DomainGradients(model, 4)
    other.restore(watch.state())
    other.finish()
    watch.finish()
    assert (other.gram() == watch.gram()).all()
    assert other.nbytes == 2 * 4 * 257 * 16 * 4
    other.close()
