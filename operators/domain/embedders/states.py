"""Means of the states of a language model over texts; imports torch.

    n documents · W windows of T tokens · D model dimensions
"""

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.latent import one_thread
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import GPT, device_of, from_bytes
from corpusmill.operators.lm.tokens import stream

TILE = 16  # windows that are embedded at once, always: the shape of a product changes its last bits


def means(path: Path, digest: str, device: str, layer: int, texts: pa.BinaryArray) -> Floats:
    """The mean state of each text's bytes, zeros for an empty one; (n, D). Raises ConfigError for a layer it has not."""
    where = device_of(device)
    model = _loaded(path, digest, str(where))
    if layer > model.shape.layers:
        raise ConfigError(f"regroup.embedder.layer={layer}, but the model has {model.shape.layers} blocks")
    lengths = np.array([len(text) for text in texts.to_pylist()], np.int64)
    tokens = np.concatenate([stream(texts.to_pylist()), np.zeros(model.shape.context, np.int16)])
    first = np.cumsum(lengths + 1) - lengths - 1  # the boundary before each text
    context = model.shape.context
    windows = -(-lengths // (context - 1)) if context > 1 else lengths
    owners = np.repeat(np.arange(len(lengths)), windows)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(windows) - windows, windows)
    step = max(1, context - 1)
    starts, left = first[owners] + within * step, lengths[owners] - within * step
    sums = np.zeros((len(lengths), model.shape.width))
    with one_thread():
        for at in range(0, len(owners), TILE):
            part = slice(at, at + TILE)
            np.add.at(sums, owners[part], _summed(model, tokens, starts[part], np.minimum(left[part], step), layer, where))
    found: Floats = (sums / np.maximum(lengths, 1)[:, None]).astype(np.float32)
    return found


@torch.inference_mode()
def _summed(model: GPT, tokens: npt.NDArray[np.int16], starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], layer: int,
            device: torch.device) -> npt.NDArray[np.float64]:
    """Sums of the states of the ``sizes`` tokens after the first of each window."""
    rows = np.zeros((TILE, model.shape.context), np.int64)
    rows[: len(starts)] = tokens[starts[:, None] + np.arange(model.shape.context)]
    states = _states(model, torch.from_numpy(rows).to(device), layer)
    places = torch.arange(model.shape.context, device=device)
    held = torch.zeros(TILE, dtype=torch.long)
    held[: len(sizes)] = torch.from_numpy(sizes)
    inside = (places >= 1) & (places <= held.to(device)[:, None])
    found: npt.NDArray[np.float64] = (states * inside[..., None]).double().sum(1).cpu().numpy()[: len(starts)]
    return found


def _states(model: GPT, tokens: torch.Tensor, layer: int) -> torch.Tensor:
    """After ``layer`` blocks; those of the last as the output sees them for -1; (W, T, D)."""
    x: torch.Tensor = model.embedding(tokens)
    for block in model.blocks[: layer if layer >= 0 else None]:
        x = block(x, model.turn)
    return model.norm(x) if layer < 0 else x


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, digest: str, device: str) -> GPT:
    """The model, read once per process and device."""
    return from_bytes(path.read_bytes(), str(path))[0].to(device).eval()
