"""Writes the small models beside it, which the laws and the golden tests use. What they find means nothing.

    python tests/operators/quality/models/make.py
"""

import random
from pathlib import Path

import pyarrow as pa

from corpusmill.operators.domain.kmeans import READS, KMeans, Learn
from corpusmill.operators.quality import ngram_fit
from corpusmill.operators.quality.importance import Histogram, to_bytes

HERE = Path(__file__).parent
WORDS = [
    "the", "of", "a", "b", "line", "many", "words", "with", "end", "é", "中", "and", "plain", "text", "same",
    "Unicode", "quoted", "i", ".",
]


def main() -> None:
    """The same bytes every time, but for the domains, which torch learns."""
    draw = random.Random(7)
    texts = ["\n".join(" ".join(draw.choices(WORDS[i % 7:], k=8)) for _ in range(4)) for i in range(40)]
    ids = pa.array([i.to_bytes(16, "big") for i in range(len(texts))], pa.binary(16))
    batch = pa.record_batch([ids, pa.array(["s"] * len(texts)), pa.array(texts)], schema=READS)
    lm = ngram_fit.Learn(order=3)
    (HERE / "ngrams").write_bytes(lm.finish(lm.partial(batch)))
    histogram = Histogram(64)
    (HERE / "importance").write_bytes(to_bytes(histogram.partial(batch.slice(0, 9)), histogram.partial(batch)))
    domains = Learn(KMeans(k=3, dimensions=4, starts=2, bits=8))
    (HERE / "domains").write_bytes(domains.finish(domains.partial(batch)))


if __name__ == "__main__":
    main()
