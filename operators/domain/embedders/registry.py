"""The embedder that a model of domains names."""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from corpusmill.operators.contract import describe
from corpusmill.operators.domain.embedders.embedder import Embedder
from corpusmill.operators.errors import DataError

PACKAGE = "corpusmill.operators.domain.embedders."


def described(embedder: Embedder) -> dict[str, Any]:
    """Class, version, parameters and digests: what tells the embedder apart, but not where its files are."""
    found = describe(embedder)
    found["parameters"].pop("path", None)
    return found


def restored(told: Mapping[str, Any]) -> Embedder:
    """The embedder that ``described`` told of. Raises DataError where there is none of that name, or of another version."""
    module, _, name = str(told["class"]).rpartition(".")
    if not module.startswith(PACKAGE):
        raise DataError(f"the model of domains names the embedder {told['class']}, which is none of {PACKAGE}*")
    cls = getattr(importlib.import_module(module), name, None)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise DataError(f"the model of domains names the embedder {told['class']}, which this version does not have")
    made: Any = cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in told["parameters"].items()})
    if made.version != told["version"]:
        raise DataError(f"the model of domains was made with version {told['version']} of {name}; this is {made.version}")
    embedder: Embedder = made
    return embedder
