"""The mixtures that may be run: floors and caps around a natural mixture.

    n mixtures · m domains

Mixtures are brought within the bounds by the projection that changes their proportions least in the sense of relative entropy:
every share is multiplied by one number and then cut at its floor and its cap, that number being such that the shares sum to 1.
So the ratios between domains that are not at a bound stay as they were drawn, and shares of 0 stay 0 unless a floor, or the
caps of all others, lift them.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.shares import check_known

FAINT = 1e-12  # of a share that was 0, where caps make it needed; in the ratios of the natural mixture
ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Space:
    """m domains, sorted by name, and what bounds their shares."""

    domains: tuple[str, ...]
    natural: Doubles  # (m,): shares as found, sum to 1
    low: Doubles  # (m,): floors
    high: Doubles  # (m,): caps

    def __post_init__(self) -> None:
        crossed = [d for d, low, high in zip(self.domains, self.low, self.high, strict=True) if low > high + ROUNDING]
        if crossed:
            place = self.domains.index(crossed[0])
            raise ConfigError(f"bounds: the floor of {crossed[0]!r} is {self.low[place]:.6g}, above its cap of "
                              f"{self.high[place]:.6g}: lower bounds.min, or raise what caps it")
        if self.low.sum() > 1 + ROUNDING:
            raise ConfigError(f"bounds.min: the floors of {len(self.domains)} domains sum to {self.low.sum():.6g}, more than 1")
        if self.high.sum() < 1 - ROUNDING:
            raise ConfigError(f"bounds: the caps of {len(self.domains)} domains sum to {self.high.sum():.6g}, less than 1: "
                              "raise bounds.max, bounds.max_natural or bounds.max_epochs, or lower bounds.budget")

    def __len__(self) -> int:
        return len(self.domains)

    def within(self, high: Doubles) -> "Space":
        """The same with tighter caps (m,)."""
        return dataclasses.replace(self, high=np.minimum(self.high, high))

    @property
    def used(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(m,): which domains may be in a mixture at all; the others are capped at 0."""
        return self.high > 0

    def without_unused(self) -> "Space":
        """The domains that may be in a mixture, in the same ratios. Raises ConfigError where they are fewer than two."""
        used = self.used
        if used.all():
            return self
        domains = tuple(d for d, one in zip(self.domains, used, strict=True) if one)
        if len(domains) < 2:
            raise ConfigError(f"a design needs 2 domains; all but {domains[0]} have no tokens, or bounds cap them at 0")
        natural = self.natural[used]
        if not natural.sum() > 0:
            raise ConfigError(f"natural is 0 for {', '.join(domains)}, and the others have no tokens, or bounds cap them at 0")
        return Space(domains, natural / natural.sum(), self.low[used], self.high[used])

    def project(self, mixes: Doubles) -> Doubles:
        """Mixtures (n, m) within the bounds, (n, m); see above. What is within them already stays as it is."""
        mixes = np.asarray(mixes, np.float64)
        inside = (np.abs(mixes.sum(1) - 1) < ROUNDING) & ((mixes >= self.low) & (mixes <= self.high)).all(1)
        weights = np.maximum(mixes, FAINT * np.maximum(self.natural, FAINT))
        # Σ clip(c · w, low, high) grows with c, linearly between the values of c where a share meets a bound.
        meets = np.sort(np.concatenate([self.low / weights, self.high / weights], 1), 1)  # (n, 2m)
        sums = np.clip(meets[:, :, None] * weights[:, None, :], self.low, self.high).sum(2)  # (n, 2m)
        after = np.clip((sums < 1).sum(1), 1, meets.shape[1] - 1)
        rows = np.arange(len(mixes))
        left, right = meets[rows, after - 1], meets[rows, after]
        rise = sums[rows, after] - sums[rows, after - 1]
        part = np.where(rise > 0, (1 - sums[rows, after - 1]) / np.where(rise > 0, rise, 1), 0)
        found = np.clip((left + np.clip(part, 0, 1) * (right - left))[:, None] * weights, self.low, self.high)
        found[found < 10 * FAINT] = 0
        return np.where(inside[:, None], mixes, np.clip(found / found.sum(1, keepdims=True), self.low, self.high))


def space_of(natural: Mapping[str, float], low: object = 0.0, high: object = 1.0, max_natural: float | None = None,
             most: Mapping[str, float] | None = None) -> Space:
    """The space around a natural mixture (or sizes: what sums to more is divided by its sum).

    ``low`` and ``high`` are one share for all domains, or a share by name. ``max_natural`` caps every domain at so many times
    its natural share, ``most`` at a share by name (what its tokens allow, 0 where there are none). Raises ConfigError for what
    cannot be met.
    """
    domains = tuple(sorted(natural))
    if len(domains) < 2:
        raise ConfigError(f"a design needs at least 2 domains, there is {', '.join(domains) or 'none'}")
    shares = np.array([float(natural[d]) for d in domains])
    if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
        raise ConfigError(f"natural: shares are numbers from 0, not all 0; got {dict(natural)}")
    shares = shares / shares.sum()
    caps = by_name(high, domains, "bounds.max", 1.0)
    if max_natural is not None:
        if not math.isfinite(max_natural) or max_natural < 1:
            raise ConfigError(f"bounds.max_natural={max_natural}: give a number from 1, the natural share")
        caps = np.minimum(caps, max_natural * shares)
    if most is not None:
        caps = np.minimum(caps, [most[d] for d in domains])
    return Space(domains, shares, by_name(low, domains, "bounds.min", 0.0), caps)


def by_name(given: object, domains: tuple[str, ...], key: str, default: float) -> Doubles:
    """A share for all, or by name with a default for the others; (m,). Raises ConfigError unless they are from 0 to 1."""
    if isinstance(given, Mapping):
        named = {str(name): share for name, share in given.items()}
        check_known(named, domains, key)
        shares = [named.get(d, default) for d in domains]
    else:
        shares = [given] * len(domains)
    for name, share in zip(domains, shares, strict=True):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ConfigError(f"{key} of {name!r} is {share!r}: give a share from 0 to 1")
    return np.array(shares, np.float64)


def unlike(mixes: Doubles, known: Doubles, apart: float = ROUNDING) -> Doubles:
    """The mixtures (n, m) that are at least ``apart``, in total variation, from ``known`` (k, m) and from those of them before.

    In their order, (≤ n, m).
    """
    kept = np.concatenate([known, mixes])
    count = len(known)
    for mix in mixes:
        if not count or np.abs(kept[:count] - mix).sum(1).min() / 2 >= apart:
            kept[count] = mix
            count += 1
    return kept[len(known) : count]
