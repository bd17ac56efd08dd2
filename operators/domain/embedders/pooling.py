"""Pooled states of a pretrained model over texts; imports torch and transformers.

    n documents · B texts at once · T tokens · D model dimensions
"""

import functools
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from corpusmill.operators.domain.embed import Floats
from corpusmill.operators.domain.latent import one_thread
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.gpt import device_of

_OTHERS = {"Transformer", "Pooling", "Normalize"}


class Settings(Protocol):
    """What a text goes through."""

    @property
    def digest(self) -> str:
        """Of the folder."""

    @property
    def pooling(self) -> str:
        """auto, mean or cls."""

    @property
    def prefix(self) -> str:
        """Before every text."""

    @property
    def max_length(self) -> int:
        """Tokens."""

    @property
    def head(self) -> int:
        """Characters."""

    @property
    def batch(self) -> int:
        """Texts at once."""

    @property
    def device(self) -> str:
        """auto, cpu or cuda."""


def pooled(folder: Path, settings: Settings, texts: pa.StringArray) -> Floats:
    """Vectors of the texts, zeros for an empty one; (n, D)."""
    device = device_of(settings.device)
    tokenizer, model = _loaded(folder, settings.digest, str(device))
    how = pooling_of(folder) if settings.pooling == "auto" else settings.pooling
    most = min(settings.max_length, int(getattr(model.config, "max_position_embeddings", 0) or settings.max_length))
    cut = pc.utf8_slice_codeunits(texts, 0, settings.head)
    lengths = pc.utf8_length(cut).to_numpy()
    order = np.argsort(-lengths, kind="stable")  # texts of about one length together: little padding
    found = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with one_thread(), torch.inference_mode():
        for first in range(0, int((lengths > 0).sum()), settings.batch):
            rows = order[first : first + settings.batch]
            rows = rows[lengths[rows] > 0]
            given = [settings.prefix + text for text in cut.take(pa.array(rows)).to_pylist()]
            tokens = tokenizer(given, padding=True, truncation=True, max_length=most, return_tensors="pt").to(device)
            found[rows] = _pool(model(**tokens).last_hidden_state, tokens["attention_mask"], how).float().cpu().numpy()
    return found


def pooling_of(folder: Path) -> str:
    """What a folder of sentence-transformers says, else the mean. Raises ConfigError for what is neither mean nor cls."""
    if not (folder / "modules.json").exists():
        return "mean"
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if set(kinds) - _OTHERS:
        raise ConfigError(f"regroup.embedder.path: the model has the modules {', '.join(kinds)}; only Transformer, Pooling and "
                          "Normalize are known here: give another model")
    told = json.loads((folder / modules[kinds.index("Pooling")]["path"] / "config.json").read_text(encoding="utf-8"))
    modes = [name.removeprefix("pooling_mode_") for name, on in told.items() if name.startswith("pooling_mode_") and on is True]
    if modes == ["mean_tokens"]:
        return "mean"
    if modes == ["cls_token"]:
        return "cls"
    raise ConfigError(f"regroup.embedder.path: the model pools by {', '.join(modes)}; mean_tokens and cls_token are known "
                      "here: give regroup.embedder.pooling")


def _pool(states: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    """(B, T, D) → (B, D)."""
    if how == "cls":
        return states[:, 0]
    weights = mask[..., None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, digest: str, device: str) -> tuple[Any, Any]:
    """Tokenizer and model, read once per process."""
    try:
        import transformers
    except ImportError as error:
        raise ConfigError("regroup.embedder=transformer needs the library transformers: pip install "
                          "'corpusmill[embedders]'") from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"regroup.embedder.path: transformers cannot load it: {error}") from error
    return tokenizer, model.to(device).eval()
