import dataclasses
import math

import numpy as np
import pytest
import torch

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gpt import GPT, Shape, device_of, from_bytes, rotated, to_bytes
from corpusmill.operators.lm.tokens import BOUNDARY, VOCABULARY, stream

SMALL = Shape(layers=2, width=32, heads=2, context=24)


def plainly(model, tokens):
    """Logits of one sequence, step by step in float64, as the papers write them."""
    w = {name: value.double().numpy() for name, value in model.state_dict().items()}
    shape, t = model.shape, len(tokens)
    d = shape.width // shape.heads

    def normed(x, name):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * w[f"{name}.weight"]

    def turned(x, position):
        pairs = x[: d // 2] + 1j * x[d // 2 :]
        pairs = pairs * np.exp(1j * position * 10_000.0 ** -(np.arange(d // 2) / (d // 2)))
        return np.concatenate([pairs.real, pairs.imag])

    x = w["embedding.weight"][tokens]
    for layer in range(shape.layers):
        name = f"blocks.{layer}"
        qkv = normed(x, f"{name}.before_attention") @ w[f"{name}.qkv.weight"].T
        mixed = np.zeros_like(x)
        for head in range(shape.heads):
            q, k, v = (qkv[:, part * shape.width + head * d : part * shape.width + (head + 1) * d] for part in range(3))
            for i in range(t):
                scores = [turned(q[i], i) @ turned(k[j], j) / math.sqrt(d) for j in range(i + 1)]
                weights = np.exp(np.array(scores) - max(scores))
                mixed[i, head * d : (head + 1) * d] = weights @ v[: i + 1] / weights.sum()
        x = x + mixed @ w[f"{name}.joined.weight"].T
        gate, up = np.split(normed(x, f"{name}.before_map") @ w[f"{name}.gate_up.weight"].T, 2, -1)
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[f"{name}.down.weight"].T
    return normed(x, "norm") @ w["embedding.weight"].T


def test_logits_are_those_of_the_papers():
    model, tokens = GPT(SMALL, seed=3), np.random.default_rng(1).integers(0, VOCABULARY, 17)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3).add_(0.05)  # norms other than 1, scores that differ
        found = model(torch.from_numpy(tokens)[None])[0].double().numpy()
    assert np.allclose(found, plainly(model, tokens), rtol=1e-4, atol=1e-4)


def test_a_token_changes_no_logits_before_it():
    model = GPT(SMALL)
    tokens = torch.arange(20)[None]
    changed = tokens.clone()
    changed[0, 12] = 200
    with torch.no_grad():
        one, other = model(tokens)[0], model(changed)[0]
    assert torch.equal(one[:12], other[:12])
    assert not torch.allclose(one[12:], other[12:])


def test_positions_are_relative():
    """Turned by positions, the product of two vectors depends on their distance alone."""
    turn = GPT(SMALL).turn
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)
    products = [float((rotated(q, turn[:, i:]) * rotated(k, turn[:, i + 5 :])).sum()) for i in range(12)]
    assert products == pytest.approx([products[0]] * 12, abs=1e-4)


def test_parameters_are_counted_and_first_weights_are_seeded():
    model = GPT(SMALL, seed=5)
    assert sum(p.numel() for p in model.parameters()) == SMALL.parameters
    again, other = GPT(SMALL, seed=5), GPT(SMALL, seed=6)
    assert torch.equal(model.embedding.weight, again.embedding.weight)
    assert not torch.equal(model.embedding.weight, other.embedding.weight)
    loss = float(model.loss(torch.from_numpy(stream([bytes(range(20))])).long()[None]).detach())
    assert loss == pytest.approx(math.log(VOCABULARY), abs=0.2)  # it knows nothing yet


def test_a_file_gives_the_same_model_and_a_part_of_one_is_refused():
    model, tokens = GPT(SMALL, seed=2), torch.arange(10)[None]
    data = to_bytes(model, {"a": 1})
    again, facts = from_bytes(data)
    assert facts == {"a": 1}
    with torch.no_grad():
        assert torch.equal(model(tokens), again(tokens))
    assert to_bytes(again, facts) == data
    other = data.replace(b"corpusmill.lm.1", b"corpusmill.lm.2")
    for wrong in (b"", data[:7], data[:-4], data[: len(data) // 2], b"x" * 100, other):
        with pytest.raises(DataError, match="not a language model"):
            from_bytes(wrong)


@pytest.mark.parametrize("given", [{"layers": 0}, {"width": 30}, {"width": 36, "heads": 4}, {"context": 0}])
def test_shapes_that_fit_no_model_are_refused(given):
    with pytest.raises(ConfigError, match="model"):
        dataclasses.replace(SMALL, **given)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="give auto, cpu or cuda"):
        device_of("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="sees no GPU"):
            device_of("cuda")
    assert device_of("cpu").type == "cpu"


def test_documents_are_parted_by_boundaries():
    assert stream([b"ab", b"", b"\xff"]).tolist() == [BOUNDARY, 97, 98, BOUNDARY, BOUNDARY, 255, BOUNDARY]
