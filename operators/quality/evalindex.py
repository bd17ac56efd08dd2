"""The index of evaluation sets: their n-grams (or paragraphs) by hash, and the items that each stands in.

    T entries, sorted by key · P postings (entry, item) · O occurrences (entry, item, place) · I items · S sets
    W words of the filter

An n-gram's value is the polynomial of its words' hashes in ``RADIX`` modulo 2^64, and its key mixes in its length. The
filter says of nearly every run of words that it ends no entry, and of one in fifty or so that it may.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError, Corrupt
from corpusmill.operators.quality.evalsets import EvalSet, Record
from corpusmill.operators.text import bare
from corpusmill.operators.text.buffers import Texts

Array = Any  # of numbers; numba's arrays have no useful type

FORMAT = 2
LONGEST = 50  # words of an n-gram

RADIX = np.uint64(0xD6E8FEB86659FD93)
LENGTH = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)
_FILTER_BITS = 16  # per entry at least
_SIX, _LOW_SIX = np.uint64(6), np.uint64(63)


class Index(NamedTuple):
    """What the kernels read of an index; all arrays are read-only."""

    bits: Array  # [W] uint64: the filter
    directory: Array  # [2^b + 1] int32: where the entries begin whose key has these upper bits
    keys: Array  # [T] uint64
    sizes: Array  # [T] int32: words of the entry
    firsts: Array  # [T + 1] int32: its postings
    items: Array  # [P] int32: ascending within an entry
    starts: Array  # [P + 1] int32: the posting's occurrences
    places: Array  # [O] int32: the word of the item at which the entry stands, ascending within a posting
    sets: Array  # [I] int32: the set of the item, ascending
    words: Array  # [I] int32: words of the item
    lengths: Array  # the lengths of n-grams there are, the shortest first; empty for paragraphs


class Loaded(NamedTuple):
    """An index with the names of what is in it."""

    tables: Index
    facts: Mapping[str, Any]
    names: pa.Array  # of the sets, strings
    ids: pa.Array  # of the items, strings


def mixed(values: Array) -> Array:
    """``text.shingles.mixed`` over an array of uint64."""
    for multiplier in _MIX:
        values = (values ^ (values >> _SHIFT)) * multiplier
    return values ^ (values >> _SHIFT)


def build(sets: Sequence[EvalSet], records: Mapping[str, Sequence[Record]], method: str, ngram: int, shortest: int) -> bytes:
    """The index of ``sets``, whose records are given by path, as bytes that depend on nothing else.

    ``method`` is one of Decontaminate's; ``ngram`` the words of an n-gram or the fewest of a paragraph, ``shortest`` the
    fewest that a set of short items goes down to. Raises ConfigError for sets in which nothing is long enough.
    """
    counts, gathered = [], []
    for one in sets:
        if method == "datatrove" and not one.label:
            raise ConfigError(f"evaluation set {one.name!r}: method=datatrove looks for answers: name the fields that hold "
                              "them in `label`, and those of the question in `query`")
        texts = one.texts(records[one.path])
        words, breaks, sizes = _hashed(texts, method == "dolma")
        n = _length_for(sizes.sum(axis=1), shortest, ngram) if method == "gpt3" else ngram
        found = _paragraphs(words, breaks, sizes, ngram) if method == "dolma" else _ngrams(words, sizes, n, method)
        gathered.append(found)
        indexed = len(np.unique(found.items))
        counts.append({"name": one.name, "items": len(texts), "items_indexed": indexed, "entries": len(found.keys),
                       "words": int(sizes.sum()), "ngram": n, "item_words": sizes.sum(axis=1).tolist(),
                       "ids": one.ids(records[one.path])})
    if not sum(len(found.keys) for found in gathered):
        raise ConfigError(f"no item of the evaluation sets {', '.join(s.name for s in sets)} has {shortest or ngram} words: "
                          "name the fields with their text in `query` and `label`, or give a smaller ngram")
    return _packed(method, counts, gathered)


class _Found(NamedTuple):
    """Occurrences in items of one set: key and filter key (uint64), item, place and size in words."""

    keys: Array
    suffixes: Array  # values of the last words, by length: filled in when all lengths are known
    items: Array
    places: Array
    sizes: Array
    flat: Array  # where the entry ends in ``words``
    words: Array


def _hashed(texts: Sequence[tuple[str, str]], breaks: bool) -> tuple[Array, Array, Array]:
    """Word hashes of all items one after another, which of them are line breaks, and words by item and part."""
    parts = [part + "\n" if breaks else part for pair in texts for part in pair]
    array = Texts.of(pa.array(parts, pa.string()))
    hashes = np.empty(int(array.lengths.sum()) + len(parts), np.uint64)
    counts = np.empty(len(parts), np.int64)
    written = bare.hash_words(array.addresses, array.lengths, bare.tables(), breaks, hashes, counts)
    hashes = hashes[:written]
    feeds = hashes == 0
    owners = np.repeat(np.arange(len(parts)), counts)
    sizes = np.bincount(owners[~feeds], minlength=len(parts)).reshape(-1, 2)
    return hashes, feeds, sizes


def _length_for(words: Array, shortest: int, longest: int) -> int:
    """GPT-3's n for a set: the 5th percentile of its items' lengths, within bounds."""
    return int(np.clip(np.sort(words)[len(words) // 20], shortest, longest))


def _values(words: Array, n: int) -> Array:
    """The values of all runs of ``n`` words."""
    found = np.zeros(max(0, len(words) - n + 1), np.uint64)
    for i in range(n):
        found = found * RADIX + words[i : i + len(found)]
    return found


def _ngrams(words: Array, sizes: Array, n: int, method: str) -> _Found:
    ends = np.cumsum(sizes.sum(axis=1))
    items = np.repeat(np.arange(len(sizes)), sizes.sum(axis=1))[: max(0, len(words) - n + 1)]
    starts = np.arange(len(items))
    places = starts - (ends - sizes.sum(axis=1))[items]
    inside = starts + n <= ends[items]
    if method == "datatrove":
        inside &= places + n > sizes[items, 0]
    kept = np.flatnonzero(inside)
    keys = mixed(_values(words, n)[kept] + np.uint64(n * int(LENGTH) % (1 << 64)))
    return _Found(keys, np.empty(0), items[kept], places[kept], np.full(len(kept), n), kept + n, words)


def _paragraphs(words: Array, breaks: Array, sizes: Array, fewest: int) -> _Found:
    """Lines of at least so many words; each text ends in a line break."""
    ends = np.flatnonzero(breaks)
    starts = np.concatenate([[0], ends[:-1] + 1])
    before = np.cumsum(~breaks) - ~breaks  # words before each place
    item_starts = np.cumsum(sizes.sum(axis=1)) - sizes.sum(axis=1)
    long = np.flatnonzero(ends - starts >= fewest)
    items = np.searchsorted(item_starts, before[starts[long]], side="right") - 1
    keys = np.empty(len(long), np.uint64)
    for i, line in enumerate(long):
        keys[i] = _values(words[starts[line] : ends[line]], int(ends[line] - starts[line]))[0]
    lengths = (ends - starts)[long]
    keys = mixed(keys + lengths.astype(np.uint64) * LENGTH)
    return _Found(keys, keys, items, before[starts[long]] - item_starts[items], lengths, ends[long], words)


def _packed(method: str, counts: list[dict[str, Any]], gathered: list[_Found]) -> bytes:
    lengths = [] if method == "dolma" else sorted({n["ngram"] for n in counts})
    suffixes = np.concatenate([f.suffixes if not lengths else _suffixes(f, lengths[0]) for f in gathered])
    firsts = np.cumsum([0, *(n["items"] for n in counts)])
    items = np.concatenate([f.items + first for f, first in zip(gathered, firsts, strict=False)])
    places, sizes = (np.concatenate([getattr(f, name) for f in gathered]) for name in ("places", "sizes"))
    keys, entries = np.unique(np.concatenate([f.keys for f in gathered]), return_inverse=True)
    entry_sizes = np.empty(len(keys), np.int32)
    entry_sizes[entries] = sizes
    arrays = _postings(entries, items, places, len(keys)) | {
        "bits": _filter(suffixes), "directory": _directory(keys), "keys": keys, "sizes": entry_sizes,
        "sets": np.repeat(np.arange(len(counts)), [n["items"] for n in counts]).astype(np.int32),
        "words": np.concatenate([n.pop("item_words") for n in counts]).astype(np.int32),
        "lengths": np.array(lengths, np.int32),
    }  # fmt: skip
    ids = [text.encode("utf-8", "replace") for n in counts for text in n.pop("ids")]
    arrays["id_ends"] = np.cumsum([len(text) for text in ids], dtype=np.int64)
    arrays["id_bytes"] = np.frombuffer(b"".join(ids), np.uint8)
    return _serialised({"format": FORMAT, "method": method, "sets": counts}, arrays)


def _suffixes(found: _Found, n: int) -> Array:
    """The filter's keys: of the last ``n`` words of each occurrence."""
    return mixed(_values(found.words, n)[found.flat - n])


def _postings(entries: Array, items: Array, places: Array, count: int) -> dict[str, Array]:
    """The index's arrays that say where the ``count`` entries stand, out of their occurrences in any order."""
    order = np.lexsort((places, items, entries))
    entries, items, places = entries[order], items[order], places[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (entries[1:] != entries[:-1]) | (items[1:] != items[:-1])
    starts = np.flatnonzero(new)
    found = {"firsts": np.searchsorted(entries[starts], np.arange(count + 1)), "items": items[starts],
             "starts": np.append(starts, len(order)), "places": places}
    return {name: array.astype(np.int32) for name, array in found.items()}


def _filter(suffixes: Array) -> Array:
    """Two bits for each key in a word of 64 that its upper bits choose."""
    size = 1 << max(1, (len(np.unique(suffixes)) * _FILTER_BITS // 64).bit_length())
    bits = np.zeros(size, np.uint64)
    one, slots = np.uint64(1), (suffixes >> np.uint64(65 - size.bit_length())).astype(np.int64)
    np.bitwise_or.at(bits, slots, one << (suffixes & _LOW_SIX))
    np.bitwise_or.at(bits, slots, one << (suffixes >> _SIX & _LOW_SIX))
    return bits


def _directory(keys: Array) -> Array:
    bits = max(1, len(keys).bit_length() - 1)
    return np.searchsorted(keys >> np.uint64(64 - bits), np.arange((1 << bits) + 1, dtype=np.uint64)).astype(np.int32)


def _serialised(facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A line of JSON, then the arrays, each at a multiple of 64 bytes."""
    listed = {name: [str(array.dtype), len(array)] for name, array in sorted(arrays.items())}
    parts = [json.dumps(dict(facts) | {"arrays": listed}, sort_keys=True).encode() + b"\n"]
    for name in listed:
        parts.append(bytes(-sum(map(len, parts)) % 64))
        parts.append(np.ascontiguousarray(arrays[name]).tobytes())
    return b"".join(parts)


@functools.lru_cache(maxsize=2)
def load(path: Path, digest: str) -> Loaded:
    """The index in a file, mapped into memory so that the workers of a node share it; read once per process.

    Raises Corrupt for a file that is no index, or not the whole of one.
    """
    try:
        facts, arrays = _parsed(np.memmap(path, np.uint8, "r"))
        text, ends = arrays.pop("id_bytes").tobytes(), arrays.pop("id_ends").tolist()
        ids = [text[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
        names = [one["name"] for one in facts["sets"]]
        return Loaded(Index(**arrays), facts, pa.array(names, pa.string()), pa.array(ids, pa.string()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # an empty file cannot be mapped: ValueError too
        raise Corrupt(f"{path} is no index of evaluation sets that this version reads ({error}): delete it, and run the job "
                      "again") from error


def _parsed(data: Array) -> tuple[dict[str, Any], dict[str, Array]]:
    """The line of JSON, and the arrays as views. Raises ValueError for a file that is too short or too long for them."""
    head = bytes(data[: 1 << 24]).partition(b"\n")[0]
    facts = json.loads(head)
    if facts["format"] != FORMAT:
        raise ValueError(f"its format is {facts['format']!r}")
    arrays, at = {}, len(head) + 1
    for name, (kind, size) in facts["arrays"].items():
        at += -at % 64
        part = np.asarray(data[at : at + size * np.dtype(kind).itemsize])
        at += size * np.dtype(kind).itemsize
        if at > len(data):
            raise ValueError(f"it ends within {name}")
        arrays[name] = part.view(kind)
    if at != len(data):
        raise ValueError(f"it has {len(data)} bytes instead of {at}")
    return facts, arrays
