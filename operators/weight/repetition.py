"""What repeated tokens are worth: the data-constrained scaling law (Muennighoff et al. 2023, arXiv 2305.16264).

    U unique tokens · D tokens learned from, repeats included · N parameters

D tokens of which U are unique teach as much as D′ = U + U R*_D (1 - exp(-R_D / R*_D)) unique ones, where R_D = D/U - 1 is how
often they are repeated. Parameters beyond what U tokens can use decay likewise. Constants are those of the paper's fit.
"""

import math

import numpy as np
import numpy.typing as npt

from corpusmill.operators.errors import DataError
from corpusmill.operators.weight.runs import Doubles

REPEATS = 15.387756  # R*_D
EXCESS = 5.309743  # R*_N
EXPONENT = 0.3526596  # α = β
A, B, E = math.exp(6.255414), math.exp(7.3049974), math.exp(0.6254804)
BALANCE: float = (A / B) ** (1 / (2 * EXPONENT))  # G = (αA / βB)^(1 / (α + β))


def effective_tokens(tokens: npt.ArrayLike, unique: npt.ArrayLike, repeats: float = REPEATS) -> Doubles:
    """D′, of any shapes that go together; D where nothing is repeated, 0 where nothing is unique."""
    tokens, unique = np.asarray(tokens, np.float64), np.asarray(unique, np.float64)
    again = np.divide(tokens, unique, out=np.ones(np.broadcast(tokens, unique).shape), where=unique > 0) - 1
    return np.asarray(np.where(again <= 0, np.minimum(tokens, unique), unique * (1 - repeats * np.expm1(-again / repeats))))


def slope(tokens: npt.ArrayLike, unique: npt.ArrayLike, repeats: float = REPEATS) -> Doubles:
    """∂D′/∂D: what one more token teaches, against one that was not seen; 0 where nothing is unique."""
    tokens, unique = np.asarray(tokens, np.float64), np.asarray(unique, np.float64)
    again = np.divide(tokens, unique, out=np.full(np.broadcast(tokens, unique).shape, np.inf), where=unique > 0) - 1
    return np.asarray(np.exp(-np.maximum(again, 0) / repeats))


def worth(epochs: npt.ArrayLike, repeats: float = REPEATS) -> Doubles:
    """D′/D at so many epochs: what a token teaches on average."""
    epochs = np.asarray(epochs, np.float64)
    return np.asarray(effective_tokens(epochs, np.ones_like(epochs), repeats) / epochs)


def epochs_worth(share: float, repeats: float = REPEATS) -> float:
    """At how many epochs one more token teaches so much of a fresh one: 1 + R*_D ln(1 / share)."""
    if not 0 < share <= 1:
        raise DataError(f"a repeated token is worth a share above 0 and up to 1 of a fresh one, not {share}")
    return 1 + repeats * math.log(1 / share)


def effective_parameters(parameters: float, unique: float) -> float:
    """N′: parameters beyond U_N, which is best for U tokens, count less and less."""
    best = min(parameters, best_parameters(unique))
    again = max(parameters / best - 1, 0)
    return best * (1 - EXCESS * math.expm1(-again / EXCESS))


def best_parameters(tokens: float) -> float:
    """The N that is best for so many unique tokens: G (G D)^(β/α), with β = α."""
    return BALANCE * (BALANCE * tokens)


def loss(parameters: float, tokens: float, unique: float) -> float:
    """L = E + A / N′^α + B / D′^β in nats per token, of a model of N parameters on D tokens of which U are unique."""
    if not (parameters > 0 and tokens > 0 and unique > 0):
        raise DataError(f"parameters={parameters}, tokens={tokens}, unique={unique}: give numbers above 0")
    unique = min(unique, tokens)
    capacity = effective_parameters(parameters, unique)
    return float(E + A / capacity**EXPONENT + B / float(effective_tokens(tokens, unique)) ** EXPONENT)
