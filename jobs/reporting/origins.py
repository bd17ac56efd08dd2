"""Duplicates within and across sources: of each dropped document, its source and that of the one that it was taken for."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.jobs.reporting import examples
from corpusmill.jobs.runtime import aligned
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import Missing
from corpusmill.operators.quality.values import group_codes
from corpusmill.operators.schema import DOC_ID, KINDS
from corpusmill.operators.text.hashing import fixed_bytes

SOURCES = 12  # those that most dropped documents are of, or name; the others are one
UNKNOWN = ""  # the source of documents that have none
ELSEWHERE = "published elsewhere"  # instead of the source of documents that are not the job's own

Codes = npt.NDArray[np.int64]
_DROPPED = {"source": ("documents", "source"), "keep": ("duplicates", "keep"), "matched": ("duplicates", "matched_doc_id")}


@dataclasses.dataclass(frozen=True, slots=True)
class Origins:
    """Dropped documents by their source (rows) and the source of the document that each names (columns)."""

    sources: tuple[str, ...]  # those that most are of, or name, first
    others: int  # so many further sources are one, the last row and column; 0 where all are named
    documents: tuple[tuple[int, ...], ...]
    within: int  # of all, those that name a document of their own source
    total: int


def origins_of(store: Store, made: Mapping[str, Manifest]) -> Origins | None:
    """Reads sources and ids of all documents; None where none was dropped, or they are in too many shards, or gone."""
    roles = ("documents", "duplicates")
    if not all(role in made and made[role].index for role in roles) or made["documents"].shards > examples.SHARDS:
        return None
    if not any(made["duplicates"].counts.get(f"dropped.{kind}_duplicate") for kind in KINDS):
        return None
    try:
        counts = _counted(store, {role: made[role] for role in roles})
    except Missing:
        return None
    return matrix(counts) if counts else None


def matrix(counts: Mapping[tuple[str, str], int]) -> Origins:
    """``counts``: (source of the dropped, source of the named one) -> documents."""
    sizes: Counter[str] = Counter()
    for pair, n in counts.items():
        for source in set(pair):
            sizes[source] += n
    order = sorted(sizes, key=lambda source: (-sizes[source], source))
    named = order if len(order) <= SOURCES else order[: SOURCES - 1]
    place = {source: i for i, source in enumerate(named)}
    cells = np.zeros((len(named) + (len(named) < len(order)),) * 2, np.int64)
    for (dropped, kept), n in counts.items():
        cells[place.get(dropped, len(named)), place.get(kept, len(named))] += n
    within = sum(n for (dropped, kept), n in counts.items() if dropped == kept)
    return Origins(tuple(named), len(order) - len(named), tuple(map(tuple, cells.tolist())), within, sum(counts.values()))


def _counted(store: Store, made: Mapping[str, Manifest]) -> dict[tuple[str, str], int]:
    """Two walks: over what was dropped, then over all documents for the sources of those that they name."""
    names: dict[str, int] = {}
    parts, codes = [pa.array([], DOC_ID)], [np.empty(0, np.int64)]
    for one in aligned.zipped(store, made):
        rows = aligned.read(store, one, _DROPPED)
        rows = rows.filter(pc.and_(pc.invert(rows.column("keep")), pc.is_valid(rows.column("matched"))))
        parts.append(rows.column("matched"))
        codes.append(_codes(rows.column("source"), names))
    matched = pa.concat_arrays(parts).dictionary_encode()
    if not len(matched):
        return {}
    kept = _sources(store, made, matched.dictionary, names)
    both = np.concatenate(codes) * len(names) + kept[matched.indices.to_numpy()]
    listed = list(names)
    return {(listed[at // len(names)], listed[at % len(names)]): n
            for at, n in zip(*(found.tolist() for found in np.unique(both, return_counts=True)), strict=True)}


def _sources(store: Store, made: Mapping[str, Manifest], ids: pa.Array, names: dict[str, int]) -> Codes:
    """Of each of some ids, which are distinct, the number of its source."""
    wanted, found = _Ids(ids), np.full(len(ids), -1)
    for one in aligned.zipped(store, made):
        rows = aligned.read(store, one, {name: ("documents", name) for name in ("doc_id", "source")})
        row, place = wanted.find(rows.column("doc_id"))
        found[place] = _codes(rows.column("source").take(pa.array(row)), names)
    if (found < 0).any():
        found[found < 0] = names.setdefault(ELSEWHERE, len(names))
    return found


class _Ids:
    """Distinct ids to look up, in order of their first 8 bytes: Arrow would hash all of them again for each shard."""

    def __init__(self, ids: pa.Array) -> None:
        words = _words(ids)
        self.order = np.lexsort((words[:, 1], words[:, 0]))
        self.words = np.ascontiguousarray(words[self.order].T)
        self.longest = int(np.unique(self.words[0], return_counts=True)[1].max())  # run of equal first bytes

    def find(self, ids: pa.Array) -> tuple[Codes, Codes]:
        """Which of these ids are among them, and where."""
        first, second = _words(ids).T
        start = np.searchsorted(self.words[0], first)
        rows, places = [], []
        for at in (start + step for step in range(self.longest)):
            here = np.minimum(at, len(self.order) - 1)
            row = np.flatnonzero((self.words[0][here] == first) & (self.words[1][here] == second) & (at == here))
            rows.append(row)
            places.append(self.order[here[row]])
        return np.concatenate(rows), np.concatenate(places)


def _words(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """Ids as two numbers each, of shape (ids, 2)."""
    return np.ascontiguousarray(fixed_bytes(ids)).view("<u8")


def _codes(column: pa.Array, names: dict[str, int]) -> Codes:
    """The number of each row's source; new ones are added to ``names``."""
    codes, groups = group_codes(column)
    return np.array([names.setdefault(group or UNKNOWN, len(names)) for group in groups], np.int64)[codes]
