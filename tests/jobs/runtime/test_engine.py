import dataclasses

import pytest

from corpusmill.jobs.runtime.engine import InlineEngine, RayEngine, _begin
from corpusmill.operators.errors import ConfigError, DataError, TaskError


@dataclasses.dataclass(frozen=True)
class Item:
    number: int
    label: str = ""
    memory: int = 0


@dataclasses.dataclass(frozen=True)
class Note:
    """Leaves a file for each item in its folder; refuses 3 as a user's error, 4 as a bug."""

    folder: str

    def __call__(self, item):
        import pathlib

        if item.number == 3:
            raise DataError("three")
        if item.number == 4:
            raise ZeroDivisionError("four")
        (pathlib.Path(self.folder) / str(item.number)).touch()
        return item.number


def items(*numbers):
    return (Item(n, f"shard {n}") for n in numbers)


def test_inline_runs_each_item_only_when_it_is_asked_for(tmp_path):
    """Results stream: nothing is computed ahead, and no list of items is made."""
    results = InlineEngine().map(Note(str(tmp_path)), items(1, 2, 5))
    assert next(results) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["1"]
    assert list(results) == [2, 5]


def test_inline_can_complete_in_another_order(tmp_path):
    orders = [list(InlineEngine(seed).map(Note(str(tmp_path)), items(*range(10, 40)))) for seed in (None, 1, 1, 2)]
    assert orders[0] == list(range(10, 40))
    assert orders[1] == orders[2] != orders[3] != orders[0]
    assert all(sorted(order) == orders[0] for order in orders)


def test_an_error_names_its_item_and_keeps_its_kind(tmp_path):
    with pytest.raises(DataError, match=r"^shard 3: three$"):
        list(InlineEngine().map(Note(str(tmp_path)), items(1, 3)))
    with pytest.raises(TaskError, match=r"^shard 4 failed: ZeroDivisionError: four"):
        list(InlineEngine().map(Note(str(tmp_path)), items(4)))


def test_a_label_that_the_message_has_is_not_said_twice():
    def fail(item):
        raise DataError("shard 3 is broken")

    with pytest.raises(DataError, match=r"^shard 3 is broken$"):
        list(InlineEngine().map(fail, items(3)))


def test_ray_starts_nothing_when_there_is_nothing_to_do():
    engine = RayEngine(2)
    assert list(engine.map(print, iter([]))) == []
    assert engine._remote is None
    engine.close()


@pytest.mark.ray
def test_ray_bounds_its_flight_and_ends_it_before_an_error(tmp_path):
    """At most two tasks per worker are taken ahead; those in flight finish, and none is sent after a failure."""
    engine = RayEngine(1)
    taken = []

    def watched(*numbers):
        for number in numbers:
            taken.append(number)
            yield Item(number, f"shard {number}")

    try:
        results = engine.map(Note(str(tmp_path)), watched(*range(10, 20)))
        assert next(results) == 10
        assert len(taken) <= 3
        assert sorted(results) == list(range(11, 20))
        taken.clear()
        for path in tmp_path.iterdir():
            path.unlink()
        with pytest.raises(DataError, match=r"^shard 3: three$"):
            list(engine.map(Note(str(tmp_path)), watched(1, 2, 3, *range(10, 30))))
        assert len(taken) < 10
        assert {int(p.name) for p in tmp_path.iterdir()} == set(taken) - {3}, "what was sent has ended"
        with pytest.raises(TaskError, match=r"^shard 4 failed: ZeroDivisionError: four"):
            list(engine.map(Note(str(tmp_path)), watched(4)))
    finally:
        engine.close()


def test_what_a_task_keeps_busy_is_asked_of_ray_and_no_more_than_there_is():
    @dataclasses.dataclass
    class Asked:
        cpus: int = 1
        gpus: float = 0.0
        label: str = "run 7"
        memory: int = 5

    class Remote:
        def options(self, **given):
            self.given = given
            return self

        def remote(self, function, item):
            return self.given

    engine = RayEngine(2, _largest=1 << 40, _cpus=4)
    asked = [engine._submit(Remote(), None, item) for item in (Asked(), Asked(cpus=3), Asked(cpus=9))]
    assert [(one["num_cpus"], one["num_gpus"]) for one in asked] == [(1, 0.0), (3, 0.0), (4, 0.0)]
    with pytest.raises(ConfigError, match="run 7 asks for 1 GPU, but no node"):
        engine._submit(Remote(), None, Asked(gpus=1))
    assert dataclasses.replace(engine, _gpus=2)._submit(Remote(), None, Asked(gpus=1))["num_gpus"] == 1


class Slow:
    """Stands for Ray where its processes come up too late so many times."""

    def __init__(self, failures):
        self.failures, self.asked, self.ended = failures, [], 0

    def init(self, **options):
        self.asked.append(options)
        if len(self.asked) <= self.failures:
            raise Exception("the node timed out during startup")

    def shutdown(self):
        self.ended += 1


def test_a_session_that_comes_up_too_slowly_is_tried_once_more_and_then_told():
    slow = Slow(1)
    _begin(slow, {"address": "local"})
    assert (len(slow.asked), slow.ended) == (2, 1)
    for address, told in (("local", "did not start on this machine"), ("10.0.0.1:6379", "did not join 10.0.0.1:6379")):
        slow = Slow(2)
        with pytest.raises(TaskError, match=f"{told}: the node timed out"):
            _begin(slow, {"address": address})
        assert slow.ended == 2
