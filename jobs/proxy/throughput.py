"""How fast a processor could learn if all that it did were the matrix products: the limit that a run's speed is a share of."""

import functools
import time
from collections.abc import Callable

import torch

from corpusmill.operators.lm.gpt import Shape

SECONDS = 0.3  # that are measured, after one round for warming up


def products(shape: Shape) -> list[tuple[int, int, int]]:
    """(times, inputs, outputs) of the matrices that a token goes through; attention's products are not among them."""
    d, hidden = shape.width, shape.hidden
    return [(shape.layers, d, 3 * d), (shape.layers, d, d), (shape.layers, d, 2 * hidden), (shape.layers, hidden, d),
            (1, d, shape.vocabulary)]


@functools.lru_cache(maxsize=8)
def limit(shape: Shape, batch: int, device: torch.device, threads: int) -> float:
    """Tokens per second of ``clock`` of nothing but those products, forth and back, for batches of that many sequences.

    ``threads``: those that torch has, since another number is another limit.
    """
    assert torch.get_num_threads() == threads
    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    tokens = batch * shape.context
    work = [(times, torch.randn(tokens, n, device=device, dtype=kind), torch.randn(k, n, device=device, dtype=kind),
             torch.randn(tokens, k, device=device, dtype=kind)) for times, n, k in products(shape)]
    _round(work)
    now = clock(device)
    rounds, started = 0, now()
    while rounds == 0 or now() - started < SECONDS:
        _round(work)
        rounds += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return rounds * tokens / (now() - started)


def clock(device: torch.device) -> Callable[[], float]:
    """Seconds that the processor worked, so that neighbours do not count; on a GPU those that passed."""
    return time.perf_counter if device.type == "cuda" else time.process_time


def _round(work: list[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]) -> None:
    for times, x, weight, after in work:
        for _ in range(times):
            torch.mm(x, weight.t())
            torch.mm(after, weight)
            torch.mm(after.t(), x)
