"""docs/manifest.md names every field that the records have, and no other."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from corpusmill.jobs.runtime.manifest import FORMAT, INDEX, Manifest, Reference
from corpusmill.jobs.runtime.receipts import Output, Receipt
from corpusmill.jobs.runtime.shards import Stored

DOC = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text()
RARE = {"partial", "quarantine", "cuts", "artifact"}  # details that a complete build of good rows does not have


def tables(heading: str) -> list[list[str]]:
    """The first cells of each table under a heading, without their backticks."""
    section = re.split(r"^#+ ", DOC.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    return [re.findall(r"^\| `([^`]+)` \|", block, re.MULTILINE) for block in blocks]


def fields(cls: type) -> list[str]:
    return [f.name for f in dataclasses.fields(cls)]


def test_the_manifest_and_its_references():
    manifest, reference = tables("manifest.json")
    assert manifest == ["format", *fields(Manifest)]
    assert reference == fields(Reference)
    assert FORMAT in DOC


def test_the_index():
    assert tables("shards.parquet") == [INDEX.names]


def test_receipts_outputs_and_stored_objects():
    assert tables("Receipts") == [fields(Receipt), fields(Output), fields(Stored)]


@pytest.fixture(scope="module")
def records(built):
    """Every record of a build: its lineage, and a function that reads JSON."""
    mill, uri = built
    return mill.lineage(uri), lambda path: json.loads(bytes(mill.store.read(path)))


def test_the_record_of_a_run(records):
    made, read = records
    (named,) = tables("run.json")
    for stage in ("documents", "duplicates", "mixture"):
        assert set(read(f"{made[stage].folder}/run.json")) == set(named)


def test_a_name(built):
    mill, _ = built
    (named,) = tables("names/NAME.json")
    uri = mill("report", f"manifest={mill.lineage(built[1])['counts'].path}", "name=told")
    assert set(json.loads(bytes(mill.store.read("names/told.json")))) == set(named)
    assert uri.endswith("manifest.json")


def test_every_count_of_a_build_has_its_meaning(records):
    made, _ = records
    (named,) = tables("Counts")
    patterns = [re.compile(re.sub(r"[A-Z]+", ".+", re.escape(name)) + "$") for name in named]
    for stage, manifest in made.items():
        for name in manifest.counts:
            assert any(p.match(name) for p in patterns), f"{stage}: {name} is not in docs/manifest.md"


def test_details_of_a_build_and_its_report(built, records):
    mill, uri = built
    made, _ = records
    report = mill.manifest(mill("report", f"manifest={uri}"))
    found = {name for manifest in (*made.values(), report) for name in manifest.details}
    (named,) = tables("Details")
    assert found | RARE == set(named)
