"""What clusters of documents are worth: how much of a model's losses they explain, how far apart they lie, how pure they are.

    n documents · D dimensions · k clusters, numbered from 0; -1 is a document that is in none
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.operators.domain.embed import Codes, Floats
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.hashing import priorities

Doubles = npt.NDArray[np.float64]
PURPOSE = "compare_embedders"  # of the randomness that draws documents
READS = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "source", "text", "metadata")])
PRIORITY = pa.field("priority", pa.uint64())
TILE = 1 << 11  # points whose distances are held at once


@dataclasses.dataclass(frozen=True, slots=True)
class Draw:
    """A Fit that gathers the documents whose priority (of ``seed``) is at most ``last``, in no order."""

    last: int
    seed: int = 0

    def partial(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Of a batch with the columns of READS, and others that are to stand beside them: the rows and their priority."""
        require(batch, READS, "documents")
        priority = priorities(batch.column("doc_id"), self.seed, PURPOSE)
        drawn = np.flatnonzero(priority <= np.uint64(self.last))
        return pa.Table.from_batches([batch.take(pa.array(drawn))]).append_column(PRIORITY, pa.array(priority[drawn]))

    def merge(self, a: pa.Table, b: pa.Table, /) -> pa.Table:
        """Both."""
        return pa.concat_tables([a, b])

    def finish(self, state: pa.Table, /) -> bytes:
        """The rows in order, as an Arrow stream; what is compared is ``ordered``, this is for the protocol."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, state.schema) as stream:
            stream.write_batch(ordered(state))
        return bytes(sink.getvalue())


def ordered(drawn: pa.Table) -> pa.RecordBatch:
    """By priority, then by id and text: the same for any shards and order of completion."""
    table = drawn.sort_by([(name, "ascending") for name in ("priority", "doc_id", "text")]).combine_chunks()
    batches: list[pa.RecordBatch] = table.to_batches()
    if len(batches) != 1:
        raise ConfigError(f"comparison.sample: the {table.num_rows} documents hold more than 2 GiB of text: give a smaller one")
    return batches[0]


def explained(codes: Codes, losses: Doubles, held_codes: Codes, held_losses: Doubles) -> float:
    """Share of the variance of held-out losses that the mean loss of each document's cluster foretells (R²); below 0 for harm.

    The means are those of other documents, so that more clusters do not explain more by their number. A cluster without one
    of them foretells the mean of all.
    """
    k = int(max(codes.max(initial=-1), held_codes.max(initial=-1))) + 2  # the last is for documents in no cluster
    sizes, sums = np.bincount(codes % k, minlength=k), np.bincount(codes % k, losses, minlength=k)
    means = np.where(sizes > 0, sums / np.maximum(1, sizes), losses.mean())
    total = ((held_losses - losses.mean()) ** 2).sum()
    return float(1 - ((held_losses - means[held_codes % k]) ** 2).sum() / total) if total > 0 else 0.0


def within(codes: Codes, losses: Doubles) -> float:
    """Variance of the losses within clusters: the mean over documents of the squared distance to their cluster's mean."""
    k = int(codes.max(initial=-1)) + 2
    sizes, sums = np.bincount(codes % k, minlength=k), np.bincount(codes % k, losses, minlength=k)
    return float(((losses - (sums / np.maximum(1, sizes))[codes % k]) ** 2).mean())


def silhouette(points: Floats, codes: Codes) -> float:
    """Mean over the documents in a cluster of (b - a) / max(a, b): a the mean distance to the own cluster, b to the next one.

    Euclidean distances of all pairs; a document alone in its cluster counts 0 (Rousseeuw 1987). 0 for fewer than two clusters.
    """
    kept = codes >= 0
    used, found = np.unique(codes[kept], return_inverse=True)
    x, n = points[kept].astype(np.float64), int(kept.sum())
    sizes = np.bincount(found, minlength=len(used)).astype(np.float64)
    if len(used) < 2:
        return 0.0
    member, squares, total = np.eye(len(used))[found], (x * x).sum(1), 0.0
    for first in range(0, n, TILE):
        rows = slice(first, first + TILE)
        gaps = np.sqrt(np.maximum(0, squares[rows, None] + squares - 2 * x[rows] @ x.T))
        gaps[np.arange(gaps.shape[0]), np.arange(first, first + gaps.shape[0])] = 0
        sums, own = gaps @ member, found[rows]
        place = np.arange(len(own)), own
        inside = sums[place] / np.maximum(1, sizes[own] - 1)
        means = sums / sizes
        means[place] = np.inf
        other = means.min(1)
        total += float(np.where(sizes[own] > 1, (other - inside) / np.maximum(np.maximum(inside, other), 1e-300), 0).sum())
    return total / n


def agreement(codes: Codes, labels: Codes) -> tuple[float, float]:
    """Purity, the share of documents in the largest label of their cluster; and mutual information over mean entropy (NMI)."""
    rows, columns = (np.unique(given, return_inverse=True)[1] for given in (codes, labels))
    table = np.zeros((rows.max(initial=0) + 1, columns.max(initial=0) + 1))
    np.add.at(table, (rows, columns), 1 / max(1, len(codes)))
    left, right = table.sum(1), table.sum(0)
    seen = table > 0
    mutual = (table[seen] * np.log(table[seen] / np.outer(left, right)[seen])).sum()
    entropy = (_entropy(left) + _entropy(right)) / 2
    return float(table.max(1).sum()), float(mutual / entropy) if entropy > 0 else 1.0


def _entropy(shares: Doubles) -> float:
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
