"""The files of an embedder: kept in the store by digest, and brought to the node that embeds."""

import dataclasses
import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.jobs.runtime import artifacts
from corpusmill.jobs.runtime.store import Store, open_store
from corpusmill.operators.domain.embedders.embedder import Embedder
from corpusmill.operators.errors import ConfigError, Missing
from corpusmill.operators.text.content import file_digest

FOLDER, VECTORS = "folder", "vectors"  # what an embedder's ``packs`` may say that its path names; else it is a file
LARGE = (".safetensors", ".bin", ".json", ".txt", ".model")  # what models are read from; others are the same in other forms


def pinned(store: Store, embedder: Embedder, *, keep: bool = True) -> Any:
    """The embedder with the digest of what its path names; ``keep`` puts that in the store, for the workers.

    Raises ConfigError where there is none, or it has not what the embedder needs.
    """
    packs, path = getattr(embedder, "packs", ""), getattr(embedder, "path", "")
    if not packs or not path:
        return artifacts.pin(store, embedder, keep=keep)
    data = _packed(Path(path)) if packs == FOLDER else _vectors(embedder, path)
    digest = artifacts.put(store, data) if keep else file_digest(data)
    given: Any = embedder
    if given.digest and given.digest != digest:
        raise ConfigError(f"{path} has digest {digest}, but {given.digest} is asked for")
    return dataclasses.replace(given, digest=digest)


def files(store: Store, embedder: Embedder) -> dict[str, Path]:
    """Name → file or folder of this node. Raises ConfigError where the store does not have it."""
    try:
        found = {name: artifacts.fetch(store, digest) for name, digest in embedder.artifacts.items()}
    except Missing as error:
        raise ConfigError(f"regroup.embedder: the store does not have what {type(embedder).__name__} needs; give its path "
                          f"with regroup.embedder.path= ({error})") from error
    return {name: _unpacked(path) for name, path in found.items()} if getattr(embedder, "packs", "") == FOLDER else found


def _packed(folder: Path) -> bytes:
    """A folder's files as one, the same bytes for the same files. A model is taken in one form only."""
    if not (folder / "config.json").is_file():
        raise ConfigError(f"regroup.embedder.path={folder}: there is no config.json in it; give the folder of a model as "
                          "save_pretrained writes it")
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in LARGE
                   and not any(part.startswith(".") or part in ("onnx", "openvino") for part in path.parts[len(folder.parts):]))
    if any(path.suffix == ".safetensors" for path in found):
        found = [path for path in found if path.suffix != ".bin"]
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in found:
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return held.getvalue()


def _unpacked(packed: Path) -> Path:
    target = packed.with_name(packed.name + ".folder")
    if not target.exists():
        scratch = Path(tempfile.mkdtemp(dir=packed.parent))
        with tarfile.open(packed) as tar:
            tar.extractall(scratch, filter="data")
        try:
            scratch.replace(target)
        except OSError:  # another worker of this node was there first
            if not target.exists():
                raise
    return target


def _vectors(embedder: Any, path: str) -> bytes:
    folder, _, name = path.rpartition("/")
    try:
        data = memoryview(open_store(folder or ".").read(name))
        table = pq.read_table(pa.BufferReader(data), columns=["doc_id", embedder.column])
    except Missing as error:
        raise ConfigError(f"regroup.embedder.path={path}: there is no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"regroup.embedder.path={path}: it cannot be read as Parquet with the columns doc_id and "
                          f"{embedder.column}: {error}") from error
    packed: bytes = embedder.pack(table)
    return packed
