"""Artifacts: files kept by digest."""

import dataclasses
import json
from pathlib import Path

import pytest

from corpusmill.jobs.runtime import artifacts
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import ConfigError, Corrupt


@dataclasses.dataclass(frozen=True)
class Reader:
    """Stands for an operator that reads a file."""

    path: str
    digest: str = ""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    return open_store(str(tmp_path / "store"))


def test_a_pinned_file_is_fetched_by_its_digest(store, tmp_path):
    (tmp_path / "model").write_bytes(b"weights")
    pinned = artifacts.pin(store, Reader(f"{tmp_path}/model"))
    (tmp_path / "model").unlink()
    assert artifacts.fetch(store, pinned.digest).read_bytes() == b"weights"
    assert artifacts.fetch(store, pinned.digest).name == pinned.digest


def test_a_file_that_changed_is_refused(store, tmp_path):
    (tmp_path / "model").write_bytes(b"weights")
    pinned = artifacts.pin(store, Reader(f"{tmp_path}/model"))
    (tmp_path / "model").write_bytes(b"other weights")
    with pytest.raises(ConfigError, match=f"but {pinned.digest} is asked for"):
        artifacts.pin(store, pinned)


def test_a_file_inside_a_package_is_found(store):
    """json is imported here; a package that is not would not be either."""
    pinned = artifacts.pin(store, Reader("package://json/decoder.py"))
    assert artifacts.fetch(store, pinned.digest).read_bytes() == Path(json.decoder.__file__).read_bytes()


@pytest.mark.parametrize("path", ["package://no_such_package/file", "package://", "package://../etc/passwd", "package://a b/c"])
def test_a_package_that_is_not_there_is_a_clear_error(store, path):
    with pytest.raises(ConfigError, match="there is no package"):
        artifacts.pin(store, Reader(path))


@pytest.mark.parametrize("path", ["package://json/no_such_file", "/no/such/file"])
def test_a_file_that_is_not_there_is_a_clear_error(store, path):
    with pytest.raises(ConfigError, match="there is no file"):
        artifacts.pin(store, Reader(path))


def test_an_operator_without_a_file_stays_as_it_is(store):
    operator = Reader("")
    assert artifacts.pin(store, operator) is operator


def test_a_damaged_artifact_is_never_used(store, tmp_path):
    digest = artifacts.put(store, b"weights")
    (tmp_path / "store" / artifacts.path(digest)).write_bytes(b"damaged")
    with pytest.raises(Corrupt, match="is not what its name says"):
        artifacts.fetch(store, digest)


def test_a_damaged_copy_of_the_node_is_fetched_again(store):
    digest = artifacts.put(store, b"weights")
    artifacts.fetch(store, digest).write_bytes(b"damaged")
    assert artifacts.fetch(store, digest).read_bytes() == b"weights"
