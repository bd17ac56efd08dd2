"""k-means over all documents: the same for any order of the shards, better than what a sample alone gives."""

import numpy as np
import pyarrow as pa
import pytest
from topics import KMEANS, Commands, ingest
from verify import verify_store

from corpusmill.jobs.runtime import artifacts
from corpusmill.operators.domain.model import Model
from corpusmill.operators.lm.drawing import apart

SMALL = (*KMEANS, "regroup.sample=40", "regroup.k=4", "regroup.finer=1", "regroup.starts=1")


def model_of(mill, made):
    return Model.from_bytes(artifacts.fetch(mill.store, made.details["artifact"]).read_bytes())


def squares(model, rows):
    points = model.embed(pa.RecordBatch.from_pylist([{"text": row["text"]} for row in rows]))
    return ((points[:, None].astype(float) - model.centroids) ** 2).sum(2).min(1).sum()


@pytest.mark.parametrize(("over", "worse"), [("all", 1.0), ("minibatch", 1.03)])
def test_order_of_completion_changes_nothing_and_all_documents_are_seen(documents, tmp_path, over, worse):
    mill, made = documents
    command = ("regroup", f"documents={made.path}", *SMALL)
    sampled, found = mill(*command), mill(*command, f"regroup.over={over}")
    assert made.shards > 3
    rows = mill.rows(made, tmp_path)
    before, after = (squares(model_of(mill, one), rows) for one in (sampled, found))
    assert after < before * worse
    assert after != before
    other = Commands(tmp_path / "other")
    copied = ingest(other, mill.root.parent / "in.jsonl")
    again = other("regroup", f"documents={copied.path}", *SMALL, f"regroup.over={over}",
                  engine=("engine=inline", "engine.shuffle=3"))
    assert again.details["artifact"] == found.details["artifact"]


@pytest.mark.parametrize("held_out", [0.0, 0.3])
def test_rounds_end_at_means_of_all_documents_and_leave_no_scratch(documents, tmp_path, held_out):
    """But for those that are held out, which have a domain all the same."""
    mill, made = documents
    found = mill("regroup", f"documents={made.path}", *SMALL, "regroup.over=all", "regroup.rounds=50", "regroup.seed=2",
                 f"regroup.held_out={held_out}")
    assert all(row["domain"] for row in mill.rows(found, tmp_path))
    model, rows = model_of(mill, found), mill.rows(made, tmp_path)
    points = model.embed(pa.RecordBatch.from_pylist([{"text": row["text"]} for row in rows]))
    out = apart(pa.array([row["doc_id"] for row in rows], pa.binary(16)), held_out)
    assert out.any() == (held_out > 0)
    points = points[points.any(axis=1) & ~out]
    codes = ((points[:, None].astype(float) - model.centroids) ** 2).sum(2).argmin(1)
    means = np.array([points[codes == code].mean(0) for code in range(4)])
    assert np.allclose(model.centroids, means, atol=1e-3)
    assert not [entry.path for entry in mill.store.list("domain_model/") if "/scratch/" in entry.path]
    verify_store(mill.store)


def test_a_wrong_setting_is_told(documents):
    mill, made = documents
    for setting, told in (("over=everything", "there is sample, all, minibatch"), ("device=tpu", "there is cpu, cuda"),
                          ("rounds=0", "give a whole number from 1"), ("k=[3,x]", "several as [10,20,40]"),
                          ("power=2", "a number from 0 to 1")):
        code, _, err = mill.run("regroup", f"documents={made.path}", *KMEANS, f"regroup.{setting}")
        assert (code, f"regroup.{setting.partition('=')[0]}=" in err, told in err) == (2, True, True), err
