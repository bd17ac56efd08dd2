"""A causal transformer: RMSNorm before each block, rotary positions, SwiGLU, no biases, embeddings shared with the output.

    B sequences · T tokens · D model dimensions · H heads · V tokens of the vocabulary

Vaswani et al. 2017 with the changes of LLaMA (Touvron et al. 2023): RMSNorm (Zhang and Sennrich 2019), rotary positions
(Su et al. 2021), SwiGLU (Shazeer 2020). The file is that of ``operators.tensors``.
"""

import dataclasses
import math
from typing import Any

import torch
from torch.nn import functional

from corpusmill.operators import tensors
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.lm.tokens import VOCABULARY

FORMAT = "corpusmill.lm.1"
BASE = 10_000.0  # of the rotary frequencies


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model. Raises ConfigError for those that fit no model."""

    layers: int = 4
    width: int = 128  # D
    heads: int = 4  # H
    context: int = 256  # T at most
    vocabulary: int = VOCABULARY  # V

    def __post_init__(self) -> None:
        sizes = (("layers", 128), ("width", 1 << 14), ("heads", 256), ("context", 1 << 16), ("vocabulary", 1 << 20))
        for name, most in sizes:
            if not 1 <= (value := getattr(self, name)) <= most:
                raise ConfigError(f"model.{name}={value}: give a whole number from 1 to {most}")
        if self.width % (2 * self.heads):
            raise ConfigError(f"model.width={self.width} must be a multiple of twice model.heads={self.heads}")

    @property
    def hidden(self) -> int:
        """Dimensions between the two matrices of a block: 8/3 D, a multiple of 16."""
        return -(-8 * self.width // 48) * 16

    @property
    def parameters(self) -> int:
        """Numbers that are learned."""
        block = 4 * self.width**2 + 3 * self.width * self.hidden + 2 * self.width
        return self.vocabulary * self.width + self.layers * block + self.width

    @property
    def flops(self) -> int:
        """Floating-point operations of a training step per token: 6 per weight that multiplies, and attention's 12 L D T."""
        weights = self.parameters - (2 * self.layers + 1) * self.width
        return 6 * weights + 12 * self.layers * self.width * self.context


class Block(torch.nn.Module):
    """Attention, then a gated map of each token."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, hidden = shape.width, shape.hidden
        self.heads = shape.heads
        self.before_attention, self.before_map = torch.nn.RMSNorm(d, eps=1e-6), torch.nn.RMSNorm(d, eps=1e-6)
        self.qkv, self.joined = torch.nn.Linear(d, 3 * d, bias=False), torch.nn.Linear(d, d, bias=False)
        self.gate_up, self.down = torch.nn.Linear(d, 2 * hidden, bias=False), torch.nn.Linear(hidden, d, bias=False)

    def forward(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """(B, T, D) → (B, T, D)."""
        b, t, d = x.shape
        qkv = self.qkv(self.before_attention(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k = rotated(qkv[:, :, :2], turn).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, qkv[:, :, 2].transpose(1, 2), is_causal=True)
        x = x + self.joined(mixed.transpose(1, 2).reshape(b, t, d))
        gate, up = self.gate_up(self.before_map(x)).chunk(2, -1)
        found: torch.Tensor = x + self.down(functional.silu(gate) * up)
        return found


def rotated(x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Halves of each head turned by their position; x: (B, T, …, D / H), ``turn``: cosines and sines, (2, T, D / 2H)."""
    half = turn.shape[-1]
    cos, sin = turn[:, : x.shape[1]].to(x.dtype).view(2, -1, *[1] * (x.ndim - 3), half)
    return x * torch.cat([cos, cos], -1) + x.roll(half, -1) * torch.cat([-sin, sin], -1)


class GPT(torch.nn.Module):
    """The model. The same shape and seed give the same first weights on any machine with one version of torch."""

    turn: torch.Tensor

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = torch.nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = torch.nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = torch.nn.RMSNorm(shape.width, eps=1e-6)
        half = shape.width // shape.heads // 2
        angles = torch.outer(torch.arange(shape.context), BASE ** -(torch.arange(half) / half))
        self.register_buffer("turn", torch.stack([angles.cos(), angles.sin()]), persistent=False)
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:  # what adds to the stream is smaller the more blocks add (GPT-2)
                into = name.endswith(("joined.weight", "down.weight"))
                torch.nn.init.normal_(weight, 0, 0.02 / math.sqrt(2 * shape.layers) if into else 0.02, generator)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the token after each: (B, T) integers → (B, T, V)."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.turn)
        found: torch.Tensor = functional.linear(self.norm(x), self.embedding.weight)
        return found

    def loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean negative log-likelihood in nats of the tokens after the first; (B, T + 1) integers."""
        logits = self(tokens[:, :-1])
        return functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())


def device_of(asked: str) -> torch.device:
    """``auto``: a GPU where torch sees one. Raises ConfigError where ``cuda`` is asked and there is none."""
    if asked not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device={asked!r}: give auto, cpu or cuda")
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda, but torch sees no GPU here; give auto or cpu")
    return torch.device("cpu" if asked == "cpu" or not torch.cuda.is_available() else "cuda")


def to_bytes(model: GPT, facts: dict[str, Any]) -> bytes:
    """The file of a model; ``facts`` are JSON."""
    weights = {name: weight.detach().cpu().float().numpy() for name, weight in model.state_dict().items()}
    return tensors.pack(FORMAT, facts | {"shape": dataclasses.asdict(model.shape)}, weights)


def from_bytes(data: bytes, where: str = "this artifact") -> tuple[GPT, dict[str, Any]]:
    """The model and its facts. Raises DataError for another kind of file, or a part of one."""
    try:
        facts, weights = tensors.unpack(FORMAT, data)
        model = GPT(Shape(**facts.pop("shape")))
        model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
        return model, facts
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise DataError(f"{where} is not a language model ({FORMAT}), or not all of one: {type(error).__name__}: {error}; "
                        "give one that train_lm wrote") from error
