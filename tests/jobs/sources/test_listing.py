"""Lists of paths, and data set folders with a card."""

import gzip
import json

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime.store import StoreOptions
from corpusmill.jobs.sources.listing import data_folders, expanded
from corpusmill.jobs.sources.reading import Reading, read
from corpusmill.operators.errors import ConfigError

OPTIONS = StoreOptions()


def _crawl(folder):
    for name in ("seg/1/warc/a.warc.gz", "seg/1/warc/b.warc.gz", "seg/2/warc/c.warc.gz"):
        (folder / "crawl" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "crawl" / name).write_bytes(name.encode())
    return "seg/2/warc/c.warc.gz\nseg/1/warc/a.warc.gz\n\n# seg/1/warc/b.warc.gz\n"


@pytest.mark.parametrize("name", ["warc.paths", "warc.paths.gz"])
def test_a_list_names_files_below_the_prefix(tmp_path, name):
    text = _crawl(tmp_path).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    plain, listed = expanded(["data/*.parquet", str(tmp_path / name)], f"{tmp_path}/crawl/", OPTIONS)
    assert plain == ["data/*.parquet"]
    assert [file.name for file in listed] == ["seg/2/warc/c.warc.gz", "seg/1/warc/a.warc.gz"]
    assert [file.uri for file in listed] == [f"{tmp_path}/crawl/{file.name}" for file in listed]
    assert [file.size for file in listed] == [len(file.name) for file in listed]


def test_without_a_prefix_a_list_names_files_beside_it(tmp_path):
    text = _crawl(tmp_path)
    (tmp_path / "crawl" / "all.paths").write_text(text)
    assert len(expanded([f"{tmp_path}/crawl/*.paths"], "", OPTIONS)[1]) == 2


def test_a_file_that_is_missing_is_named(tmp_path):
    (tmp_path / "warc.paths").write_text(_crawl(tmp_path) + "seg/9/none.warc.gz\n")
    with pytest.raises(ConfigError, match=r"seg/9/none\.warc\.gz, which does not exist"):
        expanded([f"{tmp_path}/warc.paths"], f"{tmp_path}/crawl", OPTIONS)


@pytest.mark.parametrize("content", [b"", b"\n# nothing\n", b"\xff\xfe"])
def test_a_list_without_paths_is_refused(tmp_path, content):
    (tmp_path / "warc.paths").write_bytes(content)
    with pytest.raises(ConfigError, match=r"names no files|no list of paths"):
        expanded([f"{tmp_path}/warc.paths"], "", OPTIONS)


@pytest.mark.s3
def test_a_list_names_objects_of_a_store(tmp_path, s3_server):
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.create_bucket(Bucket="crawl")
    for name in ("cc/seg/1/a.warc.gz", "cc/seg/1/b.warc.gz", "cc/seg/2/c.warc.gz"):
        client.put_object(Bucket="crawl", Key=name, Body=name.encode())
    (tmp_path / "warc.paths").write_text("seg/1/b.warc.gz\nseg/2/c.warc.gz\n")
    _, listed = expanded([f"{tmp_path}/warc.paths"], "s3://crawl/cc/", StoreOptions(endpoint=s3_server))
    assert [(file.uri, file.name) for file in listed] == [
        ("s3://crawl/cc/seg/1/b.warc.gz", "seg/1/b.warc.gz"), ("s3://crawl/cc/seg/2/c.warc.gz", "seg/2/c.warc.gz")]
    assert all(file.version and file.size == 18 for file in listed)


def _data_set(folder, card):
    (folder / "data").mkdir(parents=True)
    for at, split in enumerate(["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"]):
        pq.write_table(pa.table({"text": [f"text {at}"]}), folder / "data" / f"{split}.parquet")
    (folder / "more.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "four", "license": "MIT"}).encode()))
    (folder / "dataset_infos.json").write_text("{}")
    (folder / ".gitattributes").write_text("*.parquet filter=lfs")
    if card is not None:
        (folder / "README.md").write_text(card)


def _documents(files):
    return [row for file in files for piece in read(file, Reading()) for row in piece.documents.to_pylist()]


CARD = "---\nlicense: cc-by-4.0\nlanguage:\n- en\n---\n# A data set\n---\nlicense: wrong\n"


def test_a_folder_gives_its_data_with_source_license_and_splits(tmp_path):
    _data_set(tmp_path / "my_set", CARD)
    documents = _documents(data_folders([f"{tmp_path}/my_set/"], OPTIONS, None))
    assert [d["text"] for d in documents] == ["text 2", "text 0", "text 1", "four"]
    assert {d["source"] for d in documents} == {"my_set"}
    assert [d["license"] for d in documents] == ["cc-by-4.0"] * 3 + ["MIT"]
    assert [d["native_id"] for d in documents] == [
        "data/test-00000-of-00001.parquet#0", "data/train-00000-of-00002.parquet#0", "data/train-00001-of-00002.parquet#0",
        "more.jsonl.gz#0"]


@pytest.mark.parametrize(("card", "expected"), [
    (None, None), ("# no front matter", None), ("---\nlanguage: en\n---\n", None), ("---\n- a\n---\n", None),
    ("---\nlicense: [mit, apache-2.0]\n---\n", "mit OR apache-2.0"), ("---\nlicense: other\nlicense_name: mine\n---\n", "mine"),
    ("---\r\nlicense: mit\r\n---\r\n", "mit"), ("\ufeff---\nlicense: mit\n---", "mit"),
])
def test_the_license_is_what_the_card_says(tmp_path, card, expected):
    _data_set(tmp_path / "set", card)
    assert {file.license for file in data_folders([f"{tmp_path}/set"], OPTIONS, None)} == {expected}


def test_a_license_that_is_given_wins_and_a_broken_card_is_not_read(tmp_path):
    _data_set(tmp_path / "set", "---\nlicense: [\n---\n")
    assert {file.license for file in data_folders([f"{tmp_path}/set"], OPTIONS, "CC0-1.0")} == {"CC0-1.0"}
    with pytest.raises(ConfigError, match=r"README\.md: its front matter is not YAML"):
        data_folders([f"{tmp_path}/set"], OPTIONS, None)


def test_a_folder_without_data_is_refused(tmp_path):
    (tmp_path / "README.md").write_text(CARD)
    with pytest.raises(ConfigError, match="holds no data file"):
        data_folders([str(tmp_path)], OPTIONS, None)
