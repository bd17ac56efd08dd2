"""Where data lives: a local folder or an S3-compatible bucket behind one small interface.

An object is whole or absent: no reader ever sees part of one. Paths are relative to the store's root, with ``/``
between their parts. Stores are frozen dataclasses that hold settings only, so they pickle into workers; connections are
made when first needed, once per process.
"""

import dataclasses
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from corpusmill.operators.errors import ConfigError, StoreError


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it; ``size`` in bytes, ``version`` differs whenever the content does."""

    path: str
    size: int
    version: str


@dataclasses.dataclass(frozen=True, slots=True)
class StoreOptions:
    """How to reach an S3-compatible store; local folders ignore them. Credentials come from the usual AWS chain."""

    endpoint: str | None = None  # http(s)://host[:port]; None: AWS, or AWS_ENDPOINT_URL
    region: str | None = None  # None: AWS_REGION, the profile's, or us-east-1
    attempts: int = 5  # tries per request, with exponential back-off and jitter between them
    connect_timeout: float = 3.0  # seconds per attempt
    read_timeout: float = 60.0  # seconds without a byte
    anonymous: bool = False  # sign nothing: public buckets


class Store(Protocol):
    """Objects under one root. Every method raises StoreError, with the reason, where the store refuses or breaks."""

    def __hash__(self) -> int:
        """Of its settings: what a worker caches is kept by store."""

    @property
    def root(self) -> str:
        """An absolute local path, or ``s3://bucket[/prefix]``; no slash at the end."""

    def uri(self, path: str) -> str:
        """The object's full address: ``root/path``."""

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes ``[offset : offset + length]`` as a slice: what lies past the end is left out. Raises Missing."""

    def open(self, path: str) -> pa.NativeFile:
        """The object for random access. Raises Missing."""

    def write(self, path: str, data: bytes | pa.Buffer) -> None:
        """Put an object in place, over what was there; verified before this returns."""

    def put_if_absent(self, path: str, data: bytes | pa.Buffer) -> bool:
        """Put an object where there is none; of any number of racing callers exactly one is told True."""

    def replace(self, path: str, data: bytes | pa.Buffer, expected: str | None) -> bool:
        """Put an object over the version ``expected`` (None: where there is none); False where another is there.

        An object that is changed by ``replace`` must be changed by nothing else.
        """

    def version(self, path: str) -> str | None:
        """The version now there; None where there is no object."""

    def exists(self, path: str) -> bool:
        """Whether there is such an object."""

    def stat(self, path: str) -> Entry:
        """Size and version. Raises Missing."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """All objects whose paths begin with ``prefix`` (any string), in the order of their paths' UTF-8 bytes."""

    def delete(self, path: str) -> None:
        """Take an object away; no error where there is none."""

    def upload(self, path: str, local: Path) -> None:
        """Put a local file in place as an object, in bounded memory; verified before this returns."""


def open_store(root: str, options: StoreOptions | None = None) -> Store:
    """The store at a local path, a ``file://`` URI or ``s3://bucket[/prefix]``; contacts nothing.

    Raises ConfigError where the address is malformed, StoreError where a local root is a file.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", root)
    if scheme is None or scheme[1].lower() == "file":
        from corpusmill.jobs.runtime.store_local import LocalStore

        return LocalStore.at(_local_path(root) if scheme else root)
    if scheme[1].lower() != "s3":
        raise ConfigError(f"store root {root!r} has scheme {scheme[1]!r}: give a local path, file:// or s3://bucket/prefix")
    # boto3 takes 0.3 s to import, which a run on local folders should not pay.
    from corpusmill.jobs.runtime.store_s3 import S3Store

    return S3Store.at(root, options or StoreOptions())


def preflight(store: Store) -> None:
    """Write, read and delete a tiny object, so that a job fails before it reads anything.

    Raises StoreError with the reason where that does not work, or where the store lets a second writer through a
    conditional put: two workers could then both believe that they committed a shard.
    """
    path = f".preflight/{uuid.uuid4().hex}"
    try:
        first, second = store.put_if_absent(path, b"first"), store.put_if_absent(path, b"second")
        content = store.read(path)
    finally:
        store.delete(path)
    if (first, second, content) != (True, False, b"first"):
        raise StoreError(f"{store.root} ignores conditional writes (If-None-Match), which commits rest on: "
                         "use a store that has them, such as AWS S3 or Ceph")


def checked(path: str) -> str:
    """The path itself, where it is one that every kind of store can hold. Raises StoreError."""
    parts = path.split("/")
    if parts[0] == ".tmp" or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise StoreError(f"object path {path!r} must be relative, without empty parts, '.' or '..', and not in .tmp/")
    return path


def _local_path(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise ConfigError(f"{uri!r} names the host {parts.netloc!r}: a file:// address has three slashes, file:///path")
    return unquote(parts.path)
