"""The embedded default: real text that every machine with Python has.

    code         the standard library and installed distributions: Python, C and other sources
    docstrings   those of Python files, one document per module
    docs         READMEs and descriptions of distributions, manual pages (as plain text), READMEs of system packages
    licences     licence texts of distributions, copyright files of system packages
    changelogs   of both

What is harvested depends on what is installed and nothing else: names have no prefix of this machine, and where a kind
has more than its share, files are picked by a hash. Copies stay in, since real corpora have them.
"""

import ast
import csv
import dataclasses
import email.parser
import email.policy
import importlib.metadata
import os
import re
import stat
import sys
import sysconfig
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain

import pyarrow as pa

from corpusmill.jobs.sources import roff
from corpusmill.jobs.sources.files import SourceFile
from corpusmill.jobs.sources.inflate import BrokenFileError, chunks
from corpusmill.jobs.sources.pieces import Piece, Reading
from corpusmill.jobs.sources.textfiles import one_each
from corpusmill.operators.errors import ConfigError, Missing, StoreError

MAX_FILE_BYTES = 1 << 20
SHARES: Mapping[str, float] = {"code": 0.4, "docs": 0.18, "docstrings": 0.12, "changelogs": 0.12, "licences": 0.18}

_OWN = "corpusmill"  # its files change while it is worked on
_PSF = "PSF-2.0"
_NAME_CHARACTERS = 100  # some distributions give the whole licence where its name belongs
_GZIP_BYTES = 18  # of header and trailer
_CODE = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".cc", ".cpp", ".hpp", ".cu", ".cuh", ".js", ".ts", ".sh", ".proto"}
_PROSE = {"", ".txt", ".md", ".rst", ".gz"}
_LICENCE = re.compile(r"(un)?licen[cs]e|copying|notice|copyright", re.IGNORECASE)
_CHANGELOG = re.compile(r"change(log|s)|history|news|release[-_]?notes", re.IGNORECASE)
_SKIPPED_FOLDERS = {"__pycache__", "site-packages", "dist-packages", "lib-dynload"}


@dataclasses.dataclass(frozen=True, slots=True)
class Places:
    """Where to look; folders that do not exist hold nothing."""

    stdlib: str
    packages: tuple[str, ...]  # folders of installed distributions, as in sys.path
    share: str  # holds man/ and doc/

    @classmethod
    def here(cls) -> "Places":
        """Those of the running interpreter."""
        return cls(sysconfig.get_path("stdlib"), tuple(p for p in sys.path if p.endswith("-packages")), "/usr/share")


def find_machine(max_bytes: int = 64_000_000, places: Places | None = None) -> list[SourceFile]:
    """Files whose text is at most ``max_bytes`` together, sorted by URI.

    Each kind has its share of the cap, and what one leaves goes to the others. Files of more than 1 MiB are left out,
    and links of the system, which are no copies. Raises ConfigError where there is nothing.
    """
    if max_bytes <= 0:
        raise ConfigError(f"corpus.max_bytes must be positive; got {max_bytes}")
    places = places or Places.here()
    found: dict[str, dict[str, SourceFile]] = {kind: {} for kind in SHARES}
    searches = (_stdlib(places.stdlib), _distributions(places.packages), _manuals(places.share), _docs(places.share))
    for file in chain.from_iterable(searches):
        found[file.kind].setdefault(file.name, file)
    quotas = _quotas({kind: sum(file.size for file in files.values()) for kind, files in found.items()}, max_bytes)
    picked = [file for kind, files in found.items() for file in _picked(files.values(), quotas[kind])]
    if not picked:
        raise ConfigError(f"corpus=machine found no text of at most {max_bytes} bytes in {places}; use corpus=files")
    return sorted(picked, key=lambda file: file.uri)


def read_machine(files: Sequence[SourceFile], reading: Reading) -> Iterator[Piece]:
    """One document per file; a module without docstrings and a manual page that only points at another give none.

    Beside the reasons of a document: ``binary`` and ``unparsable``.
    """
    return one_each(files, reading, _load)


def _files(kinds: Iterable[str], path: str, name: str, license_: str | None) -> Iterator[SourceFile]:
    """The file once per kind, where there is one of a size that is harvested."""
    try:
        status = os.lstat(path) if license_ is None else os.stat(path)  # noqa: PTH116  (a Path costs more than the call)
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= MAX_FILE_BYTES:
            return
        size = _inflated(path) if path.endswith(".gz") else status.st_size
    except OSError:
        return
    if 0 < size <= MAX_FILE_BYTES:
        for kind in kinds:
            yield SourceFile(f"machine://{kind}{path}", size, f"{status.st_mtime_ns:x}", name, kind, license_)


def _inflated(path: str) -> int:
    """The size that a gzip file says it has."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        if file.seek(0, os.SEEK_END) < _GZIP_BYTES:
            return 0
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _below(root: str) -> Iterator[tuple[str, str]]:
    """Paths of all files below a folder, and the same relative to it."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118
            yield path, path[len(root) + 1 :]


def _stdlib(root: str) -> Iterator[SourceFile]:
    for path, name in _below(root):
        yield from _files(_kinds(name), path, f"stdlib/{name}", _PSF)


def _distributions(folders: Sequence[str]) -> Iterator[SourceFile]:
    for distribution in importlib.metadata.distributions(path=list(folders)):
        metadata = distribution.metadata
        name = metadata["Name"] if metadata is not None and "Name" in metadata else None
        record = distribution.read_text("RECORD")
        if name is None or record is None or name.lower() == _OWN:
            continue
        root, prefix = str(distribution.locate_file("")), f"dist/{name}-{distribution.version}"
        license_ = _licence(metadata)
        for path, *_ in csv.reader(record.splitlines()):
            if not path.startswith(("..", "/")) and (kinds := _kinds(path)):
                yield from _files(kinds, f"{root}/{path}", f"{prefix}/{path}", license_)


def _kinds(path: str) -> tuple[str, ...]:
    """What a distribution's file is, by its name."""
    folder, _, name = path.rpartition("/")
    suffix = _suffix(name)
    if folder.endswith(".dist-info") and name == "METADATA":
        return ("docs",)
    if ".dist-info/licenses" in folder:
        return ("licences",)
    if suffix in _CODE:
        return ("code", "docstrings") if suffix == ".py" else ("code",)
    if suffix in _PROSE or _LICENCE.match(name):
        if _LICENCE.match(name):
            return ("licences",)
        if _CHANGELOG.match(name):
            return ("changelogs",)
        if suffix in (".md", ".rst") or name.lower().startswith("readme"):
            return ("docs",)
    return ()


def _licence(metadata: importlib.metadata.PackageMetadata) -> str | None:
    """The licence that a distribution names: an expression, a short field or a classifier."""
    for field in ("License-Expression", "License"):
        value = (metadata.get_all(field) or [""])[0].strip()
        if value and "\n" not in value and len(value) <= _NAME_CHARACTERS and value.upper() != "UNKNOWN":
            return str(value)
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License :: ")]
    return " AND ".join(classifiers) or None


def _manuals(share: str) -> Iterator[SourceFile]:
    """Those in the machine's default language."""
    for section in range(1, 10):
        root = f"{share}/man/man{section}"
        for path, name in _below(root):
            yield from _files(("docs",), path, f"man/man{section}/{name}", None)


def _docs(share: str) -> Iterator[SourceFile]:
    for path, name in _below(f"{share}/doc"):
        base = name.rpartition("/")[2]
        if _suffix(base) not in _PROSE | {".debian"}:
            continue
        if _LICENCE.match(base):
            yield from _files(("licences",), path, f"doc/{name}", None)
        elif _CHANGELOG.match(base):
            yield from _files(("changelogs",), path, f"doc/{name}", None)
        elif base.lower().startswith("readme"):
            yield from _files(("docs",), path, f"doc/{name}", None)


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _quotas(available: Mapping[str, int], max_bytes: int) -> dict[str, int]:
    """Bytes per kind: its share, or all it has, where the rest goes to the others by their shares."""
    quotas: dict[str, int] = {}
    open_kinds = dict(SHARES)
    left = max_bytes
    while open_kinds:
        total = sum(open_kinds.values())
        small = [kind for kind, share in open_kinds.items() if available[kind] <= left * share / total]
        if not small:
            return quotas | {kind: int(left * share / total) for kind, share in open_kinds.items()}
        for kind in small:
            quotas[kind] = available[kind]
            del open_kinds[kind]
        left = max_bytes - sum(quotas.values())
    return quotas


def _picked(files: Iterable[SourceFile], quota: int) -> Iterator[SourceFile]:
    """In the order of a hash, those that fit; copies, which share base name and size, are picked or left together."""
    def order(file: SourceFile) -> tuple[bytes, str]:
        base = file.name.rpartition("/")[2]
        return blake2b(f"{base}/{file.size}".encode(), digest_size=8).digest(), file.name

    left = quota
    for file in sorted(files, key=order):
        if file.size <= left:
            left -= file.size
            yield file


def _load(file: SourceFile, reading: Reading) -> bytes | None:
    path = file.uri.removeprefix(f"machine://{file.kind}")
    data = _read(path, max(4 * MAX_FILE_BYTES, 4 * file.size))
    if b"\0" in data:
        raise BrokenFileError("binary", "it holds NUL bytes")
    if file.kind == "docstrings":
        return _docstrings(_decoded(data)).encode() or None
    if file.name.startswith("man/"):
        return roff.plain(_decoded(data)).encode() or None
    if path.endswith(".dist-info/METADATA"):
        return _description(_decoded(data)).encode() or None
    return data


def _read(path: str, limit: int) -> bytes:
    try:
        with pa.OSFile(path, "r") as handle:
            parts: list[bytes] = []
            for chunk in chunks(handle, path):
                parts.append(chunk)
                if sum(map(len, parts)) > limit:
                    raise BrokenFileError("oversize", f"more than {limit} bytes")
            return b"".join(parts)
    except FileNotFoundError as error:
        raise Missing(f"{path} was there when the machine was searched, and is gone: run again") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BrokenFileError("invalid_utf8", f"{error.reason} at byte {error.start}") from error


def _description(metadata: str) -> str:
    """The long description of a distribution: the body of its metadata, or in old ones a header."""
    message = email.parser.Parser(policy=email.policy.compat32).parsestr(metadata)
    return str(message.get_payload() or textwrap.dedent(str(message.get("Description", ""))))


def _docstrings(source: str) -> str:
    """A module's docstrings in their order, each under the name of what it describes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            tree = ast.parse(source)
        return "\n\n".join(_described(tree, ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BrokenFileError("unparsable", f"{type(error).__name__}: {error}"[:200]) from error


def _described(node: ast.AST, prefix: str) -> Iterator[str]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        name = prefix if isinstance(node, ast.Module) else f"{prefix}.{node.name}".lstrip(".")
        if text := ast.get_docstring(node):
            yield f"{name}\n\n{text}" if name else text
        prefix = name
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from _described(child, prefix)
