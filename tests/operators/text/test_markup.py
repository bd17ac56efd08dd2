"""Text without markup, against a plain-Python reference."""

import re
import time

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.operators.text.buffers import Texts
from corpusmill.operators.text.markup import stripped

MARKUP = re.compile(
    r"""<!(?=--)(?:.*?-->|.*)
      | <(?P<name>script|style)(?=[\x00-\x20/>])[^<>]*(?<!/)>(?:.*?</(?P=name)(?=[\x00-\x20/>])[^>]*(?:>|\Z)|.*)
      | <[a-z/!?][^<>]*>
      | &[a-z0-9\#]{1,32};
    """, re.DOTALL | re.IGNORECASE | re.ASCII | re.VERBOSE)
PIECES = st.sampled_from([
    "<p>", "</p>", "<P class='x'>", "<script>", "<script type=x>", "</script>", "</SCRIPT >", "<style\n>", "</style",
    "</style>", "<scripts>", "<script/>", "<!--", "-->", "<!-->", "--", "<!", "<!doctype html>", "<?xml ?>", "<", ">", "<<",
    "< ", "<3", "a < b", "&amp;", "&#12;", "&#x1F;", "&;", "&", "&nbsp", "&é;", "é", "中文", "🙂", "text ", "\n", "x" * 61,
    "&" + "a" * 32 + ";", "&" + "a" * 33 + ";", "",
])  # fmt: skip
TEXTS = st.lists(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join), max_size=5)
WHOLE = 1 << 31


def found(values, limit=WHOLE, reach=WHOLE):
    texts = stripped(Texts.of(pa.array(values, pa.string())), limit, reach)
    data = texts.owners[0]
    starts = (texts.addresses - data.ctypes.data).tolist()
    return [data[a:a + n].tobytes().decode() for a, n in zip(starts, texts.lengths.tolist(), strict=True)]


@given(TEXTS)
@example(["<script>a</script>b<style>c</style>d<!-- e -->", "<script>a", "<style>x</script>", "a<!--b", "<!--->c", "<p\n>" * 9])
def test_text_is_that_of_the_reference(values):
    assert found(values) == [MARKUP.sub(" ", value) for value in values]


@given(TEXTS, st.integers(1, 40))
def test_a_limit_keeps_the_beginning_and_whole_characters(values, limit):
    for whole, cut in zip(found(values), found(values, limit), strict=True):
        assert whole.startswith(cut)
        assert len(cut.encode()) <= limit
        rest = whole[len(cut):]
        assert not rest or len((cut + rest[0]).encode()) > limit


@given(TEXTS, st.integers(1, 40))
def test_no_more_than_the_reach_is_read(values, reach):
    values = [value.encode("ascii", "ignore").decode() for value in values]
    assert found(values, WHOLE, reach) == found([value[:reach] for value in values])


@pytest.mark.parametrize("text", ["<a", "<a>", "&a", "<!--", "<script>", "</script", "<", "&", ">", "<script></"])
def test_time_is_linear(text):
    small, large = (min(seconds([text * (n // len(text))]) for _ in range(3)) for n in (500_000, 2_000_000))
    assert large < 10 * small + 0.05


def seconds(values):
    array = pa.array(values)
    start = time.thread_time()
    stripped(Texts.of(array), WHOLE, WHOLE)
    return time.thread_time() - start
