"""Files that are named by something else than a path: lists of paths, and data set folders with a card."""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from corpusmill.jobs.runtime.store import StoreOptions, open_store
from corpusmill.jobs.sources.files import Identity, SourceFile, find, identified, opened
from corpusmill.jobs.sources.inflate import BrokenFileError, chunks
from corpusmill.jobs.sources.pieces import COMPRESSIONS
from corpusmill.operators.errors import ConfigError

LISTS = (".paths", ".paths.gz")
_CARD = "README.md"
_DATA = (".parquet", ".pq", ".jsonl", ".ndjson", ".json")
_DESCRIPTIONS = {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"}


def expanded(
    paths: Sequence[str], prefix: str, options: StoreOptions, identity: Identity = "version"
) -> tuple[list[str], list[SourceFile]]:
    """The paths that are no lists, and the files that the lists among them name.

    A list ends in ``.paths`` or ``.paths.gz`` and has a path on each line, such as Common Crawl's ``warc.paths.gz``; with
    ``prefix`` before it each names one file, and is the file's name. Raises ConfigError for a file that there is not.
    """
    plain = [path for path in paths if not path.endswith(LISTS)]
    found: dict[str, SourceFile] = {}
    for path in paths:
        if path.endswith(LISTS):
            for file in find([path], options):
                found |= {one.uri: identified(one, options, identity) for one in _named(file, prefix, options)}
    return plain, list(found.values())


def _named(file: SourceFile, prefix: str, options: StoreOptions) -> Iterator[SourceFile]:
    try:
        with opened(file, options) as handle:
            lines = b"".join(chunks(handle, file.uri)).decode().split("\n")
    except (BrokenFileError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.uri} is no list of paths: {error}") from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        raise ConfigError(f"{file.uri} names no files")
    root = prefix or file.uri.rpartition("/")[0]
    joined = {f"{root.rstrip('/')}/{name.lstrip('/')}": name for name in names}
    if root.startswith("s3://"):
        known = _in_store(list(joined), options)
    else:
        known = {path: _stat(path) for path in joined if Path(path).is_file()}
    for uri, name in joined.items():
        if uri not in known:
            raise ConfigError(f"{file.uri} names {uri}, which does not exist: corpus.prefix={prefix!r} is put before its lines")
        yield dataclasses.replace(known[uri], name=name)


def _stat(path: str) -> SourceFile:
    status = Path(path).stat()
    return SourceFile(os.path.abspath(path), status.st_size, f"{status.st_mtime_ns:x}", path)  # noqa: PTH100  (keeps links)


def _in_store(uris: Sequence[str], options: StoreOptions) -> dict[str, SourceFile]:
    """By a request for every folder, or for every thousand files of one, and not for every file."""
    wanted = set(uris)
    found = {}
    for folder in sorted({uri.rpartition("/")[0] for uri in uris}):
        bucket, _, key = folder.removeprefix("s3://").partition("/")
        for item in open_store(f"s3://{bucket}", options).list(f"{key}/" if key else ""):
            uri = f"s3://{bucket}/{item.path}"
            if uri in wanted:
                found[uri] = SourceFile(uri, item.size, item.version, item.path)
    return found


def data_folders(
    paths: Sequence[str], options: StoreOptions, license: str | None, identity: Identity = "version"  # noqa: A002
) -> list[SourceFile]:
    """The data files of folders laid out as on the Hugging Face hub: Parquet and JSON Lines, beside a card.

    Rows that name no source get the folder's name; those that name no license ``license``, or else the one in the front matter
    of the folder's README.md. A file's name holds its split (``data/train-00000-of-00010.parquet``), and so does the
    native_id of rows that have none of their own.
    """
    found: dict[str, SourceFile] = {}
    for path in paths:
        files = find([path], options)
        data = [file for file in files if _is_data(file.name)]
        if not data:
            raise ConfigError(f"corpus.paths: {path!r} holds no data file ({', '.join(_DATA)}, compressed or not)")
        card = next((file for file in files if file.name == _CARD), None)
        default = license or (_license(card, options) if card is not None and len(files) > 1 else None)
        source = path.rstrip("/").rpartition("/")[2]
        for file in data:
            found[file.uri] = identified(
                dataclasses.replace(file, source=source if len(files) > 1 else "", license=default), options, identity)
    return [found[uri] for uri in sorted(found)]


def _is_data(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    plain = next((base.removesuffix(suffix) for suffix in COMPRESSIONS if base.endswith(suffix)), base)
    return plain.endswith(_DATA) and base not in _DESCRIPTIONS


def _license(card: SourceFile, options: StoreOptions) -> str | None:
    with opened(card, options) as handle:
        text = bytes(handle.read()).decode(errors="replace").removeprefix("\ufeff")
    opening, _, rest = text.partition("\n")
    if opening.rstrip() != "---":
        return None
    try:
        facts: Any = yaml.safe_load(rest.split("\n---", 1)[0])
    except yaml.YAMLError as error:
        raise ConfigError(f"{card.uri}: its front matter is not YAML ({' '.join(str(error).split())}); "
                          "repair it, or set corpus.license") from error
    named = facts.get("license") if isinstance(facts, Mapping) else None
    if named == "other" and isinstance(facts.get("license_name"), str):
        named = facts["license_name"]
    kinds = [kind for kind in (named if isinstance(named, list) else [named]) if isinstance(kind, str)]
    return " OR ".join(kinds) or None
