"""S3-compatible buckets as a store, by boto3 alone: one client, one credential chain, one way to fail."""

import contextlib
import dataclasses
import hashlib
import os
import random
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
from botocore import exceptions

from corpusmill.jobs.runtime.store import Entry, StoreOptions, checked
from corpusmill.jobs.runtime.store_s3_client import client, code, etag, explained, md5_etag
from corpusmill.jobs.runtime.store_s3_file import RangedFile
from corpusmill.jobs.runtime.store_s3_multipart import put_parts
from corpusmill.operators.errors import ConfigError, Corrupt, Missing, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MULTIPART_FROM = 64 << 20
_WRITER = "corpusmill-writer"
_BROKEN_BODY = (exceptions.IncompleteReadError, exceptions.ReadTimeoutError, exceptions.ResponseStreamingError)


@dataclasses.dataclass(frozen=True, slots=True)
class S3Store:
    """Objects are keys below ``s3://bucket/prefix``; an object's version is its ETag.

    Everything sent carries its MD5, so that the store itself refuses damaged bytes before they can be seen. Uploads
    that a killed process left unfinished are invisible; a lifecycle rule of the bucket should abort them after a day.
    """

    bucket: str
    prefix: str
    options: StoreOptions

    @classmethod
    def at(cls, root: str, options: StoreOptions) -> "S3Store":
        """The store at ``s3://bucket[/prefix]``."""
        bucket, _, prefix = root[len("s3://") :].partition("/")
        if not bucket:
            raise ConfigError(f"store root {root!r} names no bucket: give s3://bucket/prefix")
        scheme = urlsplit(options.endpoint or "https://aws").scheme
        if scheme not in ("http", "https"):
            raise ConfigError(f"store endpoint {options.endpoint!r} must begin with http:// or https://")
        return cls(bucket, prefix.strip("/"), options)

    @property
    def root(self) -> str:
        """``s3://bucket[/prefix]``."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def uri(self, path: str) -> str:
        """The object's ``s3://`` address."""
        return f"{self.root}/{checked(path)}"

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """A slice of the object, by one ranged request."""
        if length is not None and length <= 0:
            self.stat(path)
            return b""
        with self._explained(path):
            return self._get(path, offset, length)

    def open(self, path: str) -> pa.NativeFile:
        """The object for random access; every request asks for the version seen at opening."""
        entry = self.stat(path)

        def fetch(offset: int, length: int) -> bytes:
            with self._explained(path):
                return self._get(path, offset, length, entry.version)

        return pa.PythonFile(RangedFile(fetch, entry.size, self.uri(path)), mode="r")

    def write(self, path: str, data: bytes | pa.Buffer) -> None:
        """Put an object in place; from 64 MiB in parts."""
        view = memoryview(data).cast("B")
        if len(view) >= MULTIPART_FROM:
            self._put_parts(path, len(view), lambda start, size: bytes(view[start : start + size]))
        else:
            with self._explained(path):
                self._put(path, bytes(view))

    def put_if_absent(self, path: str, data: bytes | pa.Buffer) -> bool:
        """Put an object where there is none (``If-None-Match: *``)."""
        with self._explained(path):
            return self._put_when(path, bytes(memoryview(data)), IfNoneMatch="*")

    def replace(self, path: str, data: bytes | pa.Buffer, expected: str | None) -> bool:
        """Compare and swap (``If-Match: ETag``)."""
        if expected is None:
            return self.put_if_absent(path, data)
        with self._explained(path):
            content = bytes(memoryview(data))
            if self._put_when(path, content, IfMatch=f'"{expected}"'):
                return True
            # Ceph up to Pacific at least compares If-Match with its quotes, and finds every version changed.
            return self.version(path) == expected and self._put_when(path, content, IfMatch=expected)

    def version(self, path: str) -> str | None:
        """The ETag, or None."""
        head = self._head(path)
        return None if head is None else etag(head)

    def exists(self, path: str) -> bool:
        """Whether there is such a key."""
        return self._head(path) is not None

    def stat(self, path: str) -> Entry:
        """Size and ETag."""
        head = self._head(path)
        if head is None:
            with self._explained(path):
                # A HEAD request is answered 404 without telling whether the bucket itself is missing.
                self._get(path, 0, 1)
            raise Missing(f"no object at {self.uri(path)}")
        return Entry(path, head["ContentLength"], etag(head))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Keys that begin with ``prefix``; S3 lists in the order of their UTF-8 bytes."""
        below = f"{self.prefix}/" if self.prefix else ""
        with self._explained(prefix):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below + prefix)
            for page in pages:
                for item in page.get("Contents", ()):
                    path = item["Key"][len(below) :]
                    # Consoles make empty objects named "folder/"; nothing of ours ends so.
                    if path and not path.endswith("/"):
                        yield Entry(path, item["Size"], etag(item))

    def delete(self, path: str) -> None:
        """Delete a key."""
        with self._explained(path):
            self._client().delete_object(Bucket=self.bucket, Key=self._key(path))

    def upload(self, path: str, local: Path) -> None:
        """Put a local file in place; from 64 MiB in parts, of which four are in memory."""
        try:
            file = local.open("rb")
        except OSError as error:
            raise StoreError(f"{local} cannot be uploaded to {self.uri(path)}: {error.strerror}") from error
        with file:
            size = os.fstat(file.fileno()).st_size
            if size < MULTIPART_FROM:
                self.write(path, file.read())
            else:
                self._put_parts(path, size, lambda start, length: os.pread(file.fileno(), length, start))

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{checked(path)}" if self.prefix else checked(path)

    def _client(self) -> "S3Client":
        return client(self.options)

    def _explained(self, path: str) -> contextlib.AbstractContextManager[None]:
        return explained(f"{self.root}/{path}", self.options)

    def _head(self, path: str) -> Any:
        with self._explained(path):
            try:
                return self._client().head_object(Bucket=self.bucket, Key=self._key(path))
            except exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise

    def _get(self, path: str, offset: int, length: int | None, version: str | None = None) -> bytes:
        """A ranged GET, tried again where the connection breaks while the body is read, which botocore does not."""
        span: dict[str, Any] = {"Range": f"bytes={offset}-{'' if length is None else offset + length - 1}"}
        if version is not None:
            span["IfMatch"] = f'"{version}"'
        for attempt in range(self.options.attempts):
            try:
                answer = self._client().get_object(Bucket=self.bucket, Key=self._key(path), **span)
                return bytes(answer["Body"].read())
            except exceptions.ClientError as error:
                if code(error) == "InvalidRange":
                    return b""
                if code(error) == "PreconditionFailed":
                    raise Corrupt(f"{self.uri(path)} was changed while it was being read") from error
                raise
            except _BROKEN_BODY:
                if attempt + 1 == self.options.attempts:
                    raise
                _back_off(attempt)
        raise AssertionError("attempts is at least 1")

    def _put(self, path: str, data: bytes, **condition: Any) -> None:
        md5 = hashlib.md5(data, usedforsecurity=False)
        checksum = b64encode(md5.digest()).decode()
        answer = self._client().put_object(
            Bucket=self.bucket, Key=self._key(path), Body=data, ContentMD5=checksum, **condition)
        if md5_etag(answer) and etag(answer) != md5.hexdigest():
            raise Corrupt(f"{self.uri(path)} arrived damaged: MD5 {md5.hexdigest()} was sent, {etag(answer)} came back")

    def _put_parts(self, path: str, size: int, read_at: Callable[[int, int], bytes]) -> None:
        with self._explained(path):
            put_parts(self._client(), self.bucket, self._key(path), size, read_at)

    def _put_when(self, path: str, data: bytes, **condition: str) -> bool:
        """A conditional PUT. Each call signs its object, so that a retry that meets its own first attempt knows it."""
        writer = uuid.uuid4().hex
        for attempt in range(self.options.attempts):
            try:
                self._put(path, data, Metadata={_WRITER: writer}, **condition)
                return True
            except exceptions.ClientError as error:
                if code(error) == "PreconditionFailed":
                    head = self._head(path)
                    return head is not None and head["Metadata"].get(_WRITER) == writer
                if code(error) == "NoSuchKey":
                    return False
                if code(error) != "ConditionalRequestConflict" or attempt + 1 == self.options.attempts:
                    raise
                _back_off(attempt)
        raise AssertionError("attempts is at least 1")


def _back_off(attempt: int) -> None:
    """Wait up to 1, 2, 4 … 20 seconds, at random so that workers do not come back together."""
    time.sleep(random.random() * min(2.0**attempt, 20.0))  # noqa: S311
