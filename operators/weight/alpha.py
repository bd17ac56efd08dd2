"""Alpha, the weights of Chameleon (Xie et al. 2025, arXiv 2505.24844): how much a domain has in common with the others."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.runs import Doubles
from corpusmill.operators.weight.shares import Weighed, check_available, check_matched, check_positive
from corpusmill.operators.weight.tables import by_domain

TINY = 1e-12  # of a score: a domain at the mean of all has none, and would weigh infinitely


@dataclasses.dataclass(frozen=True)
class Alpha:
    """softmax(1 / S) for pretraining, softmax(S) for finetuning, over the k domains that have tokens.

    S_i = [K (K + ridge · k · I)⁻¹]_ii is the ridge leverage score of a domain in the Gram matrix K of domain embeddings: high
    for a domain that is unlike the others. As in the authors' code K is centred, scores are divided by their sum, and logits
    by a temperature, 5 for pretraining and 0.2 for finetuning. Sizes of domains do not matter.
    """

    embeddings: Any  # CSV or Parquet with the column domain and coordinates; a domain_model; or domain → coordinates
    use: str = "pretraining"  # pretraining | finetuning
    ridge: float = 10.0  # the larger, the less scores differ
    temperature: float | None = None  # of the softmax; None is 5 for pretraining, 0.2 for finetuning
    centre: bool = True  # subtract the mean of the embeddings
    normalise: bool = True  # divide scores by their sum
    reads: ClassVar[Mapping[str, str]] = {"embeddings": "table"}
    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.use not in ("pretraining", "finetuning"):
            raise ConfigError(f"weigh.use={self.use!r}: give pretraining or finetuning")
        check_positive(self.ridge, "weigh.ridge")
        if self.temperature is not None:
            check_positive(self.temperature, "weigh.temperature")

    def weigh(self, available: Mapping[str, int], read: Mapping[str, Any]) -> Weighed:
        """Proportions, with the scores."""
        tokens = check_available(available)
        domains, _, points = by_domain(read.get("embeddings", self.embeddings), "weigh.embeddings")
        check_matched(domains, tokens, "weigh.embeddings", "give each domain a row")
        held = [name for name, n in tokens.items() if n > 0]
        scores = self.scores(points[[domains.index(name) for name in held]])
        heat = self.temperature or (5.0 if self.use == "pretraining" else 0.2)
        logits = (1 / (scores + TINY) if self.use == "pretraining" else scores) / heat
        weights = np.exp(logits - logits.max())
        shares = dict.fromkeys(tokens, 0.0) | dict(zip(held, (weights / weights.sum()).tolist(), strict=True))
        return Weighed(shares, {"solution": {"scores": dict(zip(held, scores.tolist(), strict=True))}})

    def scores(self, points: Doubles) -> Doubles:
        """S of embeddings (k, D), (k,)."""
        k = len(points)
        centred = points - points.mean(0) if self.centre else points
        gram = centred @ centred.T
        found = np.diag(np.linalg.solve(gram + self.ridge * k * np.eye(k), gram))
        total = found.sum()
        return np.asarray(found / total if self.normalise and total > 0 else found)
