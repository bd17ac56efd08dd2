"""How alike the pairs are that were compared: counts of their similarities, of verified pairs and of near misses apart."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

BINS = 100  # between 0 and 1, each with its lower end; a last one holds equal sets, and what is below 0 is with the first
ALIKE, UNLIKE = "alike/", "unlike/"

_ROUNDING = 1e-9  # 0.29 · 100 lies below 29


def tally(similarity: npt.NDArray[np.float64], threshold: float) -> dict[str, int]:
    """``alike/BIN`` of pairs from ``threshold`` on and ``unlike/BIN`` of the others, of bins that hold any."""
    bins = np.clip(np.floor(similarity * BINS + _ROUNDING), 0, BINS).astype(np.int64)
    alike = similarity >= threshold
    return {f"{name}{b}": int(n) for name, chosen in ((ALIKE, alike), (UNLIKE, ~alike))
            for b, n in enumerate(np.bincount(bins[chosen], minlength=BINS + 1)) if n}


def counted(counts: Mapping[str, int], prefix: str) -> dict[int, int]:
    """Bin → pairs, in order, of what ``tally`` counted under a prefix."""
    return dict(sorted((int(name.removeprefix(prefix)), n) for name, n in counts.items() if name.startswith(prefix)))
