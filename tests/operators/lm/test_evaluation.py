import math

import numpy as np
import pytest
import torch

from corpusmill.operators.lm.evaluation import held_windows, measured
from corpusmill.operators.lm.gpt import GPT, Shape
from corpusmill.operators.lm.scoring import log_probs
from corpusmill.operators.lm.tokens import Vocabulary, stream

MODEL = GPT(Shape(layers=1, width=16, heads=1, context=8), seed=4).eval()
CPU = torch.device("cpu")


def test_windows_foretell_each_token_once_from_the_beginning():
    tokens = stream([bytes(range(40))])
    windows = held_windows(tokens, 8, 1000)
    assert windows.shape == (5, 9)
    assert windows[:, 1:].flatten().tolist() == tokens[1:41].tolist()
    assert held_windows(tokens, 8, 17).shape == (2, 9)
    assert held_windows(tokens, 8, 1).shape == (1, 9)
    assert held_windows(tokens[:5], 8, 1000).tolist() == [tokens[:5].tolist()]


def test_the_loss_is_that_of_scoring():
    text = b"a rye "
    windows = held_windows(stream([text])[:-1], 8, 1000)
    nats = -log_probs(MODEL, text, CPU)
    found = measured(MODEL, windows, Vocabulary().widths, CPU)
    assert found.loss == pytest.approx(nats.mean(), rel=1e-6)
    assert found.bits_per_byte == pytest.approx(nats.sum() / 6 / math.log(2), rel=1e-6)


def test_boundaries_are_foretold_but_are_no_bytes():
    tokens = stream([b"a", b"b", b"c"] * 60)
    windows = held_windows(tokens, 8, 1000)
    found = measured(MODEL, windows, Vocabulary().widths, CPU)
    assert found.bits_per_byte == pytest.approx(2 * found.loss / math.log(2))
    half = measured(MODEL, windows, np.where(Vocabulary().widths > 0, 4, 0).astype(np.int32), CPU)
    assert half.bits_per_byte == pytest.approx(found.bits_per_byte / 4)
