import torch

from corpusmill.jobs.proxy import throughput
from corpusmill.operators.lm.gpt import GPT, Shape

SHAPE = Shape(2, 32, 2, 16, 300)


def test_the_products_are_those_of_every_matrix_of_the_model():
    matrices = [tuple(p.shape) for p in GPT(SHAPE).parameters() if p.ndim > 1]
    told = [(outputs, inputs) for times, inputs, outputs in throughput.products(SHAPE) for _ in range(times)]
    assert sorted((o, i) for o, i in told if o != 300) == sorted(m for m in matrices if m[0] != 300)
    assert (300, 32) in told


def test_a_wider_model_has_a_lower_limit(monkeypatch):
    monkeypatch.setattr(throughput, "SECONDS", 0.02)
    threads = torch.get_num_threads()
    narrow, wide = (throughput.limit(Shape(2, width, 2, 16), 8, torch.device("cpu"), threads) for width in (16, 256))
    assert narrow > wide > 0
