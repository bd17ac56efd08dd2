"""The guard against wiping out a source, on counts alone; with examples it is tested with the job."""

import pyarrow as pa
import pytest

from corpusmill.jobs.deduping.guard import FEWEST, LossGuard
from corpusmill.jobs.runtime.manifest import INDEX, Manifest
from corpusmill.jobs.runtime.store import open_store
from corpusmill.operators.errors import DataError

EMPTY = pa.schema(INDEX).empty_table()
NONE = Manifest("documents", "0" * 32, "", 0, 0, 0, "", (), {}, {}, (), {})


def refuse(tmp_path, most, **outcomes):
    counts = {f"source/a/b/{name}": n for name, n in outcomes.items()}
    LossGuard(open_store(str(tmp_path)), NONE, most)(EMPTY, counts)


def test_what_an_earlier_stage_dropped_is_no_loss(tmp_path):
    refuse(tmp_path, 0.5, filtered=1000, kept=50, near_duplicate=50)
    with pytest.raises(DataError, match="'a/b' would lose 51 of its 100 documents"):
        refuse(tmp_path, 0.5, filtered=1000, kept=49, near_duplicate=50, exact_duplicate=1)


def test_a_small_source_may_be_lost(tmp_path):
    refuse(tmp_path, 0.5, kept=1, exact_duplicate=FEWEST - 2)
    with pytest.raises(DataError, match="allow_loss"):
        refuse(tmp_path, 0.5, kept=1, exact_duplicate=FEWEST - 1)


def test_a_source_that_loses_everything_has_nothing_kept(tmp_path):
    with pytest.raises(DataError, match="lose 30 of its 30"):
        refuse(tmp_path, 0.99, near_duplicate=30)
