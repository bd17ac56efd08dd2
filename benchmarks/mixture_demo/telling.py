"""What the runs of the demonstration came to: intervals, regressions, tokens to natural's loss.

    s seeds · m domains
"""

import numpy as np
from scipy.stats import t as student

NATURAL = "natural"
LEVEL = 0.95


def told(runs, domains):
    """By strategy, from rows of the run table: ``design`` is the strategy, ``seed`` and ``tokens`` as there."""
    strategies = sorted(set(runs["design"].to_pylist()))
    curves = {name: curve(runs, name, domains) for name in strategies}
    base = curves[NATURAL]
    found = {}
    for name, (tokens, losses) in curves.items():
        last, differences = losses[:, -1].mean(1), (losses[:, -1] - base[1][:, -1]).mean(1)
        found[name] = {
            "loss": interval(last), "by_seed": last.tolist(), "difference": interval(differences),
            "losses": dict(zip(domains, losses[:, -1].mean(0).tolist(), strict=True)),
            "regressions": regressions(losses[:, -1] - base[1][:, -1], domains),
            "tokens_to_natural": reached(tokens, losses.mean((0, 2)), base[1][:, -1].mean()),
            "tokens": tokens.tolist(), "curve": losses.mean((0, 2)).tolist(),
        }
    return dict(sorted(found.items(), key=lambda one: one[1]["loss"]["mean"]))


def curve(runs, strategy, domains):
    """Tokens at the evaluations, and losses (s, evaluations, m)."""
    rows = [row for row in runs.to_pylist() if row["design"] == strategy]
    seeds, tokens = (sorted({row[name] for row in rows}) for name in ("seed", "tokens"))
    at = {(row["seed"], row["tokens"]): [row[f"loss/{domain}"] for domain in domains] for row in rows}
    return np.array(tokens), np.array([[at[seed, size] for size in tokens] for seed in seeds])


def interval(values):
    """The mean, and half the width of Student's interval."""
    n = len(values)
    half = student.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else float("nan")
    return {"mean": float(np.mean(values)), "half": float(half)}


def regressions(differences, domains):
    """Domains that lose more than twice the standard error of their difference to natural, (s, m)."""
    error = np.std(differences, axis=0, ddof=1) / np.sqrt(len(differences))
    mean = differences.mean(0)
    return {domain: float(mean[i]) for i, domain in enumerate(domains) if mean[i] > 2 * error[i] and mean[i] > 0}


def reached(tokens, losses, wanted):
    """Tokens at which a curve comes down to a loss, between two evaluations; None where that is outside of them."""
    below = np.flatnonzero(losses <= wanted)
    if not len(below) or below[0] == 0:
        return None
    at = int(below[0])
    part = (losses[at - 1] - wanted) / (losses[at - 1] - losses[at])
    return float(tokens[at - 1] + part * (tokens[at] - tokens[at - 1]))
