"""N-grams of an index that are in too many documents to tell of contamination: phrases, licences, boilerplate."""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.contamination import count_documents, oldest_weight
from corpusmill.operators.text import bare
from corpusmill.operators.text.buffers import Integers, Texts


class Seen(NamedTuple):
    """In how many documents entries of the index were seen: the entries in order, and a count for each."""

    entries: Integers
    documents: Integers
    of: int  # documents looked at


@dataclasses.dataclass(frozen=True, slots=True)
class Common:
    """Learns which entries are in more than ``bound`` documents (``contract.Fit``)."""

    index: str  # the file
    digest: str  # of the index
    bound: int

    def partial(self, batch: pa.RecordBatch, /) -> Seen:
        """Documents of a batch by entry."""
        texts = Texts.of(batch.column("text"))
        index = evalindex.load(Path(self.index), self.digest).tables
        documents = np.zeros(len(index.keys), np.int64)
        count_documents(texts.addresses, texts.lengths, index, bare.tables(), oldest_weight(index), documents)
        entries = np.flatnonzero(documents)
        return Seen(entries, documents[entries], len(texts))

    def merge(self, a: Seen, b: Seen, /) -> Seen:
        """The sums."""
        entries, where = np.unique(np.concatenate([a.entries, b.entries]), return_inverse=True)
        documents = np.zeros(len(entries), np.int64)
        np.add.at(documents, where, np.concatenate([a.documents, b.documents]))
        return Seen(entries, documents, a.of + b.of)

    def finish(self, state: Seen, /) -> bytes:
        """JSON: the keys of the entries in more than ``bound`` documents, with their documents."""
        index = evalindex.load(Path(self.index), self.digest).tables
        many = state.documents > self.bound
        pairs = zip(index.keys[state.entries[many]].tolist(), state.documents[many].tolist(), strict=True)
        found = {f"{key:016x}": n for key, n in pairs}
        facts = {"documents": state.of, "more_than": self.bound, "seen": len(state.entries), "common": found}
        return json.dumps(facts, sort_keys=True, indent=1).encode()


def common_of(path: Path, index: evalindex.Index) -> Integers:
    """The entries that do not count. Keys that the index does not have are passed over: it may have changed since.

    Raises ConfigError for a file that holds no such keys.
    """
    try:
        keys = np.array([int(key, 16) for key in json.loads(path.read_bytes())["common"]], np.uint64)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ConfigError(f"{path} does not say which n-grams are common: give the digest that an earlier run names") from error
    at = np.searchsorted(index.keys, keys).clip(max=len(index.keys) - 1)
    return np.asarray(at[index.keys[at] == keys], np.int64)
