"""Bands × rows for a threshold, as datasketch's LSH chooses them.

A pair of Jaccard J is proposed with probability P(J) = 1 - (1 - J^rows)^bands. The best cut of a number of minima has the
least sum of what is proposed below the threshold, the integral of P from 0 to it, and of what is missed above, the integral of
1 - P from it to 1; each counts half.
"""

import numpy as np
import numpy.typing as npt

NODES = 256  # of Gauss-Legendre quadrature on each side: exact to 1e-12 for up to 1,000 minima


def s_curve(jaccard: npt.ArrayLike, bands: int, rows: int) -> npt.NDArray[np.float64]:
    """The probability that a pair of each Jaccard similarity is proposed."""
    found: npt.NDArray[np.float64] = 1 - (1 - np.asarray(jaccard, np.float64) ** rows) ** bands
    return found


def best_banding(threshold: float, minima: int) -> tuple[int, int]:
    """(bands, rows) of at most ``minima`` hashes; of equally good ones that with fewer bands, then with fewer rows."""
    at, weights = np.polynomial.legendre.leggauss(NODES)
    below, above = threshold * (at + 1) / 2, threshold + (1 - threshold) * (at + 1) / 2
    least, best = np.inf, (1, 1)
    for bands in range(1, minima + 1):
        for rows in range(1, minima // bands + 1):
            proposed, missed = s_curve(below, bands, rows), 1 - s_curve(above, bands, rows)
            error = threshold * float(weights @ proposed) + (1 - threshold) * float(weights @ missed)
            if error < least - 1e-12:
                least, best = error, (bands, rows)
    return best
