"""Log-probabilities of every byte of a document under a language model.

A document is a boundary and its bytes. Windows of ``context`` tokens go over it, each half of one further on, and a byte is
scored in the first window that holds it: with all that comes before it at the beginning, with half a window or more later.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from corpusmill.operators.lm.gpt import GPT
from corpusmill.operators.lm.tokens import stream

TILE = 16  # windows that are scored at once, always: the shape of a product changes its last bits

Doubles = npt.NDArray[np.float64]


def log_probs(model: GPT, text: bytes, device: torch.device) -> Doubles:
    """Natural logarithms of each byte's probability after those before it; (bytes,)."""
    tokens = torch.from_numpy(stream([text])[:-1]).long()
    n, context = len(tokens) - 1, model.shape.context
    stride = max(1, context // 2)
    starts = np.arange(0, max(1, n - context + stride), stride)
    padded = functional.pad(tokens, (0, int(starts[-1]) + TILE * stride + context + 1 - len(tokens)))
    found = np.zeros(n)
    for first in range(0, len(starts), TILE):
        windows = torch.stack([padded[s : s + context + 1] for s in (starts[first] + stride * np.arange(TILE)).tolist()])
        scores = _scores(model, windows.to(device))
        for row, start in zip(scores, starts[first : first + TILE].tolist(), strict=False):
            known = 0 if start == 0 else context - stride
            end = min(start + context, n)
            found[start + known : end] = row[known : end - start]
    return found


@torch.inference_mode()
def _scores(model: GPT, windows: torch.Tensor) -> Doubles:
    """(windows, T) of (windows, T + 1) tokens."""
    logits = model(windows[:, :-1]).float()
    chosen = functional.log_softmax(logits, -1).gather(-1, windows[:, 1:, None])[..., 0]
    found: Doubles = chosen.double().cpu().numpy()
    return found
