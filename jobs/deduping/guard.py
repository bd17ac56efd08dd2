"""Stops the job before its manifest where a source would be all but wiped out: more often a mistake than a finding."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards
from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.jobs.runtime.tally import read_by_source
from corpusmill.operators.errors import DataError

FEWEST = 20  # documents of a source that take part, below which a high loss says little
SHOWN = 3


@dataclasses.dataclass(frozen=True, slots=True)
class LossGuard:
    """Refuses duplicates that lose more than the share ``most`` of a source's documents."""

    store: Store
    documents: Manifest
    most: float

    def __call__(self, index: pa.Table, counts: Mapping[str, int]) -> None:
        """Raise DataError, with examples, where a source loses too much."""
        for source, outcomes in sorted(read_by_source(dict(counts)).items()):
            lost = _lost(outcomes)
            taking_part = lost + outcomes.get("kept", 0)
            if taking_part >= FEWEST and lost > self.most * taking_part:
                examples = "".join(f"\n  {line}" for line in self._examples(index, source))
                raise DataError(f"source {source!r} would lose {lost:,} of its {taking_part:,} documents as duplicates, more "
                                f"than dedup.max_loss={self.most}; for example{examples}\nlook at them, then allow it with "
                                "dedup.allow_loss=true")

    def adopted(self, done: Manifest) -> None:
        """The same of duplicates that are committed: they may have been made under a looser rule."""
        with self.store.open(f"{done.folder}/shards.parquet") as file:
            self(pq.read_table(file), done.counts)

    def _examples(self, index: pa.Table, source: str) -> Iterator[str]:
        shown = 0
        made = {row["ordinal"]: row for row in index.select(["ordinal", "object", "counts"]).to_pylist()}
        for shard in manifests.shards(self.store, self.documents):
            row = made.get(shard.ordinal)
            if row is None or not _lost(read_by_source(json.loads(row["counts"])).get(source, {})):
                continue
            with self.store.open(row["object"]) as file:
                found = pq.read_table(file, columns=["keep", "kind", "matched_doc_id", "similarity"])
            beside = shards.table(self.store, shard.main, ["source", "native_id"])
            found = pa.table(found.columns + beside.columns, names=found.column_names + beside.column_names)
            mine = found.filter(pc.and_(pc.equal(found.column("source"), source), pc.equal(found.column("keep"), False)))
            for one in mine.slice(0, SHOWN - shown).to_pylist():
                yield f"{one['native_id']}: {_told(one)}"
                shown += 1
            if shown == SHOWN:
                return


def _told(row: Mapping[str, Any]) -> str:
    """What was found of a dropped document."""
    if row["matched_doc_id"] is None:
        return f"{row['kind']} duplicate, the first of its cluster"
    alike = "no pair with it" if row["similarity"] is None else f"similarity {row['similarity']:.2f}"
    return f"{row['kind']} duplicate of document {row['matched_doc_id'].hex()}, {alike}"


def _lost(outcomes: Mapping[str, int]) -> int:
    return sum(n for outcome, n in outcomes.items() if outcome not in ("kept", "filtered"))
