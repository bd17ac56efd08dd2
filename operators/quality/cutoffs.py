"""Where the order of a Ranked selector ends: exact cuts, learned over any number of shards without a shuffle.

A document's rank is 128 bits, its key and then its tie: eight digits of 2^16 values each. A pass over the shards counts, for
every group, the documents (or sums a size) by the next digit of those whose earlier digits are those of the cut; the digit at
which the allowed amount is exceeded is the cut's. As soon as few enough documents share the digits found so far, a pass takes
their ranks as they are and the cut is looked up. All counts are integers, so that no sharding and no order makes a difference.

A cut is the rank of the first document that is dropped: whatever ranks before it is kept.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.rules import verdict
from corpusmill.operators.quality.selectors import Ranked, Ranks, Words
from corpusmill.operators.quality.values import Condition, Flags, Floats

FORMAT = "corpusmill.cutoffs/1"
DIGIT, DIGITS, HALF = 16, 8, 4
GATHER = 1 << 18  # ranks that are taken as they are: 12 MB in the driver
# What a pass tells of a shard: of a histogram ``key`` is the digit and ``tie`` 0.
TALLY = pa.schema([pa.field("group", pa.string()), pa.field("key", pa.uint64()), pa.field("tie", pa.uint64()),
                   pa.field("documents", pa.int64()), pa.field("size", pa.int64())])


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """Where the order of one group ends."""

    group: str | None
    first: tuple[int, int] | None  # key and tie of the first document that is dropped; None where all are kept
    value: float | None  # its score
    documents: int  # in the group
    kept: int
    size: int  # of the kept ones, where a budget bounds it


@dataclasses.dataclass(frozen=True, slots=True)
class Open:
    """A group whose cut is looked for."""

    group: str | None
    prefix: int = 0  # the digits of the cut that are known
    left: int = 0  # what may still be kept of the documents that share them
    documents: int = 0  # in the group
    kept: int = 0  # before those that share the prefix
    size: int = 0  # of the kept ones
    sharing: int = 0  # documents that share the prefix


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """How far the cuts of a selector are known. ``groups`` is None before the first pass, which finds them."""

    digits: int = 0
    gather: bool = False
    groups: tuple[Open, ...] | None = None
    cuts: tuple[Cut, ...] = ()

    @property
    def done(self) -> bool:
        """Whether every cut is known."""
        return self.groups == ()

    def partial(self, ranked: Ranked, batch: pa.RecordBatch) -> pa.Table:
        """What rows tell of the next digit: a TALLY."""
        ranks = ranked.ranks(batch)
        high, low = self._prefixes(ranks)
        rows = np.flatnonzero(ranks.known & self._opened(ranks)[ranks.codes] & (ranks.key & _mask(self.digits) == high))
        key, tie = ranks.key[rows], np.zeros(len(rows), np.uint64)
        if self.gather or self.digits >= HALF:
            tie = ranked.ties(batch, rows)
            sharing = tie & _mask(self.digits - HALF) == low[rows]
            rows, key, tie = rows[sharing], key[sharing], tie[sharing]
        if not self.gather:
            key, tie = _digit(key if self.digits < HALF else tie, self.digits % HALF), np.zeros(len(rows), np.uint64)
        sizes = _sizes(batch, ranked)[rows]
        found = {"group": pa.array(ranks.groups, pa.string()).take(pa.array(ranks.codes[rows])), "key": key, "tie": tie}
        ones = np.ones(len(sizes), np.int64)
        return total([pa.table(found | {"documents": ones, "size": sizes}).cast(TALLY)])

    def _opened(self, ranks: Ranks) -> Flags:
        """Which groups are open."""
        names = None if self.groups is None else {one.group for one in self.groups}
        return np.array([names is None or group in names for group in ranks.groups], np.bool_)

    def _prefixes(self, ranks: Ranks) -> tuple[Words, Words]:
        """The known digits of each row's group, of the key and of the tie, with zeros after them."""
        prefixes = {one.group: one.prefix << DIGIT * (DIGITS - self.digits) for one in self.groups or ()}
        full = [prefixes.get(group, 0) for group in ranks.groups]
        high, low = [one >> 64 for one in full], [one & (1 << 64) - 1 for one in full]
        return np.array(high, np.uint64)[ranks.codes], np.array(low, np.uint64)[ranks.codes]

    def narrow(self, ranked: Ranked, tally: pa.Table, *, gather: int = GATHER) -> "Search":
        """The search after a pass, whose tallies are ``total``; ``gather`` is how many ranks may be taken as they are."""
        opened = {one.group: one for one in self.groups or ()}
        left: list[Open] = []
        cuts = list(self.cuts)
        for group, rows in _groups(tally):
            one = opened.get(group) or _begun(ranked, group, rows)
            if one is None:
                continue
            found = self._narrowed(ranked, one, rows)
            if isinstance(found, Cut):
                cuts.append(found)
            else:
                left.append(found)
        few = sum(one.sharing for one in left) <= gather
        return Search(self.digits + 1, few, tuple(left), tuple(cuts))

    def _narrowed(self, ranked: Ranked, one: Open, rows: pa.Table) -> Open | Cut:
        documents, sizes = rows["documents"].to_numpy(), rows["size"].to_numpy()
        amounts = sizes if ranked.budget is not None else documents
        before = int(np.searchsorted(np.cumsum(amounts), one.left, side="right"))  # bins that fit
        kept, size = one.kept + int(documents[:before].sum()), one.size + int(sizes[:before].sum())
        if before == len(amounts):  # only in the first pass: what shares a digit with the cut exceeds what is left
            return Cut(one.group, None, None, one.documents, kept, size)
        key, tie = rows["key"][before].as_py(), rows["tie"][before].as_py()
        if self.gather:
            return Cut(one.group, (key, tie), _plain(ranked.worth(key)), one.documents, kept, size)
        prefix = one.prefix << DIGIT | key
        if self.digits + 1 == DIGITS:
            first = prefix >> 64, prefix & (1 << 64) - 1
            return Cut(one.group, first, _plain(ranked.worth(first[0])), one.documents, kept, size)
        left = one.left - int(amounts[:before].sum())
        return Open(one.group, prefix, left, one.documents, kept, size, int(documents[before]))


def first_pass(rows: int, gather: int = GATHER) -> Search:
    """Where to begin: of few rows all ranks are taken at once."""
    return Search(gather=rows <= gather)


def total(tallies: Sequence[pa.Table]) -> pa.Table:
    """Tallies together: a row per group, key and tie, in that order."""
    grouped = pa.concat_tables([TALLY.empty_table(), *tallies]).group_by(["group", "key", "tie"])
    found = grouped.aggregate([("documents", "sum"), ("size", "sum")]).rename_columns(TALLY.names).cast(TALLY)
    return found.sort_by([("group", "ascending"), ("key", "ascending"), ("tie", "ascending")])


def _begun(ranked: Ranked, group: str | None, rows: pa.Table) -> Open | None:
    """A group that the first pass found; None where nothing is said of its amount."""
    documents, amount = pc.sum(rows["documents"]).as_py(), ranked.amount(group)
    if amount is None:
        return None
    # As written: 0.1 of 10 documents is 1, whatever the nearest float of 0.1 is.
    left = math.ceil(Fraction(repr(float(amount))) * documents) if ranked.keep is not None else int(amount)
    return Open(group, 0, left, documents)


def _groups(tally: pa.Table) -> list[tuple[str | None, pa.Table]]:
    """The rows of each group, which stand together."""
    if not tally.num_rows:
        return []
    runs = pc.run_end_encode(tally["group"].combine_chunks())
    ends = runs.run_ends.to_pylist()
    starts = [0, *ends[:-1]]
    return [(tally["group"][start].as_py(), tally.slice(start, end - start)) for start, end in zip(starts, ends, strict=True)]


def _digit(word: Words, at: int) -> Words:
    found: Words = word >> np.uint64(64 - DIGIT * (at + 1)) & np.uint64((1 << DIGIT) - 1)
    return found


def _mask(digits: int) -> np.uint64:
    """The first digits of a word, none or all of them where there are fewer or more."""
    return np.uint64((1 << 64) - (1 << 64 - DIGIT * min(max(digits, 0), HALF)))


def _sizes(batch: pa.RecordBatch, ranked: Ranked) -> np.ndarray[Any, np.dtype[np.int64]]:
    if ranked.size is None:
        return np.zeros(batch.num_rows, np.int64)
    column = batch.column(ranked.size)
    if column.null_count or (pc.min(column).as_py() or 0) < 0:
        raise DataError(f"rule {ranked.reason!r}: the sizes of a budget are there and not below 0, but {ranked.size!r} is null "
                        "or negative for a document")
    return np.asarray(column.cast(pa.int64()))


def _plain(found: float) -> float | None:
    return found if math.isfinite(found) else None


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """A selector with its cuts: judges rows one by one. A group that was not there when they were learned is not applicable."""

    ranked: Ranked
    cuts: tuple[Cut, ...]

    @property
    def reason(self) -> str:
        """The selector's."""
        return self.ranked.reason

    @property
    def when(self) -> Condition | None:
        """The selector's."""
        return self.ranked.when

    @property
    def columns(self) -> set[str]:
        """Every column that the selector names."""
        return self.ranked.columns

    def check(self, schema: pa.Schema, where: str) -> None:
        """As the selector does."""
        self.ranked.check(schema, where)

    def judge(self, batch: pa.RecordBatch) -> tuple[Flags, Flags]:
        """Which rows fail, and for which it is applicable; whatever its condition says."""
        ranks = self.ranked.ranks(batch)
        cuts = {cut.group: cut for cut in self.cuts}
        here = [cuts.get(group) for group in ranks.groups]
        first = [cut.first if cut and cut.first else (0, 0) for cut in here]
        key, tie = (np.array([pair[i] for pair in first], np.uint64)[ranks.codes] for i in (0, 1))
        cutting = np.array([bool(cut and cut.first) for cut in here], np.bool_)[ranks.codes]
        learned, bounded = (np.array(flags, np.bool_)[ranks.codes] for flags in (
            [cut is not None for cut in here], [self.ranked.amount(group) is not None for group in ranks.groups]))
        beyond = cutting & (ranks.key > key)
        equal = np.flatnonzero(cutting & (ranks.key == key))
        beyond[equal] = self.ranked.ties(batch, equal) >= tie[equal]
        # A group in which no value is known has no cut, and needs none to tell that a value is missing.
        return verdict(self.ranked, beyond, ~ranks.known, ~learned & (ranks.known | ~bounded))

    def values(self, batch: pa.RecordBatch) -> Floats | None:
        """What rows are ranked by."""
        return self.ranked.score(batch)

    def limits(self, batch: pa.RecordBatch) -> tuple[Floats, Floats]:
        """The lowest and the highest score of each row that is kept for sure, NaN where its group has no cut."""
        ranks = self.ranked.ranks(batch)
        values = {cut.group: math.nan if cut.value is None else cut.value for cut in self.cuts}
        bound = np.array([values.get(group, math.nan) for group in ranks.groups])[ranks.codes]
        highest = self.ranked.order == "highest"
        free = np.where(np.isnan(bound), math.nan, math.inf if highest else -math.inf)
        return (bound, free) if highest else (free, bound)


def dumps(learned: Sequence[Applied]) -> bytes:
    """The artifact: the cuts of each selector, in the order of the rules, as canonical JSON."""
    entries = [{"selector": describe(one.ranked)["parameters"], "cuts": [dataclasses.asdict(cut) for cut in one.cuts]}
               for one in learned]
    return json.dumps({"format": FORMAT, "selectors": entries}, sort_keys=True, indent=1, ensure_ascii=False).encode()


def loads(data: bytes, selectors: Sequence[Ranked]) -> tuple[Applied, ...]:
    """The selectors with the cuts that an artifact holds for them. Raises ConfigError where it was made for others."""
    try:
        written = json.loads(data)
        entries = written["selectors"] if written["format"] == FORMAT else None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"this is no {FORMAT} artifact ({error!r})") from error
    if entries is None or len(entries) != len(selectors):
        raise ConfigError(f"these cut-offs were learned for {len(entries or ())} selectors, and there are {len(selectors)}")
    found = []
    for ranked, entry in zip(selectors, entries, strict=True):
        asked = json.loads(json.dumps(describe(ranked)["parameters"]))
        if entry["selector"] != asked:
            other = {k: v for k, v in entry["selector"].items() if asked.get(k) != v}
            raise ConfigError(f"these cut-offs were learned for another selector than {ranked.reason!r}: it had {other}")
        cuts = (Cut(**cut | {"first": cut["first"] and tuple(cut["first"])}) for cut in entry["cuts"])
        found.append(Applied(ranked, tuple(cuts)))
    return tuple(found)
