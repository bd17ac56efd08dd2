"""Spans in annotations: a column of lists goes through every job that reads annotations, and masks reach the text."""

import json

import pyarrow.parquet as pq
import pytest

KEPT = "Write to bob@example.com, é, or call (212) 555-0100."
CROWDED = " ".join(f"user{i}@example.com" for i in range(6))
PLAIN = "The river carries sand and stories past old mills."
RULES = "[{reason: pii_spans, signal: pii.spans, max: 5}]"


@pytest.fixture
def judged(mill, tmp_path):
    rows = [{"text": text, "native_id": name, "url": url} for name, text, url in (
        ("kept", KEPT, "http://a.blocked.example/x"), ("crowded", CROWDED, None), ("plain", PLAIN, "http://fine.example/"))]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "hosts.txt").write_text("blocked.example\n")
    documents = mill("ingest", "corpus=files", f"corpus.paths=[{tmp_path / 'texts.jsonl'}]")
    operators = ("[{_target_: corpusmill.operators.quality.pii.PII}, {_target_: corpusmill.operators.quality.url.Url}, "
                 "{_target_: corpusmill.operators.quality.url.UrlList, name: blocked, "
                 f"path: '{tmp_path / 'hosts.txt'}'}}]")
    annotations = mill("annotate", f"documents={documents}", f"quality.operators={operators}")
    rules = RULES[:-1] + ", {reason: domain, signal: blocked.hits, max: 0}]"
    return mill, annotations, mill("filter", f"annotations={annotations}", f"quality.rules={rules}")


def test_spans_and_masks_are_exported(judged):
    mill, annotations, _ = judged
    rows = {row["native_id"]: row for row in mill.rows(annotations)}
    assert rows["kept"]["text"] == "Write to |||EMAIL_ADDRESS|||, é, or call |||PHONE_NUMBER|||."
    assert [KEPT[s["start"]:s["end"]] for s in rows["kept"]["pii.found"]] == ["bob@example.com", "(212) 555-0100"]
    assert (rows["plain"]["text"], rows["plain"]["pii.found"]) == (PLAIN, [])
    assert [rows[name]["url.host"] for name in ("kept", "crowded", "plain")] == ["a.blocked.example", None, "fine.example"]


def test_rules_decide_on_counts_and_a_row_without_a_url_is_not_applicable(judged):
    mill, _, decisions = judged
    assert {row["native_id"]: row["reason"] for row in mill.rows(decisions)} == \
        {"kept": "domain", "crowded": "pii_spans", "plain": None}
    counts = mill.manifest(decisions).counts
    assert counts["dropped.pii_spans"] == 1
    assert counts.get("not_applicable.domain", 0) == 0  # the only row without a URL was dropped before


def test_a_list_cannot_be_judged_and_the_error_says_what_can(judged):
    mill, annotations, _ = judged
    result = mill.run("filter", f"annotations={annotations}", "quality.rules=[{reason: x, signal: pii.found, max: 5}]")
    assert result.code == 2
    assert "there is no signal 'pii.found'" in result.err


def test_annotations_with_spans_can_be_looked_at(judged, tmp_path):
    mill, annotations, decisions = judged
    for reason in ("kept", "pii_spans"):
        result = mill.run("inspect", f"manifest={decisions}", f"reason={reason}")
        assert result.code == 0, result.err
    result = mill.run("report", f"manifest={decisions}")
    assert result.code == 0, result.err
    doc_id = mill.rows(annotations)[0]["doc_id"].hex()
    result = mill.run("lineage", doc_id, f"manifest={decisions}")
    assert result.code == 0, result.err
    assert "pii.found" in result.out
    mill("export", f"manifest={annotations}", f"path={tmp_path / 'all.parquet'}")
    assert "pii.found" in pq.read_schema(tmp_path / "all.parquet").names
