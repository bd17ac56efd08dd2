"""The documents that dropped ones were taken for, wherever they are: among the job's own, or published elsewhere."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusmill.jobs.inspecting import samples
from corpusmill.jobs.inspecting.samples import Place
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.aligned import Columns
from corpusmill.jobs.runtime.manifest import Manifest, Reference
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.errors import DataError, Missing


@dataclasses.dataclass(frozen=True, slots=True)
class Matched:
    """A document that is named; ``dataset`` is the path of the documents that it is of, "" of the job's own."""

    place: Place
    values: Mapping[str, Any]
    dataset: str = ""


def matched(store: Store, made: Mapping[str, Manifest], ids: Iterable[bytes], columns: Columns) -> dict[bytes, Matched]:
    """Columns of documents by their id, the text at the view that duplicates were found on.

    One that is nowhere any more has no values but an empty text.
    """
    duplicates, left = made["duplicates"], set(ids)
    found = {i: Matched(Place(0, i, 0, 0), dict.fromkeys(columns, "")) for i in left}
    for documents, view in _datasets(store, made["documents"], duplicates):
        if not left:
            break
        try:
            places = samples.locate(store, documents, left)
            values = samples.read(store, {"documents": documents}, view, columns, places.values())
        except Missing:  # of another corpus that was deleted
            if documents is made["documents"]:
                raise
            continue
        dataset = "" if documents is made["documents"] else documents.path
        found |= {i: Matched(place, values[place], dataset) for i, place in places.items()}
        left -= set(places)
    return found


def _datasets(store: Store, own: Manifest, duplicates: Manifest) -> Iterator[tuple[Manifest, tuple[Reference, ...]]]:
    """Documents and the view of their signatures."""
    yield own, duplicates.view
    for other in duplicates.details.get("others", ()):
        for reference in other.get("merged", [other["signatures"]]):
            try:
                signatures = manifests.load(store, Reference(**reference))
                yield manifests.load(store, signatures.inputs["documents"]), signatures.view
            except DataError:  # it is gone
                continue
