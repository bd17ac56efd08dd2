"""The job over web archives, data set folders and the catalogue."""

import gzip
import io
import json

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpusmill.jobs import ingest
from corpusmill.jobs.runtime import manifest as manifests
from corpusmill.jobs.runtime.main import main
from corpusmill.jobs.runtime.store import open_store

# warcio leaves its temporary files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
ENTRY = "name: my_crawl\nurl: https://example.org\nlanguage: en\ndomain: web\nlicense: CC0-1.0\n"


@pytest.fixture
def run(tmp_path, capsys):
    """A function that ingests and gives the manifest."""

    def ingested(*words):
        root = str(tmp_path / "out")
        assert main(["ingest", "engine=inline", "quiet=true", f"store.root={root}", *words]) == 0, capsys.readouterr().err
        last = capsys.readouterr().out.splitlines()[-1]
        return manifests.resolve(open_store(root), last.removeprefix("manifest: "))

    return ingested


@pytest.fixture
def archive(tmp_path):
    """A crawl of one file: two pages, one of them in a broken record, and three records that are no pages."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    writer.write_record(writer.create_warcinfo_record("x.warc.gz", {"software": "test"}))
    for number, status in enumerate(["200 OK", "404 Not Found", "200 OK"]):
        http = StatusAndHeaders(status, [("Content-Type", "text/html")], protocol="HTTP/1.1")
        page = f"<html><body><p>This is page {number}, with a sentence that is long enough.</p>".encode()
        writer.write_record(writer.create_warc_record(
            f"https://example.org/{number}", "response", payload=io.BytesIO(page), http_headers=http))
    path = tmp_path / "crawl" / "x.warc.gz"
    path.parent.mkdir()
    path.write_bytes(out.getvalue()[:-20])
    return path


def test_every_record_of_an_archive_is_counted_once(run, archive):
    made = run("corpus=warc", f"corpus.paths=[{archive}]")
    assert made.rows == made.counts["kept"] == 1
    dropped = {name: n for name, n in made.counts.items() if name.startswith("dropped.")}
    assert dropped == {"dropped.no_page": 1, "dropped.http_status": 1, "dropped.truncated": 1}
    assert made.counts["rows_in"] == 4
    assert made.counts["source/crawl/documents"] == 1


def test_the_extractor_is_part_of_the_key_where_there_are_pages(run, archive, monkeypatch):
    words = ["corpus=warc", f"corpus.paths=[{archive}]"]
    before = run(*words)
    assert run(*words).key == before.key
    monkeypatch.setattr(ingest, "extractor", lambda: "resiliparse 99")
    assert run(*words).key != before.key
    assert before.parameters["extractor"].startswith("resiliparse ")


def test_other_files_do_not_hang_on_the_extractor(run, tmp_path, monkeypatch):
    (tmp_path / "x.jsonl").write_text('{"text": "one"}\n')
    words = ["corpus=files", f"corpus.paths=[{tmp_path}/x.jsonl]"]
    before = run(*words)
    monkeypatch.setattr(ingest, "extractor", lambda: "resiliparse 99")
    assert run(*words).key == before.key


def test_a_catalogue_entry_names_source_and_license_and_is_kept(run, archive, tmp_path):
    (tmp_path / "mine.yaml").write_text(ENTRY)
    words = ["corpus=warc", f"corpus.paths=[{archive}]"]
    made = run(*words, f"corpus.catalogue={tmp_path}/mine.yaml")
    assert made.details["catalogue"]["language"] == "en"
    assert made.counts["source/my_crawl/documents"] == 1
    assert made.parameters["reading"]["license"] == "CC0-1.0"
    other = run(*words, f"corpus.catalogue={tmp_path}/mine.yaml", "corpus.source=other", "corpus.license=MIT")
    assert other.counts["source/other/documents"] == 1
    assert other.parameters["reading"]["license"] == "MIT"


def test_an_unknown_entry_is_a_configuration_error(archive, tmp_path, capsys):
    words = ["ingest", "engine=inline", f"store.root={tmp_path}/out", "corpus=warc", f"corpus.paths=[{archive}]"]
    assert main([*words, "corpus.catalogue=wikipaedia"]) == 2
    assert "wikipedia" in capsys.readouterr().err


def test_lists_and_paths_go_together(run, archive, tmp_path):
    (tmp_path / "other.warc.gz").write_bytes(archive.read_bytes())
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/x.warc.gz\n"))
    made = run("corpus=warc", f"corpus.paths=[{tmp_path}/warc.paths.gz,{tmp_path}/other.warc.gz]", f"corpus.prefix={tmp_path}/")
    assert made.rows == 2


def test_a_data_set_folder_is_ingested_with_the_license_of_its_card(run, tmp_path):
    folder = tmp_path / "my_set" / "data"
    folder.mkdir(parents=True)
    (folder / "train-00000-of-00001.jsonl").write_text(json.dumps({"text": "one"}) + "\n")
    (tmp_path / "my_set" / "README.md").write_text("---\nlicense: odc-by\n---\n# My set\n")
    first = run("corpus=folder", f"corpus.paths=[{tmp_path}/my_set]")
    assert first.rows == first.counts["source/my_set/documents"] == 1
    (tmp_path / "my_set" / "README.md").write_text("---\nlicense: mit\n---\n# My set\n")
    assert run("corpus=folder", f"corpus.paths=[{tmp_path}/my_set]").key != first.key
