"""The global order of a mixture: copies sorted by a hash of (doc_id, epoch, seed).

The hash is uniform, so every domain is spread over the whole mixture and the copies of one document fall far apart. A
shard holds one range of keys: copies go to their shard by key and are sorted there, whatever order they arrive in.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import AlignmentError, ConfigError
from corpusmill.operators.mixture.draw import Int32s, Int64s, Words, doc_words
from corpusmill.operators.schema import MIXTURE, require
from corpusmill.operators.text.hashing import priorities


def order_keys(doc_id: pa.FixedSizeBinaryArray, epoch: Int32s, seed: int) -> Words:
    """The place of each copy, uint64[N]; ``epoch`` counts a document's copies from 0."""
    return priorities(doc_id, seed, "order", copy=epoch.astype(np.int64))


def shard_of(keys: Words, shards: int) -> Int64s:
    """floor(key × shards / 2^64), exact: equal ranges of keys, ascending with the key; up to 2^31 shards."""
    if not 1 <= shards <= 1 << 31:
        raise ConfigError(f"a mixture has from 1 to 2^31 shards, got {shards}")
    # The product has up to 95 bits, so it is taken in two halves; what the lower one loses cannot reach the quotient.
    half, count = np.uint64(32), np.uint64(shards)
    low = (keys & np.uint64(0xFFFFFFFF)) * count >> half
    return (((keys >> half) * count + low) >> half).astype(np.int64)


def shards_for(total_bytes: int, shard_bytes: int) -> int:
    """How many shards of about ``shard_bytes`` hold ``total_bytes``; at least one."""
    if shard_bytes <= 0:
        raise ConfigError(f"the bytes of a shard must be above 0, got {shard_bytes}")
    return max(1, -(-total_bytes // shard_bytes))


def sort(rows: pa.RecordBatch | pa.Table, keys: Words) -> pa.RecordBatch | pa.Table:
    """MIXTURE rows by (key, doc_id, epoch, domain), at most 2 GiB of text; ``keys`` are those of ``order_keys``.

    Rows that tie in all four are copies of equal documents and interchangeable, so the result does not depend on the
    order of the input.
    """
    require(rows, MIXTURE, "mixture rows")
    if rows.num_rows != keys.size:
        raise AlignmentError(f"{rows.num_rows} rows with {keys.size} keys")
    order = np.argsort(keys, kind="stable")
    if (keys[order][1:] == keys[order][:-1]).any():
        high, low = doc_words(rows["doc_id"])
        order = np.lexsort((_ranks(rows["domain"]), rows["epoch"].to_numpy(), low, high, keys))
    return rows.take(pa.array(order, pa.int64()))


def _ranks(column: Any) -> Int64s:
    """Ranks of the strings of an array, chunked or not, by their bytes."""
    return np.asarray(pc.rank(column, tiebreaker="dense"), np.int64)
