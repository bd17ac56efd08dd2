"""What a path, a folder or a glob names, locally or in an object store."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from glob import escape, has_magic, iglob
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from blake3 import blake3

from corpusmill.jobs.runtime.store import StoreOptions, open_store
from corpusmill.operators.errors import ConfigError, DataError, Missing, StoreError

Identity = Literal["version", "content"]
_CHUNK = 8 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One file. (uri, size in bytes, version) identify it; a new version is a new file.

    ``name`` is the path below the fixed part of the pattern that found it: it stays when the whole tree moves. ``kind``,
    ``license`` and ``source`` are set where the finder knows them (files of this machine, data set folders).
    """

    uri: str
    size: int
    version: str
    name: str
    kind: str = ""
    license: str | None = None
    source: str = ""


def find(paths: Sequence[str], options: StoreOptions | None = None, identity: Identity = "version") -> list[SourceFile]:
    """The files that ``paths`` name, sorted by URI, each once.

    A path is a local path, ``file://`` or ``s3://``; a file, a folder (all below it) or a glob with ``*`` and ``?``
    (within a folder's name), ``[abc]`` and ``**`` (any number of folders). Names that begin with a dot are found only
    where the path spells the dot. The version is the modification time locally and the ETag in a store; with
    ``identity="content"`` it is the BLAKE3 of the content, which reads everything once. Raises ConfigError where a path
    names nothing.
    """
    if not paths:
        raise ConfigError("corpus.paths is empty: give files, folders or globs, such as [data/*.parquet]")
    options = options or StoreOptions()
    found: dict[str, SourceFile] = {}
    for path in paths:
        files = list(_in_store(path, options) if path.startswith("s3://") else _local(path))
        if not files:
            nearest = _nearest_key(path, options) if path.startswith("s3://") else _nearest_folder(_local_path(path))
            raise ConfigError(f"corpus.paths: {path!r} names no file; the nearest folder that exists is {nearest}")
        for file in files:
            found.setdefault(file.uri, file)
    ordered = [found[uri] for uri in sorted(found)]
    return [identified(file, options, identity) for file in ordered]


def identified(file: SourceFile, options: StoreOptions, identity: Identity) -> SourceFile:
    """The file with the version that ``identity`` asks for."""
    return file if identity == "version" else dataclasses.replace(file, version=_content(file, options))


@contextlib.contextmanager
def opened(file: SourceFile, options: StoreOptions) -> Iterator[pa.NativeFile]:
    """The file for random access. Raises Missing, StoreError, and DataError where it changed since it was found."""
    handle = _open(file.uri, options)
    with handle:
        if handle.size() != file.size:
            raise DataError(f"{file.uri} was {file.size} bytes when it was found and is {handle.size()} now: run again "
                            "when nothing writes to it")
        yield handle


def _open(uri: str, options: StoreOptions) -> pa.NativeFile:
    if uri.startswith("s3://"):
        bucket, key = _bucket_and_key(uri)
        return open_store(f"s3://{bucket}", options).open(key)
    try:
        return pa.OSFile(uri, "r")
    except FileNotFoundError as error:
        raise Missing(f"no file {uri}") from error
    except OSError as error:
        raise StoreError(f"{uri} cannot be opened: {error.strerror or error}") from error


def _content(file: SourceFile, options: StoreOptions) -> str:
    digest = blake3()
    with opened(file, options) as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return f"blake3:{digest.hexdigest(16)}"


def _local_path(path: str) -> str:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path):
        parts = urlsplit(path)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ConfigError(f"corpus.paths: {path!r} is neither a local path nor file:///path nor s3://bucket/key")
        path = unquote(parts.path)
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  (Path keeps "..", and drops a glob's "//")


def _local(path: str) -> Iterator[SourceFile]:
    path = _local_path(path)
    if Path(path).is_file():
        yield _stat(path, str(Path(path).parent))
        return
    if Path(path).is_dir():
        base, pattern = path, f"{escape(path.rstrip('/'))}/**"
    elif has_magic(path):
        base, pattern = _fixed_base(path), path
    else:
        return
    for found in iglob(pattern, recursive=True):  # noqa: PTH207  (Path.glob finds hidden files)
        # For "file/**" glob gives "file/".
        if not found.endswith("/") and Path(found).is_file():
            yield _stat(found, base)


def _stat(path: str, base: str) -> SourceFile:
    status = Path(path).stat()
    return SourceFile(path, status.st_size, f"{status.st_mtime_ns:x}", path[len(base.rstrip("/")) + 1 :])


def _fixed_base(pattern: str) -> str:
    """The folders before the first part that has a wildcard."""
    parts = pattern.split("/")
    magic = next(at for at, part in enumerate(parts) if has_magic(part))
    return "/".join(parts[:magic]) or "/"


def _nearest_folder(path: str) -> str:
    return str(next(folder for folder in (Path(path), *Path(path).parents) if folder.is_dir()))


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigError(f"corpus.paths: {uri!r} names no bucket: give s3://bucket/key")
    return bucket, key


def _in_store(uri: str, options: StoreOptions) -> Iterator[SourceFile]:
    bucket, path = _bucket_and_key(uri)
    magic = has_magic(path)
    base = _fixed_base(f"/{path}").strip("/") if magic else path.strip("/")
    pattern = re.compile(_expression(path if magic else f"{escape(base)}/**".lstrip("/")))
    store = open_store(f"s3://{bucket}", options)
    for entry in store.list(base):
        if entry.path == base and not magic:
            yield SourceFile(uri.rstrip("/"), entry.size, entry.version, base.rpartition("/")[2])
        elif pattern.fullmatch(entry.path):
            name = entry.path[len(base) + 1 :] if base else entry.path
            yield SourceFile(f"s3://{bucket}/{entry.path}", entry.size, entry.version, name)


def _expression(pattern: str) -> str:
    """A glob as a regular expression over whole keys, with the meaning that ``glob`` gives it for files."""
    parts = pattern.split("/")
    pieces = []
    for part, following in pairwise([*parts, None]):
        if part == "**":
            pieces.append(r"(?:[^./][^/]*/)*" if following is not None else r"(?:[^./][^/]*/)*[^./][^/]*")
        else:
            pieces.append(_part_expression(part or "") + ("/" if following is not None else ""))
    return "".join(pieces)


def _part_expression(part: str) -> str:
    hidden = r"(?!\.)" if part and part[0] in "*?[" else ""
    out, at = [hidden], 0
    while at < len(part):
        close = part.find("]", at + 2 + (part[at + 1 : at + 2] == "!")) if part[at] == "[" else -1
        if close > 0:
            inner = part[at + 1 : close].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
            out.append(f"(?!/)[{'^' + inner[1:] if inner[0] == '!' else inner}]")
            at = close
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(part[at], re.escape(part[at])))
        at += 1
    return re.sub(r"(?:\[\^/\]\*){2,}", "[^/]*", "".join(out))


def _nearest_key(uri: str, options: StoreOptions) -> str:
    bucket, key = _bucket_and_key(uri)
    store = open_store(f"s3://{bucket}", options)
    parts = key.split("/")[:-1]
    while parts and (has_magic("/".join(parts)) or next(store.list("/".join(parts) + "/"), None) is None):
        parts.pop()
    return "/".join([f"s3://{bucket}", *parts])
