"""Whether everything that a store shows is whole: what must hold at any moment, whatever was killed."""

import dataclasses
import io
import json
import re

import pyarrow.parquet as pq
from blake3 import blake3

from corpusmill.jobs.runtime.store import Store

_RECEIPT = re.compile(r".*/shards/([0-9a-f]{32})\.json")
_DATA = re.compile(r".*/shards/[0-9a-f]{32}-[0-9a-f]{32}\.(parquet|edits\.parquet|quarantine\.parquet|ipc)")
_KNOWN = re.compile(r"""
    (running|\.preflight|names|artifacts)/.+
  | [a-z_]+/[0-9a-f]{32}/(manifest\.json|run\.json|shards\.parquet)
  | (proportions|domain_model|domain_keys|classifier|cutoffs|report|law|predictions)/[0-9a-f]{32}/
    ((proportions|cuts|cutoffs|keys|law|cards-[0-9a-f]{32}|report)\.json|report\.html|predictions\.parquet)
  | index/[0-9a-f]{32}/index\.json
  | learned/[0-9a-f]{32}/\w+-[0-9a-f]{32}\.json
  | [a-z_]+/[0-9a-f]{32}/scratch/.+/(objects-[0-9a-f]{32}\.json|routes-[0-9a-f]{32}\.bin)
""", re.VERBOSE)


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a whole store holds."""

    manifests: frozenset[str]
    receipts: frozenset[str]
    orphans: frozenset[str]  # data that no receipt names: whole, but nothing will read it


def verify_store(store: Store) -> Seen:
    """Check every object against its name, every receipt and manifest against the objects that it names."""
    content = {entry.path: store.read(entry.path) for entry in store.list()}
    named: set[str] = set()
    manifests, receipts = set(), set()
    for path, data in content.items():
        if match := _RECEIPT.fullmatch(path):
            receipts.add(path)
            named |= _check_receipt(content, path, json.loads(data), match[1])
        elif path.endswith("/manifest.json"):
            manifests.add(path)
            _check_manifest(content, path, json.loads(data))
        elif _DATA.fullmatch(path):
            _check_data(path, data)
        else:
            assert _KNOWN.fullmatch(path), f"nobody knows what {path} is"
    data_paths = {path for path in content if _DATA.fullmatch(path)}
    return Seen(frozenset(manifests), frozenset(receipts), frozenset(data_paths - named))


def _check_data(path: str, data: bytes) -> None:
    """A half-written file has no footer, or does not end where its digest says."""
    if path.endswith(".ipc"):
        assert path.removesuffix(".ipc").endswith(blake3(data).hexdigest(16)), f"{path} is not what its name says"
    else:
        assert pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True).read() is not None


def _check_receipt(content, path: str, receipt: dict, key: str) -> set[str]:
    assert receipt["key"] == key, path
    stored = [s for output in receipt["outputs"] for s in (output["main"], output["edits"]) if s]
    stored += [receipt["extra"]["quarantine"]] if "quarantine" in receipt["extra"] else []
    for one in stored:
        _check_stored(content, path, one)
    return {one["object"] for one in stored}


def _check_stored(content, by: str, stored: dict) -> None:
    name = stored["object"]
    assert name in content, f"{by} names {name}, which is not there"
    data = content[name]
    assert (len(data), blake3(data).hexdigest(16)) == (stored["size"], stored["file"]), f"{name} is not what {by} says"
    if name.endswith(".parquet"):
        assert pq.ParquetFile(io.BytesIO(data)).metadata.num_rows == stored["rows"], name


def _check_manifest(content, path: str, manifest: dict) -> None:
    folder = path.removesuffix("/manifest.json")
    assert folder == f"{manifest['stage']}/{manifest['key']}"
    for reference in [*manifest["inputs"].values(), *manifest["view"]]:
        given = f"{reference['stage']}/{reference['key']}/manifest.json"
        assert given in content, f"{path} was made from {given}, which is not there"
        assert json.loads(content[given])["digest"] == reference["digest"], f"{given} is not what {path} was made from"
    if not manifest["index"]:
        file = content[f"{folder}/{manifest['details']['file']}"]
        assert blake3(file).hexdigest(16) == manifest["digest"], f"{path}: its file is another"
        return
    index = content[f"{folder}/shards.parquet"]
    assert blake3(index).hexdigest(16) == manifest["index"], f"{path}: its index is another"
    rows = pq.read_table(io.BytesIO(index)).to_pylist()
    assert (len(rows), sum(row["rows"] for row in rows)) == (manifest["shards"], manifest["rows"]), path
    assert [row["ordinal"] for row in rows] == sorted({row["ordinal"] for row in rows}), path
    for row in rows:
        _check_stored(content, path, row)
        if row["edits_object"]:
            _check_stored(content, path, {name.removeprefix("edits_"): row[name] for name in row if name.startswith("edits_")})
