"""What tests of the solver share: laws whose parameters are written by hand, and grids over the simplex."""

import itertools

import numpy as np

from corpusmill.operators.weight.laws.additive import Additive, AdditiveFit
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Points

DOMAINS = ("code", "prose", "web")
TARGETS = ("code", "prose")
AVAILABLE = {"code": 100, "prose": 300, "web": 600}


def additive(domains=DOMAINS, targets=TARGETS, seed=5):
    """Losses 1/Σ C r^γ above a floor, with C and γ drawn by a seed; a target is helped most by its own domain."""
    chance = np.random.default_rng(seed)
    t, m = len(targets), len(domains)
    coefficients = chance.uniform(0.1, 0.6, (t, m))
    coefficients[np.arange(t), np.arange(t)] += 0.8
    return AdditiveFit(chance.uniform(1, 2, t), coefficients, chance.uniform(0.2, 0.8, (t, m)))


def model(fitted=None, domains=DOMAINS, targets=TARGETS, error=0.001, noise=None, design=None):
    """A law.json's content, with runs at corners, halves and the middle."""
    fitted = fitted or additive(domains, targets)
    m = len(domains)
    if design is None:
        pairs = [(np.eye(m)[i] + np.eye(m)[j]) / 2 for i, j in itertools.combinations(range(m), 2)]
        design = np.array([*np.eye(m), *pairs, np.full(m, 1 / m)])
    errors = {target: {"mre": error / 3, "mae": error, "rmse": error, "pearson": 1.0, "spearman": 1.0} for target in targets}
    sigma = None if noise is None else np.full(len(targets), noise)
    return LawModel(Additive(), fitted, domains, targets, design, fitted.predict(Points(design)), errors, sigma)


def grid(m, step):
    """All mixtures of m domains whose shares are multiples of 1/step."""
    rows = [row for row in itertools.product(range(step + 1), repeat=m - 1) if sum(row) <= step]
    return np.array([(*row, step - sum(row)) for row in rows]) / step
