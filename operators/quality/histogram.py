"""Logarithmic histograms of signals: two bins for each doubling, so that any signal fits without a range being chosen.

A bin is named by an integer: bin ``2 e + h`` holds ``2^e <= value < 2^e √2`` for h = 0, and what is left below ``2^(e+1)`` for
h = 1. Zero, values below zero and infinite ones have bins of their own. All counts are integers and additive.
"""

import collections
import math
import sys

import numpy as np
import numpy.typing as npt

ZERO, NEGATIVE, INFINITE = "zero", "negative", "infinite"
BELOW, ABOVE = "below", "above"  # how many values lie outside the bounds, whatever their bins
LAST = 1023  # exponent of the largest floats

Floats = npt.NDArray[np.float64]


def tally(values: Floats, low: float | Floats | None, high: float | Floats | None) -> dict[str, int]:
    """How many values fall into each bin, and how many are ``below`` low or ``above`` high; NaN is not counted.

    A bound is one for all values, or one for each of them; a NaN bounds nothing.
    """
    known = values[~np.isnan(values)]
    positive = known[(known > 0) & np.isfinite(known)]
    counts: collections.Counter[str] = collections.Counter()
    for number, n in zip(*np.unique(bins(positive), return_counts=True), strict=True):
        counts[str(number)] = int(n)
    counts[ZERO] = int((known == 0).sum())
    counts[NEGATIVE] = int((known < 0).sum())
    counts[INFINITE] = int(np.isposinf(known).sum())
    counts[BELOW] = int((values < low).sum()) if low is not None else 0
    counts[ABOVE] = int((values > high).sum()) if high is not None else 0
    return {name: n for name, n in counts.items() if n}


def bins(positive: Floats) -> npt.NDArray[np.int64]:
    """The bin of each finite value above 0; exact, so that every machine gives the same."""
    fraction, exponent = np.frexp(positive)
    return 2 * (exponent.astype(np.int64) - 1) + (fraction >= math.sqrt(0.5))


def edges(number: int) -> tuple[float, float]:
    """Where a bin begins, and where the next one does; the last ends at the largest float."""
    return _edge(number), _edge(number + 1)


def _edge(number: int) -> float:
    exponent, half = divmod(number, 2)
    if exponent > LAST:
        return sys.float_info.max
    return math.ldexp(math.sqrt(0.5), exponent + 1) if half else math.ldexp(1.0, exponent)
