"""Artifacts: what was learned elsewhere or from many shards, kept by digest and fetched once per node."""

import dataclasses
import importlib.util
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.records import parse
from corpusmill.jobs.runtime.store import Store, open_store
from corpusmill.operators.contract import Chain, describe
from corpusmill.operators.errors import ConfigError, Corrupt, Missing
from corpusmill.operators.text.content import file_digest
from corpusmill.operators.text.content import key as digest_key


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
    """The operator with the digest of what it applies; ``keep`` puts that in the store, for the workers.

    That is the file that its ``path`` names, or what its ``build`` makes of the files that its ``sources`` name.
    ``package://name/file`` is a file that an installed package carries; the package is not imported. ``@name`` or a
    manifest is what was learned with it. Raises ConfigError where there is no such file, or ``digest`` was given
    and is another.
    """
    if hasattr(type(operator), "sources"):
        return _pinned(operator, _built(store, operator, keep=keep), f"what {type(operator).__name__} builds")
    given = getattr(operator, "path", "")
    if not given:
        return operator
    if given.startswith("@") or manifests.split_uri(given) is not None:
        return _pinned(operator, _learned(store, given), given)
    data = _contents(operator, given)
    return _pinned(operator, put(store, data) if keep else file_digest(data), given)


def described(operator: Any) -> dict[str, Any]:
    """What enters a key: ``describe`` without the parameters that say where files are, for which a digest stands."""
    found = describe(operator)
    for name in ("path", *getattr(operator, "pinned", ())):
        found["parameters"].pop(name, None)
    return found


def _pinned(operator: Any, digest: str, what: str) -> Any:
    if operator.digest and operator.digest != digest:
        raise ConfigError(f"{what} has digest {digest}, but {operator.digest} is asked for")
    return dataclasses.replace(operator, digest=digest)


def _built(store: Store, operator: Any, *, keep: bool) -> str:
    """The digest of what the operator builds, once for the same files; a note in the store says what came of them."""
    files = {source: _contents(operator, source, what) for source, what in operator.sources.items()}
    told = {"operator": describe(dataclasses.replace(operator, digest="")),
            "files": {source: file_digest(data) for source, data in files.items()}}
    note = f"artifacts/built/{digest_key(told)}"
    before = bytes(memoryview(store.read(note))).decode("ascii", "replace") if store.exists(note) else ""
    if re.fullmatch("[0-9a-f]{32}", before) and store.exists(path(before)):
        return before
    data = operator.build({source: parse(data, source) for source, data in files.items()})
    if not keep:
        return file_digest(data)
    digest = put(store, data)
    store.write(note, digest.encode())
    return digest


def _contents(operator: Any, given: str, what: str = "") -> bytes:
    folder, _, name = _located(given).rpartition("/")
    try:
        return bytes(memoryview(open_store(folder or ".").read(name)))
    except Missing as error:
        named = f"{type(operator).__name__}: there is no file {given}"
        raise ConfigError(named + (f" ({what}): give the path of a file" if what else "")) from error


def _learned(store: Store, given: str) -> str:
    made = manifests.resolve(store, given)
    if "artifact" not in made.details:
        raise ConfigError(f"{given} is a manifest of {made.stage}, with which nothing was learned: name a model, as its "
                          "train job or regroup=kmeans wrote it")
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


def files_of(store: Store, steps: Chain) -> dict[str, dict[str, Path]]:
    """Instance name → artifact name → file of this node, for every operator of a chain."""
    return {op.name: {name: fetch(store, digest) for name, digest in op.artifacts.items()} for op in steps.operators}


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
