import numpy as np
import pytest
import torch

from corpusmill.operators.lm.gpt import GPT, Shape
from corpusmill.operators.lm.scoring import log_probs
from corpusmill.operators.lm.tokens import BOUNDARY

MODEL = GPT(Shape(layers=1, width=16, heads=1, context=8), seed=4).eval()
with torch.no_grad():
    for weight in MODEL.parameters():
        weight.mul_(4)  # so that what comes before matters


def plainly(text):
    """Each byte after what its window shows of those before it, in a batch of its own."""
    tokens, found, context = [BOUNDARY, *text], [], MODEL.shape.context
    for i in range(1, len(tokens)):
        window = max(0, -(-(i - context) // (context // 2))) * (context // 2)
        with torch.no_grad():
            logits = MODEL(torch.tensor([tokens[window:i]]))[0, -1]
        found.append(float(torch.log_softmax(logits, -1)[tokens[i]]))
    return found


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 12, 13, 50, 70, 129])
def test_every_byte_is_scored_once_after_all_that_its_window_shows(size):
    text = bytes(np.random.default_rng(size).integers(0, 256, size).tolist())
    assert log_probs(MODEL, text, torch.device("cpu")).tolist() == pytest.approx(plainly(text), abs=1e-4)


def test_probabilities_of_all_bytes_after_a_text_sum_to_less_than_one():
    """What is missing is the boundary's."""
    total = sum(np.exp(log_probs(MODEL, b"some text" + bytes([b]), torch.device("cpu"))[-1]) for b in range(256))
    assert 0.9 < total < 1
