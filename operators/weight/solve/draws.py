"""RegMix's rule (Liu et al. 2024, arXiv 2407.01492): of many mixtures drawn around the natural one, the mean of the best.

It needs no slope, so it suits laws that are steps; and the mean of many is not where the law errs most in its own favour.
"""

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.solve.constraints import Region
from corpusmill.operators.weight.solve.objective import Objective

AT_ONCE = 10_000  # mixtures that a law is asked for in one call


def best_drawn(objective: Objective, region: Region, prior: Doubles, draws: int, top: int, seed: int) -> Doubles:
    """Mean (m,) of the ``top`` best of ``draws`` from Dirichlet(prior), those that miss a limit left out.

    ``prior`` (m,) holds Dirichlet's parameters; a domain of 0 gets nothing. The mean of allowed mixtures is allowed. Raises
    ConfigError where fewer than ``top`` are.
    """
    alpha = region.reduced(prior)
    chance = np.random.Generator(np.random.PCG64(seed))
    gammas = chance.standard_gamma(np.broadcast_to(alpha, (draws, len(alpha))))
    drawn = gammas[gammas.sum(1) > 0]
    drawn /= drawn.sum(1, keepdims=True)
    allowed = drawn[(drawn @ region.rows.T <= region.bounds).all(1)]
    if len(allowed) < top:
        raise ConfigError(f"weigh.draws={draws}: {len(allowed)} of them meet the limits, weigh.top={top} are wanted: raise "
                          "draws, loosen limits, or take weigh.method=gradient")
    mixes = allowed @ region.blend.T
    values = np.concatenate([objective.value(mixes[at:at + AT_ONCE]) for at in range(0, len(mixes), AT_ONCE)])
    best = np.argsort(values, kind="stable")[:top]
    return np.asarray(region.blend @ region.settled(allowed[best].mean(0)))
