"""Artifacts: what was learned elsewhere or from many shards, kept by digest and fetched once per node."""

import dataclasses
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.store import Store, open_store
from corpusmill.operators.errors import ConfigError, Corrupt, Missing
from corpusmill.operators.text.content import file_digest


def path(digest: str) -> str:
    """Where an artifact is in the store."""
    return f"artifacts/{digest}"


def put(store: Store, data: bytes) -> str:
    """Keep an artifact, and give its digest."""
    digest = file_digest(data)
    if not store.exists(path(digest)):
        store.put_if_absent(path(digest), data)
    return digest


def pin(store: Store, operator: Any, *, keep: bool = True) -> Any:
    """The operator with the digest of the file that its ``path`` names; ``keep`` puts it in the store, for the workers.

    ``package://name/file`` is a file that an installed package carries; the package is not imported. ``@NAME`` or a manifest is
    a dataset that was learned here, such as a classifier.
    Raises ConfigError where there is no such file, or ``digest`` was given and is another.
    """
    given = getattr(operator, "path", "")
    if not given:
        return operator
    if given.startswith("@") or manifests.split_uri(given) is not None:
        return _with_digest(operator, given, _learned(store, given))
    folder, _, name = _located(given).rpartition("/")
    try:
        data = bytes(memoryview(open_store(folder or ".").read(name)))
    except Missing as error:
        raise ConfigError(f"{type(operator).__name__}: there is no file {given}") from error
    digest = put(store, data) if keep else file_digest(data)
    return _with_digest(operator, given, digest)


def _with_digest(operator: Any, given: str, digest: str) -> Any:
    if operator.digest and operator.digest != digest:
        raise ConfigError(f"{given} has digest {digest}, but {operator.digest} is asked for")
    return dataclasses.replace(operator, digest=digest)


def _learned(store: Store, given: str) -> str:
    """The digest of the artifact that a manifest names."""
    made = manifests.resolve(store, given)
    if "artifact" not in made.details:
        raise ConfigError(f"{given} is a manifest of {made.stage}, which has no model")
    return str(made.details["artifact"])


def _located(given: str) -> str:
    if not given.startswith("package://"):
        return given
    package, _, inside = given.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{given}: there is no package {package!r} here: pip install {package.replace('_', '-')}, or give "
                          "the path of a file")
    return str(Path(spec.submodule_search_locations[0]) / inside)


def fetch(store: Store, digest: str) -> Path:
    """The artifact as a file of this node, verified."""
    folder = Path(os.environ.get("CORPUSMILL_CACHE") or Path(tempfile.gettempdir()) / f"corpusmill-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / digest
    if target.exists() and file_digest(target.read_bytes()) == digest:
        return target
    data = bytes(memoryview(store.read(path(digest))))
    if file_digest(data) != digest:
        raise Corrupt(f"{store.uri(path(digest))} is not what its name says: delete it, and run the job again")
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    Path(file.name).replace(target)
    return target
