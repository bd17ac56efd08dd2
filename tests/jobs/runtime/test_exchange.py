import dataclasses
import functools
import threading
import uuid
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.jobs.runtime import exchange, receipts
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.stage import Stage
from corpusmill.jobs.runtime.store import open_store
from corpusmill.jobs.runtime.tasks import Session, Task
from corpusmill.operators.errors import DataError, Missing
from corpusmill.operators.text.content import key as digest_key

SCHEMA = pa.schema([("key", pa.int64()), ("value", pa.string())])


def place(key, partitions):
    """The partition of a key, in plain Python."""
    return (key * 2654435761 >> 7) % partitions


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Sends the pairs of its payload, in batches of three; refuses the key ``bad``."""

    bad: int = -1

    def messages(self, store, task):
        for start in range(0, len(task.payload), 3):
            part = task.payload[start : start + 3]
            if any(key == self.bad for key, _ in part):
                raise DataError(f"{self.bad} is not allowed")
            yield pa.RecordBatch.from_pydict({"key": [k for k, _ in part], "value": [v for _, v in part]}, schema=SCHEMA)

    def route(self, batch, partitions):
        return np.array([place(key, partitions) for key in batch.column("key").to_pylist()], np.int64)

    def facts(self, batches):
        return {"messages": sum(b.num_rows for b in batches)}


def tasks(payloads):
    return [Task(i, digest_key(["task", i, repr(p)]), f"task {i}", 0, p) for i, p in enumerate(payloads)]


def send(session, payloads, partitions, name="stage", mapper=None, **how):
    made = Stage(name, SCHEMA, {}, source=repr(payloads))
    sender = functools.partial(tasks, payloads)
    return exchange.exchange(session, made, "pairs", sender, mapper or Pairs(), SCHEMA, partitions, **how)


def received(session, exchanged):
    """Per partition the multiset of pairs that its reducer gets."""
    found = []
    for partition in range(exchanged.partitions):
        rows = exchanged.read(session.store, partition).to_pylist()
        found.append(Counter((r["key"], r["value"]) for r in rows))
    return found


def expected(payloads, partitions):
    found = defaultdict(Counter)
    for payload in payloads:
        for key, value in payload:
            found[place(key, partitions)][key, value] += 1
    return [found[p] for p in range(partitions)]


def refined(session):
    """How many tasks of a second round were run."""
    return sum(n for title, n in session.tasks_run.items() if title.endswith("refine"))


PAYLOADS = [[(n % 11, f"{m}-{n}") for n in range(13 * m)] for m in range(4)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Session(open_store(str(tmp_path_factory.mktemp("exchange"))), InlineEngine(), quiet=True)


@settings(max_examples=25)
@given(
    payloads=st.lists(st.lists(st.tuples(st.integers(0, 40), st.text(max_size=2)), max_size=9), min_size=1, max_size=3),
    partitions=st.integers(1, 12), two_rounds=st.booleans(),
)
def test_a_reducer_gets_exactly_the_messages_of_its_keys(shared, payloads, partitions, two_rounds):
    """In one round and in two, with empty mappers and empty partitions."""
    exchanged, counts = send(shared, payloads, partitions, uuid.uuid4().hex, max_routes=0 if two_rounds else 10**6)
    assert received(shared, exchanged) == expected(payloads, partitions)
    assert counts["messages"] == sum(map(len, payloads))


@pytest.mark.parametrize("partitions", [2, 5, 9, 16, 30])
def test_two_rounds_equal_one(session, partitions):
    one, _ = send(session, PAYLOADS, partitions, "one")
    two, _ = send(session, PAYLOADS, partitions, "two", max_routes=1)
    assert refined(session) > 0
    assert received(session, one) == received(session, two) == expected(PAYLOADS, partitions)


def test_the_second_round_reads_a_bounded_piece_at_a_time(session, monkeypatch):
    monkeypatch.setattr(exchange, "GROUP_BYTES", 1)
    two, _ = send(session, PAYLOADS, 9, max_routes=1)
    pieces = {(mapper, place(key, 9) // 3) for mapper, payload in enumerate(PAYLOADS) for key, _ in payload}
    assert refined(session) == len(pieces) > 3, "a piece for each group of each mapper"
    assert received(session, two) == expected(PAYLOADS, 9)


def test_the_order_of_completion_changes_no_message(session):
    plain, _ = send(session, PAYLOADS, 5)
    routes = bytes(session.store.read(plain.table))
    session.engine = InlineEngine(shuffle=3)
    shuffled, _ = send(session, PAYLOADS, 5, "shuffled")
    assert bytes(session.store.read(shuffled.table)) == routes
    assert received(session, shuffled) == received(session, plain)


def test_offsets_cut_the_object_by_partition(session):
    made = Stage("stage", SCHEMA, {}, source=repr(PAYLOADS))
    send(session, PAYLOADS, 4)
    for task in tasks(PAYLOADS):
        receipt = receipts.find(session.store, f"stage/{made.key}/scratch/pairs-4", task.key)
        offsets = receipt.extra["offsets"]
        assert len(offsets) == 5
        assert offsets == sorted(offsets)
        assert (offsets[0], offsets[-1]) == (0, receipt.outputs[0].main.size)
        data = bytes(session.store.read(receipt.outputs[0].main.object))
        for partition, (start, end) in enumerate(pairwise(offsets)):
            reader, rows = pa.BufferReader(data[start:end]), []
            while reader.tell() < end - start:
                rows += pa.ipc.read_record_batch(pa.ipc.read_message(reader), SCHEMA).to_pylist()
            assert Counter((r["key"], r["value"]) for r in rows) == expected([task.payload], 4)[partition]


def test_a_reducer_makes_one_read_per_mapper_that_has_something_for_it(session):
    exchanged, _ = send(session, PAYLOADS, 3)

    class Counting:
        def __init__(self):
            self.reads = []

        def read(self, *where):
            self.reads.append(where)
            return session.store.read(*where)

    for partition in range(3):
        store = Counting()
        exchanged.read(store, partition)
        senders = sum(any(place(k, 3) == partition for k, _ in p) for p in PAYLOADS)
        assert len(store.reads) == senders + 2, "the routes and the list of objects"


def test_a_reducer_waits_for_many_reads_at_once(session):
    """Each piece is given once all four were asked for, and not before."""
    exchanged, _ = send(session, [[(key, f"{mapper}") for key in range(9)] for mapper in range(4)], 1)
    asked = threading.Barrier(4, timeout=30)

    class Waiting:
        def read(self, path, *where):
            if path.endswith(".ipc"):
                asked.wait()
            return session.store.read(path, *where)

    assert exchanged.read(Waiting(), 0).num_rows == 36


def test_an_interrupted_exchange_goes_on_where_it_was(session):
    payloads = [[(i, str(i))] for i in range(6)]
    with pytest.raises(DataError, match="task 4: 4 is not allowed"):
        send(session, payloads, 3, mapper=Pairs(bad=4))
    assert session.tasks_run["stage:pairs"] == 4
    exchanged, _ = send(session, payloads, 3)
    assert session.tasks_run["stage:pairs"] == 6
    assert session.tasks_adopted["stage:pairs"] == 4
    assert received(session, exchanged) == expected(payloads, 3)


def test_an_interrupted_second_round_goes_on_where_it_was(session):
    send(session, PAYLOADS, 9, max_routes=1)
    done = refined(session)
    scratch = [e.path for e in session.store.list("stage/") if "/refined/shards/" in e.path and e.path.endswith(".json")]
    session.store.delete(scratch[0])
    exchanged, _ = send(session, PAYLOADS, 9, max_routes=1)
    assert refined(session) == done + 1
    assert session.tasks_run["stage:pairs"] == len(PAYLOADS)
    assert received(session, exchanged) == expected(PAYLOADS, 9)


def test_scratch_is_cleaned_with_receipts_first(session, make, monkeypatch):
    """Whoever comes in between finds no receipt that names an object that is gone."""
    manifest = make("numbers", [[{"key": 1, "value": "x"}]], SCHEMA)
    stage = dataclasses.replace(Stage("numbers", SCHEMA, {}), source=repr(({0: [{"key": 1, "value": "x"}]}, None)))
    assert stage.key == manifest.key
    sender = functools.partial(tasks, PAYLOADS)
    exchanged, _ = exchange.exchange(session, stage, "pairs", sender, Pairs(), SCHEMA, 9, max_routes=1)
    deleted = []
    store = session.store

    class Watching:
        def list(self, prefix):
            return store.list(prefix)

        def delete(self, path):
            deleted.append(path)
            store.delete(path)

    session.store = Watching()
    exchange.clean(session, manifest)
    assert not list(store.list(f"{manifest.folder}/scratch/"))
    assert store.exists(manifest.path)
    kinds = [path.endswith(".json") for path in deleted]
    assert kinds == sorted(kinds, reverse=True)
    with pytest.raises(Missing):
        exchanged.read(store, 0)


def test_partitions_are_as_many_as_their_size_needs():
    assert exchange.partitions_for(0) == 1
    assert exchange.partitions_for(exchange.PARTITION_BYTES) == 1
    assert exchange.partitions_for(exchange.PARTITION_BYTES + 1) == 2
    assert exchange.partitions_for(1, 7) == 7


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.integers(1, 2**20))
def test_digests_are_routed_in_order_and_evenly(prefixes, partitions):
    """floor(prefix · P / 2^64), by the 32 leading bits."""
    found = exchange.route_digest(np.array(prefixes, np.uint64), partitions).tolist()
    assert found == [((p >> 32) * partitions) >> 32 for p in prefixes]
    assert all(0 <= p < partitions for p in found)
