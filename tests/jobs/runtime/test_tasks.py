import dataclasses

import pyarrow as pa
import pytest

from corpusmill.jobs.runtime import receipts
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.tasks import Facts, Task, run_tasks
from corpusmill.operators.errors import DataError

SCHEMA = pa.schema([("n", pa.int64())])


@dataclasses.dataclass(frozen=True)
class Square:
    """Writes the square of its payload, and refuses 13."""

    computed: list

    def __call__(self, store, task, emit):
        if task.payload == 13:
            raise DataError("13 is not allowed")
        self.computed.append(task.payload)
        emit(encode([pa.RecordBatch.from_pydict({"n": [task.payload**2]}, schema=SCHEMA)], SCHEMA))
        return Facts({"rows_in": 1, "kept": 1, "bytes_in": task.payload}, {"payload": task.payload})


def tasks(*payloads):
    return [Task(i, f"key{n}", f"task {n}", 0, n, f"documents{i}") for i, n in enumerate(payloads)]


def run(session, work, *payloads):
    return list(run_tasks(session, "stage", iter(tasks(*payloads)), len(payloads), work, "squares"))


def test_each_task_is_committed_with_what_it_said(session, local):
    work = Square([])
    done = run(session, work, 2, 3)
    assert [(d.ordinal, d.documents, d.computed, d.rows, d.bytes) for d in done] == \
        [(0, "documents0", True, 1, 2), (1, "documents1", True, 1, 3)]
    assert receipts.find(local, "stage", "key3") == done[1].receipt
    assert done[1].receipt.extra == {"payload": 3}
    assert local.exists(done[1].receipt.outputs[0].main.object)


def test_what_has_a_receipt_is_adopted_and_not_computed(session):
    work = Square([])
    first = run(session, work, 2, 3)
    again = run(session, work, 3, 4, 2)
    assert work.computed == [2, 3, 4]
    assert {d.ordinal: d.receipt.extra["payload"] for d in again} == {0: 3, 1: 4, 2: 2}
    assert {d.receipt.key: d.receipt for d in again}["key2"] == first[0].receipt
    assert (session.tasks_run["squares"], session.tasks_adopted["squares"]) == (3, 2)


def test_tasks_of_one_key_are_computed_once_and_all_have_a_result(session):
    work = Square([])
    done = run(session, work, 5, 6, 5, 5)
    assert sorted(work.computed) == [5, 6]
    assert sorted((d.ordinal, d.receipt.extra["payload"]) for d in done) == [(0, 5), (1, 6), (2, 5), (3, 5)]


def test_what_was_done_before_an_error_is_not_done_again(session, local):
    work = Square([])
    with pytest.raises(DataError, match="task 13: 13 is not allowed"):
        run(session, work, 1, 2, 13, 4)
    assert receipts.find(local, "stage", "key13") is None
    run(session, work, 1, 2, 3, 4)
    assert work.computed == [1, 2, 3, 4]


def test_many_tasks_are_looked_up_chunk_by_chunk(session, monkeypatch):
    monkeypatch.setattr("corpusmill.jobs.runtime.tasks.LOOKUPS", 2)
    work = Square([])
    run(session, work, *range(20, 120, 7))
    done = run(session, work, *range(20, 120))
    assert sorted(d.ordinal for d in done) == list(range(100))
    assert sorted(work.computed) == sorted(range(20, 120))


def test_a_task_may_emit_many_shards_and_layers(session, local):
    class Many:
        def __call__(self, store, task, emit):
            for n in range(task.payload):
                shard = encode([pa.RecordBatch.from_pydict({"n": [n]}, schema=SCHEMA)], SCHEMA)
                emit(shard, shard if n else None)
            emit.blob(b"raw", "digest", 9, "bin")
            return Facts({})

    (done,) = run(session, Many(), 2)
    first, second, blob = done.receipt.outputs
    assert (first.edits, second.edits.object) == (None, f"stage/shards/key2-{second.main.content}.edits.parquet")
    assert bytes(local.read(blob.main.object)) == b"raw"
    assert done.rows == 1 + 1 + 9
