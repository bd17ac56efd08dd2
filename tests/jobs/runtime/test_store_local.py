import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from corpusmill.jobs.runtime import store_local
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import StoreError


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "root"))


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="is a file: name a folder"):
        open_store(str(tmp_path / "file"))


def test_opening_and_reading_create_nothing(store, tmp_path):
    """A store may be a folder that its reader cannot write to."""
    assert list(store.list()) == []
    assert not store.exists("x")
    assert not (tmp_path / "root").exists()


def test_a_file_in_the_way_is_named(store):
    store.write("a", b"")
    with pytest.raises(StoreError, match=r"a/b: a file stands where a folder is needed"):
        store.write("a/b", b"")
    store.write("c/d", b"")
    with pytest.raises(StoreError, match="a folder stands where the object is to be"):
        store.write("c", b"")


@pytest.mark.parametrize(("code", "message"), [
    (errno.EACCES, "permission denied"),
    (errno.ENOSPC, "the disk is full"),
    (errno.EDQUOT, "quota"),
    (errno.EIO, "Input/output error"),
])
@pytest.mark.parametrize("step", ["write", "fsync", "link"])
def test_a_refusing_disk_is_explained_and_leaves_nothing(store, tmp_path, monkeypatch, code, message, step):
    """Whichever step it is that fails."""
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code), "somewhere")

    monkeypatch.setattr(store_local.os, step, fail)
    with pytest.raises(StoreError, match=f"some/object: .*{message}"):
        store.put_if_absent("some/object", b"x")
    monkeypatch.undo()
    assert not store.exists("some/object")
    assert [p for p in (tmp_path / "root" / ".tmp").iterdir() if p.name != "lock"] == []


def test_a_short_write_goes_on(store, monkeypatch):
    write = os.write
    monkeypatch.setattr(store_local.os, "write", lambda fd, data: write(fd, data[:7]))
    store.write("x", b"0123456789" * 10)
    assert store.read("x") == b"0123456789" * 10


def _write_for_ever(store, ready):
    store.write("x", b"whole")
    ready.set()
    while True:
        store.write("x", b"whole" * 400_000)


@pytest.mark.faults
def test_a_killed_writer_leaves_no_partial_object(store, monkeypatch):
    """Whatever it was doing when it was killed, what it left is neither read nor listed."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # a spawned process imports this module by its name
    context = multiprocessing.get_context("spawn")
    for trial in range(3):
        ready = context.Event()
        process = context.Process(target=_write_for_ever, args=(store, ready))
        process.start()
        assert ready.wait(300)
        time.sleep(0.02 * trial)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert store.read("x") in (b"whole", b"whole" * 400_000)
        assert [entry.path for entry in store.list()] == ["x"]


def test_leftovers_are_swept_after_a_day(store, tmp_path):
    """But not the lock, which another process may hold."""
    scratch = tmp_path / "root" / ".tmp"
    scratch.mkdir(parents=True)
    long_ago = time.time() - 2 * 86_400
    for name in ("old", "young", "lock"):
        (scratch / name).write_bytes(b"partial")
        if name != "young":
            os.utime(scratch / name, (long_ago, long_ago))
    store.write("x", b"")
    assert sorted(p.name for p in scratch.iterdir()) == ["lock", "young"]


def test_versions_grow_though_the_clock_goes_back(store, monkeypatch):
    """Else a swap could meet the version of an older content."""
    assert store.replace("v", b"aa", None)
    first = store.version("v")
    monkeypatch.setattr(store_local.time, "time_ns", lambda: 10**18)
    assert store.replace("v", b"bb", first)
    second = store.version("v")
    assert store.replace("v", b"cc", second)
    assert len({first, second, store.version("v")}) == 3


def test_links_to_files_are_listed_and_links_to_folders_are_not(store, tmp_path):
    """A link to a folder above itself would be listed without end; one that is named is followed."""
    store.write("in/x", b"xx")
    root = tmp_path / "root"
    (root / "file").symlink_to(root / "in" / "x")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to(root / "nowhere")
    assert [(e.path, e.size) for e in store.list()] == [("file", 2), ("in/x", 2)]
    assert [e.path for e in store.list("loop/in/")] == ["loop/in/x"]
