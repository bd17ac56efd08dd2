"""What a score is worth on documents whose answer is known: precision and recall at cuts, and the cut for a kept share."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # shares kept
DCLM = 0.018112  # Li et al. 2024: the cut of DCLM-baseline, for its own model

Floats = npt.NDArray[np.float64]


def at_cut(scores: Floats, positive: npt.NDArray[np.bool_], cut: float) -> dict[str, float | int]:
    """Keeping what scores at least ``cut``: documents kept, precision (1 where nothing is kept), recall and the share kept."""
    kept = scores >= cut
    right = int((kept & positive).sum())
    return {"cut": float(cut), "kept": int(kept.sum()), "share": float(kept.mean()),
            "precision": right / int(kept.sum()) if kept.any() else 1.0, "recall": right / max(1, int(positive.sum()))}


def cut_for(scores: Floats, share: float) -> float:
    """The highest cut that keeps at least this share of the documents: ties are kept together."""
    ordered = np.sort(scores)[::-1]
    return float(ordered[min(len(ordered), max(1, int(np.ceil(share * len(ordered) - 1e-9)))) - 1])


def table(scores: Floats, positive: npt.NDArray[np.bool_], keep: Sequence[float]) -> list[dict[str, float | int]]:
    """Figures at fixed cuts, then at those that keep each of ``QUANTILES`` and of ``keep``, by cut."""
    cuts = {DCLM, 0.1, 0.25, 0.5, 0.75, 0.9} | {cut_for(scores, share) for share in (*QUANTILES, *keep)}
    return [at_cut(scores, positive, cut) for cut in sorted(cuts)]
