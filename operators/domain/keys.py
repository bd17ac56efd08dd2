"""Domains of several parts: cluster × quality bin × language × source, such as ``d03-law-court/high/en``.

A quality bin is between two quantiles of a signal over all survivors. A combination that too few documents have goes to its
cluster's own domain, ``d03-law-court``, so that no domain is too small to be weighed. Both are learned once and then applied.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import ConfigError, DataError

CLUSTER, QUALITY, LANGUAGE, SOURCE = PARTS = ("cluster", "quality_bin", "language", "source")
FORMAT = "corpusmill.domain_keys.1"
UNKNOWN = "unknown"  # the part of a document whose value is null or not a number
NAMES = {2: ("low", "high"), 3: ("low", "mid", "high")}


@dataclasses.dataclass(frozen=True, slots=True)
class Keys:
    """What domains are named by, in order; the cluster comes first. Raises ConfigError for what cannot be."""

    keys: tuple[str, ...] = (CLUSTER,)
    quality: str = ""  # a signal
    bins: int = 3
    language: str = "language.code"  # a signal
    min_documents: int = 0

    def __post_init__(self) -> None:
        keys = self.keys
        if not isinstance(keys, tuple) or keys[:1] != (CLUSTER,) or len({*keys}) < len(keys) or {*keys} - {*PARTS}:
            told = f"[{', '.join(map(str, keys))}]" if isinstance(keys, tuple) else repr(keys)
            raise ConfigError(f"regroup.keys={told}: give a list that begins with cluster, of {', '.join(PARTS)}, each at most "
                              "once")
        if QUALITY in keys and not self.quality:
            raise ConfigError("regroup.keys has quality_bin, but regroup.quality does not name a signal: "
                              "regroup.quality=quality.score")
        for name, low, high in (("bins", 2, 100), ("min_documents", 0, 1 << 60)):
            if type(given := getattr(self, name)) is not int or not low <= given <= high:
                raise ConfigError(f"regroup.{name}={given}: give a whole number from {low} to {high}")

    @property
    def combine(self) -> bool:
        """Whether there is more than the cluster."""
        return len(self.keys) > 1

    @property
    def signals(self) -> dict[str, str]:
        """Part → the signal that it is read from."""
        found = {QUALITY: self.quality, LANGUAGE: self.language}
        return {part: found[part] for part in self.keys if part in found}

    @property
    def labels(self) -> tuple[str, ...]:
        """The quality bins, lowest first."""
        return NAMES.get(self.bins) or tuple(f"q{i + 1:0{len(str(self.bins))}d}" for i in range(self.bins))

    def edges(self, values: npt.NDArray[np.float64]) -> tuple[float, ...]:
        """The quantiles between bins, of a sample without NaN. Raises DataError where there is none."""
        if QUALITY not in self.keys:
            return ()
        if not len(values):
            raise DataError(f"regroup.quality={self.quality}: no survivor has a value")
        shares = np.arange(1, self.bins) / self.bins
        return tuple(np.quantile(values, shares, method="inverted_cdf").astype(float).tolist())

    def combined(self, columns: Mapping[str, pa.Array], edges: Sequence[float]) -> pa.StringArray:
        """``cluster/…`` of each row, null where it has no cluster; ``columns`` by part."""
        named = [self._part(part, columns[part], edges) for part in self.keys]
        return pc.binary_join_element_wise(*named, "/")

    def _part(self, part: str, column: pa.Array, edges: Sequence[float]) -> pa.StringArray:
        if part == CLUSTER:
            return column
        if part == QUALITY:
            values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
            places = np.where(np.isnan(values), self.bins, np.searchsorted(edges, values, side="left"))
            return pa.array([*self.labels, UNKNOWN], pa.string()).take(pa.array(places))
        text = pc.fill_null(pc.cast(column, pa.string()), UNKNOWN)
        return pc.replace_substring(pc.replace_substring(text, "%", "%25"), "/", "%2F")


@dataclasses.dataclass(frozen=True, slots=True)
class Learned:
    """The bins and the combinations that are domains."""

    keys: Keys
    edges: tuple[float, ...]
    domains: tuple[str, ...]  # ascending

    @classmethod
    def of(cls, keys: Keys, edges: tuple[float, ...], counts: Mapping[str, int]) -> "Learned":
        """Those with at least ``min_documents`` of so many documents."""
        return cls(keys, edges, tuple(sorted(name for name, n in counts.items() if n >= max(1, keys.min_documents))))

    def label(self, columns: Mapping[str, pa.Array]) -> pa.StringArray:
        """The domain of each row: its combination, or its cluster where that is no domain; null without a cluster."""
        found = self.keys.combined(columns, self.edges)
        return pc.if_else(pc.is_in(found, pa.array(self.domains, pa.string())), found, columns[CLUSTER])

    def to_bytes(self) -> bytes:
        """As deterministic JSON."""
        told = {"format": FORMAT, "keys": dataclasses.asdict(self.keys), "edges": self.edges, "domains": self.domains}
        return json.dumps(told, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "this artifact") -> "Learned":
        """Raises DataError that begins with ``where`` for another file."""
        try:
            found = json.loads(data)
            if found["format"] != FORMAT:
                raise ValueError(f"its format is {found['format']}")
            keys = Keys(**found["keys"] | {"keys": tuple(found["keys"]["keys"])})
            return cls(keys, tuple(map(float, found["edges"])), tuple(map(str, found["domains"])))
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"{where} holds no keys of domains ({FORMAT}): {error}; give one that regroup.keys "
                            "wrote") from error
