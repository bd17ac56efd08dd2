"""Sketches in plain Python or kernel by kernel, and texts of known similarity."""

import random

import numpy as np
import pyarrow as pa
from shingling import fold, mix

from corpusmill.operators.dedup.minima import MOST, STEP, lane_functions, lower_affine, lower_legacy, permutations
from corpusmill.operators.text import profiles
from corpusmill.operators.text.buffers import Texts


def fmix(value):
    value = (value ^ value >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16


def minima_of(scheme, values, seed, count):
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
    functions = lane_functions(seed, count)
    by, plus = (f.tolist() for f in functions)
    bins = [[x for x in low if x * count >> 32 == k] for k in range(count)]
    values = [~min(b) & 0xFFFFFFFF if b else min((by[k] * x + plus[k]) & 0xFFFFFFFF for x in low) for k, b in enumerate(bins)]
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
