import json

import pyarrow as pa

from corpusmill.jobs.regrouping.survivors import TABLE, counted, crossed, outcomes, read_crossed, spread


def rows():
    return pa.RecordBatch.from_pydict({
        "doc_id": pa.array([bytes([i]) * 16 for i in range(4)], pa.binary(16)), "source": ["a/b", "a/b", "c", "c"],
        "decisions": [True, False, True, True], "duplicates": [True, None, False, True], "trims": [True, None, None, True],
    })


def test_a_row_is_dropped_by_the_first_stage_that_drops_it():
    assert outcomes(rows()).to_pylist() == ["kept", "filtered", "duplicate", "kept"]


def test_domains_stand_at_the_rows_that_are_alive():
    found = spread(rows().column("doc_id"), pa.array([True, False, False, True]), pa.array(["x", "y"]))
    assert found.column("domain").to_pylist() == ["x", None, None, "y"]


def test_counts_balance_and_tell_sources_and_domains():
    found = counted(rows(), outcomes(rows()), pa.array(["x/y", "z"]), pa.array([1, 2, 3, 4]))
    assert found["rows_in"] == 4 == found["kept"] + found["dropped.filtered"] + found["dropped.duplicate"]
    assert (found["bytes/kept"], found["bytes/filtered"], found["source/a/b/kept"]) == (5, 2, 1)
    assert read_crossed(found) == {("a/b", "x/y"): 1, ("c", "z"): 1}


def test_names_of_any_kind_are_told_apart():
    found = crossed(pa.array(["a/b", 'q"', "a"]), pa.array(["c", "ü", "b/c"]))
    assert read_crossed(found) == {("a/b", "c"): 1, ('q"', "ü"): 1, ("a", "b/c"): 1}
    assert all(json.loads(name.removeprefix(TABLE)) for name in found)
