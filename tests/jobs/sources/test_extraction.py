"""The extractor's own process, and what hostile pages do to it."""

import os
import re
import signal

import pytest

from corpusmill.jobs.sources.extraction import MAX_PAGE_BYTES, ExtractionError, extraction, extractor
from corpusmill.jobs.sources.html import page

ARTICLE = "<p>Größe: ein Satz mit genug Wörtern, damit er als Text zählt.</p>" * 5


@pytest.fixture
def extract():
    with extraction(cpu_seconds=1) as process:
        yield process


def test_it_answers_what_the_function_gives(extract):
    for content, declared in [(ARTICLE.encode(), ""), (ARTICLE.encode("latin-1"), "latin-1"), (b"", ""), (b"\x00\xff", "x")]:
        text, facts = page(content, declared)
        assert extract(content, declared) == (text.encode(), facts)


def test_pages_larger_than_a_pipe_pass(extract):
    text, _ = extract(b"<body>" + b"<p>many words in a paragraph</p>" * 100_000)
    assert text.count(b"many words") == 100_000


def _refused(extract, content):
    with pytest.raises(ExtractionError) as refused:
        extract(content)
    return refused.value.reason


def test_a_page_that_takes_too_long_costs_itself_only(extract):
    nested = b"<div>" * 200_000
    assert _refused(extract, nested) == "extraction_timeout"
    assert b"genug" in extract(ARTICLE.encode())[0]


def test_a_page_that_fills_the_memory_costs_itself_only():
    with extraction(memory_bytes=300 << 20) as extract:
        assert _refused(extract, b"<br>" * (3 << 20)) in ("extraction_crashed", "extraction_failed")
        assert b"genug" in extract(ARTICLE.encode())[0]


def test_a_process_that_was_killed_is_named_and_replaced(extract):
    extract(b"<p>begin")
    os.kill(extract._process.pid, signal.SIGSEGV)
    extract._process.wait()
    with pytest.raises(ExtractionError, match="SIGSEGV") as refused:
        extract(ARTICLE.encode())
    assert refused.value.reason == "extraction_crashed"
    assert b"genug" in extract(ARTICLE.encode())[0]


def test_a_page_beyond_the_limit_is_not_tried(extract):
    assert _refused(extract, bytes(MAX_PAGE_BYTES + 1)) == "oversize"


def test_time_counts_for_each_page_alone(extract):
    """The limit is set anew for every page, not once for the process: a page takes a sixth of it, half on slow cores."""
    for _ in range(8):
        extract(b"<div>" * 5_000)


def test_nothing_is_left_running():
    with extraction() as extract:
        extract(b"<p>x")
        process = extract._process
    assert process.returncode is not None


def test_the_version_names_the_library():
    assert re.fullmatch(r"resiliparse \d+\.\d+\S*, rules \d+", extractor())
