"""What the readers share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.jobs.sources.files import SourceFile
from corpusmill.jobs.sources.pieces import Reading, defaults_of, format_of, slices
from corpusmill.operators.errors import ConfigError


def _file(uri):
    return SourceFile(uri, 1, "1", uri.rpartition("/")[2])


@pytest.mark.parametrize(
    ("uri", "dataset"),
    [
        ("/data/law-00000.parquet", "law"),
        ("/data/law-00003-of-00010.jsonl.gz", "law"),
        ("s3://b/x/wikitext-103.jsonl", "wikitext-103"),
        ("/data/c4.en.json.zst", "c4.en"),
        ("/data/train.parquet", "train"),
        ("/data/-00000.parquet", "-00000.parquet"),
    ],
)
def test_the_source_is_the_dataset_by_default(uri, dataset):
    assert defaults_of(_file(uri), Reading()).source == dataset


def test_a_source_may_be_a_template():
    file = _file("/data/crawl/law-00000.parquet")
    assert defaults_of(file, Reading(source="{folder}:{dataset}:{stem}")).source == "crawl:law:law-00000"
    assert defaults_of(file, Reading(), text_file=True).source == "crawl"
    with pytest.raises(ConfigError, match=r"\{shard\}"):
        Reading(source="{shard}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.parquet", "parquet"),
        ("a.PQ", "parquet"),
        ("a.jsonl", "jsonl"),
        ("a.json.gz", "jsonl"),
        ("a.ndjson.zst", "jsonl"),
        ("README.md", "text"),
        ("b.html", "text"),
    ],
)
def test_formats_by_name(name, kind):
    assert format_of(_file(f"/d/{name}"), Reading()) == kind
    assert format_of(_file(f"/d/{name}"), Reading(format="text")) == "text"


@pytest.mark.parametrize("name", ["_SUCCESS", "a.csv", "a.parquet.gz", "notes.txt.gz", "README"])
def test_names_that_say_nothing_are_refused(name):
    with pytest.raises(ConfigError, match=r"corpus\.format"):
        format_of(_file(f"/d/{name}"), Reading())


def test_columns_that_documents_do_not_have_are_refused():
    with pytest.raises(ConfigError, match=r"corpus\.columns\.title"):
        Reading(columns={"title": "t"})


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 50))
def test_slices_cover_all_rows_and_are_bounded(lengths, limit):
    spans = list(slices(np.array(lengths, np.int64), limit))
    assert [row for start, stop in spans for row in range(start, stop)] == list(range(len(lengths)))
    for start, stop in spans:
        assert (
            sum(lengths[start:stop]) <= limit
            or stop == start + 1
            or sum(length > 0 for length in lengths[start:stop]) == 1
        )
