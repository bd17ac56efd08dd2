"""Selectors: which documents are kept by what others are worth (Ranked), or by chance (Pareto); scores come from elsewhere.

A Ranked selector puts documents in order and keeps the first ones. Where the order ends is a cut, learned over the whole
corpus (see cutoffs) and applied row by row. All randomness is a hash of (seed, doc_id, reason). Logarithms are made of IEEE
sums, products and quotients alone, which every machine rounds alike, so that every machine keeps the same documents.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.rules import check_missing, verdict
from corpusmill.operators.quality.values import (
    ByGroup,
    Condition,
    Flags,
    Floats,
    check_signal,
    check_text,
    group_codes,
    is_numeric,
    terms,
    type_of,
    value,
)
from corpusmill.operators.text.hashing import priorities

Words = npt.NDArray[np.uint64]
Amount = float | ByGroup
METHODS = {"quantile": ("keep",), "top": ("count", "budget"), "gumbel": ("keep", "count")}
SIGN = np.uint64(1 << 63)
TERMS = 12  # of the series of atanh: enough for float64 where |z| <= 3 - 2 √2
# Their sum is ln 2 to 100 bits; the first ends in zeros, so that its product with an exponent is exact (as in FreeBSD's msun).
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


class Ranks(NamedTuple):
    """The order of rows, best first; among equal keys ``Ranked.ties`` decide. All of shape (rows,)."""

    key: Words
    codes: npt.NDArray[np.int64]  # into groups
    groups: list[str | None]
    known: Flags  # which rows have a value


@dataclasses.dataclass(frozen=True, slots=True)
class Ranked:
    """Keeps the documents that rank first by ``signal``, a score as in ``Rule``; the highest first, or the lowest.

    ============  =================================================================================================
    ``quantile``  keeps the first ``keep`` of them, a share from 0 to 1: ⌈keep · n⌉ of n documents
    ``top``       keeps the first ``count``, or as many as go before the first with which the sum of ``size``, a column
                  of integers, would exceed ``budget``
    ``gumbel``    draws ``keep`` or ``count`` without replacement: the signal is a log-weight, Gumbel noise is added to
                  it, and the first are kept (Gumbel top-k; Xie et al. 2023, "Data Selection for Language Models via
                  Importance Resampling", section 3)
    ============  =================================================================================================

    Equal values are in the order of a hash of (seed, doc_id, reason); rows of one doc_id are kept or dropped together,
    and never take more than is allowed. With ``by``, a text column, each of its values is a group (so is null) with an order
    of its own, and the amount is for each of them: one for all, or one for each value and a default. ``missing``, ``invert``
    and ``when`` are those of Rule. Raises ConfigError for amounts that do not fit the method.
    """

    reason: str
    signal: str
    method: str = "quantile"
    keep: Amount | None = None
    count: Amount | None = None
    budget: Amount | None = None
    size: str | None = None
    order: str = "highest"
    by: str | None = None
    seed: int = 0
    when: Condition | None = None
    missing: str = "pass"
    invert: bool = False

    def __post_init__(self) -> None:
        where = f"rule {self.reason!r}"
        check_signal(where, self.signal)
        check_missing(self.reason, self.missing)
        if self.order not in ("highest", "lowest"):
            raise ConfigError(f"{where}: order is highest or lowest; got {self.order!r}")
        if self.method not in METHODS:
            raise ConfigError(f"{where}: select is {', '.join(METHODS)} or pareto; got {self.method!r}")
        given = [key for key in ("keep", "count", "budget") if getattr(self, key) is not None]
        if len(given) != 1 or given[0] not in METHODS[self.method]:
            raise ConfigError(f"{where}: {self.method} needs {' or '.join(METHODS[self.method])}; got "
                              f"{' and '.join(given) or 'none'}")
        if (self.budget is not None) != (self.size is not None):
            raise ConfigError(f"{where}: budget and size, the column that it is a sum of, need each other")
        self._check_amount(where, given[0])

    def _check_amount(self, where: str, key: str) -> None:
        amount = getattr(self, key)
        for number in amount.numbers if isinstance(amount, ByGroup) else (amount,):
            if key == "keep" and not 0 < number <= 1:
                raise ConfigError(f"{where}: keep is a share above 0 and up to 1; got {number}")
            if not 0 <= number < math.inf or (key != "keep" and number != int(number)):
                raise ConfigError(f"{where}: {key} is a whole number; got {number}")
        if isinstance(amount, ByGroup) and self.by is None:
            raise ConfigError(f"{where}: {key} for each group needs `by`, the column that has the groups")

    @property
    def columns(self) -> set[str]:
        """Every column that it names."""
        named = (self.size, self.by, self.when.column if self.when else None)
        return {*terms(self.signal), *(column for column in named if column)}

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raise ConfigError unless ``schema`` has every column that it names, with a fitting type."""
        check_types(self.signal, self.when, schema, where)
        check_text(self.by, schema, where, "by")
        if self.size is not None and not pa.types.is_integer(kind := type_of(self.size, schema, where)):
            raise ConfigError(f"{where}: size needs a column of integers, such as text.bytes; {self.size!r} is {kind}")

    def amount(self, group: str | None) -> float | None:
        """What may be kept of a group; None where nothing is said of it."""
        given = next(a for a in (self.keep, self.count, self.budget) if a is not None)
        return given.get(group) if isinstance(given, ByGroup) else given

    def score(self, batch: pa.RecordBatch) -> Floats:
        """What rows are ranked by: the signal's value, for gumbel with its noise."""
        found = value(batch, self.signal)
        if self.method == "gumbel":
            found = found - log(-log(uniform(priorities(batch.column("doc_id"), self.seed, f"gumbel/{self.reason}"))))
        return found

    def ranks(self, batch: pa.RecordBatch) -> Ranks:
        """The order of the rows of a batch that holds ``doc_id``."""
        score = self.score(batch)
        key = ordered(score)
        codes, groups = np.zeros(batch.num_rows, np.int64), list[str | None]([None])
        if self.by:
            codes, groups = group_codes(batch.column(self.by))
        return Ranks(~key if self.order == "highest" else key, codes, groups, ~np.isnan(score))

    def ties(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> Words:
        """What decides among equal keys, for some rows: hashing costs more than all the rest, and few rows need it."""
        return priorities(batch.column("doc_id").take(pa.array(rows)), self.seed, f"ties/{self.reason}")

    def worth(self, key: int) -> float:
        """The score that a key stands for."""
        return restored(~key & (1 << 64) - 1 if self.order == "highest" else key)


@dataclasses.dataclass(frozen=True, slots=True)
class Pareto:
    """Keeps a document with a probability that grows with its score: where ``X > 1 - score``, X drawn from a Pareto law.

    ``signal`` is a score from 0 to 1, a probability of being good. X is of the Lomax law (Pareto II, which begins at 0), as
    ``numpy.random.pareto(alpha)`` draws it, so that a document is kept with probability ``(2 - score) ** -alpha``. Alpha is 9
    in Brown et al. 2020, "Language Models are Few-Shot Learners", appendix A, and 3 in Gao et al. 2020, "The Pile".

    Raises ConfigError for an alpha that is not above 0; DataError for a score outside of 0 to 1 of any row that the rule is
    meant for, also one that an earlier rule drops, so that it does not depend on the other rules.
    """

    reason: str
    signal: str
    alpha: float = 9.0
    seed: int = 0
    when: Condition | None = None
    missing: str = "pass"
    invert: bool = False

    def __post_init__(self) -> None:
        check_signal(f"rule {self.reason!r}", self.signal)
        check_missing(self.reason, self.missing)
        if not 0 < self.alpha < math.inf:
            raise ConfigError(f"rule {self.reason!r}: alpha is above 0; got {self.alpha}")

    @property
    def columns(self) -> set[str]:
        """Every column that it names."""
        return {*terms(self.signal), *({self.when.column} if self.when else ())}

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raise ConfigError unless ``schema`` has every column that it names, with a fitting type."""
        check_types(self.signal, self.when, schema, where)

    def judge(self, batch: pa.RecordBatch) -> tuple[Flags, Flags]:
        """Which rows fail, and for which it is applicable; its condition tells only which scores must be right."""
        score = value(batch, self.signal)
        wrong = (score < 0) | (score > 1)
        if self.when is not None:
            wrong &= self.when.holds(batch.column(self.when.column))
        if wrong.any():
            raise DataError(f"rule {self.reason!r}: pareto needs a score from 0 to 1; {self.signal!r} is {score[wrong][0]} "
                            "for a document")
        missing, score = np.isnan(score), np.clip(score, 0, 1)
        # X > 1 - s, where X = U^(-1/alpha) - 1: then -ln U > alpha ln(2 - s).
        drawn = -log(uniform(priorities(batch.column("doc_id"), self.seed, f"pareto/{self.reason}")))
        lost = ~(drawn > self.alpha * log(2 - np.where(missing, 1, score)))
        return verdict(self, lost, missing, np.zeros_like(missing))

    def values(self, batch: pa.RecordBatch) -> Floats | None:
        """The score of each row."""
        return value(batch, self.signal)


def check_types(signal: str, when: Condition | None, schema: pa.Schema, where: str) -> None:
    """Raise ConfigError unless a score is made of numbers, and a condition of text."""
    for term in terms(signal):
        if not is_numeric(kind := type_of(term, schema, where)):
            raise ConfigError(f"{where}: {term!r} is {kind}: a selector ranks numbers")
    check_text(when.column if when else None, schema, where, "when")


def ordered(found: Floats) -> Words:
    """Integers in the order of the floats; both zeros are one."""
    bits = (found + 0.0).view(np.uint64)
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def restored(key: int) -> float:
    """The float that ``ordered`` made an integer of."""
    bits = key ^ (1 << 63) if key >> 63 else ~key & (1 << 64) - 1
    return float(np.uint64(bits).view(np.float64))


def uniform(hashed: Words) -> Floats:
    """Numbers between 0 and 1, both excluded: the middles of 2^52 equal parts, all of them exact."""
    return ((hashed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def log(positive: Floats) -> Floats:
    """Natural logarithms of finite numbers above 0, within 3 units in the last place, the same to the bit on every machine."""
    fraction, exponent = np.frexp(positive)
    small = fraction < math.sqrt(0.5)
    fraction = np.where(small, 2 * fraction, fraction)
    e = (exponent - small).astype(np.float64)
    z = (fraction - 1) / (fraction + 1)
    square = z * z
    series = np.zeros_like(z)
    for n in range(TERMS, 0, -1):
        series = square * (1 / (2 * n + 1) + series)
    found: Floats = e * LN2_HIGH + (2 * z + (2 * z * series + e * LN2_LOW))
    return found
