"""The index: what was published under a name, generation by generation.

    names/<name>.json        the manifest that is the index now: moved by compare-and-swap
    index/<key>/index.json   generations in order, each with its signatures, and the duplicates that say what it keeps

A generation that holds a shard of documents again, as a corpus does that is read every night, takes the place of the
earlier ones in that shard: the latest says which rows are published. Compacted, the signatures of all that is published
are one dataset, which is read in place of those of the generations unless texts are needed.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusmill.jobs.deduping.holdings import Holding
from corpusmill.jobs.deduping.signing import Signer
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.manifest import Manifest, Reference, Shard
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.contract import describe
from corpusmill.operators.errors import ConfigError

FILE = "index.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Generation:
    """What one run added."""

    identity: str  # of its inputs and settings, the index apart
    signatures: Reference
    duplicates: Reference

    @classmethod
    def of(cls, made: Mapping[str, Any]) -> "Generation":
        """From JSON."""
        return cls(made["identity"], Reference(**made["signatures"]), Reference(**made["duplicates"]))


@dataclasses.dataclass(frozen=True, slots=True)
class Index:
    """An index as it was read."""

    name: str
    version: str | None  # of the name
    generations: tuple[Generation, ...] = ()
    compacted: Reference | None = None  # signatures of what the first generations published
    covers: int = 0  # how many generations

    @classmethod
    def read(cls, store: Store, name: str, signer: Signer) -> "Index":
        """The index of a name; an empty one where nothing has it.

        Raises ConfigError where the name is of something else, or the index has other signatures than those of ``signer``.
        """
        version = manifests.name_version(store, name)
        if version is None:
            return cls(name, None)
        made = manifests.resolve(store, f"@{name}")
        if made.stage != "index":
            raise ConfigError(f"dedup.index={name}: @{name} is a manifest of {made.stage}; give the name of an index, or a new "
                              "one")
        _same(name, made.parameters["signature"], describe(signer))
        held = json.loads(bytes(memoryview(store.read(f"{made.folder}/{FILE}"))))
        compacted = Reference(**held["compacted"]) if held["compacted"] else None
        return cls(name, version, tuple(map(Generation.of, held["generations"])), compacted, held["covers"])

    def known(self, identity: str) -> Generation | None:
        """The generation that came of the same inputs and settings."""
        return next((one for one in self.generations if one.identity == identity), None)

    def beside(self, store: Store, own: Manifest, *, text: bool = False) -> tuple[tuple[Holding, ...], dict[int, Shard]]:
        """What is published, but for the job's ``own`` shards; and for those by ordinal the duplicates that say what of
        them is. ``own``: signatures. ``text``: it is read of what is proposed.
        """
        mine = {place: shard.ordinal for place, shard in places_of(manifests.shards(store, own))}
        seen, published, holdings = set(mine), dict[int, Shard](), list[Holding]()
        for one in reversed(self.generations):
            signatures, duplicates = (manifests.load(store, r) for r in (one.signatures, one.duplicates))
            places = dict(places_of(manifests.shards(store, duplicates)))
            for place in places.keys() & mine.keys():
                published.setdefault(mine[place], places[place])
            without = frozenset(places[place].ordinal for place in places.keys() & seen)
            holdings.append(dataclasses.replace(Holding.of(store, signatures, duplicates), without=without, earlier=True))
            seen |= places.keys()
        holdings.reverse()
        if self.compacted is not None and not text and not self._superseded(store):
            merged = tuple(one.signatures for one in self.generations[: self.covers])
            holdings[: self.covers] = [Holding(manifests.load(store, self.compacted), earlier=True, merged=merged)]
        return tuple(holdings), published

    def _superseded(self, store: Store) -> bool:
        """Whether a later generation holds a shard that the compacted signatures are of: what it says of it counts."""
        covered, later = (
            {place for one in part for place, _ in places_of(manifests.shards(store, manifests.load(store, one.duplicates)))}
            for part in (self.generations[: self.covers], self.generations[self.covers :]))
        return bool(covered & later)


def places_of(walk: Iterable[Shard]) -> Iterator[tuple[tuple[str, int], Shard]]:
    """Shards by the documents that they belong to, and how many shards of equal documents come before them."""
    seen: Counter[str] = Counter()
    for shard in walk:
        yield (shard.documents, seen[shard.documents]), shard
        seen[shard.documents] += 1


def _same(name: str, held: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise ConfigError, naming what differs, unless two descriptions of signers are equal."""
    told = [f"{key} is {one!r} in the index and {other!r} in dedup.signature" for key, one, other in _differing(held, asked)]
    if told:
        raise ConfigError(f"dedup.index={name}: signatures do not compare: {'; '.join(told)}. Take what the index has, or "
                          "start another one under a new name")


def _differing(held: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys((*held, *asked)):
        one, other = held.get(key), asked.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other)
        elif one != other:
            yield key, one, other
