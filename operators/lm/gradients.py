"""Gradients of the output layer, summed by domain, from the one backward pass that learns.

    B sequences · T tokens · D model dimensions · V tokens of the vocabulary · m domains

The output layer gives logits s = W a, so the gradient of a sequence's mean loss is Σ_t (∂l/∂s_t) a_tᵀ, (V, D): its activations
come from a hook on the forward pass, ∂l/∂s from one on the backward. The sums of a domain's sequences are one matrix product.
The embedding is the same matrix W; what it adds to W's gradient at the input is no part of these sums.
"""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from corpusmill.operators.lm.gpt import GPT

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Timed = Callable[[], contextlib.AbstractContextManager[Any]]


def token_losses(model: GPT, tokens: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood in nats of each token after the first; (B, T + 1) integers → (B, T)."""
    with torch.autocast(tokens.device.type, torch.bfloat16, enabled=tokens.device.type == "cuda"):
        logits = model(tokens[:, :-1])
    losses = functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    return losses.view(tokens.shape[0], -1)


class DomainGradients:
    """Hears the backward passes of a model, and sums the output layer's gradients of each domain's sequences.

    Before each backward pass ``expect`` says of which domains the batch is; a pass without is not counted. ``finish`` ends a
    round: a domain with ``least`` sequences or more since its last mean gets a new one, a domain with fewer keeps its older
    mean, and what it has counts on. Holds 2 m V D numbers. ``timed`` surrounds its own work, for who wants to know what that
    takes.
    """

    def __init__(self, model: GPT, domains: int, least: int = 1, timed: Timed = contextlib.nullcontext) -> None:
        self.least, self._timed = least, timed
        weight = model.embedding.weight
        self.sums = torch.zeros(domains, *weight.shape, device=weight.device)
        self.means = torch.zeros_like(self.sums)
        self.counts = torch.zeros(domains, dtype=torch.int64)
        self._domains: Places = np.zeros(0, np.int64)
        self._scale: torch.Tensor | None = None
        self._hidden: torch.Tensor | None = None
        self._hooks = [model.norm.register_forward_hook(self._forward), model.register_forward_hook(self._logits)]

    @property
    def nbytes(self) -> int:
        """Of memory that it holds."""
        return int(2 * self.sums.numel() * self.sums.element_size())

    def close(self) -> None:
        """Hear no more."""
        for hook in self._hooks:
            hook.remove()

    def expect(self, domains: Places, weights: torch.Tensor | None = None) -> None:
        """The domains of the next batch's sequences, ascending, (B,), and their weights w in its loss, mean(w · losses)."""
        self._domains, self._scale = domains, None if weights is None else len(domains) / weights

    def finish(self) -> None:
        """End a round."""
        with self._timed():
            ready = (self.counts >= self.least).nonzero()[:, 0]
            places = ready.to(self.sums.device)
            self.means[places] = self.sums[places] / self.counts[ready].to(self.sums.device)[:, None, None]
            self.sums[places] = 0
            self.counts[ready] = 0

    def gram(self) -> Doubles:
        """Products of the mean gradients, (m, m)."""
        with self._timed():
            flat = self.means.flatten(1).double()
            found: Doubles = (flat @ flat.T).cpu().numpy()
            return found

    def along(self, gradient: torch.Tensor) -> Doubles:
        """Products of the mean gradients with another, (V, D) → (m,)."""
        with self._timed():
            found: Doubles = (self.means.flatten(1).double() @ gradient.flatten().double()).cpu().numpy()
            return found

    def state(self) -> dict[str, torch.Tensor]:
        """All it takes to go on elsewhere."""
        return {"sums": self.sums, "means": self.means, "counts": self.counts}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a state."""
        for name, values in state.items():
            getattr(self, name).copy_(values)

    def _forward(self, _module: torch.nn.Module, _given: Any, hidden: torch.Tensor) -> None:
        self._hidden = hidden.detach()

    def _logits(self, _module: torch.nn.Module, _given: Any, logits: torch.Tensor) -> None:
        if logits.requires_grad:
            logits.register_hook(self._add)  # type: ignore[no-untyped-call]

    def _add(self, gradient: torch.Tensor) -> None:
        """(B, T, V): of the batch's loss, so that B / w of a sequence's part is of its own."""
        if not len(self._domains):
            return
        with self._timed():
            assert self._hidden is not None, "the backward pass comes after the forward"
            scale = torch.full((len(self._domains),), float(len(self._domains))) if self._scale is None else self._scale
            hidden = (self._hidden.float() * scale.to(gradient.device)[:, None, None]).flatten(0, 1)
            slope, rows = gradient.float().flatten(0, 1), gradient.shape[1]
            first = np.searchsorted(self._domains, np.arange(len(self.counts) + 1)).tolist()
            for domain, (start, end) in enumerate(itertools.pairwise(first)):
                if end > start:
                    part = slice(start * rows, end * rows)
                    self.sums[domain].addmm_(slope[part].T, hidden[part])
                    self.counts[domain] += end - start
            self._domains, self._hidden = self._domains[:0], None


@torch.inference_mode()
def output_gradient(model: GPT, tokens: torch.Tensor) -> torch.Tensor:
    """The output layer's gradient of the mean loss of (B, T + 1) tokens, (V, D), by its closed form: no backward pass."""
    held: list[torch.Tensor] = []
    hook = model.norm.register_forward_hook(lambda _module, _given, hidden: held.append(hidden))
    try:
        slope = torch.softmax(model(tokens[:, :-1]).float(), -1).flatten(0, 1)
    finally:
        hook.remove()
    slope[torch.arange(len(slope), device=slope.device), tokens[:, 1:].flatten()] -= 1
    return slope.T @ held[0].float().flatten(0, 1) / len(slope)
