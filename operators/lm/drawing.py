"""What each domain gives to small models: documents to learn from, and others that are held out.

A document's place in its domain is a hash of its id. From the low end documents are held out, until there are enough bytes;
from the high end others are learned from, until there are enough. So what is held out depends on the domain alone, never on
how much is learned from; and more to learn from begins with what less would have been.

Two passes: ``Sizes`` counts bytes by domain and place, which says how far from each end to read; ``Draw`` reads that far.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.operators.errors import DataError
from corpusmill.operators.schema import DOCUMENTS, require
from corpusmill.operators.text.columns import TEXT
from corpusmill.operators.text.hashing import priorities

READS = pa.schema([DOCUMENTS.field("doc_id"), *TEXT, pa.field("domain", pa.string())])
SIZES = pa.schema([("domain", pa.string()), ("bin", pa.int64()), ("documents", pa.int64()), ("bytes", pa.int64())])
PURPOSE = "domain_tokens"  # of the hash that gives places
BINS = 1 << 16  # of places

Mask = npt.NDArray[np.bool_]
Drawn = tuple[tuple[str, int, bytes], ...]  # domain, place and text of each document, in no order
Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Reach:
    """How far to read a domain: held out are the bins below ``held_out``, learned from those from ``learned`` on."""

    held_out: int
    learned: int
    documents: int  # of the whole domain
    bytes: int  # of the whole domain
    held_documents: int
    held_bytes: int


class Sizes:
    """A Fit: documents and bytes by domain and bin; a table of SIZES."""

    def partial(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Of a batch with the columns of READS, without nulls."""
        require(batch, READS, "documents of domains")
        place = priorities(batch.column("doc_id"), 0, PURPOSE)
        size = pc.binary_length(batch.column("text")).cast(pa.int64())
        found = pa.table({"domain": batch.column("domain"), "bin": pa.array((place >> np.uint64(48)).astype(np.int64)),
                          "documents": pa.array(np.ones(batch.num_rows, np.int64)), "bytes": size}, schema=SIZES)
        return _summed(found)

    def merge(self, a: pa.Table, b: pa.Table, /) -> pa.Table:
        """Both."""
        return _summed(pa.concat_tables([a, b]))

    def finish(self, state: pa.Table, /) -> bytes:
        """The table as an Arrow stream; ``reaches`` is what it is for."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SIZES) as writer:
            writer.write_table(state)
        return bytes(sink.getvalue())


def apart(doc_id: pa.Array, share: float) -> Mask:
    """Which documents are among so large a share of all places, from the low end: those of any domain are held out first."""
    return priorities(doc_id, 0, PURPOSE) < np.uint64(int(share * (1 << 64)))


def _summed(rows: pa.Table) -> pa.Table:
    summed = rows.group_by(["domain", "bin"], use_threads=False).aggregate([("documents", "sum"), ("bytes", "sum")])
    return summed.select(["domain", "bin", "documents_sum", "bytes_sum"]).rename_columns(SIZES.names)


def reaches(sizes: pa.Table, held_out: int, learned: int) -> dict[str, Reach]:
    """How far to read each domain for at least ``held_out`` bytes and, where there are so many more, ``learned`` bytes.

    Raises DataError, with the name, where more than half of a domain would be held out.
    """
    found = {}
    for name in sorted(pc.unique(sizes.column("domain")).to_pylist()):
        rows = sizes.filter(pc.equal(sizes.column("domain"), name)).sort_by("bin")
        bins, documents, size = (rows.column(c).to_numpy() for c in ("bin", "documents", "bytes"))
        upto = np.cumsum(size)
        if upto[-1] < 2 * held_out:
            raise DataError(f"domain {name!r} has {upto[-1]:,} bytes, too few to hold out {held_out:,} and learn from as "
                            "many: give a smaller streams.held_out, or regroup so that it joins another")
        held = int(np.searchsorted(upto, held_out))
        if held == len(bins) - 1:
            raise DataError(f"domain {name!r} has too few documents ({documents.sum():,}) to hold some out and learn from "
                            "others: regroup so that it joins another domain")
        wanted = int(np.searchsorted(np.cumsum(size[::-1]), learned)) + 1  # bins, from the high end
        first = max(held + 1, len(bins) - wanted)
        found[name] = Reach(int(bins[held]) + 1, int(bins[first]), int(documents.sum()), int(upto[-1]),
                            int(documents[: held + 1].sum()), int(upto[held]))
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Draw:
    """A Fit: the documents of each domain within its reach, each at most ``head`` bytes of it."""

    reach: Mapping[str, Reach]
    head: int

    def partial(self, batch: pa.RecordBatch, /) -> Drawn:
        """Of a batch with the columns of READS, without nulls."""
        require(batch, READS, "documents of domains")
        names = sorted(self.reach)
        of = pc.index_in(batch.column("domain"), pa.array(names, pa.string())).to_numpy(zero_copy_only=False)
        held, learned = (np.array([getattr(self.reach[n], end) for n in names], np.int64)[of]
                         for end in ("held_out", "learned"))
        place = priorities(batch.column("doc_id"), 0, PURPOSE)
        where = (place >> np.uint64(48)).astype(np.int64)
        rows = np.flatnonzero((where < held) | (where >= learned))
        text = batch.column("text")
        return tuple((names[of[row]], int(place[row]), text[row].as_buffer().to_pybytes()[: self.head])
                     for row in rows.tolist())

    def merge(self, a: Drawn, b: Drawn, /) -> Drawn:
        """Both."""
        return a + b

    def finish(self, state: Drawn, /) -> bytes:
        """What is learned from, one text after another; ``texts`` gives it by domain."""
        return b"".join(text for _, learned in self.texts(state).values() for text in learned)

    def texts(self, state: Drawn) -> dict[str, tuple[list[bytes], list[bytes]]]:
        """Of each domain the texts that are held out and those to learn from, each from its end on.

        Documents of equal id may differ: they stand in the order of their texts.
        """
        found: dict[str, tuple[list[bytes], list[bytes]]] = {name: ([], []) for name in sorted(self.reach)}
        for name, place, text in sorted(state):
            found[name][place >> 48 >= self.reach[name].learned].append(text)
        return {name: (held, learned[::-1]) for name, (held, learned) in found.items()}


def first_bytes(texts: list[bytes], most: int) -> Iterator[bytes]:
    """The texts up to so many bytes in all, the last one cut."""
    for text in texts:
        if most <= 0:
            return
        yield text[:most]
        most -= len(text)
