"""Documents of planted topics, and how well a labelling finds them again."""

import hashlib
import random

import numpy as np
import pyarrow as pa

from corpusmill.operators.domain.kmeans import READS


def planted(topics=5, each=40, seed=0):
    """Documents of a topic share a third of their words, the rest are everybody's: rows of READS, and the topics."""
    rng = random.Random(seed)
    common = [f"common{i}" for i in range(60)]
    rows, labels = [], []
    for topic in range(topics):
        own = [f"topic{topic}word{i}" for i in range(30)]
        for i in range(each):
            words = rng.choices(own, k=rng.randint(8, 30)) + rng.choices(common, k=rng.randint(20, 60))
            rng.shuffle(words)
            rows.append({"doc_id": hashlib.blake2b(f"{seed}/{topic}/{i}".encode(), digest_size=16).digest(),
                         "source": f"s{topic}", "text": " ".join(words)})
            labels.append(topic)
    return rows, np.array(labels)


def batch_of(rows):
    return pa.RecordBatch.from_pylist(rows, schema=READS)


def rand_index(a, b):
    """Adjusted for chance, of two labellings (Hubert and Arabie 1985)."""
    _, a = np.unique(a, return_inverse=True)
    _, b = np.unique(b, return_inverse=True)
    pairs = lambda n: n * (n - 1) / 2  # noqa: E731
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    both, rows, columns = pairs(table).sum(), pairs(table.sum(1)).sum(), pairs(table.sum(0)).sum()
    expected = rows * columns / pairs(len(a))
    return (both - expected) / ((rows + columns) / 2 - expected)
