"""How the values that rules bound are distributed, and how large the clusters of duplicates are."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from corpusmill.jobs.filter import labels
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.stage import HISTOGRAM
from corpusmill.operators.quality.histogram import ABOVE, BELOW, INFINITE, NEGATIVE, ZERO
from corpusmill.operators.schema import KINDS

CLUSTERS = "clusters/"


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """The values that one rule bounds, over all rows that it is meant for and applicable to."""

    label: str  # the reason, numbered where it is that of several rules
    rule: Mapping[str, Any]
    bins: Mapping[int, int]  # finite values above 0, by the bins of operators/quality/histogram.py, in order
    zero: int
    negative: int
    infinite: int
    below: int  # lower than the rule's min, whatever earlier rules said
    above: int  # higher than its max
    dropped: int  # what the rule dropped: rows that no earlier one did; of all rules with the reason
    not_applicable: int  # of the rows that reached a rule with the reason

    @property
    def values(self) -> int:
        """How many there are."""
        return sum(self.bins.values()) + self.zero + self.negative + self.infinite


@dataclasses.dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of duplicates."""

    sizes: Mapping[str, int]  # 2, 3-4, 5-8, … -> clusters
    kinds: Mapping[str, int]  # exact, near or semantic -> dropped documents

    @property
    def count(self) -> int:
        """How many clusters hold more than one document."""
        return sum(self.sizes.values())


def histograms_of(made: Mapping[str, Manifest]) -> tuple[Histogram, ...]:
    """In the order in which rules are tried; none where the filter counted none."""
    if "decisions" not in made:
        return ()
    found: dict[str, dict[str, int]] = {}
    for name, n in made["decisions"].counts.items():
        if name.startswith(HISTOGRAM):
            label, _, where = name.removeprefix(HISTOGRAM).rpartition("/")
            found.setdefault(label, {})[where] = n
    rules = made["decisions"].parameters.get("rules", [])
    named = zip(labels([rule["reason"] for rule in rules]), rules, strict=True)
    return tuple(_histogram(label, rule, found[label], made["decisions"].counts) for label, rule in named if label in found)


def _histogram(label: str, rule: Mapping[str, Any], found: Mapping[str, int], counts: Mapping[str, int]) -> Histogram:
    special = (ZERO, NEGATIVE, INFINITE, BELOW, ABOVE)
    numbers = sorted(int(where) for where in found if where not in special)
    reason = rule["reason"]
    zero, negative, infinite, below, above = (found.get(name, 0) for name in special)
    return Histogram(label, rule, {number: found[str(number)] for number in numbers}, zero, negative, infinite, below, above,
                     counts.get(f"dropped.{reason}", 0), counts.get(f"not_applicable.{reason}", 0))


def clusters_of(made: Mapping[str, Manifest]) -> Clusters | None:
    """Smallest first; None where duplicates were not looked for, or before clusters were counted."""
    if "duplicates" not in made:
        return None
    counts = made["duplicates"].counts
    sizes = {name.removeprefix(CLUSTERS): n for name, n in counts.items() if name.startswith(CLUSTERS)}
    kinds = {kind: counts[f"dropped.{kind}_duplicate"] for kind in KINDS if f"dropped.{kind}_duplicate" in counts}
    return Clusters(dict(sorted(sizes.items(), key=lambda item: int(item[0].partition("-")[0]))), kinds) if sizes else None
