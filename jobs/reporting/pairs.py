"""What dedup did: where copies come from, how alike pairs are, how many of them are right and how many are missed.

The histogram and the recall come from manifests alone. The matrix reads sources and ids; precision reads the texts of a seeded
sample of verified pairs.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.jobs.deduping.likeness import ALIKE, BINS, UNLIKE, counted
from corpusmill.jobs.deduping.signing import signer_of
from corpusmill.jobs.inspecting import samples
from corpusmill.jobs.inspecting.samples import PairPlace
from corpusmill.jobs.reporting.examples import SEED, SHARDS, WHERE, Pair, pair_shown
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.contract import describe
from corpusmill.operators.dedup.verify import jaccard
from corpusmill.operators.errors import ConfigError, Missing

SAMPLED = 200  # pairs whose texts are compared
FEW_SAMPLED = 64  # where documents are in more than SHARDS shards: each pair reads two of them
LEAST = 3  # of the sampled pairs, the least alike are shown
NEARLY = 0.05  # below the threshold
POINTS = (0.8, 0.9)  # where the recall is told, besides at the threshold
Z = 1.959964  # of a normal distribution: within it lie 95 %


@dataclasses.dataclass(frozen=True, slots=True)
class Similarities:
    """Pairs that were compared, by hundredths of their similarity."""

    threshold: float
    verified: Mapping[int, int]  # from the threshold on
    missed: Mapping[int, int]  # below it


@dataclasses.dataclass(frozen=True, slots=True)
class Recall:
    """How many pairs are proposed, by the curve 1 - (1 - J^rows)^bands."""

    bands: int
    rows: int
    at: Mapping[str, float]  # similarity -> probability
    found: float | None  # of all near pairs from the threshold on, if those found are as many of each similarity as expected
    skipped: int  # pairs that share a band but are not compared, since their bucket is large

    def __call__(self, similarity: float) -> float:
        """The probability that a pair shares a band."""
        return 1 - (1 - similarity**self.rows) ** self.bands


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """So many of a sample, and between what shares of the whole that lies with 95 % confidence (Wilson)."""

    count: int
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class Precision:
    """Verified near pairs of a sample by the exact Jaccard similarity of their sets of shingles."""

    pairs: int  # verified near ones
    sampled: int
    threshold: float
    alike: Share  # from the threshold on
    nearly: Share  # from ``NEARLY`` below it on
    error: float  # root mean square of similarity - exact
    least: tuple[Pair, ...]  # the least alike, least first, with their exact similarity


@dataclasses.dataclass(frozen=True, slots=True)
class PairFacts:
    """Of near duplicates; None where the dataset says nothing of it, or is gone."""

    similarities: Similarities | None = None
    recall: Recall | None = None
    precision: Precision | None = None


def pairs_of(store: Store, made: Mapping[str, Manifest]) -> PairFacts | None:
    """None where no near duplicates were looked for."""
    if "pairs" not in made or "signatures" not in made or "threshold" not in made["pairs"].parameters:
        return None
    similarities = similarities_of(made["pairs"])
    try:
        precision = precision_of(store, made)
    except Missing:
        precision = None
    return PairFacts(similarities, recall_of(made, similarities), precision)


def similarities_of(pairs: Manifest) -> Similarities | None:
    """As the job counted them; None where it compared none."""
    counts = pairs.details.get("compared", {})
    verified, missed = counted(counts, ALIKE), counted(counts, UNLIKE)
    return Similarities(pairs.parameters["threshold"], verified, missed) if verified or missed else None


def recall_of(made: Mapping[str, Manifest], similarities: Similarities | None) -> Recall | None:
    """None where signatures have no bands of rows."""
    parameters = made["signatures"].parameters["signature"]["parameters"]
    if not {"bands", "rows"} <= set(parameters):
        return None
    pairs = made["pairs"]
    curve = Recall(parameters["bands"], parameters["rows"], {}, None, pairs.details.get("compared", {}).get("skipped_pairs", 0))
    points = sorted({pairs.parameters["threshold"], *POINTS})
    found = _weighted(curve, similarities.verified) if similarities else None
    return dataclasses.replace(curve, at={f"{at:g}": round(curve(at), 6) for at in points}, found=found)


def _weighted(curve: Recall, verified: Mapping[int, int]) -> float | None:
    """Each pair that was found stands for 1 / P of its similarity, at the middle of its hundredth."""
    expected = sum(n / max(curve(min(1.0, (b + 0.5) / BINS)), 1e-12) for b, n in verified.items())
    return round(sum(verified.values()) / expected, 6) if expected else None


def precision_of(store: Store, made: Mapping[str, Manifest]) -> Precision | None:
    """None where there is no near pair of the job's own documents, or the signer is another by now."""
    pairs, documents = made["pairs"], made["documents"]
    signer = _signer(made["signatures"].parameters["signature"])
    if signer is None or not pairs.counts.get("near"):
        return None
    n, shards = (SAMPLED, SHARDS) if documents.shards <= SHARDS else (FEW_SAMPLED, FEW_SAMPLED)
    drawn = samples.draw_pairs(store, pairs, n, SEED, shards)
    places = [one for one in drawn if one.upper.ordinal < documents.shards]  # the others are published elsewhere
    if not places:
        return None
    both = {place for one in places for place in (one.lower, one.upper)}
    read = samples.read(store, {"documents": documents}, pairs.view, WHERE, both)
    exact = np.array([_exact(signer, read[one.lower]["text"], read[one.upper]["text"]) for one in places])
    threshold = pairs.parameters["threshold"]
    error = math.sqrt(float(np.mean((exact - [one.similarity for one in places]) ** 2)))
    order = np.argsort(exact, kind="stable")[:LEAST].tolist()
    return Precision(pairs.counts["near"], len(places), threshold, _share(exact, threshold), _share(exact, threshold - NEARLY),
                     round(error, 4), tuple(_pair(places[i], float(exact[i]), read) for i in order))


def _signer(described: Mapping[str, Any]) -> Any:
    """The operator that made the signatures, where it gives its shingles in full and they would still be the same."""
    try:
        signer = signer_of({"_target_": described["class"], **described["parameters"]})
    except ConfigError:
        return None
    same = describe(signer) == dict(described)
    return signer if same and hasattr(signer, "shingle_sets") else None


def _exact(signer: Any, lower: str, upper: str) -> float:
    sets = signer.shingle_sets(pa.array([lower, upper]))
    return float(jaccard(sets, sets, (np.array([0]), np.array([1])))[0])


def _share(exact: Any, least: float) -> Share:
    count = int(np.count_nonzero(exact >= least - 1e-9))
    low, high = wilson(count, len(exact))
    return Share(count, round(low, 6), round(high, 6))


def wilson(count: int, n: int) -> tuple[float, float]:
    """The interval in which a share lies with 95 % confidence, if ``count`` of ``n`` were seen."""
    if n == 0:
        return 0.0, 1.0
    share, square = count / n, Z * Z / n
    middle, half = share + square / 2, Z * math.sqrt(share * (1 - share) / n + square / (4 * n))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return min(share, max(0.0, low)), max(share, min(1.0, high))  # they may be an ulp off where all or none were seen


def _pair(one: PairPlace, exact: float, read: Mapping[Any, dict[str, Any]]) -> Pair:
    return pair_shown("near", exact, None, (one.lower, read[one.lower]), (one.upper, read[one.upper]))
