"""Writes the small models beside it, which the laws and the golden tests use. What they find means nothing.

    python tests/operators/quality/models/make.py
"""

import random
from pathlib import Path

import pyarrow as pa
import torch

from corpusmill.operators.domain.kmeans import READS, KMeans, Learn
from corpusmill.operators.lm import gpt
from corpusmill.operators.lm.gpt import GPT, Shape
from corpusmill.operators.quality import ngram_fit
from corpusmill.operators.quality.importance import Histogram, to_bytes

HERE = Path(__file__).parent
WORDS = [
    "the", "of", "a", "b", "line", "many", "words", "with", "end", "é", "中", "and", "plain", "text", "same",
    "Unicode", "quoted", "i", ".",
]


def main() -> None:
    """The same bytes every time, but for the domains and the language model, which torch makes."""
    draw = random.Random(7)
    texts = ["\n".join(" ".join(draw.choices(WORDS[i % 7:], k=8)) for _ in range(4)) for i in range(40)]
    ids = pa.array([i.to_bytes(16, "big") for i in range(len(texts))], pa.binary(16))
    batch = pa.record_batch([ids, pa.array(["s"] * len(texts)), pa.array(texts)], schema=READS)
    lm = ngram_fit.Learn(order=3)
    (HERE / "ngrams").write_bytes(lm.finish(lm.partial(batch)))
    histogram = Histogram(64)
    (HERE / "importance").write_bytes(to_bytes(histogram.partial(batch.slice(0, 9)), histogram.partial(batch)))
    model = GPT(Shape(layers=1, width=16, heads=1, context=32), seed=7)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4)  # so that what comes before matters
    (HERE / "lm").write_bytes(gpt.to_bytes(model, {"made": "at random"}))
    domains = Learn(KMeans(k=3, dimensions=4, starts=2, bits=8))
    (HERE / "domains").write_bytes(domains.finish(domains.partial(batch)))


if __name__ == "__main__":
    main()
