"""The draw: how often each document is copied into the mixture.

A domain with a plan of W whole epochs and R remaining tokens gives every document W times, and once more the documents
of the longest prefix, in the order of (priority, doc_id), whose tokens sum to at most R. Priorities are a hash of
document and seed, so the prefix is a uniform sample, and a larger R only lengthens it. Documents of equal doc_id stand
or fall together. A domain falls short of its plan by fewer tokens than the first document left out has.

The prefix of a domain is found over any number of shards in three passes of whole numbers:

    histogram ─ merge ─► boundary   tokens by domain and leading bits of the priority → the bin that the prefix ends in
    candidates ────────► cut        the documents of those bins → the exact end
    copies                          how often each document is drawn

Shapes: N documents of a shard, D domains. ``domain`` is int32[N], the code 0 to D-1, or -1 for a document that is not
in the mixture; ``priority`` uint64[N]; ``doc_id`` fixed-size binary(16)[N]; ``tokens`` int64[N], from 0.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.errors import AlignmentError, DataError
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.hashing import fixed_bytes

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

CANDIDATES = pa.schema([
    pa.field("domain", pa.int32(), nullable=False),
    pa.field("priority", pa.uint64(), nullable=False),
    DOCUMENTS.field("doc_id"),
    pa.field("tokens", pa.int64(), nullable=False),
])


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Tokens and documents of the cells that hold any, ascending; a cell is domain << bits | priority >> 64 - bits."""

    domains: int
    bits: int
    cells: Int64s
    tokens: Int64s
    documents: Int64s


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """Per domain: the bin that the prefix ends in, and the tokens that are left for it.

    The bin is -1 where the prefix is empty and 2^bits where it is the whole domain.
    """

    bits: int
    bins: Int64s
    left: Int64s


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Per domain: whether the prefix holds anything, and the largest (priority, doc_id) in it or a bound between it and
    the next document; ``high`` and ``low`` are the halves of the doc_id as big-endian words.
    """

    some: Flags
    priority: Words
    high: Words
    low: Words


def histogram(domain: Int32s, priority: Words, tokens: Int64s, domains: int, bits: int = 12) -> Histogram:
    """The histogram of one shard."""
    if not 1 <= bits <= 32:
        raise DataError(f"a histogram has from 1 to 32 bits, got {bits}")
    _aligned(domain, priority, tokens)
    if domain.size and int(domain.max()) >= domains:
        raise DataError(f"domain code {int(domain.max())} in a mixture of {domains} domains")
    inside = domain >= 0
    if (tokens[inside] < 0).any():
        raise DataError(f"a document has {int(tokens[inside].min())} tokens; counts are from 0")
    cells = domain[inside].astype(np.int64) << bits | _bins(priority[inside], bits)
    return _summed(domains, bits, cells, tokens[inside], np.ones(cells.size, np.int64))


def merge(first: Histogram, *others: Histogram) -> Histogram:
    """The histogram of the documents of all; associative and commutative."""
    for other in others:
        if (first.domains, first.bits) != (other.domains, other.bits):
            raise AlignmentError(f"histograms of {first.domains} domains with {first.bits} bits and of {other.domains} "
                                 f"with {other.bits}")
    return _summed(first.domains, first.bits, *(np.concatenate([getattr(h, name) for h in (first, *others)])
                                                for name in ("cells", "tokens", "documents")))


def boundary(histogram: Histogram, remainder_tokens: Int64s) -> Boundary:
    """Where the prefix of each domain ends; ``remainder_tokens`` is int64[D]. No remainder, no prefix."""
    _aligned(range(histogram.domains), remainder_tokens)
    code = histogram.cells >> histogram.bits
    ends = np.searchsorted(code, np.arange(histogram.domains + 1))
    running = np.concatenate([[0], np.cumsum(histogram.tokens)])
    before = running[:-1] - running[ends][code]
    over = np.flatnonzero(before + histogram.tokens > remainder_tokens[code])
    domains, first = np.unique(code[over], return_index=True)
    bins = np.full(histogram.domains, 1 << histogram.bits, np.int64)
    left = remainder_tokens - np.diff(running[ends])
    bins[domains] = histogram.cells[over[first]] & ((1 << histogram.bits) - 1)
    left[domains] = (remainder_tokens[code] - before)[over[first]]
    bins[remainder_tokens == 0] = -1
    left[remainder_tokens == 0] = 0
    return Boundary(histogram.bits, bins, left)


def candidates(domain: Int32s, priority: Words, doc_id: pa.FixedSizeBinaryArray, tokens: Int64s,
               boundary: Boundary) -> pa.Table:
    """The CANDIDATES of one shard: its documents in the bins that prefixes end in."""
    _aligned(domain, priority, doc_id, tokens)
    inside = domain >= 0
    rows = np.flatnonzero(inside)
    rows = rows[_bins(priority[rows], boundary.bits) == boundary.bins[domain[rows]]]
    return pa.table([pa.array(domain[rows]), pa.array(priority[rows]), doc_id.take(pa.array(rows)),
                     pa.array(tokens[rows])], schema=CANDIDATES)


def cut(candidates: pa.Table, boundary: Boundary) -> Cuts:
    """The exact end of each prefix, from the candidates of all shards in any order."""
    require(candidates, CANDIDATES, "candidates")
    domain, priority = candidates["domain"].to_numpy(), candidates["priority"].to_numpy()
    high, low = doc_words(candidates["doc_id"])
    order = np.lexsort((low, high, priority, domain))
    domain, priority, high, low = domain[order], priority[order], high[order], low[order]
    groups = _starts(domain, priority, high, low)
    code = domain[groups]
    running = np.concatenate([[0], np.cumsum(_sums(candidates["tokens"].to_numpy()[order], groups))])
    firsts = np.searchsorted(code, np.arange(boundary.bins.size))
    fits = running[1:] - running[firsts][code] <= boundary.left[code]
    fitting = np.bincount(code[fits], minlength=boundary.bins.size)

    cuts = _below(boundary)
    ended = np.flatnonzero(fitting)
    last = groups[(firsts + fitting - 1)[ended]]
    for ours, theirs in ((cuts.priority, priority), (cuts.high, high), (cuts.low, low)):
        ours[ended] = theirs[last]
    cuts.some[ended] = True
    return cuts


def copies(domain: Int32s, priority: Words, doc_id: pa.FixedSizeBinaryArray, whole_epochs: Int64s,
           cuts: Cuts) -> Int32s:
    """Copies of each document of a shard, int32[N]; ``whole_epochs`` is int64[D]. What is not in the mixture gets 0."""
    _aligned(domain, priority, doc_id)
    _aligned(whole_epochs, cuts.some)
    inside = np.flatnonzero(domain >= 0)
    code = domain[inside]
    high, low = (half[inside] for half in doc_words(doc_id))
    upto = (high < cuts.high[code]) | ((high == cuts.high[code]) & (low <= cuts.low[code]))
    own, end = priority[inside], cuts.priority[code]
    again = cuts.some[code] & ((own < end) | ((own == end) & upto))
    result = np.zeros(domain.size, np.int32)
    result[inside] = whole_epochs[code] + again
    return result


def doc_words(doc_id: Any) -> tuple[Words, Words]:
    """The halves of each id of an array, chunked or not, as big-endian words: (high, low) sorts as the bytes do."""
    array = doc_id.combine_chunks() if isinstance(doc_id, pa.ChunkedArray) else doc_id
    if array.null_count:
        raise DataError(f"{array.null_count} documents have no doc_id")
    words = np.ascontiguousarray(fixed_bytes(array)).view(">u8").astype(np.uint64)
    return words[:, 0], words[:, 1]


def _aligned(*columns: Any) -> None:
    if len({len(column) for column in columns}) > 1:
        raise AlignmentError(f"columns of {', '.join(str(len(column)) for column in columns)} rows")


def _bins(priority: Words, bits: int) -> Int64s:
    return (priority >> np.uint64(64 - bits)).astype(np.int64)


def _starts(*columns: npt.NDArray[Any]) -> Int64s:
    """Where a run of equal rows begins, in sorted columns."""
    changed = np.ones(columns[0].size, np.bool_)
    if changed.size:
        changed[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.flatnonzero(changed)


def _sums(values: Int64s, starts: Int64s) -> Int64s:
    return np.add.reduceat(values, starts) if starts.size else np.empty(0, np.int64)


def _summed(domains: int, bits: int, cells: Int64s, tokens: Int64s, documents: Int64s) -> Histogram:
    order = np.argsort(cells, kind="stable")
    cells = cells[order]
    starts = _starts(cells)
    return Histogram(domains, bits, cells[starts], _sums(tokens[order], starts), _sums(documents[order], starts))


def _below(boundary: Boundary) -> Cuts:
    """Cuts between each domain's boundary bin and the one before it."""
    # Unsigned arithmetic wraps: one past the last bin shifts to 0, and 0 - 1 is the largest priority.
    priority = (np.maximum(boundary.bins, 0).astype(np.uint64) << np.uint64(64 - boundary.bits)) - np.uint64(1)
    most = np.full(priority.size, np.iinfo(np.uint64).max, np.uint64)
    return Cuts(boundary.bins > 0, priority, most, most.copy())
