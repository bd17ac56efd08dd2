import json

import pytest

from corpusmill.jobs.reporting.facts import collect
from corpusmill.jobs.reporting.timings import timings

RUN = {"started": 1.0, "wall_seconds": 2.0, "task_seconds": 3.0, "tasks_run": 4, "tasks_adopted": 0, "workers": 2,
       "machine": "x86_64", "system": "Linux", "python": "3.11", "cpus": 2, "pyarrow": "1"}


def told(lineage, **changes):
    documents = lineage.put("documents", {"rows_in": 100, "kept": 100, "bytes_in": 5_000_000}, rows=100)
    lineage.store.write(f"{documents.folder}/run.json", json.dumps(RUN | changes).encode())
    return timings(lineage.store, collect(lineage.store, documents))


def test_rates_are_rows_and_bytes_over_wall_time(lineage):
    (one,) = told(lineage)
    assert (one.rows_per_second, one.mb_per_second, one.adopted) == (50.0, 2.5, False)


@pytest.mark.parametrize(("changes", "adopted"), [
    ({"tasks_run": 0, "tasks_adopted": 4}, True), ({"tasks_adopted": 1}, False), ({"wall_seconds": 0.0}, False),
])
def test_there_is_no_rate_where_the_time_is_not_that_of_all_rows(lineage, changes, adopted):
    (one,) = told(lineage, **changes)
    assert (one.rows_per_second, one.mb_per_second, one.adopted) == (None, None, adopted)


def test_a_dataset_without_run_json_has_no_timing(lineage):
    assert timings(lineage.store, collect(lineage.store, lineage.put("proportions"))) == ()
