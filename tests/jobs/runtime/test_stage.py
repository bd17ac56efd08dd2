import dataclasses
import json

import pyarrow as pa
import pytest

from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime import shards, stage
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.shards import encode
from corpusmill.jobs.runtime.stage import Planned, Stage
from corpusmill.jobs.runtime.tasks import Facts, Task
from corpusmill.operators.errors import BalanceError, DataError, Missing

SCHEMA = pa.schema([("n", pa.int64())])


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A shard for each list of the payload; says that ``lost`` rows more came in."""

    lost: int = 0

    def __call__(self, store, task, emit):
        for numbers in task.payload:
            emit(encode([pa.RecordBatch.from_pydict({"n": numbers}, schema=SCHEMA)], SCHEMA))
        kept = sum(map(len, task.payload))
        return Facts({"rows_in": kept + self.lost, "kept": kept})


def tasks(made, payloads):
    return [Task(i, made.task_key(repr(p)), f"task {i}", 1000, p) for i, p in enumerate(payloads)]


def run(session, payloads, *, parameters=None, lost=0, **how):
    made = Stage("numbers", SCHEMA, parameters or {}, source=repr(payloads))
    return stage.run(session, made, tasks(made, payloads), len(payloads), Numbers(lost), **how)


def numbers(store, manifest):
    return [shards.table(store, s.main, ["n"]).column("n").to_pylist() for s in manifests.shards(store, manifest)]


def test_a_stage_ends_with_a_manifest_of_its_shards(session, local):
    made = run(session, [[[1, 2]], [[3]]], details={"a": 1})
    assert numbers(local, made) == [[1, 2], [3]]
    assert (made.rows, made.shards, made.counts, made.details) == (3, 2, {"kept": 3, "rows_in": 3}, {"a": 1})
    assert manifests.find(local, "numbers", made.key) == made


@pytest.mark.parametrize("renumber", [True, False])
@pytest.mark.parametrize("shuffle", [None, 1, 2, 3])
def test_the_order_of_completion_leaves_no_trace(session, tmp_path, shuffle, renumber):
    payloads = [[[i], [i, i]] if renumber else [[i]] for i in range(9)]
    session.engine = InlineEngine(shuffle)
    made = run(session, payloads, renumber=renumber)
    assert numbers(session.store, made) == [shard for payload in payloads for shard in payload]
    index = [s.ordinal for s in manifests.shards(session.store, made)]
    assert index == list(range(len(index)))


def test_shards_of_tasks_that_give_several_or_none_are_numbered_through(session, local):
    made = run(session, [[], [[1], [2]], [], [[3]]], renumber=True)
    assert numbers(local, made) == [[1], [2], [3]]
    assert [s.ordinal for s in manifests.shards(local, made)] == [0, 1, 2]


def test_an_empty_dataset_is_an_error_unless_allowed(session, local):
    with pytest.raises(DataError, match=r"numbers is empty.*allow_empty=true"):
        run(session, [[[]]])
    assert not [e for e in local.list("numbers/") if e.path.endswith("manifest.json")]
    assert run(session, [[[]]], empty_ok=True).rows == 0


def test_rows_that_vanish_stop_the_job(session, local):
    with pytest.raises(BalanceError, match="3 rows in, but 2"):
        run(session, [[[1, 2]]], lost=1)
    assert not [e for e in local.list("numbers/") if e.path.endswith(".json")]


def test_keys_name_everything_that_a_dataset_depends_on(make):
    documents = make("documents", [[{"n": 1}]], SCHEMA)
    other = make("documents", [[{"n": 2}]], SCHEMA)
    plain = Stage("s", SCHEMA, {"p": 1}, {"documents": documents})
    variants = [
        plain, dataclasses.replace(plain, name="t"), dataclasses.replace(plain, parameters={"p": 2}),
        dataclasses.replace(plain, inputs={"documents": other}), dataclasses.replace(plain, inputs={"decisions": documents}),
        dataclasses.replace(plain, view=(documents.reference,)), dataclasses.replace(plain, source="x"),
    ]
    assert len({s.key for s in variants}) == len(variants)
    assert Stage("s", SCHEMA, {"p": 1}, {"documents": documents}).key == plain.key
    assert plain.task_key("a", "b") != plain.task_key("ab")


def test_what_a_limited_dataset_leads_to_is_partial_too(make):
    documents = make("documents", [[{"n": 1}]], SCHEMA, parameters={"subset": {"limit": 1}})
    assert documents.details["partial"]
    assert Stage("s", SCHEMA, {}, {"documents": documents}).partial
    assert not Stage("s", SCHEMA, {"subset": {}}, {}).partial


def test_a_plan_says_what_is_missing_and_runs_nothing(session, local, capsys):
    run(session, [[[1]], [[2]]])
    before = [e.path for e in local.list()]
    session.plan, session.quiet = True, False
    with pytest.raises(Planned):
        run(session, [[[1]], [[2]], [[3]]])
    assert "plan of numbers: 3 tasks, 2 of them committed; to run: 1 tasks" in capsys.readouterr().err
    assert [e.path for e in local.list()] == before


def test_the_course_of_a_run_is_no_part_of_the_dataset(session, local):
    """``run.json`` is the first run's, and another run's manifest has the same bytes."""
    made = run(session, [[[1]]])
    path = f"{made.folder}/run.json"
    first = bytes(local.read(path))
    assert json.loads(first)["tasks_run"] == 1
    manifest = bytes(local.read(made.path))
    assert run(session, [[[1]]]) == made
    assert bytes(local.read(path)) == first
    assert bytes(local.read(made.path)) == manifest
    assert b"seconds" not in manifest


def test_a_file_is_a_dataset_whose_digest_is_that_of_its_bytes(session, local):
    made = stage.commit_file(session, Stage("proportions", stage.NO_ROWS, {"w": 1}), "p.json", b"{}", {"x": 1})
    same = stage.commit_file(session, Stage("proportions", stage.NO_ROWS, {"w": 2}), "p.json", b"{}", {"x": 1})
    assert bytes(local.read(f"{made.folder}/p.json")) == b"{}"
    assert made.key != same.key
    assert made.digest == same.digest
    assert list(manifests.shards(local, made)) == []


def test_scratch_that_another_run_cleaned_away_means_that_its_result_is_ours(session):
    made = run(session, [[[1]]])
    there = Stage("numbers", SCHEMA, {}, source=repr([[[1]]]))
    assert stage.adopt_if_gone(session, there, Missing("scratch")) == made
    with pytest.raises(Missing, match="scratch"):
        stage.adopt_if_gone(session, dataclasses.replace(there, source="other"), Missing("scratch"))
