"""Sketches in plain Python or kernel by kernel, and texts of known similarity."""

import random

import numpy as np
import pyarrow as pa
from shingling import fold, mix

from corpusmill.operators.dedup.minima import MOST, STEP, lower_affine, lower_legacy, own_functions, permutations
from corpusmill.operators.text import profiles
from corpusmill.operators.text.buffers import Texts


def fmix(value):
    value = (value ^ value >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16


def binned(values, count, seed):
    """(value, whether the bin holds any) of each bin, in plain Python."""
    by, plus = (f.tolist() for f in own_functions(seed, count))
    bins = [[x for x in values if x * count >> 32 == k] for k in range(count)]
    own = [min((by[k] * x + plus[k]) & 0xFFFFFFFF for x in values) for k in range(count)]
    return [(min(held), True) if held else (own[k], False) for k, held in enumerate(bins)]


def minima_of(scheme, values, seed, count):
    if scheme == "binned":
        return [value for value, _ in binned(values, count, seed)]
    functions, minima = permutations(scheme, seed, count), np.full(count, MOST)
    held = np.array([*values, *[0] * STEP], np.uint32)
    {"affine32": lower_affine, "legacy": lower_legacy}[scheme](held, len(values), functions, minima)
    return minima.tolist()


def band_hashes(minima, bands):
    rows, found = len(minima) // bands, []
    for band in range(bands):
        value = 0x452821E638D01377 + band
        for one in minima[band * rows : (band + 1) * rows]:
            value = fold(value ^ one, 0xE7037ED1A0B428DB)
        found.append(mix(value))
    return found


def lanes_of(low, count, seed=1):
    """In plain Python."""
    by, plus = (f.tolist() for f in own_functions(seed, count))
    values = [~value & 0xFFFFFFFF if full else value for value, full in binned(low, count, seed)]
    return bytes(fmix(value ^ (by[k] + plus[k] & 0xFFFFFFFF)) >> 24 for k, value in enumerate(values))


def sets_of(jaccard, pairs, size, seed):
    """Texts of distinct words whose sets have ``size`` words together and ``jaccard · size`` in common."""
    draw = random.Random(seed)
    both, names = round(jaccard * size), iter(draw.sample(range(10**9), pairs * size))
    left, right = [], []
    for _ in range(pairs):
        words = [f"w{next(names)}" for _ in range(size)]
        half = both + (size - both) // 2
        left.append(" ".join(words[:half]))
        right.append(" ".join(words[:both] + words[half:]))
    return pa.array(left), pa.array(right)


def folded(text, profile):
    """The text as a profile folds it."""
    held, tables = Texts.of(pa.array([text])), profiles.folding(profile)
    target = profiles.room(tables, held.longest)
    length = profiles.fold(int(held.addresses[0]), int(held.lengths[0]), tables, target.ctypes.data)
    return target[:length].tobytes().decode()
