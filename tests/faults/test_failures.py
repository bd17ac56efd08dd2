"""What fails for good says so in the user's terms, ends with exit code 1, and leaves a store that the next run goes on from."""

import contextlib
import io
import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import builds
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import verify

from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import TaskError

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Six files."""
    return builds.write_small_files(tmp_path_factory.mktemp("corpus"), 6)


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """A store with a build in it."""
    root = tmp_path_factory.mktemp("plain")
    assert builds.build(root, corpus).code == 0
    return root


@pytest.fixture
def copied(plain, tmp_path):
    """A copy of that store, to be damaged."""
    return Path(shutil.copytree(plain, tmp_path / "root"))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if data[:4] != b"PAR1" else 40] ^= 0x55
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize(("damage", "damaged", "downstream"), [
    pytest.param(_flip, "documents/shards/*.parquet", "annotations", id="documents-flipped"),
    pytest.param(_flip, "signatures/shards/*.parquet", "duplicates", id="columns-flipped"),
    pytest.param(_cut, "domains/shards/*.parquet", "counts", id="columns-cut"),
    pytest.param(Path.unlink, "documents/shards/*.parquet", "annotations", id="object-gone"),
    pytest.param(_flip, "documents/*/shards.parquet", "annotations", id="index-flipped"),
    pytest.param(_cut, "decisions/shards/*.json", "decisions/*/manifest.json", id="receipt-cut"),
    pytest.param(_cut, "decisions/*/manifest.json", "domains", id="manifest-cut"),
])
def test_damage_is_found_before_anything_is_made_of_it(damage, damaged, downstream, copied, corpus, plain):
    """A changed byte never becomes a changed result; once the damaged dataset's records are deleted, a run repairs it."""
    victim = sorted(copied.glob(damaged))[0]
    damage(victim)
    _remove(copied, downstream)
    code, err = _run(copied, corpus)
    assert code == 1
    assert victim.name in err
    _one_line(err)
    for pattern in (f"{victim.relative_to(copied).parts[0]}/*/manifest.json", damaged,
                    f"{victim.relative_to(copied).parts[0]}/shards/*.json"):
        _remove(copied, pattern)
    assert _run(copied, corpus)[0] == 0
    assert builds.objects(str(copied)) == builds.objects(str(plain))


def test_an_object_that_vanished_is_not_taken_for_another_builds_cleaning(copied, corpus):
    """Dedup adopts what another build committed; where none did, the missing object is the error."""
    _remove(copied, "duplicates")
    sorted(copied.glob("signatures/shards/*.parquet"))[0].unlink()
    code, err = _run(copied, corpus)
    assert code == 1
    assert "no object at" in err
    _one_line(err)


def test_a_store_that_takes_nothing_more_half_way_can_be_gone_on_from(corpus, plain, tmp_path):
    """From some moment on every write fails, as on a full disk or over a quota."""
    running = builds.Running(builds.command(tmp_path, corpus))
    assert running.until(lambda: len(list(tmp_path.glob("annotations/shards/*.json"))) > 1)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    ended = running.wait()
    assert ended.code == 1
    assert "too large" in ended.err
    _one_line(ended.err)
    verify.verify_store(open_store(str(tmp_path)))
    assert builds.build(tmp_path, corpus).code == 0
    assert builds.objects(str(tmp_path)) == builds.objects(str(plain))


def test_a_full_or_read_only_disk_is_called_so(corpus, plain, tmp_path):
    """On a file system of 300 kB, which then cannot be written at all, and then has room."""
    with _small_disk(tmp_path, "300k") as remount:
        full = _run(tmp_path, corpus)
        assert full[0] == 1
        assert "the disk is full: free some space and run the same command again" in full[1]
        _one_line(full[1])
        verify.verify_store(open_store(str(tmp_path)))
        remount("ro")
        code, err = _run(tmp_path, corpus)
        assert (code, "the file system is read-only" in err) == (1, True), err
        remount("rw,size=50m")
        assert _run(tmp_path, corpus)[0] == 0
        assert builds.objects(str(tmp_path)) == builds.objects(str(plain))


@pytest.mark.parametrize(("engine", "sent"), [
    ("inline", signal.SIGTERM), ("inline", signal.SIGINT), pytest.param("ray", signal.SIGTERM, marks=pytest.mark.ray),
])
def test_a_build_that_is_asked_to_end_says_what_stays(engine, sent, corpus, tmp_path):
    """Exit code 130, a message, and no process left behind."""
    for attempt in range(9):  # on a loaded machine a build may end before it is seen to have begun
        store = tmp_path / str(attempt)
        running = builds.Running(builds.command(store, corpus, engine=engine))
        assert running.until(lambda store=store: len(list(store.glob("documents/shards/*.json"))) > 1)
        os.kill(running.process.pid, sent)
        ended = running.wait(60)
        if ended.code:
            break
    assert ended.code == 130, ended.err
    assert "interrupted: what was committed stays" in ended.err
    assert "Traceback" not in ended.err
    deadline = time.monotonic() + 30
    while builds.started_by(running.mark):
        assert time.monotonic() < deadline, "processes are left behind"
    verify.verify_store(open_store(str(store)))
    assert list(store.glob("running/*")) == []


def test_a_file_with_a_broken_page_is_named(tmp_path):
    """The reader's own words would name a column and a byte, but no file."""
    corpus = builds.write_small_files(tmp_path / "corpus", 2)
    broken = corpus / "broken.parquet"
    table = pa.table({"text": [f"some words of row {i}" for i in range(4000)]})
    pq.write_table(table, broken, compression="zstd", use_dictionary=False, write_page_checksum=True)
    data = bytearray(broken.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 64] = bytes(64)
    broken.write_bytes(data)
    code, err = _run(tmp_path / "root", corpus, "corpus.on_bad=fail")
    assert code == 1
    assert str(broken) in err
    _one_line(err)


def test_a_task_that_raises_anything_is_named():
    """A mistake in our own code is reported with the shard that it happened on."""
    class Item:
        label, memory = "shard 7 of documents", 0

    def mistaken(item):
        raise ZeroDivisionError("by zero")

    with pytest.raises(TaskError, match=r"shard 7 of documents failed: ZeroDivisionError: by zero"):
        list(InlineEngine().map(mistaken, [Item()]))


def _run(root, corpus, *words):
    """A build in this process: exit code and standard error."""
    err = io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        code = main(builds.command(root, corpus, "quiet=true", *words))
    signal.signal(signal.SIGTERM, before)
    return code, err.getvalue()


def _one_line(err: str) -> None:
    assert "Traceback" not in err
    lines = err.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:], err


def _remove(root: Path, pattern: str) -> None:
    for path in list(root.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _small_disk(folder, size):
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
    finally:
        subprocess.run(["umount", folder], check=True)
