"""The minima and lanes of ``dedup.minima`` by torch, bit for bit the same on any device.

All numbers are ``int64``, whose products wrap as those of ``uint64`` do; the low 32 bits of each are what the kernels compute.
Only this module of ``operators.dedup`` imports torch.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from corpusmill.operators.dedup.minima import BINNED, LEGACY, MOST, PRIME, Functions
from corpusmill.operators.errors import ConfigError

_LOW, _MOST = 0xFFFFFFFF, int(MOST)


class Sketches(NamedTuple):
    """By document, uint32: minima (documents, minima); bins and minima of their own (documents, lanes)."""

    minima: npt.NDArray[np.uint32]
    bins: npt.NDArray[np.uint32]
    own: npt.NDArray[np.uint32]


def sketch(
    high: npt.NDArray[np.uint32], low: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64], scheme: int,
    proposing: Functions, verifying: Functions, device: str,
) -> Sketches:
    """Of shingles by document: the halves of their hashes, and how many of them each document has."""
    documents = torch.from_numpy(np.repeat(np.arange(len(counts)), counts)).to(device)
    first, second = (torch.from_numpy(half.astype(np.int64)).to(device) for half in (high, low))
    if scheme == BINNED:
        minima, stand_ins = _binned(documents, len(counts), first, proposing)
        minima = torch.where(minima == _MOST, stand_ins, minima)
    elif scheme == LEGACY:
        minima = _least(documents, len(counts), proposing, lambda by, plus: _legacy(first, by, plus))
    else:
        mixed = _fmix32(first)
        minima = _least(documents, len(counts), proposing, lambda by, plus: (mixed * by + plus) & _LOW)
    bins, own = _binned(documents, len(counts), second, verifying)
    return Sketches(*(found.cpu().numpy().astype(np.uint32) for found in (minima, bins, own)))


def chosen(device: str) -> str:
    """``cuda`` where there is one, else ``cpu``. Raises ConfigError where ``cuda`` is asked for and there is none."""
    found = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" != found:
        raise ConfigError("device is 'cuda', but torch finds none here; device=auto takes the processor then")
    return found


def _binned(documents: Tensor, count: int, values: Tensor, functions: Functions) -> tuple[Tensor, Tensor]:
    """The least value of each bin, and the minima of their own of documents with an empty bin."""
    number = len(functions.multipliers)
    bins = torch.full((count * number,), _MOST, dtype=torch.int64, device=values.device)
    bins.scatter_reduce_(0, documents * number + ((values * number) >> 32), values, "amin")
    bins = bins.view(count, number)
    needed = (bins == _MOST).any(dim=1)[documents]
    some = values[needed]
    return bins, _least(documents[needed], count, functions, lambda by, plus: (some * by + plus) & _LOW)


def _least(documents: Tensor, count: int, functions: Functions, values: Callable[[int, int], Tensor]) -> Tensor:
    """The least value of each document under each function; a function at a time, since all of them would not fit."""
    found = torch.full((len(functions.multipliers), count), _MOST, dtype=torch.int64, device=documents.device)
    for k in range(len(found)):
        by, plus = int(functions.multipliers[k]), int(functions.increments[k])
        found[k].scatter_reduce_(0, documents, values(by, plus), "amin")
    return found.T.contiguous()


def _legacy(value: Tensor, by: int, plus: int) -> Tensor:
    product = value * by + plus
    found = (product & PRIME) + ((product >> 61) & 7)
    return torch.where(found >= PRIME, found - PRIME, found) & _LOW


def _fmix32(value: Tensor) -> Tensor:
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & _LOW
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & _LOW
    return value ^ (value >> 16)
