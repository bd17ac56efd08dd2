"""Local folders as a store."""

import contextlib
import dataclasses
import errno
import fcntl
import functools
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from corpusmill.jobs.runtime.store import Entry, checked
from corpusmill.operators.errors import Missing, StoreError

SCRATCH = ".tmp"
_LOCK = "lock"
_DAY_S = 86_400
_REASONS = {
    errno.EACCES: "permission denied: check who owns the folder",
    errno.EPERM: "operation not permitted by this file system (hard links are needed)",
    errno.ENOTSUP: "this file system has no hard links, which commits rest on",
    errno.ENOSPC: "the disk is full: free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where the object is to be",
    errno.ENAMETOOLONG: "the name is too long for this file system",
}


@dataclasses.dataclass(frozen=True, slots=True)
class LocalStore:
    """Objects are files below ``root``; unfinished ones lie in ``root/.tmp``, on the same file system.

    An object's version is its modification time and size, so that listing reads no content. Listings follow symbolic
    links to files, and to folders only where the prefix names them.
    """

    root: str

    @classmethod
    def at(cls, root: str) -> "LocalStore":
        """The store at a path, absolute or relative to the working directory; ``~`` is the home folder."""
        path = Path(root).expanduser().absolute()
        if path.exists() and not path.is_dir():
            raise StoreError(f"store root {path} is a file: name a folder")
        return cls(os.path.normpath(path))

    def uri(self, path: str) -> str:
        """The object's absolute path."""
        return str(self._file(path))

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """A slice of the object."""
        with _explained(self, path), self._file(path).open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            end = size if length is None else min(size, offset + length)
            parts = []
            while offset < end and (part := os.pread(file.fileno(), end - offset, offset)):
                parts.append(part)
                offset += len(part)
            return parts[0] if len(parts) == 1 else b"".join(parts)

    def open(self, path: str) -> pa.NativeFile:
        """The object for random access by plain reads: mapped pages would count as the worker's memory."""
        self.stat(path)
        with _explained(self, path):
            return pa.OSFile(str(self._file(path)), "r")

    def write(self, path: str, data: bytes | pa.Buffer) -> None:
        """Put an object in place by renaming a finished file."""
        with _explained(self, path, writing=True), self._finished(data) as made:
            made.replace(self._place(path))
            _sync_folder(self._file(path).parent)

    def put_if_absent(self, path: str, data: bytes | pa.Buffer) -> bool:
        """Put an object where there is none, by a hard link, which fails where the name is taken."""
        with _explained(self, path, writing=True), self._finished(data) as made:
            place = self._place(path)
            try:
                os.link(made, place)
            except FileExistsError:
                return False
            _sync_folder(place.parent)
            return True

    def replace(self, path: str, data: bytes | pa.Buffer, expected: str | None) -> bool:
        """Compare and swap, under a lock that all callers of ``replace`` on this root share."""
        with _explained(self, path, writing=True), self._locked(), self._finished(data) as made:
            place = self._place(path)
            before = _regular(self._file(path))
            if (before and _version(before)) != expected:
                return False
            if before:
                # A clock that stands still or goes back must not give two contents one version.
                later = max(made.stat().st_mtime_ns, before.st_mtime_ns + 1)
                os.utime(made, ns=(later, later))
            made.replace(place)
            _sync_folder(place.parent)
            return True

    def version(self, path: str) -> str | None:
        """Modification time and size, or None."""
        with _explained(self, path):
            found = _regular(self._file(path))
            return _version(found) if found else None

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self.version(path) is not None

    def stat(self, path: str) -> Entry:
        """Size and version."""
        with _explained(self, path):
            found = _regular(self._file(path))
            if found is None:
                raise FileNotFoundError(errno.ENOENT, "no such object")
            return Entry(path, found.st_size, _version(found))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Objects whose paths begin with ``prefix``."""
        folder, _, start = prefix.rpartition("/")
        with _explained(self, prefix):
            if folder:
                checked(folder)
            yield from _walk(Path(self.root, folder), f"{folder}/" if folder else "", start)

    def delete(self, path: str) -> None:
        """Remove a file."""
        with _explained(self, path, writing=True):
            self._file(path).unlink(missing_ok=True)

    def upload(self, path: str, local: Path) -> None:
        """Copy a file and put the copy in place."""
        with _explained(self, path, writing=True), self._finished(local) as made:
            made.replace(self._place(path))
            _sync_folder(self._file(path).parent)

    def _file(self, path: str) -> Path:
        return Path(self.root, checked(path))

    def _place(self, path: str) -> Path:
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @contextlib.contextmanager
    def _finished(self, content: bytes | pa.Buffer | Path) -> Iterator[Path]:
        """A file in the scratch folder, complete and on disk; removed afterwards where it was not moved away."""
        scratch = _scratch(self.root)
        made = scratch / uuid.uuid4().hex
        try:
            with made.open("xb", buffering=0) as file:
                size = _fill(file.fileno(), content)
                # The kernel's own stamps are milliseconds coarse: two writes could share one.
                os.utime(file.fileno(), ns=(now := time.time_ns(), now))
                os.fsync(file.fileno())
                if (seen := os.fstat(file.fileno()).st_size) != size:
                    raise StoreError(f"{made} holds {seen} bytes after {size} were written: check the disk")
            yield made
        finally:
            made.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (_scratch(self.root) / _LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _explained(store: LocalStore, path: str, *, writing: bool = False) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        if absent and not writing:
            raise Missing(f"no object at {store.root}/{path}") from error
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error} ({error.filename})")
        raise StoreError(f"{store.root}/{path}: {reason}") from error


def _scratch(root: str) -> Path:
    folder = Path(root, SCRATCH)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    return folder


@functools.cache
def _sweep(folder: Path) -> None:
    """Once per process: remove what killed processes left more than a day ago."""
    for leftover in folder.iterdir():
        with contextlib.suppress(OSError):
            if leftover.name != _LOCK and leftover.stat().st_mtime < time.time() - _DAY_S:
                leftover.unlink()


def _fill(fd: int, content: bytes | pa.Buffer | Path) -> int:
    """Write all of the content; its size in bytes."""
    if isinstance(content, Path):
        with content.open("rb") as source, open(fd, "wb", closefd=False) as target:
            shutil.copyfileobj(source, target, 8 << 20)
            return source.tell()
    rest = memoryview(content).cast("B")
    size = len(rest)
    while rest:
        rest = rest[os.write(fd, rest) :]
    return size


def _sync_folder(folder: Path) -> None:
    """Make a rename or link last through a power failure."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def _walk(folder: Path, prefix: str, start: str = "") -> Iterator[Entry]:
    """Files below a folder; sorting folders with their slash gives the order of whole paths."""
    try:
        with os.scandir(folder) as found:
            named = {f"{item.name}/" if item.is_dir(follow_symlinks=False) else item.name: item for item in found}
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in sorted(named):
        if not name.startswith(start) or prefix + name == f"{SCRATCH}/":
            continue
        if name.endswith("/"):
            yield from _walk(folder / name, prefix + name)
        elif (seen := _regular(named[name])) is not None:
            yield Entry(prefix + name, seen.st_size, _version(seen))


def _regular(item: os.DirEntry[str] | Path) -> os.stat_result | None:
    """What is known of a file; None where there is none, or a folder in its place."""
    try:
        found = item.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None
