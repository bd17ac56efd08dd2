"""MinHash's inner loops: from the hashes of shingles to minima.

A document has minima of the upper halves of its shingles' hashes, which propose pairs, and of the lower halves, which verify.

    scheme     K minima
    binned     one permutation, cut into K bins: a shingle falls into one bin, and each bin has its least hash. Where a bin is
               empty, the minimum over all shingles of a hash function of its own stands in
    affine32   K hash functions over all shingles: a · fmix32(h) + b modulo 2^32
    legacy     likewise: (a · h + b modulo 2^64) modulo 2^61 - 1, its low 32 bits

The last two are those of datasketch 2.0, bit by bit for the same 32-bit hashes, seed and K. Minima that verify are binned
under every scheme.

A binned minimum agrees with probability J, whatever the documents' lengths: where the bin of one document alone is empty, what
the other has in it is no common shingle; where both are, both minima are fresh samples of all shingles. Full bins are drawn
without replacement, so that an estimate's variance is that of independent minima or less, and bands of documents of a few
hundred shingles or fewer are proposed along a curve a little steeper than 1 - (1 - J^r)^b.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.operators.text.simd import inlined, kernel

Halves = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]

SCHEMES = ("binned", "affine32", "legacy")
BINNED, AFFINE32, LEGACY = range(len(SCHEMES))
MOST = np.uint32(0xFFFFFFFF)
PRIME = (1 << 61) - 1
STEP = 8  # shingles per pass over the minima: each is loaded and stored an eighth as often

_MIX_1, _MIX_2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_SIXTEEN, _THIRTEEN = np.uint32(16), np.uint32(13)
_PRIME, _SIXTY_ONE, _LOW = np.uint64(PRIME), np.uint64(61), np.uint64(0xFFFFFFFF)
_HALF, _TOP_BYTE = np.uint64(32), np.uint32(24)


class Functions(NamedTuple):
    """Hash functions x → multiplier · x + increment; uint32, of scheme ``legacy`` uint64."""

    multipliers: Any
    increments: Any


def permutations(scheme: str, seed: int, count: int) -> Functions:
    """Those that datasketch draws for ``MinHash(num_perm=count, seed=seed, scheme=scheme)``; of ``binned`` minima, ours."""
    if scheme == "binned":
        return own_functions(seed, count)
    draw = np.random.RandomState(seed)
    if scheme == "legacy":
        drawn = [(draw.randint(1, PRIME, dtype=np.uint64), draw.randint(0, PRIME, dtype=np.uint64)) for _ in range(count)]
        a, b = np.array(drawn, np.uint64).T.copy()
        return Functions(a, b)
    a = draw.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return Functions(a, draw.randint(0, 1 << 32, count, dtype=np.uint32))


def own_functions(seed: int, count: int) -> Functions:
    """Those of bins that are empty, from SplitMix64."""
    numbers = split_mix(seed, 2 * count)
    return Functions((numbers[::2] >> _HALF).astype(np.uint32) | np.uint32(1), (numbers[1::2] >> _HALF).astype(np.uint32))


def split_mix(seed: int, count: int) -> Words:
    """SplitMix64 from ``seed``."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@inlined
def fmix32(value: Any) -> Any:
    """MurmurHash3's finaliser, a bijection of 32 bits."""
    value = np.uint32((value ^ (value >> _SIXTEEN)) * _MIX_1)
    value = np.uint32((value ^ (value >> _THIRTEEN)) * _MIX_2)
    return np.uint32(value ^ (value >> _SIXTEEN))


@kernel
def lower_affine(values: Halves, count: int, functions: Functions, minima: Halves) -> None:
    """Lower the minima of ``affine32`` by ``count`` hashes; ``values`` is overwritten and has ``STEP`` entries to spare."""
    for i in range(count):
        values[i] = fmix32(values[i])
    _lower_all(values, count, functions, minima)


@kernel
def _lower_all(values: Halves, count: int, functions: Functions, minima: Halves) -> None:
    if count == 0:
        return
    for i in range(count, count + STEP - 1):
        values[i] = values[count - 1]  # a value seen again changes no minimum
    for i in range(0, count, STEP):
        a, b, c, d = values[i], values[i + 1], values[i + 2], values[i + 3]
        e, f, g, h = values[i + 4], values[i + 5], values[i + 6], values[i + 7]
        for k in range(len(minima)):
            by, plus = functions.multipliers[k], functions.increments[k]
            low = min(min(np.uint32(by * a + plus), np.uint32(by * b + plus)),
                      min(np.uint32(by * c + plus), np.uint32(by * d + plus)))
            low = min(low, min(min(np.uint32(by * e + plus), np.uint32(by * f + plus)),
                      min(np.uint32(by * g + plus), np.uint32(by * h + plus))))
            minima[k] = min(minima[k], low)


@kernel
def lower_legacy(values: Halves, count: int, functions: Functions, minima: Halves) -> None:
    """Lower the minima of ``legacy``."""
    for i in range(count):
        value = np.uint64(values[i])
        for k in range(len(minima)):
            found = functions.multipliers[k] * value + functions.increments[k]
            found = (found & _PRIME) + (found >> _SIXTY_ONE)
            found = found - _PRIME if found >= _PRIME else found
            minima[k] = min(minima[k], np.uint32(found & _LOW))


@kernel
def lower_bins(values: Halves, count: int, functions: Functions, bins: Halves, own: Halves) -> None:
    """Lower the least value of each bin, and of those that are empty so far the minimum of their own function.

    ``values`` has ``STEP`` entries to spare.
    """
    number = np.uint64(len(bins))
    for i in range(count):
        value = values[i]
        at = np.int64(np.uint64(value) * number >> _HALF)
        bins[at] = min(bins[at], value)
    if count < len(bins):  # most bins may be empty: all of them side by side take less than one by one
        _lower_all(values, count, functions, own)
        return
    for k in range(len(bins)):
        if bins[k] == MOST:
            by, plus, low = functions.multipliers[k], functions.increments[k], own[k]
            for i in range(count):
                low = min(low, np.uint32(by * values[i] + plus))
            own[k] = low


@kernel
def stand_in(bins: Halves, own: Halves) -> None:
    """Put into each empty bin the minimum of its own function."""
    for k in range(len(bins)):
        if bins[k] == MOST:
            bins[k] = own[k]


@kernel
def write_lanes(bins: Halves, own: Halves, functions: Functions, lanes: Any) -> None:
    """A byte of each lane, of all bits of its value and of which lane it is.

    Unlike values agree with probability 1/256 in every lane anew, though a document of one shingle has it in all.
    """
    for k in range(len(bins)):
        salt = np.uint32(functions.multipliers[k] + functions.increments[k])
        value = own[k] if bins[k] == MOST else np.uint32(~bins[k])
        lanes[k] = np.uint8(fmix32(np.uint32(value ^ salt)) >> _TOP_BYTE)
