import dataclasses
import json
import stat
from pathlib import Path
from typing import ClassVar

import pytest

from corpusmill.jobs.runtime import artifacts
from corpusmill.operators.errors import ConfigError, Corrupt, Missing


@dataclasses.dataclass(frozen=True)
class Applied:
    path: str = ""
    digest: str = ""


@dataclasses.dataclass(frozen=True)
class Built:
    files: tuple[str, ...]
    digest: str = ""
    scale: int = 1
    builds: ClassVar[list] = []

    @property
    def sources(self):
        return dict.fromkeys(self.files, "a part")

    def build(self, records, /):
        self.builds.append(self.files)
        return json.dumps([record["n"] * self.scale for path in self.files for record in records[path]]).encode()


@pytest.fixture
def parts(tmp_path):
    """Two files of records."""
    for i in range(2):
        (tmp_path / f"{i}.jsonl").write_text(f'{{"n": {i + 1}}}\n{{"n": 5}}\n')
    return [str(tmp_path / f"{i}.jsonl") for i in range(2)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_artifact_is_kept_by_its_digest_and_fetched_once(local, cache):
    digest = artifacts.put(local, b"learned")
    assert artifacts.put(local, b"learned") == digest != artifacts.put(local, b"other")
    assert artifacts.fetch(local, digest).read_bytes() == b"learned"
    local.delete(artifacts.path(digest))
    assert artifacts.fetch(local, digest) == cache / digest
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_broken_copy_on_the_node_is_fetched_again(local):
    digest = artifacts.put(local, b"learned")
    artifacts.fetch(local, digest).write_bytes(b"lear")
    assert artifacts.fetch(local, digest).read_bytes() == b"learned"


def test_a_broken_artifact_is_never_given(local, cache):
    digest = artifacts.put(local, b"learned")
    local.write(artifacts.path(digest), b"forged")
    with pytest.raises(Corrupt, match="is not what its name says"):
        artifacts.fetch(local, digest)
    assert list(cache.iterdir()) == []
    with pytest.raises(Missing):
        artifacts.fetch(local, "0" * 32)


def test_a_file_is_pinned_by_its_content(local, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.bin").write_bytes(b"weights")
    one, two = (artifacts.pin(local, Applied(str(tmp_path / f / "model.bin"))) for f in "ab")
    assert one.digest == two.digest
    assert bytes(local.read(artifacts.path(one.digest))) == b"weights"
    assert artifacts.pin(local, one) == one
    assert artifacts.pin(local, Applied()) == Applied()


def test_another_file_than_the_pinned_one_is_refused(local, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(ConfigError, match="but abc is asked for"):
        artifacts.pin(local, Applied(str(tmp_path / "model.bin"), "abc"))
    with pytest.raises(ConfigError, match="there is no file"):
        artifacts.pin(local, Applied(str(tmp_path / "none.bin")))


def test_a_file_inside_a_package_is_found(local):
    """json is imported here; a package that is not would not be either."""
    pinned = artifacts.pin(local, Applied("package://json/decoder.py"))
    assert artifacts.fetch(local, pinned.digest).read_bytes() == Path(json.decoder.__file__).read_bytes()


@pytest.mark.parametrize("path", ["package://no_such_package/file", "package://", "package://../etc/passwd", "package://a b/c"])
def test_a_package_that_is_not_there_is_a_clear_error(local, path):
    with pytest.raises(ConfigError, match="there is no package"):
        artifacts.pin(local, Applied(path))


@pytest.mark.parametrize("path", ["package://json/no_such_file", "/no/such/file"])
def test_a_file_that_is_not_there_is_a_clear_error(local, path):
    with pytest.raises(ConfigError, match="there is no file"):
        artifacts.pin(local, Applied(path))


def test_one_artifact_is_built_from_several_files_once(local, parts):
    Built.builds.clear()
    first = artifacts.pin(local, Built(tuple(parts)))
    assert artifacts.fetch(local, first.digest).read_bytes() == b"[1, 5, 2, 5]"
    assert artifacts.pin(local, Built(tuple(parts))) == artifacts.pin(local, first) == first
    assert len(Built.builds) == 1
    assert artifacts.pin(local, Built(tuple(parts), scale=2)).digest != first.digest
    local.delete(artifacts.path(first.digest))
    assert artifacts.pin(local, first) == first
    assert local.exists(artifacts.path(first.digest))


def test_files_elsewhere_build_the_same_artifact_and_changed_ones_another(local, parts, tmp_path):
    first = artifacts.pin(local, Built(tuple(parts)))
    (tmp_path / "moved.jsonl").write_bytes(Path(parts[0]).read_bytes())
    moved = Built((str(tmp_path / "moved.jsonl"), parts[1]))
    assert artifacts.pin(local, moved).digest == first.digest
    (tmp_path / "moved.jsonl").write_text('{"n": 7}')
    assert artifacts.pin(local, moved).digest != first.digest
    with pytest.raises(ConfigError, match="is asked for"):
        artifacts.pin(local, dataclasses.replace(moved, digest=first.digest))


def test_a_plan_builds_and_keeps_nothing(local, parts):
    planned = artifacts.pin(local, Built(tuple(parts)), keep=False)
    assert list(local.list()) == []
    assert artifacts.pin(local, Built(tuple(parts))) == planned


def test_a_part_that_is_not_there_is_named(local, parts):
    with pytest.raises(ConfigError, match=r"no file /no/such \(a part\): give the path of a file"):
        artifacts.pin(local, Built((*parts, "/no/such")))
