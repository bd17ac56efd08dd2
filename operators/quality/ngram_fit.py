"""Learning an n-gram model: integer counts that merge in any order, then interpolated modified Kneser-Ney smoothing.

    G distinct n-grams of 1 … order tokens · T tokens

Chen and Goodman (1999), as KenLM estimates it (Heafield et al. 2013): n-grams shorter than the longest count by the
distinct tokens before them, those at the start of a line by their occurrences; three discounts per order; the unigrams
interpolate with a uniform distribution over the vocabulary and one unknown token; rare longer n-grams are pruned after the
discounts are known, and their probability goes to the shorter ones, so that probabilities still sum to 1.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.quality.ngrams import LONGEST, UNIT, Model, Words, longer, slot_of
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.buffers import Integers, Texts
from corpusmill.operators.text.hashing import priorities
from corpusmill.operators.text.lexing import BLOCK, BOUNDARY, Codes, count_tokens, lex, points
from corpusmill.operators.text.simd import kernel

READS = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "text")])
PURPOSE = "train_perplexity"  # of the randomness that draws documents
_GROUP = 1 << 20  # tokens whose n-grams are sorted at once
_FALLBACK = (0.5, 1.0, 1.5)  # discounts where counts of counts give none, as in KenLM
_NONE = np.uint64(0)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """Occurrences of the distinct n-grams of some documents, in any order."""

    keys: Words  # (G,)
    contexts: Words  # (G,): the key of all but the last token, 0 for a single one
    rests: Words  # (G,): the key of all but the first token, 0 for a single one
    orders: npt.NDArray[np.uint8]  # (G,)
    counts: Integers  # (G,)
    documents: int = 0
    tokens: int = 0


_NO_KEYS = np.empty(0, np.uint64)
NOTHING = Counts(_NO_KEYS, _NO_KEYS, _NO_KEYS, np.empty(0, np.uint8), np.empty(0, np.int64))


@dataclasses.dataclass(frozen=True, slots=True)
class Learn:
    """A Fit of ``ngrams.Model``; the same documents give the same bytes in any split and order.

    Learns from the documents whose priority (of ``seed``) lies from ``first`` up to ``last``, of each from its first
    ``head`` bytes. Raises ConfigError for an order outside 1 … 6, or a negative ``prune``.
    """

    order: int = 3  # tokens of the longest n-gram
    prune: int = 1  # n-grams of three tokens and more are left out where they occur so often or less
    head: int = 1 << 20  # bytes of each document, so that no book outweighs all else
    seed: int = 0
    first: int = 0
    last: int = (1 << 64) - 1

    def __post_init__(self) -> None:
        for name, low, high in (("order", 1, LONGEST), ("prune", 0, 1 << 30), ("head", 1, 1 << 30)):
            if not low <= (given := getattr(self, name)) <= high:
                raise ConfigError(f"model.{name}={given}: give a whole number from {low} to {high}")

    def drawn(self, batch: pa.RecordBatch) -> Flags:
        """Which documents it learns from; shape (n,)."""
        priority = priorities(batch.column("doc_id"), self.seed, PURPOSE)
        return (priority >= np.uint64(self.first)) & (priority <= np.uint64(self.last))

    def partial(self, batch: pa.RecordBatch, /) -> Counts:
        """Of a batch with the columns of READS."""
        require(batch, READS, "documents")
        texts = Texts.of(batch.column("text").filter(pa.array(self.drawn(batch))))
        lengths = np.minimum(texts.lengths, self.head)
        table, tokens = points(), np.empty(len(texts), np.int64)
        if len(texts):
            count_tokens(texts.addresses, lengths, table, tokens)
        total = dataclasses.replace(NOTHING, documents=len(texts), tokens=int(tokens.sum()))
        for group in _groups(tokens):
            room = int(tokens[group].sum()) * self.order
            keys, orders = np.empty((3, room), np.uint64), np.empty(room, np.uint8)
            used = _list_ngrams(texts.addresses[group], lengths[group], table, self.order, keys, orders)
            total = self.merge(total, _counted(keys[:, :used], orders[:used], np.ones(used, np.int64)))
        return total

    def merge(self, a: Counts, b: Counts, /) -> Counts:
        """Sums."""
        documents, tokens = a.documents + b.documents, a.tokens + b.tokens
        if not len(a.keys) or not len(b.keys):
            return dataclasses.replace(a if len(a.keys) else b, documents=documents, tokens=tokens)
        keys = np.concatenate([[a.keys, a.contexts, a.rests], [b.keys, b.contexts, b.rests]], axis=1)
        orders, counts = np.concatenate([a.orders, b.orders]), np.concatenate([a.counts, b.counts])
        return dataclasses.replace(_counted(keys, orders, counts), documents=documents, tokens=tokens)

    def finish(self, state: Counts, /) -> bytes:
        """The model. Raises DataError where no document has a token."""
        if not len(state.keys):
            raise DataError(f"none of the {state.documents:,} documents to learn from has a word: give other documents, or a "
                            "larger sample")
        facts, keys, log_probs, backoffs = estimate(state, self.order, self.prune)
        return Model(self._facts(state) | facts, keys, log_probs, backoffs).to_bytes()

    def _facts(self, state: Counts) -> dict[str, Any]:
        seen = {f"{n}": int((state.orders == n).sum()) for n in range(1, self.order + 1)}
        return {"documents": state.documents, "tokens": state.tokens, "seen": seen, "prune": self.prune}


def _groups(tokens: Integers) -> Iterator[slice]:
    """Documents with about ``_GROUP`` tokens together, at least one."""
    ends = np.cumsum(tokens)
    first = 0
    while first < len(tokens):
        before = ends[first - 1] if first else 0
        stop = max(first + 1, int(np.searchsorted(ends, before + _GROUP, side="right")))
        yield slice(first, stop)
        first = stop


@kernel
def _list_ngrams(addresses: Integers, lengths: Integers, table: Codes, order: int, out: Words, orders: Any) -> int:
    """Write key, context and rest of every n-gram of every document; returns how many there are."""
    block = np.empty(BLOCK, np.uint64)
    history = np.empty(order, np.uint64)  # the tokens before, the latest first
    before, keys = np.empty(order, np.uint64), np.empty(order, np.uint64)  # [n - 1]: of the n tokens that end there
    used = 0
    for d in range(len(addresses)):
        at, end, last, filled, known = addresses[d], addresses[d] + lengths[d], BOUNDARY, BLOCK, 1
        history[0] = before[0] = BOUNDARY
        while filled == BLOCK:
            at, filled = lex(at, end, last, table, block)
            for i in range(filled):
                last = keys[0] = block[i]
                for n in range(min(known + 1, order)):
                    if n:
                        keys[n] = longer(history[n - 1], keys[n - 1])
                    out[0, used] = keys[n]
                    out[1, used], out[2, used] = (before[n - 1], keys[n - 1]) if n else (_NONE, _NONE)
                    orders[used] = n + 1
                    used += 1
                known = 1 if last == BOUNDARY else min(known + 1, order)
                for n in range(known - 1, 0, -1):
                    history[n] = history[n - 1]
                history[0] = last
                before[:known] = keys[:known]
    return used


def _counted(keys: Words, orders: npt.NDArray[np.uint8], counts: Integers) -> Counts:
    """Equal keys (3, m) together, in order of appearance; what else belongs to equal ones is equal."""
    firsts, sums = np.empty(keys.shape[1], np.int64), np.empty(keys.shape[1], np.int64)
    distinct = _unique(keys[0], counts, np.zeros(_slots(keys.shape[1]), np.int32), firsts, sums)
    firsts = firsts[:distinct]
    return Counts(keys[0][firsts], keys[1][firsts], keys[2][firsts], orders[firsts], sums[:distinct].copy())


def _slots(keys: int) -> int:
    """Of a hash table that so many keys fill by half at most."""
    return max(64, 1 << (2 * keys - 1).bit_length())


@kernel
def _unique(keys: Words, counts: Integers, slots: Codes, firsts: Integers, sums: Integers) -> int:
    """Where each distinct key comes first, and the sum of its counts; returns how many there are."""
    mask, known = len(slots) - 1, 0
    for i in range(len(keys)):
        slot = slot_of(keys[i], mask)
        while slots[slot] != 0 and keys[firsts[slots[slot] - 1]] != keys[i]:
            slot = (slot + 1) & mask
        if slots[slot] == 0:
            firsts[known], sums[known] = i, 0
            known += 1
            slots[slot] = known
        sums[slots[slot] - 1] += counts[i]
    return known


@kernel
def _find(keys: Words, of: Words, slots: Codes, places: Integers) -> None:
    """Where each of ``of`` stands among the distinct ``keys``; 0 for key 0, which is none. All others must be there."""
    mask = len(slots) - 1
    for i in range(len(keys)):
        slot = slot_of(keys[i], mask)
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = i + 1
    for i in range(len(of)):
        slot = slot_of(of[i], mask)
        while of[i] != _NONE and keys[slots[slot] - 1] != of[i]:
            slot = (slot + 1) & mask
        places[i] = slots[slot] - 1 if of[i] != _NONE else 0


def _sorted(state: Counts) -> Counts:
    """By ascending key: what is summed in floating point later is summed in one order."""
    order = np.argsort(state.keys)
    return Counts(state.keys[order], state.contexts[order], state.rests[order], state.orders[order], state.counts[order],
                  state.documents, state.tokens)


def estimate(state: Counts, order: int, prune: int) -> tuple[dict[str, Any], Words, Codes, Codes]:
    """Facts, keys, log-probabilities and backoffs, as in ``ngrams.Model``."""
    state = _sorted(state)
    within, rest = (_places(state.keys, of) for of in (state.contexts, state.rests))
    adjusted = _adjusted(state, rest)
    kept = (state.orders < 3) | (state.counts > prune)
    discounted = adjusted - _discounts(state.orders, adjusted, order)
    single = state.orders == 1
    totals = np.bincount(within[~single], adjusted[~single], len(state.keys))
    own = np.zeros(len(state.keys))
    own[~single] = discounted[~single] / totals[within[~single]]
    own[single] = discounted[single] / adjusted[single].sum()
    taken = np.bincount(within[kept & ~single], own[kept & ~single], len(state.keys))
    left = np.where(totals > 0, 1 - taken, 1.0)
    unknown = (1 - math.fsum(own[single])) / (single.sum() + 1)  # numpy's order of adding depends on the processor
    chance = own + np.where(single, unknown, 0.0)
    for n in range(2, order + 1):
        here = state.orders == n
        chance[here] += left[within[here]] * chance[rest[here]]
    facts = {"order": order, "unknown": int(_micro(np.array([unknown]))[0]),
             "kept": {f"{n}": int((kept & (state.orders == n)).sum()) for n in range(1, order + 1)}}
    return facts, state.keys[kept], np.minimum(_micro(chance[kept]), -1), _micro(left[kept])


def _places(keys: Words, of: Words) -> Integers:
    places = np.empty(len(of), np.int64)
    _find(keys, of, np.zeros(_slots(len(keys)), np.int32), places)
    return places


def _adjusted(state: Counts, rest: Integers) -> Floats:
    """The distinct tokens before an n-gram; its occurrences where nothing can be before it, or no longer ones are counted."""
    before = np.bincount(rest[state.orders > 1], minlength=len(state.keys))
    return np.where(before > 0, before, state.counts).astype(np.float64)


def _discounts(orders: npt.NDArray[np.uint8], adjusted: Floats, order: int) -> Floats:
    """What each n-gram gives to those not seen, by its adjusted count: 1, 2, or more."""
    found = np.empty(len(orders))
    for n in range(1, order + 1):
        here = orders == n
        ones, twos, threes, fours = (int((adjusted[here] == i).sum()) for i in (1, 2, 3, 4))
        steps: tuple[float, ...] = _FALLBACK
        if ones and twos and threes:
            share = ones / (ones + 2 * twos)
            given = (1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes)
            steps = given if all(0 < step < i for i, step in enumerate(given, 1)) else _FALLBACK
        found[here] = np.array(steps)[np.minimum(adjusted[here].astype(np.int64), 3) - 1]
    return found


def _micro(chances: Floats) -> Codes:
    """Millionths of log10."""
    found: Codes = np.rint(np.log10(chances) * UNIT).astype(np.int32)
    return found
