"""One contract, kept by every kind of store."""

import concurrent.futures
import multiprocessing
import pickle
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.jobs.runtime.store import StoreOptions, open_store, preflight
from corpusmill.operators.errors import ConfigError, Missing, StoreError

RACERS = 16
KINDS = ["local", pytest.param("s3", marks=pytest.mark.s3), pytest.param("radosgw", marks=pytest.mark.s3)]


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "local":
        return open_store(str(tmp_path / "root"))
    endpoint = request.getfixturevalue("s3_server" if request.param == "s3" else "radosgw")
    return request.getfixturevalue("new_store")(endpoint)


def test_what_is_written_is_read_back(store):
    store.write("a/b/one.bin", b"first")
    assert store.read("a/b/one.bin") == b"first"
    store.write("a/b/one.bin", pa.py_buffer(b"second, longer"))
    assert store.read("a/b/one.bin") == b"second, longer"
    store.write("empty", b"")
    assert store.read("empty") == b""
    assert store.stat("empty").size == 0


def test_a_read_is_a_slice(store):
    """Past the end there is nothing, and no error, as for bytes."""
    data = bytes(range(256)) * 8
    store.write("x", data)
    slices = [(0, None), (5, None), (0, 10), (2000, 10), (2040, 100), (2048, 5), (5000, 5), (7, 0), (9999, None)]
    for offset, length in slices:
        assert store.read("x", offset, length) == data[offset : None if length is None else offset + length]


@pytest.mark.parametrize("path", ["nothing", "a", "a/b/deeper"])
def test_a_missing_object_is_named(store, path):
    """A folder is no object, nor is what would lie below an object."""
    store.write("a/b", b"x")
    for use in (store.read, store.open, store.stat, lambda p: store.read(p, 0, 0)):
        with pytest.raises(Missing, match=f"no object at .*{path}"):
            use(path)
    assert not store.exists(path)
    assert store.version(path) is None


def test_a_version_changes_with_the_content(store):
    """Even where one write follows the other at once and the size is the same."""
    versions = []
    for data in (b"aaaa", b"bbbb", b"cccc"):
        store.write("v", data)
        versions.append(store.version("v"))
    assert len(set(versions)) == 3
    entry = store.stat("v")
    assert (entry.path, entry.size, entry.version) == ("v", 4, versions[-1])
    assert list(store.list()) == [entry]


def test_put_if_absent_never_replaces(store):
    assert store.put_if_absent("r/one", b"first") is True
    assert store.put_if_absent("r/one", b"second") is False
    assert store.put_if_absent("r/one", b"first") is False
    assert store.read("r/one") == b"first"


def test_replace_swaps_only_the_version_it_was_told(store):
    assert store.replace("name", b"1", "0" * 32) is False
    assert not store.exists("name")
    assert store.replace("name", b"1", None) is True
    first = store.version("name")
    assert store.replace("name", b"2", None) is False
    assert store.replace("name", b"2", first) is True
    assert store.replace("name", b"3", first) is False
    assert store.read("name") == b"2"


def test_delete_is_idempotent(store):
    store.write("d/x", b"x")
    store.delete("d/x")
    store.delete("d/x")
    store.delete("never/was")
    assert not store.exists("d/x")
    assert list(store.list()) == []


def test_a_listing_is_recursive_sorted_and_by_any_prefix(store):
    paths = ["a", "a-b", "a.txt", "ab/c", "b/x/1", "b/x/10", "b/x/2", "b/xy", "ü/é", "z z/%41+&?#"]
    for path in reversed(paths):
        store.write(path, path.encode())
    assert [(e.path, e.size) for e in store.list()] == [(p, len(p.encode())) for p in sorted(paths, key=str.encode)]
    for prefix in ("a", "b/", "b/x", "b/x/1", "b/x/", "nothing", "ü/", "z z/%", "a-b/"):
        assert [e.path for e in store.list(prefix)] == sorted(p for p in paths if p.startswith(prefix)), prefix
    for entry in store.list():
        assert store.stat(entry.path) == entry


NAMES = st.text("abZ-._é ", min_size=1, max_size=3).filter(lambda name: name.strip(". "))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@settings(max_examples=15, deadline=None)
@given(paths=st.sets(PATHS, min_size=1, max_size=6), cut=st.integers(0, 4))
def test_any_paths_list_in_the_order_of_their_bytes(tmp_path_factory, paths, cut):
    """Local folders give the order that S3 promises, though a folder sorts apart from its files there."""
    paths = [p for p in paths if not any(q.startswith(p + "/") for q in paths)]
    store = open_store(str(tmp_path_factory.mktemp("list")))
    for path in paths:
        store.write(path, b"")
    for prefix in {"", paths[0][:cut]}:
        wanted = sorted((p for p in paths if p.startswith(prefix)), key=str.encode)
        assert [e.path for e in store.list(prefix)] == wanted


@pytest.mark.parametrize("path", ["", "/abs", "a//b", "a/../b", "./a", "a/", ".tmp/x", ".tmp", "a\0b"])
def test_paths_that_not_every_store_can_hold_are_refused(store, path):
    for use in (store.read, store.exists, lambda p: store.write(p, b""), store.delete, store.uri):
        with pytest.raises(StoreError, match="object path"):
            use(path)


def test_an_open_object_reads_like_a_file(store):
    data = bytes(i * 7 % 251 for i in range(300_000))
    store.write("f", data)
    with store.open("f") as file:
        assert file.size() == len(data)
        file.seek(1000)
        assert file.read(10) == data[1000:1010]
        assert file.read_at(50, 299_980) == data[299_980:]
        file.seek(0)
        assert b"".join(iter(lambda: file.read(999), b"")) == data


def test_parquet_columns_are_read_in_place(store):
    table = pa.table({"n": range(50_000), "s": [f"row {i}" for i in range(50_000)]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=10_000)
    store.write("t.parquet", sink.getvalue())
    with store.open("t.parquet") as file:
        assert pq.ParquetFile(file).read_row_group(3, columns=["n"])["n"].to_pylist() == list(range(30_000, 40_000))
    with store.open("t.parquet") as file:
        assert pq.read_table(file).equals(table)


def test_local_files_are_uploaded(store, tmp_path):
    for size in (0, 1000):
        local = tmp_path / "local.bin"
        local.write_bytes(b"u" * size)
        store.upload("up/loaded", local)
        assert store.read("up/loaded") == b"u" * size
        assert local.exists()
    with pytest.raises(StoreError, match="No such file"):
        store.upload("up/nothing", tmp_path / "nothing")
    assert not store.exists("up/nothing")


def test_large_objects_go_in_parts_and_come_back_whole(store, tmp_path):
    data = np.arange(17 << 20, dtype=np.uint32).tobytes()
    assert len(data) == 68 << 20
    store.write("big", pa.py_buffer(data))
    assert store.stat("big").size == len(data)
    assert store.read("big") == data
    (tmp_path / "big.bin").write_bytes(data[::-1])
    store.upload("big", tmp_path / "big.bin")
    assert store.read("big", 10, 1 << 20) == data[::-1][10 : 10 + (1 << 20)]


def test_of_racing_threads_one_puts(store):
    """Also where all put the same bytes."""
    gate = threading.Barrier(RACERS)

    def race(i):
        gate.wait()
        return store.put_if_absent("race", b"same" if i % 2 else b"%d" % i)

    with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
        wins = list(pool.map(race, range(RACERS)))
    assert wins.count(True) == 1
    winner = wins.index(True)
    assert store.read("race") == (b"same" if winner % 2 else b"%d" % winner)


def test_of_racing_threads_none_loses_an_increment(store):
    """Read, add one, swap; 8 threads together count to 24."""
    store.write("count", b"0")

    def add():
        while True:
            version = store.version("count")
            value = int(store.read("count"))
            if store.version("count") == version and store.replace("count", b"%d" % (value + 1), version):
                return

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(add) for _ in range(24)]:
            done.result()
    assert store.read("count") == b"24"


def _race(pickled, gate, results, i):
    store = pickle.loads(pickled)
    gate.wait()
    results.put((i, store.put_if_absent("race", b"%d" % i)))


# Python 3.12 warns of forking with threads, which here is the point.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_of_racing_processes_one_puts(store, method, monkeypatch):
    """A pickled store works in another process; a forked one makes its own connections."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # a spawned process imports this module by its name
    store.write("warm", b"")
    context = multiprocessing.get_context(method)
    racers = 6 if method == "fork" else 2  # each makes a client of its own, which costs more than the race
    gate, results = context.Barrier(racers), context.SimpleQueue()
    processes = [context.Process(target=_race, args=(pickle.dumps(store), gate, results, i)) for i in range(racers)]
    for process in processes:
        process.start()
    answers = dict(results.get() for _ in processes)
    for process in processes:
        process.join()
    assert list(answers.values()).count(True) == 1
    assert answers[int(store.read("race"))] is True


def test_readers_see_whole_objects_while_they_are_replaced(store):
    stop = threading.Event()
    sizes = (10, 200_000)
    store.write("flip", b"0" * sizes[0])

    def write():
        i = 0
        while not stop.is_set():
            i += 1
            store.write("flip", b"%d" % (i % 10) * sizes[i % 2])

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        for _ in range(40):
            data = store.read("flip")
            assert len(data) in sizes
            assert len(set(data)) == 1
        stop.set()
        writer.result()


def test_preflight_leaves_nothing_behind(store):
    preflight(store)
    assert list(store.list()) == []


def test_preflight_refuses_a_store_that_ignores_conditions(store, monkeypatch):
    """Two workers could otherwise both commit a shard."""
    monkeypatch.setattr(type(store), "put_if_absent", lambda self, path, data: self.write(path, data) or True)
    with pytest.raises(StoreError, match="ignores conditional writes"):
        preflight(store)


def test_addresses_are_normalised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_store("out/").root == str(tmp_path / "out")
    assert open_store("out/").uri("a/b") == str(tmp_path / "out/a/b")
    assert open_store(f"file://{tmp_path}/with%20space/").root == str(tmp_path / "with space")
    assert open_store("s3://bucket").root == "s3://bucket"
    assert open_store("s3://bucket/").uri("a") == "s3://bucket/a"
    assert open_store("s3://bucket/pre/fix/").uri("a/b") == "s3://bucket/pre/fix/a/b"


@pytest.mark.parametrize(("root", "endpoint", "message"), [
    ("gs://bucket/x", None, "scheme 'gs'"),
    ("file://host/x", None, "three slashes"),
    ("s3:///prefix", None, "names no bucket"),
    ("s3://bucket", "localhost:9000", "http:// or https://"),
])
def test_malformed_addresses_are_refused(root, endpoint, message):
    with pytest.raises(ConfigError, match=message):
        open_store(root, StoreOptions(endpoint=endpoint))
