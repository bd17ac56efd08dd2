"""Laws as datasets."""

from corpusmill.jobs.runtime.manifest import Manifest
from corpusmill.jobs.runtime.store import Store
from corpusmill.operators.weight.laws.model import LawModel


def read(store: Store, made: Manifest) -> LawModel:
    """The law of a dataset ``law``. Raises DataError where its file is none."""
    path = f"{made.folder}/{made.details['file']}"
    return LawModel.from_json(bytes(memoryview(store.read(path))), store.uri(path))
