import json
from urllib.parse import urlsplit

import pytest

from corpusmill.jobs.reporting import examples
from corpusmill.jobs.runtime.engine import InlineEngine


def report(mill, told):
    """The report's manifest, its JSON and its page."""
    made = mill.manifest(mill("report", f"manifest={told}"))
    facts, page = (bytes(mill.store.read(f"{made.folder}/{name}")) for name in ("report.json", "report.html"))
    return made, json.loads(facts), page.decode()


def test_a_build_reports_its_mixture(built):
    mill, uri = built
    _, facts, page = report(mill, uri)
    assert facts["told"] in urlsplit(uri).path
    assert page.startswith("<!doctype html>")
    assert facts["plan"]["budget"] == 4000
    assert f"{mill.manifest(uri).digest}" in page


def test_its_key_follows_the_manifest_and_its_digest_the_facts(built):
    mill, uri = built
    made, _, _ = report(mill, uri)
    again, _, _ = report(mill, uri)
    other, _, _ = report(mill, mill.lineage(uri)["documents"].path)
    assert again == made
    assert other.key != made.key
    assert (made.stage, made.details["page"], made.inputs["mixture"].key) == ("report", "report.html", mill.manifest(uri).key)


def test_timings_are_no_part_of_the_digest(built, build_command, make_mill, tmp_path):
    """Two stores that were built at different times hold the same report manifest, and pages with other timings."""
    mill, uri = built
    other = make_mill(tmp_path / "store")
    theirs, facts, page = report(other, other("build", *build_command, "engine.partitions=3"))
    mine, own, own_page = report(mill, uri)
    assert theirs == mine
    assert facts == own
    assert page != own_page
    assert "wall_seconds" not in json.dumps(facts)


def test_a_build_names_its_page(built, build_command):
    mill, uri = built
    result = mill.run("build", *build_command)
    made, _, _ = report(mill, uri)
    assert f"{made.folder}/report.html" in result.err


def test_quarantined_rows_are_told(mill, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    lines = [json.dumps({"text": f"document {i} " * 30, "source": "web"}) for i in range(9)]
    (folder / "web.jsonl").write_text("\n".join([*lines, "{not json"]) + "\n")
    uri = mill("ingest", "corpus=files", f"corpus.paths=[{folder}]", "on_bad=quarantine")
    _, facts, page = report(mill, uri)
    assert facts["quarantine"].startswith("quarantine/")
    assert sum(facts["steps"][0]["dropped"].values()) == 1
    assert "went to quarantine" in page


def test_of_many_shards_none_is_read(built, monkeypatch):
    """And the page says where to look instead."""
    mill, uri = built
    monkeypatch.setattr(examples, "SHARDS", 1)
    read = type(mill.store).read

    def guarded(self, path, *where):
        assert not path.endswith(".parquet"), path
        return read(self, path, *where)

    monkeypatch.setattr(type(mill.store), "read", guarded)
    monkeypatch.setattr(InlineEngine, "map", lambda *_: pytest.fail("a report runs no task"))
    _, facts, page = report(mill, mill.lineage(uri)["duplicates"].path)
    assert facts["examples"]["note"] in page
    assert "corpusmill inspect" in facts["examples"]["note"]


def test_documents_that_are_gone_are_no_error(build_command, make_mill, tmp_path):
    mill = make_mill(tmp_path / "store")
    told = mill.lineage(mill("build", *build_command))["duplicates"]
    for shard in (tmp_path / "store" / "documents" / "shards").glob("*.parquet"):
        shard.unlink()
    for page in (tmp_path / "store" / "report").glob("*/manifest.json"):
        page.unlink()
    _, facts, _ = report(mill, told.path)
    assert "gone" in facts["examples"]["note"]


def test_a_plan_writes_nothing(built):
    mill, uri = built
    told = mill.lineage(uri)["annotations"].path
    before = mill.objects()
    result = mill.run("report", f"manifest={told}", "plan=true")
    assert result.code == 0
    assert "plan of report" in result.err
    assert mill.objects() == before


def test_a_manifest_that_is_not_there_is_a_clear_error(mill):
    result = mill.run("report", "manifest=@nightly")
    assert result.code == 2
    assert "@nightly" in result.err
