"""A Fit that gathers a draw of documents: the same ones, in the same order, for any shards and order of completion."""

import dataclasses

import pyarrow as pa

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.columns import TEXT
from corpusmill.operators.text.hashing import priorities

READS = pa.schema([DOCUMENTS.field("doc_id"), *TEXT])
PURPOSE = "train_lm"  # of the randomness that draws documents

Drawn = tuple[tuple[int, bytes], ...]  # priority and text of each document, in no order


@dataclasses.dataclass(frozen=True, slots=True)
class Gather:
    """The first ``head`` bytes of the documents whose priority (of ``seed``) lies from ``first`` up to ``last``.

    Raises ConfigError where ``head`` is not from 1 to 2^30.
    """

    head: int
    seed: int = 0
    first: int = 0
    last: int = (1 << 64) - 1

    def __post_init__(self) -> None:
        if not 1 <= self.head <= 1 << 30:
            raise ConfigError(f"model.head={self.head}: give a whole number from 1 to 2^30")

    def partial(self, batch: pa.RecordBatch, /) -> Drawn:
        """Of a batch with the columns of READS."""
        require(batch, READS, "documents")
        priority = priorities(batch.column("doc_id"), self.seed, PURPOSE).tolist()
        text = batch.column("text")
        return tuple((p, text[row].as_buffer().to_pybytes()[: self.head]) for row, p in enumerate(priority)
                     if self.first <= p <= self.last)

    def merge(self, a: Drawn, b: Drawn, /) -> Drawn:
        """Both."""
        return a + b

    def finish(self, state: Drawn, /) -> bytes:
        """The texts by priority, one after another; what it learns is ``texts``, this is for the protocol."""
        return b"".join(self.texts(state))

    def texts(self, state: Drawn) -> list[bytes]:
        """By priority, then by the text itself: documents of equal id may differ."""
        return [text for _, text in sorted(state)]
