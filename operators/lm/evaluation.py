"""What a model is worth on held-out tokens: nats per token, and bits per byte, which compares models of other vocabularies.

    n windows · T + 1 tokens of each
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from corpusmill.operators.lm.gpt import GPT
from corpusmill.operators.lm.tokens import Tokens

TILE = 64  # windows that are scored at once


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """The loss on one domain."""

    loss: float  # nats per token
    bits_per_byte: float


def held_windows(tokens: Tokens, context: int, most: int) -> torch.Tensor:
    """The first windows of a stream, one after another, that foretell ``most`` tokens at most but one window at least.

    (n, T + 1) integers; T is ``context``, or less where the stream is shorter than that.
    """
    length = min(context, len(tokens) - 1)
    count = max(1, min((len(tokens) - 1) // length, most // length))
    starts = length * np.arange(count)[:, None]
    return torch.from_numpy(tokens[starts + np.arange(length + 1)].astype(np.int64))


@torch.inference_mode()
def measured(model: GPT, windows: torch.Tensor, widths: npt.NDArray[np.int32], device: torch.device) -> Measured:
    """The loss on (n, T + 1) windows; ``widths``: bytes of each token, (V,)."""
    nats = 0.0
    for first in range(0, len(windows), TILE):
        tile = windows[first : first + TILE]
        logits = model(tile[:, :-1].to(device)).float()
        lost = functional.cross_entropy(logits.flatten(0, 1), tile[:, 1:].to(device).flatten(), reduction="none")
        nats += float(lost.double().sum())
    foretold = windows[:, 1:].numpy()
    return Measured(nats / foretold.size, nats / max(1, int(widths[foretold].sum())) / math.log(2))
