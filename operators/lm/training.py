"""Learning a language model from a stream of tokens, step by step.

    S steps · B sequences of T + 1 tokens each

AdamW (Loshchilov and Hutter 2019; β .9 and .95, decay 0.1 on matrices), a rate that rises over the first steps and falls as
a cosine to a tenth, gradients cut at norm 1, bfloat16 on a GPU and float32 on the processor. The same stream, plan, number
of threads and machine give the same weights; another machine may give others, so what is learned is committed once.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.gpt import GPT, Shape, device_of
from corpusmill.operators.lm.tokens import Tokens

_DECAY, _BETAS, _CUT, _LEAST = 0.1, (0.9, 0.95), 1.0, 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn. Raises ConfigError for what cannot be."""

    tokens: int = 20_000_000  # that are learned from, repeats included
    batch: int = 32  # B
    rate: float = 3e-3  # at its highest
    warm_up: float = 0.05  # share of the steps
    seed: int = 0  # of the first weights and of the order
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.tokens < 1 or self.batch < 1 or not 0 < self.rate < 1 or not 0 <= self.warm_up < 1:
            raise ConfigError(f"training: tokens={self.tokens} and batch={self.batch} must be 1 or more, rate={self.rate} "
                              f"between 0 and 1, and warm_up={self.warm_up} from 0 to below 1")

    def steps(self, context: int) -> int:
        """S, for a model of that context."""
        return -(-self.tokens // (self.batch * context))

    def rate_at(self, step: int, steps: int) -> float:
        """The rate of a step of 0 … steps - 1."""
        rising = max(1, round(self.warm_up * steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        return self.rate * (_LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2)


def windows(tokens: int, context: int, batch: int, steps: int, seed: int) -> npt.NDArray[np.int64]:
    """Where each sequence begins, (S, B): in every pass all windows of the stream once, in another order and place.

    Raises DataError for a stream shorter than a sequence.
    """
    if tokens < context + 1:
        raise DataError(f"there are {tokens:,} tokens to learn from, fewer than one sequence of {context + 1}: give more "
                        "documents, or a smaller model.context")
    parts, have, draw = [], 0, np.random.Generator(np.random.PCG64(seed))
    while have < steps * batch:
        shift = int(draw.integers(0, min(context, tokens - context)))
        parts.append(draw.permutation(np.arange(shift, tokens - context, context)))
        have += len(parts[-1])
    return np.concatenate(parts)[: steps * batch].reshape(steps, batch)


class Learner:
    """A model that is being learned from whatever sequences it is given; ``state`` is all that it takes to go on elsewhere."""

    def __init__(self, shape: Shape, plan: Plan) -> None:
        self.plan, self.device = plan, device_of(plan.device)
        self.total, self.step = plan.steps(shape.context), 0
        self.model = GPT(shape, plan.seed).to(self.device)
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=_BETAS)

    def learn(self, tokens: torch.Tensor) -> float:
        """One step on (B, T + 1) tokens; the loss before it, in nats per token.

        Raises DataError where it is no number any more.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.model.loss(tokens.long().to(self.device))
        self.descend(loss)
        return self.finite(float(loss.detach()))

    def descend(self, loss: torch.Tensor) -> None:
        """Along the gradient of a loss, at the rate of this step."""
        rate = self.plan.rate_at(self.step, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CUT)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def finite(self, loss: float) -> float:
        """The loss. Raises DataError where it is no number any more."""
        if not math.isfinite(loss):
            raise DataError(f"the loss of step {self.step} is {loss}: learn slower, with a smaller rate")
        return loss

    def state(self) -> dict[str, Any]:
        """Weights, what the optimiser remembers, and the step."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same shape, plan and stream."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])


class Trainer(Learner):
    """A learner with one stream of its own."""

    def __init__(self, shape: Shape, plan: Plan, tokens: Tokens) -> None:
        super().__init__(shape, plan)
        self._starts = windows(len(tokens), shape.context, plan.batch, self.total, plan.seed)
        self._tokens = torch.from_numpy(tokens)
        self._offsets = torch.arange(shape.context + 1)

    def advance(self) -> float:
        """One step; the loss before it, as ``learn``."""
        starts = torch.from_numpy(self._starts[self.step])
        return self.learn(self._tokens[starts[:, None] + self._offsets])
